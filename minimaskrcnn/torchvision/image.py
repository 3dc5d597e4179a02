"""The network's input: colours normalised first, then resized, then padded at the bottom and right.

Idea    The shorter side becomes 800 pixels, but the longer at most 1333. What is resized are the
        normalised floats, so nothing is rounded to grey levels, and the zeros of the padding are
        the mean colour, not black.
Source  torchvision 0.29, `models/detection/transform.py`
Shapes  photograph (h, w, 3) uint8  ->  molded (H, W, 3) float32, window (4,) pixels

Notes   Beyond its border a photograph goes on as its outermost pixels; matterport's is surrounded
        by zeros, which darken its border.
"""

from math import floor

import numpy as np

from minimaskrcnn.errors import ImageError
from minimaskrcnn.image import MOST_PIXELS, check_photo

SIDE = 32  # both sides of the input are multiples: C5 has one cell for 32 pixels


def mold(photo, config):
    """Return the network's input, and where in it the photograph lies.

    Parameters
    ----------
    photo : (h, w, 3) uint8 RGB
    config : Config; read are `image_min_size`, `image_max_size`, `mean_pixel` and `stds`

    Returns
    -------
    molded : (H, W, 3) float32, both sides multiples of 32, zeros below and to the right
    window : (4,) int64, 0, 0, height and width of the photograph in it

    Raises
    ------
    ImageError
        If `photo` is not (h, w, 3) uint8, is empty, or is too narrow for its length.
    """
    check_photo(photo)
    height, width = resized_size(photo.shape, config)
    frame = [-(-side // SIDE) * SIDE for side in (height, width)]
    if min(height, width) < 1 or frame[0] * frame[1] > MOST_PIXELS:
        raise ImageError(
            f"a photograph of {photo.shape[0]} x {photo.shape[1]} pixels would become "
            f"{height} x {width}, which is nothing to work on: cut it to a less narrow part"
        )
    molded = np.zeros((*frame, 3), np.float32)
    molded[:height, :width] = resize(normalise_colours(photo, config), height, width)
    return molded, np.array([0, 0, height, width])


def resized_size(shape, config):
    """Height and width that a photograph is resized to: (h, w, …) -> (int, int), rounded down."""
    height, width = shape[:2]
    scale = min(
        config.image_min_size / min(height, width), config.image_max_size / max(height, width)
    )
    return floor(height * scale), floor(width * scale)


def normalise_colours(photo, config):
    """(grey levels / 255 - mean) / standard deviation, for each of red, green and blue.

    Parameters
    ----------
    photo : (h, w, 3) uint8
    config : Config; `mean_pixel` and `stds` are in grey levels, 255 times torchvision's

    Returns
    -------
    (h, w, 3) float32
    """
    mean, std = (
        (np.asarray(levels) / 255).astype(np.float32) for levels in (config.mean_pixel, config.stds)
    )
    return (photo.astype(np.float32) / np.float32(255) - mean) / std


def resize(array, height, width):
    """Bilinear resizing with half-pixel centres, the border repeated, no smoothing before it.

    Parameters
    ----------
    array : (h, w, C) float32
    height, width : of the result

    Returns
    -------
    (height, width, C) float32
    """
    top, bottom, down = _neighbours(array.shape[0], height)
    left, right, across = _neighbours(array.shape[1], width)
    columns = array[:, left] * (1 - across)[:, None] + array[:, right] * across[:, None]
    down = down[:, None, None]
    return columns[top] * (1 - down) + columns[bottom] * down


def _neighbours(n, m):
    """For each of `m` outputs: the two of `n` inputs around it, and its distance from the first."""
    half, scale = np.float32(0.5), np.float32(n) / np.float32(m)  # all in float32, as torch does
    position = np.maximum((np.arange(m, dtype=np.float32) + half) * scale - half, 0)
    first = np.minimum(position.astype(np.int64), n - 1)
    return first, np.minimum(first + 1, n - 1), position - first.astype(np.float32)
