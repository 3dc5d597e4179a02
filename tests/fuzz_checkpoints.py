"""Load checkpoints of a training that were changed on purpose: as they were, or one clear error.

    python tests/fuzz_checkpoints.py --count 500 --seed 0

Some are damaged in their bytes. Some have arrays of other names, types, shapes or numbers, and the
checksum that fits. The others have an array whose header claims something else, or which is packed
so that it grows when read. What counts as a failure: any exception but a `TrainingError` of one
printable sentence that names the file, a model of other shapes or of what is no number, ten
seconds of processor time, or 1 GB of memory.
"""

import io
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from attack import arguments, attack, within_limits
from fuzz_photos import damaged
from toy_training import NARROW, RUN, TINY, write_checkpoint

from minimaskrcnn.errors import TrainingError
from minimaskrcnn.training import checkpoint
from minimaskrcnn.training.initialise import new_model
from minimaskrcnn.training.train import CHECKPOINT
from minimaskrcnn.weights.tree import named_arrays

TYPES = ("<f8", "<f2", ">f4", "<i4", "<u8", "?", "<c8", "<U3", "S2", "<M8[s]")
SHAPES = ((), (0,), (1,), (7,), (2, 2), (1, 1, 1, 1))
CLAIMS = (b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
          b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }",
          b"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 70000, 70000), }",
          b"{'descr': [('a', '<f4', (99999999,))], 'fortran_order': False, 'shape': (99,), }",
          b"{'descr': '<U999999999', 'fortran_order': False, 'shape': (9,), }",
          b"(" * 5000, b"", b"\x00", b"{'shape': (-1,)}")  # fmt: skip


def with_other_arrays(arrays, rs):
    """The bytes of a checkpoint of which one to three arrays are others; its checksum fits."""
    for _ in range(rs.randint(1, 4)):
        names = sorted(arrays)
        name, other = (names[rs.randint(len(names))] for _ in range(2))
        kind, array = rs.randint(7), arrays[name]
        if kind == 0:
            del arrays[name]
        elif kind == 1:
            arrays[name] = arrays[other]
        elif kind == 2:
            arrays[f"{name}.{rs.randint(9)}"] = arrays[other]
        elif kind == 3:
            arrays[name] = np.zeros(array.shape, TYPES[rs.randint(len(TYPES))])
        elif kind == 4:
            arrays[name] = np.ones(SHAPES[rs.randint(len(SHAPES))])
        elif kind == 5 and array.dtype.kind == "f" and array.size:
            array = arrays[name] = array.copy()
            array.flat[rs.randint(array.size)] = rs.choice([np.nan, np.inf, -1e30, 0, 2**63])
        else:
            texts = ("", "[]", "null", "{}", '{"seed": 0, "steps": 1e999}', "[" * 10**5, "9" * 5000)
            arrays[name] = np.array(texts[rs.randint(len(texts))])
    stream = io.BytesIO()
    np.savez(stream, **arrays, checksum=np.array(checkpoint._checksum(arrays)))
    return stream.getvalue()


def with_other_headers(content, rs):
    """The bytes of a checkpoint in which one array claims to be another."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        names = old.namelist()
        chosen = names[rs.randint(len(names))]
        for name in names:
            member, head = old.read(name), CLAIMS[rs.randint(len(CLAIMS))] + b"\n"
            if name == chosen:
                member = member[:8] + len(head).to_bytes(2, "little") + head + bytes(99)
            new.writestr(name, member)
    return stream.getvalue()


def grown(content, name, megabytes):
    """The bytes of a checkpoint in which one array, packed, grows to so many MB of zeros."""
    stream = io.BytesIO()
    head = f"{{'descr': '|b1', 'fortran_order': False, 'shape': ({megabytes << 20},), }}\n".encode()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        for own in old.namelist():
            if own != name:
                new.writestr(own, old.read(own))
        packed = zipfile.ZipInfo(name)
        packed.compress_type = zipfile.ZIP_DEFLATED
        with new.open(packed, "w") as file:
            file.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
            for _ in range(megabytes):
                file.write(bytes(1 << 20))
    return stream.getvalue()


def use(path):
    """'read' or 'refused': what becomes of continuing from a checkpoint."""
    model = new_model(TINY, NARROW, seed=3)
    before = {name: array.copy() for name, array in named_arrays(model).items()}
    try:
        checkpoint.begun_steps(path)
        progress = checkpoint.load_checkpoint(path, model, RUN)
    except TrainingError as error:
        text = str(error)
        assert text.startswith(f"{path}: ") and text.isprintable() and len(text) < 1000, text
        assert all((array == before[name]).all() for name, array in named_arrays(model).items())
        return "refused"
    for name, array in named_arrays(model).items():
        assert array.shape == before[name].shape and array.dtype == before[name].dtype
        assert np.isfinite(array).all(), name
    assert progress.step == len(progress.losses) >= 1
    return "read"


def main(count, seed=0, first=0):
    """Load `count` checkpoints; prints what became of them. Returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CHECKPOINT
        write_checkpoint(path)
        content, arrays = path.read_bytes(), checkpoint._read(path)
        bomb = grown(content, "weights/rpn.shared.bias.npy", megabytes=1500)

        def attempt(rs):
            kind = rs.randint(7)
            if kind < 2:
                changed = damaged(content, content, rs)
            elif kind < 4:
                changed = with_other_arrays(dict(arrays), rs)
            else:
                changed = with_other_headers(content, rs) if kind < 6 else bomb
            path.write_bytes(changed)
            return within_limits(lambda: use(path))

        return 1 if attack("checkpoints", count, seed, attempt, first) else 0


if __name__ == "__main__":
    said = arguments(__doc__, count=500)
    sys.exit(main(said.count, said.seed, said.first))
