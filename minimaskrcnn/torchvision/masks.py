"""Masks: pasted with a margin, into a box that is grown to match and cut to whole pixels.

Idea    A ring of zeros around the 28 x 28 probabilities makes them 30 x 30, so the mask fades out
        just beyond its border and not at once. The box grows by 30/28 about its centre. It then
        covers whole pixels, from the one its start lies in to the one its end lies in.
Source  torchvision 0.29, `models/detection/roi_heads.py` (paste_masks_in_image)
Shapes  boxes (N, 4) pixels of the photograph, mask_probs (N, 28, 28)
        ->  mask_boxes (N, 4) whole pixels, mask_probs (N, 30, 30)
"""

import numpy as np


def boxes_in_image(boxes, window, shape):
    """Boxes in pixels of the photograph, not rounded.

    Parameters
    ----------
    boxes : (N, 4) float32, pixels of the network's input
    window : (4,) pixels: where in it the photograph lies, which begins at 0, 0
    shape : (H, W, …) of the photograph itself

    Returns
    -------
    (N, 4) float32
    """
    scale = np.array(shape[:2], np.float32) / np.asarray(window[2:], np.float32)
    return boxes * np.tile(scale, 2)


def whole_boxes(boxes, shape):
    """Boxes rounded to whole pixels, each at least one pixel wide and high: (N, 4) int32.

    Parameters
    ----------
    boxes : (N, 4) float32, pixels of the photograph
    shape : (H, W, …) of the photograph

    Examples
    --------
    >>> whole_boxes(np.array([[0.2, 1.6, 9.7, 1.7]], np.float32), (10, 10))
    array([[ 0,  2, 10,  3]], dtype=int32)
    """
    size = np.array(shape[:2])
    start = np.minimum(np.rint(boxes[:, :2]), size - 1)
    end = np.maximum(np.rint(boxes[:, 2:]), start + 1)
    return np.concatenate([start, end], axis=1).astype(np.int32)


def with_margin(mask_probs):
    """Each mask with a ring of zeros: (N, 28, 28) -> (N, 30, 30)."""
    return np.pad(mask_probs, ((0, 0), (1, 1), (1, 1)))


def mask_boxes(boxes, cells):
    """The whole pixels that masks with a margin are stretched over.

    Parameters
    ----------
    boxes : (N, 4) float32, pixels of the photograph
    cells : of a mask without its margin, on each side: 28

    Returns
    -------
    (N, 4) int32, end excluded; they may leave the photograph

    Examples
    --------
    >>> mask_boxes(np.array([[0, 10, 28, 66]], np.float32), 28)
    array([[-1,  8, 30, 69]], dtype=int32)
    """
    half = (boxes[:, 2:] - boxes[:, :2]) * np.float32(0.5)
    centre = (boxes[:, 2:] + boxes[:, :2]) * np.float32(0.5)
    half = half * np.float32((cells + 2) / cells)
    corners = np.concatenate([centre - half, centre + half], axis=1)
    return np.trunc(corners).astype(np.int32) + np.array([0, 0, 1, 1], np.int32)
