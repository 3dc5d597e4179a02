"""Sources of photographs: whatever was handed over becomes one picture after the other.

Idea    Lists, columns, videos as arrays and nestings of them are taken apart here; names of folders
        and patterns go to `finding`. A generator, so that arrays made on the fly are never held all
        at once.
Shapes  anything  ->  paths, arrays, … as `read_photo` takes them
"""

import os
import re
import warnings
from collections.abc import Iterable, Mapping

import numpy as np

from minimaskrcnn.errors import ImageError, printable
from minimaskrcnn.photo.finding import Found, find

LONGEST_NAME = 200  # characters of a name in a message


def path_of(source):
    """The path of a source, str; empty if it has none."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    name = getattr(source, "name", None) or getattr(source, "filename", None)  # of a file, of PIL
    return name if isinstance(name, str) else ""


def name_of(source):
    """What to call a source in messages: its path, or what it is."""
    if isinstance(source, np.ndarray):
        return f"array {source.shape} of {source.dtype}"
    name = printable(path_of(source)) or type(source).__name__
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME // 2]}…{name[-LONGEST_NAME // 2 :]} ({len(name)} characters)"


def each_source(sources, on_error=None):
    """Yield the single sources of a list, a folder, a pattern, or any nesting of them.

    A UserWarning says what a folder's or pattern's search left out and why.

    Parameters
    ----------
    sources : anything `read_photo` takes; a folder (its picture files by name, not those in folders
        within, nor what `minimaskrcnn predict` has written there); a pattern such as
        "photos/*.jpg" or "photos/**/*.jpg" (in subfolders, too); an array (T, H, W, 3) of frames;
        or an iterable of all these, such as a list, a generator or a column of a table
    on_error : function(source, ImageError) that is called for a folder or pattern without pictures;
        None raises

    Raises
    ------
    ImageError
        If a folder holds no pictures or a pattern matches none.
    """
    if isinstance(sources, str | os.PathLike):
        try:
            yield from _files(os.fsdecode(sources))
        except ImageError as error:
            if on_error is None:
                raise
            on_error(sources, error)
    elif _is_one(sources):
        yield sources
    else:
        for source in sources:
            yield from each_source(source, on_error)


def _is_one(source):
    """Arrays, bytes and open files can be iterated over, too, but are one picture."""
    if isinstance(source, bytes | bytearray | memoryview | Mapping) or hasattr(source, "read"):
        return True
    if hasattr(source, "__array__"):
        return not _is_list(getattr(source, "dtype", None), getattr(source, "shape", ()))
    return not isinstance(source, Iterable)


def _is_list(dtype, shape):
    """Whether an array is a list: a column of paths or objects, or the frames of a video."""
    numbers = re.search("int|float|bool|complex", str(dtype).lower())  # of NumPy, torch, pandas, …
    return len(shape) == (4 if numbers else 1)


def _files(path):
    found = Found()
    find(path, found)
    left_out = found.left_out()
    if left_out:
        warnings.warn(printable(f"{path}: {left_out}"), stacklevel=2)
    return list(found.names)
