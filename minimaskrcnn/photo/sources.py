"""Sources of photographs: a list, a folder or a pattern becomes one picture after the other.

Idea    Only names are looked at here; `photo` opens them. A generator, so that arrays made on the
        fly are never held all at once.
Shapes  anything  ->  paths, arrays, … as `read_photo` takes them
"""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from minimaskrcnn.errors import ImageError

DETECTIONS, MASKS = ".detections.png", ".masks.png"  # what `outputs` writes beside a photograph
FORMATS = {  # what Pillow may open, and the names by which a folder is searched
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg", ".jpe"),
    "PNG": (".png",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}


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
    return path_of(source) or type(source).__name__


def each_source(sources):
    """Yield the single sources of a list, a folder, a glob pattern, or any nesting of them.

    Parameters
    ----------
    sources : anything `read_photo` takes; a folder (its picture files by name, not those in folders
        within, nor what `minimaskrcnn predict` has written there); a pattern such as
        "photos/*.jpg"; or an iterable of all these

    Raises
    ------
    ImageError
        If a folder holds no pictures or a pattern matches no file.
    """
    if isinstance(sources, str | os.PathLike):
        yield from _files(os.fsdecode(sources))
    elif _is_one(sources) or not isinstance(sources, Iterable):
        yield sources
    else:
        for source in sources:
            yield from each_source(source)


def _is_one(source):
    """Arrays, bytes and open files can be iterated over, too, but are one picture."""
    kinds = np.ndarray | bytes | bytearray | memoryview
    return isinstance(source, kinds) or hasattr(source, "read") or hasattr(source, "__array__")


def _files(path):
    if os.path.isdir(path):
        suffixes = sum(FORMATS.values(), ())
        try:
            pictures = (p for p in Path(path).iterdir() if p.suffix.lower() in suffixes)
            found = sorted(str(p) for p in pictures if not p.name.endswith((DETECTIONS, MASKS)))
        except OSError as error:
            raise ImageError(f"{path}: the folder cannot be read ({error})") from error
        if not found:
            raise ImageError(f"{path}: the folder holds no pictures ({', '.join(suffixes)})")
        return found
    if glob.has_magic(path) and not os.path.exists(path):
        found = sorted(glob.glob(path, recursive=True))
        if not found:
            raise ImageError(f"{path}: no file matches this pattern")
        return found
    return [path]
