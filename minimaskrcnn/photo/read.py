"""Photographs: whatever holds a picture becomes (H, W, 3) uint8, RGB.

Idea    Everything after this module knows one kind of picture. Here files, bytes, Pillow's images
        and arrays of many kinds are turned into it; what is no picture is refused in one sentence.
Shapes  path, bytes, file object, PIL image or array  ->  photograph (H, W, 3) uint8

Notes   Transparent pixels show white, as on a page. 16-bit values are divided by 257, floats in
        0 … 1 multiplied by 255, both rounded. Colour profiles are not applied: CMYK and wide-gamut
        pictures may look duller than in a viewer. Of an animation or a document the first frame
        or page counts, with a warning.
"""

import io
import os
import warnings
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np

from minimaskrcnn.errors import ImageError
from minimaskrcnn.photo.sources import FORMATS, name_of

if TYPE_CHECKING:
    from PIL.Image import Image

Photo: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image | np.ndarray"

MAX_PIXELS = 178_000_000  # a small file can claim billions; Pillow's own limit lies just above
_FLIPS = {  # EXIF orientation -> swap rows and columns? then reverse the rows? the columns?
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
_ORIENTATION = 0x0112  # its tag in EXIF


def read_photo(source: Photo, orient: bool = True) -> np.ndarray:
    """Return what `source` shows as (H, W, 3) uint8 RGB.

    Parameters
    ----------
    source : path (str or pathlib.Path), bytes, file object opened for reading bytes, PIL image, or
        array: (H, W) gray, (H, W, 2) gray and opacity, (H, W, 3) RGB or (H, W, 4) RGB and opacity;
        of uint8, uint16 (0 … 65535), bool, or float in 0 … 1
    orient : whether to turn the picture as its EXIF data asks (a TIFF file is always turned)

    Returns
    -------
    (H, W, 3) uint8, C-contiguous and writable; the array itself if it already is one

    Raises
    ------
    ImageError
        Naming the source and what is wrong: no such file, not a picture of a known format, damaged
        or cut off, more than `MAX_PIXELS`, an array of another shape, dtype or range.

    Examples
    --------
    >>> read_photo(np.array([[0.0, 0.5, 1.0]])).tolist()
    [[[0, 0, 0], [128, 128, 128], [255, 255, 255]]]
    """
    name = name_of(source)
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, str | os.PathLike):
        return _from_path(source, name, orient)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_file(io.BytesIO(source), name, orient)
    if hasattr(source, "getexif"):  # a PIL image, without importing Pillow to ask
        return _decode(source, name, orient)
    if hasattr(source, "read"):
        return _from_file(io.BytesIO(_contents(source, name)), name, orient)
    if hasattr(source, "__array__"):
        return _from_array(np.asarray(source), name)
    raise ImageError(
        f"{name} is no photograph: give a path, bytes, an open file, a PIL image or an array"
    )


def photo_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return the height and width of a picture as it is shown, from the beginning of its file.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    height, width : int, pixels

    Raises
    ------
    ImageError
        As `read_photo`, but for damage further on in the file.
    """
    name = name_of(path)
    with _opened(path, name) as file, _picture(file, name) as picture:
        if picture.format == "TIFF":  # turned on reading
            return read_photo(path).shape[:2]
        width, height = picture.size
        turned = _FLIPS.get(_orientation(picture), (False,))[0]
    return (width, height) if turned else (height, width)


def _from_path(path, name, orient):
    with _opened(path, name) as file:
        return _from_file(file, name, orient)


def _opened(path, name):
    if os.path.isdir(path):
        raise ImageError(f"{name}: is a folder; predict_each reads all pictures of a folder")
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise ImageError(f"{name}: cannot be opened ({error})") from error


def _contents(stream, name):
    try:
        contents = stream.read()
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: cannot be read ({error})") from error
    if not isinstance(contents, bytes):
        raise ImageError(f"{name}: gives text, not bytes; open the file in mode 'rb'")
    return contents


def _from_file(file, name, orient):
    """Decode bytes that may be a picture; the first frame or page counts."""
    with _picture(file, name) as picture:
        photo = _decode(picture, name, orient)
        if _has_second_frame(picture):
            warnings.warn(f"{name}: several frames or pages, only the first is used", stacklevel=4)
    return photo


def _picture(file, name):
    """PIL image of an open file; only its beginning is read."""
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(file, formats=list(FORMATS))
    except UnidentifiedImageError as error:
        empty = file.seekable() and file.seek(0, os.SEEK_END) == 0
        known = f"is damaged or not a picture in a known format ({', '.join(FORMATS)})"
        raise ImageError(f"{name}: {'is empty' if empty else known}") from error
    except Exception as error:  # Pillow's readers raise nearly anything at damaged files
        raise ImageError(f"{name}: cannot be read as a picture ({error})") from error


def _has_second_frame(picture):
    if picture.format == "MPO":  # a phone's JPEG; what follows are previews of the same picture
        return False
    try:
        picture.seek(1)
    except Exception:  # EOFError if there is none; whatever comes if it is damaged
        return False
    return True


def _decode(picture, name, orient):
    """PIL image -> (H, W, 3) uint8. The size is checked before any pixel is decoded."""
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name}: {width} x {height} pixels are more than the limit of {MAX_PIXELS}; reduce it"
        )
    try:
        picture.load()
        array = np.array(_eight_bits(picture))
        orientation = _orientation(picture) if orient else 1
    except Exception as error:  # as in _from_file
        raise ImageError(f"{name}: is damaged, cut off or unsupported ({error})") from error
    return np.ascontiguousarray(_turn(_from_array(array, name), orientation))


def _eight_bits(picture):
    """A picture whose array `_from_array` understands, of one of the many modes of Pillow."""
    if picture.mode == "I" or picture.mode.startswith("I;16"):  # 16 bits, in older Pillows as 32
        array = np.asarray(picture)
        if array.size and not 0 <= array.min() <= array.max() <= 65535:
            raise ValueError("32-bit integers have no known scale; save it with 8 or 16 bits")
        return array.astype(np.uint16)
    if picture.mode == "F":
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _orientation(picture):
    try:
        return picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # a good picture with damaged notes is a good picture
        return 1


def _turn(photo, orientation):
    swap, rows, columns = _FLIPS.get(orientation, (False, False, False))
    photo = photo.swapaxes(0, 1) if swap else photo
    photo = photo[::-1] if rows else photo
    return photo[:, ::-1] if columns else photo


def _from_array(array, name):
    """Array of any accepted kind -> (H, W, 3) uint8."""
    if array.ndim not in (2, 3) or array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4):
        hint = "; channels come last: np.moveaxis(array, 0, -1)" if array.shape[:1] == (3,) else ""
        raise ImageError(f"{name}: a photograph is (height, width, 3) or (height, width){hint}")
    if array.size == 0:
        raise ImageError(f"{name}: has no pixels")
    levels = _levels(array, name)
    levels = levels[:, :, None] if levels.ndim == 2 else levels  # (H, W, 1 … 4)
    if levels.shape[2] in (2, 4):
        levels = _on_white(levels[:, :, :-1], levels[:, :, -1:])
    rgb = levels if levels.shape[2] == 3 else levels.repeat(3, axis=2)
    return np.require(rgb, requirements=["C", "W"])  # kernels are compiled for writable arrays


def _levels(array, name):
    """Values of any accepted dtype as grey levels, uint8."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:  # of any byte order
        return ((array + np.uint32(128)) // 257).astype(np.uint8)  # 65535 = 257 · 255
    if array.dtype.kind != "f":
        raise ImageError(f"{name}: values must be uint8, uint16, bool or float in 0 … 1")
    if not (array.min() >= 0 and array.max() <= 1):  # NaN is neither
        raise ImageError(
            f"{name}: floats must lie in 0 … 1 and not be NaN, these lie in "
            f"{array.min():g} … {array.max():g}; values up to 255 are for uint8"
        )
    return np.floor(array * array.dtype.type(255) + array.dtype.type(0.5)).astype(np.uint8)


def _on_white(colours, opacity):
    """Blend (H, W, 1 or 3) over white by opacity (H, W, 1): colour · a + 255 · (1 - a)."""
    opacity = opacity.astype(np.uint16)
    return ((colours * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
