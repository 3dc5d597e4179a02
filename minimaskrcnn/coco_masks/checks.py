"""Checks of run lengths: what a file says of a mask must be possible.

Idea    Run lengths come from other people's files. Before anything is allocated, the size must be
        two whole numbers and not absurd; counts must be whole, not negative, and add up to it.
Shapes  size [H, W], counts (N,)
"""

import numpy as np
from numba import njit

MAX_PIXELS = 2**28  # of a mask that a file describes: more than Pillow opens; 268 MB unpacked


def check_size(size):
    """Return H * W; a ValueError unless the size is two whole numbers and at most MAX_PIXELS."""
    pair = isinstance(size, list | tuple) and len(size) == 2
    if not pair or not all(_is_whole(n) and n >= 0 for n in size):
        raise ValueError(f"a mask's size is [height, width] in whole pixels, got {str(size)[:80]}")
    height, width = int(size[0]), int(size[1])
    if max(height, width, height * width) > MAX_PIXELS:
        raise ValueError(f"a mask of {height} x {width} is beyond the limit of {MAX_PIXELS} pixels")
    return height * width


def listed(counts):
    """Return counts that stand in a list as (N,) int64; a ValueError if one is no whole number."""
    array = np.array(counts, dtype=object)  # nothing is converted, so nothing is rounded
    if array.ndim != 1 or not all(_is_whole(n) and abs(n) < 2**63 for n in array):
        raise ValueError(f"RLE counts are a string or whole numbers, got {str(counts)[:80]}")
    return array.astype(np.int64)


def _is_whole(number):
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


@njit(cache=True, nogil=True)
def add_up_to(counts, total):
    """Whether no count is negative and their sum is `total`; no sum overflows."""
    left = total
    for count in counts:
        if count < 0 or count > left:
            return False
        left -= count
    return left == 0
