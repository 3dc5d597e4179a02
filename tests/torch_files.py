"""Stored files of PyTorch, and files that torch would never write; for the tests of the readers."""

import io
import pickle
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


class Call:
    """Pickled as a call of the function with the arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def pickle_of(value):
    """The pickle of a value, as torch.save would write it."""
    return pickle.dumps(value, protocol=2)
