"""Read many weight files whose structure was changed on purpose: a model, or one clear error.

    python tests/fuzz_stored.py --count 5000 --seed 0      # how many files of each format

Formats: the original's HDF5, our own HDF5 and safetensors, PyTorch's .pth as a ZIP archive and in
its older form. The reader itself tells where the structure of an HDF5 file lies: every block that
it takes apart is noted down. In a .pth it is every step of a pickle, and the records of the ZIP
archive; a changed pickle is packed again with a right checksum. The fields of one to three blocks
get other values: extremes, addresses of other blocks, fields of other blocks, one more or less.
Each file is loaded, described and verified. What counts as a failure: any other exception than a
`WeightsError` of one printable sentence that names the file, more than ten seconds of processor
time, or 1 GB of memory more than before.
"""

import itertools
import pickletools
import re
import sys
import tempfile
import warnings
from pathlib import Path

from attack import arguments, attack, within_limits
from conftest import DATA
from damage import toy
from torch_files import older_form, pickled, with_entries

from minimaskrcnn import weights
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights import claims, describe, hdf5, hdf5_links, hdf5_values

EXTREMES = (0, 1, 2, 3, 7, 8, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**62, 2**63, 2**64 - 1)


def hdf5_structure(path):
    """The blocks (start, length) that describe an HDF5 file: all but the numbers."""
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


def pickle_structure(content, count=1):
    """The steps (start, length) of the pickles that a file begins with."""
    blocks, begin = [], 0
    for _ in range(count):
        places = [place for *_, place in pickletools.genops(content[begin:])]
        steps = itertools.pairwise([*places, places[-1] + 1])
        blocks += [(begin + start, end - start) for start, end in steps]
        begin += places[-1] + 1
    return [*blocks, (begin, 8)]  # in the older form, how many numbers follow


def zip_structure(content):
    """The records (start, length) of a ZIP archive: of each file, of its directory, of the end."""
    lengths = {b"PK\x03\x04": 30, b"PK\x01\x02": 46}
    return [(m.start(), lengths.get(m[0], 22)) for m in re.finditer(rb"PK[\x01-\x06]{2}", content)]


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


def with_numbers(content, rs):
    """A safetensors file with one to three numbers of its header changed, and its length to fit."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = bytearray(content[8:end])
    for _ in range(rs.randint(1, 4)):
        numbers = list(re.finditer(rb"-?[0-9.]+", header))
        old, other = (numbers[rs.randint(len(numbers))] for _ in range(2))
        extreme = str(EXTREMES[rs.randint(len(EXTREMES))] * int(rs.choice([1, -1]))).encode()
        words = [extreme, other[0], old[0] + b"0", b"1e400", b"[]", b"null", b'"x"', b"{}", b"1.5"]
        header[old.start() : old.end()] = words[rs.randint(len(words))]
    return len(header).to_bytes(8, "little") + bytes(header) + content[end:]


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


def mutations(folder):
    """{format: function from a random state to the bytes of a changed file}."""

    def of(content, blocks):
        return lambda rs: mutated(content, blocks, rs)

    zipped, words = (DATA / "torchvision_three.pth").read_bytes(), toy("safetensors")
    older, steps = older_form(zipped), pickled(zipped)
    records, repickled = of(zipped, zip_structure(zipped)), of(steps, pickle_structure(steps)[:-1])
    header = of(words, [(0, 8), *((8 + i, 64) for i in range(0, 2000, 64))])

    def archive(rs):
        return with_entries(zipped, {"data.pkl": repickled(rs)}) if rs.rand() < 0.5 else records(rs)

    made = {
        "pth": archive,
        "pth, older": of(older, pickle_structure(older, 5)),
        "safetensors": lambda rs: header(rs) if rs.rand() < 0.2 else with_numbers(words, rs),
    }
    for kind in ("keras", "own"):
        (folder / kind).write_bytes(toy(kind))
        made[kind] = of(toy(kind), hdf5_structure(folder / kind))
    return made


def main(count, seed=0, first=0):
    """Read `count` files of each format; prints what became of them. Returns the exit status."""
    failures = 0
    warnings.simplefilter("ignore")  # a Keras file has no settings
    with tempfile.TemporaryDirectory() as folder:
        for kind, mutation in mutations(Path(folder)).items():
            path = Path(folder) / f"file.{kind.split(',')[0]}"

            def attempt(rs, path=path, mutation=mutation):
                path.write_bytes(mutation(rs))
                return within_limits(lambda: use(path))

            failures += attack(kind, count, seed, attempt, first)
    return 1 if failures else 0


if __name__ == "__main__":
    said = arguments(__doc__, count=5000)
    sys.exit(main(said.count, said.seed, said.first))
