"""A file of our own, opened: what it says of itself is judged before any number is read.

Shapes  what `store_hdf5` or `store_safetensors` took out of a file  ->  Stored
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minimaskrcnn.config import Config
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.configs import config_from_dict, json_object

FORMAT = "minimaskrcnn weights"
VERSION = 1  # of the format; raised when an older reader could not read a newer file
DTYPES = ("<f4", "<f2")
TEXTS = ("format", "config", "provenance", "checksum")  # what a file says of itself


@dataclass(frozen=True)
class Stored:
    """A file of our own, opened: what it says of itself, and its arrays, which are not read yet."""

    path: str
    about: dict[str, object]  # "format", "format_version", "config", "provenance", "checksum"
    settings: dict[str, object]  # strides and paddings: {"backbone.stem.stride": 2, …}
    arrays: dict  # {name: what has a shape and a dtype}
    read: Callable  # from one of those to its numbers

    @property
    def config(self) -> Config:
        """The file's configuration; a WeightsError if it makes no sense."""
        return config_from_dict(self.path, json_object(self.path, self.about["config"]))

    @property
    def provenance(self) -> dict:
        """Where the weights come from, as the file says."""
        return json_object(self.path, self.about["provenance"])


def is_store(about):
    """Whether a file that says this of itself is one of this project's own."""
    return about.get("format") == FORMAT


def stored(path, about, settings, arrays, read):
    """Judge what a file of our own says of itself.

    Parameters
    ----------
    path : of the file
    about, settings, arrays, read : as `store_hdf5.hdf5_parts` returns them

    Returns
    -------
    Stored

    Raises
    ------
    WeightsError
        If the file is of a newer format, or does not say what it holds.
    """
    version = _version(about.get("format_version"))
    if version > VERSION:
        raise WeightsError(
            f"{path}: was written by a newer minimaskrcnn (format {version}, this one reads up to "
            f"{VERSION}): `pip install --upgrade minimaskrcnn`"
        )
    texts = {name: about.get(name) for name in TEXTS}
    if version < 1 or not all(isinstance(text, str) for text in texts.values()):
        raise WeightsError(
            f"{path}: is damaged: it does not say what it holds. Fetch or copy the file "
            "again, or convert the original once more"
        )
    for name, array in arrays.items():
        if array.dtype.str not in DTYPES or name in settings:
            raise WeightsError(f"{path}: {name} is {array.dtype}, not float32 or float16")
    settings = {name: _setting(path, name, value) for name, value in settings.items()}
    return Stored(path, texts | {"format_version": version}, settings, arrays, read)


def _version(value):
    """The number of the format; 0 for what is none."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 9:
        return int(value)
    whole = np.shape(value) == () and getattr(value, "dtype", np.dtype("f4")).kind in "iu"
    return int(value) if whole else 0


def _setting(path, name, value):
    """A stride or a padding of a layer."""
    kind = name.rpartition(".")[2]
    numbers = value if isinstance(value, list) else [value]
    if all(type(number) is int and 0 <= number <= 3 for number in numbers):
        if kind == "stride" and value in (1, 2):
            return value
        if kind == "padding" and len(numbers) == 2:
            return tuple(numbers)
    raise WeightsError(
        f"{path}: {ascii(name)[1:-1]} is {ascii(value)[:40]}, which no layer here has"
    )
