"""Pillow's images, of any of its many modes, become photographs.

Idea    A strip of rows is cut out, brought to 8 bits, then to sRGB by the picture's colour profile,
        and laid into the photograph the way up that its EXIF data asks for.
Shapes  PIL image  ->  photograph (H, W, 3) uint8
"""

import numpy as np

from minimaskrcnn.errors import ImageError
from minimaskrcnn.photo import tiff
from minimaskrcnn.photo.colours import to_srgb
from minimaskrcnn.photo.kinds import what_is_wrong
from minimaskrcnn.photo.limits import check_size
from minimaskrcnn.photo.pixels import TOLERANCE, in_strips, levels, remark_darkness

FLIPS = {  # EXIF orientation -> swap rows and columns? then reverse the rows? the columns?
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
_ORIENTATION = 0x0112  # its tag in EXIF
_MOST_16_BITS = 65535


def picture_to_rgb(picture, name, orient):
    """Photograph, (H, W, 3) uint8, from a PIL image. The size is checked before it is decoded.

    Parameters
    ----------
    picture : PIL image
    name : str, what messages call it
    orient : whether to turn it as its EXIF data asks (a TIFF file is always turned)

    Raises
    ------
    ImageError
        If it is too large, damaged, cut off, or holds values of unknown scale.
    """
    check_size(*picture.size, name)
    try:
        picture.load()
        width, height = picture.size  # as Pillow has turned it
        if not width * height:
            raise ImageError(f"{name}: has no pixels")
        flips = flips_of(picture) if orient else FLIPS[1]
        return in_strips(height, width, _strip_reader(picture, name), name, flips)
    except (MemoryError, ImageError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything at damaged files
        if "out of memory" in str(error):
            raise MemoryError(str(error)) from error
        raise ImageError(f"{name}: is {what_is_wrong(error)} ({error})") from error


def flips_of(picture):
    """How a picture is turned to stand upright: a value of FLIPS."""
    try:
        return FLIPS.get(picture.getexif().get(_ORIENTATION, 1), FLIPS[1])
    except MemoryError:
        raise
    except Exception:  # a good picture with damaged notes is a good picture
        return FLIPS[1]


def _strip_reader(picture, name):
    """Function from a slice of rows to their grey levels, (h, W, 1 … 4) uint8."""
    deep = picture.mode.startswith(("I", "F"))
    eight_bits = _deep(picture, name) if deep else _eight_bits(picture)
    srgb = to_srgb(picture, name)

    def strip_of(rows):
        strip = eight_bits(rows)
        colours = np.asarray(srgb(strip))  # (h, W, 3)
        if strip.mode not in ("RGBA", "LA"):
            return colours
        return np.dstack([colours, np.asarray(strip.getchannel("A"))])

    return strip_of


def _rows_of(picture, rows):
    return picture.crop((0, rows.start, picture.width, rows.stop))


def _eight_bits(picture):
    """Function from a slice of rows to an image of mode L, LA, RGB, RGBA, CMYK or LAB."""
    mode = picture.mode
    if picture.has_transparency_data:
        wanted = "LA" if mode in ("LA", "La") else "RGBA"
    elif mode in ("L", "CMYK", "LAB"):
        wanted = mode
    else:
        wanted = "L" if mode == "1" else "RGB"
    return lambda rows: _rows_of(picture, rows).convert(wanted)


def _deep(picture, name):
    """Function from a slice of rows to an image of mode L, for values of more than 8 bits."""
    from PIL import Image

    most, inverted = _declared(picture)
    whole = np.asarray(picture) if picture.mode == "I;16B" else None  # which cannot be cut
    low, high = picture.getextrema() if whole is None else (whole.min(), whole.max())
    floats = picture.mode == "F"
    if floats and not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # NaN is neither
        lie = f"these lie in {low:g} … {high:g}"
        raise ImageError(f"{name}: floats must lie in 0 … 1 and not be NaN, {lie}")
    if not floats and not 0 <= low <= high <= most:
        scale = f"integers beyond {most} have no known scale; save it with 8 or 16 bits"
        raise ImageError(f"{name}: {scale}")
    if not floats and most == _MOST_16_BITS and not inverted:
        remark_darkness(high, name)

    def eight_bits(rows):
        values = np.asarray(_rows_of(picture, rows)) if whole is None else whole[rows]
        if floats and np.isnan(values).any():  # which Pillow's extremes pass over
            raise ImageError(f"{name}: floats must lie in 0 … 1 and not be NaN; some are NaN")
        gray = levels(values, most)
        return Image.fromarray(255 - gray if inverted else gray)

    return eight_bits


def _declared(picture):
    """The value of white in integers, and whether the values are inverted, as a TIFF's tags say."""
    tags = getattr(picture, "tag_v2", {})
    bits = tags.get(tiff.BITS, (16,))[0]
    inverted = tags.get(tiff.PHOTOMETRIC) == tiff.WHITE_IS_ZERO
    return (2**bits - 1 if bits < 16 else _MOST_16_BITS), inverted
