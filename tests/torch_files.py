"""Stored files of PyTorch, and files that torch would never write; for the tests of the readers."""

import io
import pickle
import pickletools
import struct
import zipfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "data" / "torch_files"


def expected(name):
    """{tensor: array} of a stored file, as torch itself read it; `name` without suffix."""
    name = name.removesuffix("_older").replace("protocol4", "bare")
    with np.load(FOLDER / "expected.npz") as arrays:
        return {n.split("/")[1]: a for n, a in arrays.items() if n.startswith(f"{name}/")}


def with_entries(content, changes, **how):
    """A .pth in ZIP form with some entries changed: {end of the name: bytes or None to drop it}."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w", **how) as new:
        for name in old.namelist():
            change = [bytes_ for end, bytes_ in changes.items() if name.endswith(end)]
            if change != [None]:
                new.writestr(name, change[0] if change else old.read(name))
    return stream.getvalue()


def pickled(content):
    """The pickle in a .pth in ZIP form."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl")))


def older_form(content):
    """A .pth in ZIP form in torch's form before 1.6: five pickles, then each storage's numbers.

    The pickle of the object differs only in what names a storage: here None, for a view, ends it.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = archive.namelist()[0].split("/")[0]
        body, counts, pieces, begin = archive.read(f"{root}/data.pkl"), {}, [], 0
        key = count = end = None
        for opcode, argument, place in pickletools.genops(body):
            if opcode.name == "TUPLE":
                end = place
            elif opcode.name == "BINPERSID":
                pieces.append(body[begin:end] + b"N")
                begin, counts[key] = end, count
            elif isinstance(argument, str) and f"{root}/data/{argument}" in archive.NameToInfo:
                key = argument
            elif opcode.name.startswith("BININT"):
                count = argument
        stored = {key: archive.read(f"{root}/data/{key}") for key in counts}
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    head = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, system)]
    numbers = [struct.pack("<q", counts[key]) + stored[key] for key in stored]
    return b"".join([*head, *pieces, body[begin:], pickle.dumps(list(stored), 2), *numbers])


class Call:
    """Pickled as a call of the function with the arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def pickle_of(value):
    """The pickle of a value, as torch.save would write it."""
    return pickle.dumps(value, protocol=2)
