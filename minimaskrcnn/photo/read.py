"""Photographs: whatever holds a picture becomes (H, W, 3) uint8, RGB.

Idea    Everything after this module knows one kind of picture. Here files, bytes, Pillow's images
        and arrays of many kinds are turned into it; what is no picture is refused in one sentence.
Shapes  path, bytes, file object, PIL image or array  ->  photograph (H, W, 3) uint8

Notes   Transparent pixels show white, as on a page. 16-bit values are divided by 257, floats in
        0 … 1 multiplied by 255, both rounded; TIFF files of other depths are scaled by the bits
        that they declare. Colour profiles are applied. Of an animation or a document the first
        frame or page counts, with a warning. docs/inputs.md lists every kind of input.
"""

import io
import os
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np

from minimaskrcnn.errors import ImageError
from minimaskrcnn.photo import png, tiff
from minimaskrcnn.photo.endings import ending_of
from minimaskrcnn.photo.kinds import open_picture
from minimaskrcnn.photo.objects import array_of
from minimaskrcnn.photo.opening import contents_of, open_file
from minimaskrcnn.photo.picture import FLIPS, flips_of, picture_to_rgb
from minimaskrcnn.photo.pixels import array_to_rgb
from minimaskrcnn.photo.sources import name_of, path_of

if TYPE_CHECKING:
    from PIL.Image import Image

Photo: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image | np.ndarray"


def read_photo(source: Photo, orient: bool = True) -> np.ndarray:
    """Return what `source` shows as (H, W, 3) uint8 RGB.

    Parameters
    ----------
    source : path (str or pathlib.Path), bytes, file object opened for reading bytes, PIL image, or
        array: (H, W) gray, (H, W, 2) gray and opacity, (H, W, 3) RGB or (H, W, 4) RGB and opacity;
        of uint8, uint16 (0 … 65535), bool, or float in 0 … 1. A tensor of another library is taken
        for the array in it
    orient : whether to turn the picture as its EXIF data asks (a TIFF file is always turned)

    Returns
    -------
    (H, W, 3) uint8, C-contiguous and writable; always a new array

    Raises
    ------
    ImageError
        Naming the source and what is wrong: no such file, not a picture of a known format, damaged
        or cut off, too large, an array of another shape, dtype or range.
    SettingError
        If the environment's MINIMASKRCNN_MAX_PIXELS is no number.

    Examples
    --------
    >>> read_photo(np.array([[0.0, 0.5, 1.0]])).tolist()
    [[[0, 0, 0], [128, 128, 128], [255, 255, 255]]]
    """
    name = name_of(source)
    with _memory_named(name):
        if hasattr(source, "getexif"):  # a PIL image, without importing Pillow to ask
            return picture_to_rgb(source, name, orient)
        if hasattr(source, "__array__") and not isinstance(source, str | bytes):  # NumPy has both
            array = array_of(source, name)
            return array_to_rgb(array, name_of(array))
        with _opened(source, name) as file:
            return _from_file(file, name, ending_of(path_of(source)), orient)


def photo_size(path: str | os.PathLike[str], orient: bool = True) -> tuple[int, int]:
    """Return the height and width of a picture as it is shown, from the beginning of its file.

    Parameters
    ----------
    path : str or pathlib.Path
    orient : as in `read_photo`

    Returns
    -------
    height, width : int, pixels

    Raises
    ------
    ImageError
        As `read_photo`, but for damage further on in the file, and for its size.
    """
    name = name_of(path)
    with _memory_named(name), open_file(path, name) as file:
        with open_picture(file, name, ending_of(path_of(path))) as picture:
            (width, height), flips = picture.size, FLIPS[1]
            if picture.format == "TIFF":  # Pillow turns it, some versions before it is decoded
                width, height = picture.tag_v2[tiff.WIDTH], picture.tag_v2[tiff.HEIGHT]
                flips = FLIPS.get(picture.tag_v2.get(tiff.ORIENTATION), FLIPS[1])
            elif picture.format != "PNG":
                flips = flips_of(picture)
        if picture.format == "PNG":  # Pillow would decode it to learn its orientation
            flips = flips_of(open_picture(png.notes_alone(file), name, ".png"))
    turned = flips[0] and (orient or picture.format == "TIFF")  # Pillow turns it in any case
    return (width, height) if turned else (height, width)


@contextmanager
def _memory_named(name):
    """Tell which picture there is not enough memory for."""
    try:
        yield
    except MemoryError as error:
        raise ImageError(
            f"{name}: there is not enough memory to read it; make it smaller, or free memory"
        ) from error


@contextmanager
def _opened(source, name):
    """An open file, which can be rewound, of a path, of bytes or of an object with `read`."""
    if isinstance(source, str | os.PathLike):
        with open_file(source, name) as file:
            yield file
    elif isinstance(source, bytes | bytearray | memoryview):
        yield io.BytesIO(source)
    elif hasattr(source, "read"):  # the file stays open: it is the user's
        yield contents_of(source, name)
    else:
        raise ImageError(
            f"{name} is not a photograph: give a path, bytes, an open file, a PIL image or an array"
        )


def _from_file(file, name, ending, orient):
    """Decode a file that may be a picture; the first frame or page counts."""
    with open_picture(file, name, ending) as picture:
        photo = picture_to_rgb(picture, name, orient)
        if _has_second_frame(picture):
            warnings.warn(f"{name}: several frames or pages, only the first is used", stacklevel=4)
    return photo


def _has_second_frame(picture):
    if picture.format == "MPO":  # a phone's JPEG; what follows are previews of the same picture
        return False
    try:
        picture.seek(1)
    except Exception:  # EOFError if there is none; whatever comes if it is damaged
        return False
    return True
