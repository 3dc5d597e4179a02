"""Read many weight files whose structure was changed on purpose: a model, or one clear error.

    python tests/fuzz_stored.py --count 5000 --seed 0      # how many files of each format

Formats: the original's HDF5, our own HDF5 and our own safetensors; `fuzz_weights.py` has PyTorch's.
The reader itself tells where the structure of a file lies: every block that it takes apart is noted
down, and the fields of one to three blocks get other values: extremes, addresses of other blocks,
fields of other blocks, one more or less. Each file is loaded, described and verified. What counts
as a failure: any other exception than a `WeightsError` of one printable sentence that names the
file, more than ten seconds of processor time, or 1 GB of memory more than before.
"""

import sys
import tempfile
import warnings
from pathlib import Path

from attack import arguments, attack, within_limits
from damage import toy

from minimaskrcnn import weights
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights import claims, describe, hdf5, hdf5_links, hdf5_values

FORMATS = ("keras", "own", "safetensors")
EXTREMES = (0, 1, 2, 3, 7, 8, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**62, 2**63, 2**64 - 1)


def structure(path, kind):
    """The blocks (start, length) that describe a file: all but the numbers."""
    if kind == "safetensors":
        return [(0, 8), *[(8 + i, 64) for i in range(0, 2000, 64)]]
    blocks, take = [], claims.take

    def noting(file, start, length):
        blocks.append((start, length))
        return take(file, start, length)

    users = (hdf5, hdf5_links, hdf5_values)
    for module in users:
        module.take = noting
    try:
        with hdf5.open_file(path):
            return blocks
    finally:
        for module in users:
            module.take = take


def mutated(content, blocks, rs):
    """The bytes with one to three fields of the structure changed."""
    content = bytearray(content)
    for _ in range(rs.randint(1, 4)):
        start, length = blocks[rs.randint(len(blocks))]
        width = int(rs.choice([1, 2, 4, 8]))
        place = start + int(rs.randint(max(length // width, 1))) * width
        old, kind = int.from_bytes(content[place : place + width], "little"), rs.randint(5)
        if kind == 0:
            new = EXTREMES[rs.randint(len(EXTREMES))]
        elif kind == 1:
            new = old + int(rs.choice([-1, 1, 8, -8, 256]))
        elif kind == 2:
            new = blocks[rs.randint(len(blocks))][0]  # another block's address
        elif kind == 3:
            other = blocks[rs.randint(len(blocks))][0]
            new = int.from_bytes(content[other : other + width], "little")
        else:
            new = old ^ (1 << int(rs.randint(8 * width)))
        content[place : place + width] = (new % 256**width).to_bytes(width, "little")
    return bytes(content)


def use(path):
    """'refused' or 'read': what becomes of loading, describing and verifying a file."""
    said = set()
    for action in (weights.load, lambda p: list(describe.info(p, True)),
                   lambda p: list(describe.verify(p))):  # fmt: skip
        try:
            action(path)
            said.add("read")
        except WeightsError as error:
            text = str(error)
            assert str(path) in text and text.isprintable() and len(text) < 1000, text
            said.add("refused")
    return "read" if said == {"read"} else "refused"


def main(count, seed=0):
    """Read `count` files of each format; prints what became of them. Returns the exit status."""
    failures = 0
    warnings.simplefilter("ignore")  # a Keras file has no settings
    with tempfile.TemporaryDirectory() as folder:
        for kind in FORMATS:
            path, content = Path(folder) / f"file.{kind}", toy(kind)
            path.write_bytes(content)
            blocks = structure(path, kind)

            def attempt(rs, path=path, content=content, blocks=blocks):
                path.write_bytes(mutated(content, blocks, rs))
                return within_limits(lambda: use(path))

            failures += attack(kind, count, seed, attempt)
    return 1 if failures else 0


if __name__ == "__main__":
    said = arguments(__doc__, count=5000)
    sys.exit(main(said.count, said.seed))
