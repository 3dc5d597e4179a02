"""Read many damaged weight files of PyTorch and safetensors: the weights, or one clear error.

    python tests/fuzz_weights.py --count 5000 --seed 0

The files stored in `data/torch_files` are damaged at random: bytes lost, inserted, doubled or
changed, sizes made extreme, ends of others put on. In ZIP archives the pickle itself is damaged,
too, and packed again with a right checksum; steps and names that could run code are put into it.
While a file is read, Python's audit hook watches that nothing is executed; ten seconds of processor
time and 1 GB have to do. `test_15_torch_files.py` reads a smaller number.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from attack import arguments, attack, within_limits
from torch_files import FOLDER, pickled, with_entries

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.safetensors import read_safetensors
from minimaskrcnn.weights.torch_files import read_state_dict

HOSTILE = [  # pieces of pickles
    *(
        b"cos\nsystem\nX\x04\0\0\0true\x85R",
        b"cbuiltins\neval\nX\x01\0\0\x001\x85R",
        b"(",
        b"t",
        b"R",
    ),
    *(b"r\xff\xff\xff\x7f", b"h\0", b"Q", b"b", b"s", b"u", b"}", b"]", b")", b"2", b"0", b"."),
    *(b"X\xff\xff\xff\x7f", b"J\xff\xff\xff\xff", b"\x8a\x08" + b"\xff" * 8, b"\x95" + b"\xff" * 8),
    *(b"ctorch._utils\n_rebuild_tensor_v2\n", b"ccollections\nOrderedDict\n", b"\x93", b"\x81"),
]
EXTREME = (b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xff" * 8, b"\0" * 8)
watched = {"on": False, "deeds": []}


DEEDS = (
    *("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.rename", "shutil."),
    *("subprocess.", "ctypes.", "socket.", "pickle.find_class", "exec", "compile"),
)


def watch(event, arguments):
    """Audit hook: note what no reader of data does."""
    if not watched["on"] or not (event.startswith(DEEDS) or event == "open"):
        return
    harmless = event == "open" and arguments[1] in ("r", "rb", None)
    if event == "exec":  # Python loads a module of its own, an encoding for instance
        harmless = not arguments[0].co_filename.startswith("<")
    if not harmless:
        watched["deeds"].append((event, str(arguments)[:200]))


def sample_files():
    """{name: bytes} of the stored files that can be read."""
    paths = [p for p in FOLDER.iterdir() if p.suffix in (".pth", ".safetensors")]
    return {p.name: p.read_bytes() for p in sorted(paths) if "refused" not in p.name}


def damaged(content, other, rs):
    """The bytes with one or two random kinds of damage."""
    content = bytearray(content)
    for _ in range(rs.randint(1, 3)):
        at, kind = rs.randint(len(content) + 1), rs.randint(8)
        if kind == 0:
            del content[at:]
        elif kind == 1:
            del content[at : at + rs.randint(1, 40)]
        elif kind == 2:
            content[at:at] = rs.bytes(rs.randint(1, 40))
        elif kind == 3:
            content[at:at] = content[at : at + rs.randint(1, 200)]
        elif kind == 4:
            piece = EXTREME[rs.randint(len(EXTREME))]
            content[at : at + len(piece)] = piece
        elif kind == 5:
            content[at:] = other[rs.randint(len(other)) :]
        elif kind == 6:
            content[at:at] = HOSTILE[rs.randint(len(HOSTILE))]
        elif content:
            for place in rs.randint(0, len(content), rs.randint(1, 20)):
                content[place] = rs.randint(256)
    return bytes(content)


def damaged_file(name, files, rs):
    """A damaged copy of a file, and whether a checksum covers what was damaged."""
    other = files[sorted(files)[rs.randint(len(files))]]
    archive = name.endswith(".pth") and "older" not in name
    if archive and rs.rand() < 0.6:
        change = damaged(pickled(files[name]), other, rs)
        return with_entries(files[name], {"data.pkl": change}), False
    return damaged(files[name], other, rs), archive


def damage_and_read(rs, files, path):
    """Read a damaged file; returns what became of it, raises if it is not as promised."""
    name = sorted(files)[rs.randint(len(files))]
    read = read_safetensors if name.endswith(".safetensors") else read_state_dict
    path.write_bytes(files[name])
    whole = read(path)
    content, covered = damaged_file(name, files, rs)
    path.write_bytes(content)
    watched.update(on=True, deeds=[])
    try:
        arrays = read(path)
    except WeightsError as error:
        text = str(error)
        assert text.startswith(f"{path}: ") and text.isprintable() and len(text) < 700, text
        return "refused"
    finally:
        watched["on"] = False
        assert not watched["deeds"], watched["deeds"]
    for array in arrays.values():
        assert array.dtype == np.float32 and array.flags.c_contiguous and np.isfinite(array).all()
    same = arrays.keys() == whole.keys() and all(
        np.array_equal(arrays[key], whole[key]) for key in whole
    )
    assert same or not covered, "other numbers, though a checksum covers them"
    return "same" if same else "other numbers or names, of a form without checksums"


def main(count, seed=0, first=0):
    """Read `count` damaged files; prints what became of them. Returns the exit status."""
    sys.addaudithook(watch)
    files = sample_files()
    with tempfile.TemporaryDirectory() as folder:

        def attempt(rs):
            return within_limits(lambda: damage_and_read(rs, files, Path(folder) / "damaged"))

        failed = attack("PyTorch and safetensors files", count, seed, attempt, first)
    return 1 if failed else 0


if __name__ == "__main__":
    said = arguments(__doc__, count=5000)
    sys.exit(main(said.count, said.seed, said.first))
