"""How large a picture may be: a file of a few bytes can claim billions of pixels.

Idea    The size stands at the beginning of a file. It is compared with the limit before any pixel
        is decoded. With larger pictures, and the memory for them, raise the limit.
"""

import os

from minimaskrcnn.errors import ImageError, SettingError

MAX_PIXELS = 100_000_000
VARIABLE = "MINIMASKRCNN_MAX_PIXELS"  # of the environment; raises or lowers the limit


def max_pixels():
    """The most pixels that a picture may have, int.

    Raises
    ------
    SettingError
        If the environment's variable is no whole number of 1 or more.
    """
    text = os.environ.get(VARIABLE, "").strip().replace("_", "")
    if not text:
        return MAX_PIXELS
    if not text.isdecimal() or len(text) > 18 or int(text) < 1:
        raise SettingError(f"{VARIABLE} must be a number of pixels, 1 or more, got {text[:40]!r}")
    return int(text)


def check_size(width, height, name):
    """Refuse a picture of more than `max_pixels()`.

    Raises
    ------
    ImageError
        That says the picture's size, the limit, and how to raise it.
    """
    limit = max_pixels()
    if width * height > limit:
        raise ImageError(
            f"{name}: {width} x {height} pixels are more than the limit of {limit:,}; make it "
            f"smaller, or set {VARIABLE} to a higher number"
        )
