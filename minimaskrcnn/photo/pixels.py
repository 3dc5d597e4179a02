"""Pixels: values of any kind become (H, W, 3) uint8, RGB.

Idea    One strip of rows after the other is converted, so that beside the result only the strip
        takes memory. Transparent pixels show white, as on a page.
Shapes  (H, W), (H, W, 1 … 4) of uint8, uint16, bool or float  ->  photograph (H, W, 3) uint8
"""

import warnings

import numpy as np

from minimaskrcnn.errors import ImageError

STRIP_PIXELS = 1 << 18  # of the strip that is converted at a time
TOLERANCE = 0.5 / 255  # half a grey level: rounding carries floats so far outside of 0 … 1
DARK = 65535 // 16  # a 16-bit picture with no brighter value seems to have fewer bits


def array_to_rgb(array, name):
    """Photograph, (H, W, 3) uint8, from an array of any accepted kind; always a new array.

    Parameters
    ----------
    array : (H, W) gray, (H, W, 1) gray, (H, W, 2) gray and opacity, (H, W, 3) RGB or (H, W, 4) RGB
        and opacity; uint8, uint16 (0 … 65535), bool, or float in 0 … 1
    name : str, what messages call it

    Raises
    ------
    ImageError
        If the shape, the dtype or the range of the values is another one.
    """
    _check_shape(array, name)
    _check_values(array, name)
    array = array[:, :, None] if array.ndim == 2 else array  # (H, W, 1 … 4)
    height, width = array.shape[:2]
    return in_strips(height, width, lambda rows: levels(array[rows]), name)


def in_strips(height, width, strip_of, name, flips=(False, False, False)):
    """Put a photograph together from its strips.

    Parameters
    ----------
    height, width : pixels, of what the strips make up
    strip_of : function from a slice of rows to (h, W, 1 … 4) uint8; 2 and 4 end in opacity
    name : str, what a warning calls it
    flips : what is done to the picture: swap rows and columns, then reverse the rows, the columns

    Returns
    -------
    (H, W, 3) uint8, C-contiguous, or (W, H, 3) if rows and columns are swapped
    """
    swap, rows_back, columns_back = flips
    photo = np.empty((width, height, 3) if swap else (height, width, 3), np.uint8)
    stored = photo[:, ::-1] if columns_back else photo  # the same memory, as the strips lie in it
    stored = stored[::-1] if rows_back else stored
    stored = stored.swapaxes(0, 1) if swap else stored
    opaque = _transparent_all_over(height, width, strip_of)
    if opaque:
        warnings.warn(
            f"{name}: is completely transparent; its transparency is ignored", stacklevel=2
        )
    for rows in _strips(height, width):
        stored[rows] = _on_white(strip_of(rows), opaque)
    return photo


def levels(values, most=65535):
    """Grey levels, uint8, of values of any accepted dtype; `most` is white in 16 bits."""
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind == "f":
        scaled = values * values.dtype.type(255) + values.dtype.type(0.5)
        return np.floor(np.clip(scaled, 0, 255)).astype(np.uint8)
    wide = values.astype(np.uint32)  # of any byte order
    scaled = (np.minimum(wide, most) * np.uint32(255) + np.uint32(most // 2)) // np.uint32(most)
    return scaled.astype(np.uint8)


def remark_darkness(brightest, name):
    """Warn of 16-bit values that are all nearly black: they may be meant as 10 or 12 bits."""
    if 0 < brightest <= DARK:
        warnings.warn(
            f"{name}: is nearly black: its brightest value is {brightest} of 65535; if its values "
            "have fewer than 16 bits, scale them: array * 16 for 12 bits",
            stacklevel=2,
        )


def _strips(height, width):
    """Slices of rows, each of about `STRIP_PIXELS` pixels."""
    step = max(STRIP_PIXELS // max(width, 1), 1)
    return [slice(top, min(top + step, height)) for top in range(0, height, step)]


def _transparent_all_over(height, width, strip_of):
    """Whether there is an opacity and it is 0 everywhere; looks no further than it has to."""
    for rows in _strips(height, width):
        strip = strip_of(rows)
        if strip.shape[2] in (1, 3) or strip[:, :, -1].any():
            return False
    return True


def _on_white(strip, opaque):
    """(h, W, 1 … 4) -> (h, W, 1 or 3), blended over white: colour · a + 255 · (1 - a)."""
    if strip.shape[2] in (1, 3):
        return strip
    colours, opacity = strip[:, :, :-1], strip[:, :, -1:].astype(np.uint16)
    if opaque:
        return colours
    return ((colours * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)


def _check_shape(array, name):
    if array.ndim not in (2, 3) or array.ndim == 3 and array.shape[2] not in (1, 2, 3, 4):
        hint = ""
        if array.ndim == 3 and array.shape[0] in (1, 3, 4):
            hint = "; channels come last: np.moveaxis(array, 0, -1)"
        if array.ndim == 4:
            hint = "; predict_each takes several, one after the other"
        raise ImageError(f"{name}: a photograph is (height, width, 3) or (height, width){hint}")
    if array.size == 0:
        raise ImageError(f"{name}: has no pixels")


def _check_values(array, name):
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "f":
        low, high = array.min(), array.max()
        if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # NaN is neither
            raise ImageError(
                f"{name}: floats must lie in 0 … 1 and not be NaN, these lie in "
                f"{low:g} … {high:g}; values up to 255 are for uint8"
            )
    elif (kind, size) == ("u", 2):
        remark_darkness(int(array.max()), name)
    elif not (kind == "b" or (kind, size) == ("u", 1)):
        raise ImageError(f"{name}: values must be uint8, uint16, bool or float in 0 … 1")
