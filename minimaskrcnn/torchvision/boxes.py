"""Boxes in plain pixels of the resized photograph, moved by their deltas and cut off at its border.

Idea    Here a box is never normalised and excludes its end, so the arithmetic of `boxes` holds as
        it is, with its limit of growth, which is torchvision's.
Source  torchvision 0.29, `models/detection/_utils.py` (BoxCoder) and `ops/boxes.py`
Shapes  boxes (N, 4), deltas (N, 4)  ->  boxes (N, 4)
"""

import numpy as np

from minimaskrcnn.boxes import apply_deltas, clip


def moved_boxes(boxes, deltas, std, window):
    """Move boxes by their deltas and cut them off at the photograph.

    Parameters
    ----------
    boxes : (N, 4) float32, pixels
    deltas : (N, 4) float32 in units of `std`
    std : (4,) numbers
    window : (4,) pixels: where in the input the photograph lies

    Returns
    -------
    (N, 4) float32, pixels
    """
    return clip(apply_deltas(boxes, deltas * np.asarray(std, deltas.dtype)), window)


def large_enough(boxes, least):
    """(N,) bool: which boxes are at least so many pixels wide and high."""
    return ((boxes[:, 2:] - boxes[:, :2]) >= np.float32(least)).all(axis=1)
