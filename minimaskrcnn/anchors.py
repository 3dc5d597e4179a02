"""Anchors: the fixed grid of boxes that the region proposal network classifies and corrects.

Idea    Every cell of every pyramid level has three boxes: tall, square, wide. The network does not
        invent boxes; it says which anchors contain an object and how to move them onto it.
Paper   Faster R-CNN (arXiv:1506.01497), section 3.1; one scale per level: FPN (arXiv:1612.03144),
        section 4.1.
Shapes  input (H, W)  ->  anchors (A, 4), A = 3 · sum of the levels' cells; 261,888 for 1024 x 1024

Notes   Centres lie at multiples of the level's stride, starting at 0, without a shift by half a
        stride, because the COCO weights were trained with such anchors.
"""

import numpy as np

from minimaskrcnn.boxes import normalise
from minimaskrcnn.config import STRIDES


def make_anchors(shape, scales, ratios, strides=STRIDES, step=1):
    """Return the anchors of all levels, in pixels of the network's input.

    Parameters
    ----------
    shape : (H, W, ...) of the input
    scales : pixels, one per level: the square root of the anchors' area
    ratios : width / height, the same on every level
    strides : pixels between two cells, one per level
    step : number of cells from one anchor to the next; 1 puts anchors on every cell

    Returns
    -------
    (A, 4) float64, y1 x1 y2 x2; neither rounded nor clipped. Order: level, row, column, ratio

    Raises
    ------
    ValueError
        If there is not one scale per level, or a scale, ratio, stride or the step is not positive.

    Examples
    --------
    >>> make_anchors((64, 64), scales=[32], ratios=[1], strides=[64])
    array([[-16., -16.,  16.,  16.]])
    """
    if len(scales) != len(strides) or not all(v > 0 for v in (*scales, *ratios, *strides, step)):
        raise ValueError(
            f"make_anchors wants one scale for each of {len(strides)} levels, and positive scales, "
            f"ratios, strides and step; got scales {tuple(scales)}, ratios {tuple(ratios)}, "
            f"strides {tuple(strides)} and step {step}"
        )
    levels = [
        _level_anchors(shape, scale, ratios, stride, step)
        for scale, stride in zip(scales, strides, strict=True)
    ]
    return np.concatenate(levels)  # (A, 4)


def _level_anchors(shape, scale, ratios, stride, step):
    root = np.sqrt(np.asarray(ratios, np.float64))  # (3,)
    size = np.stack([scale / root, scale * root], axis=1)  # (3, 2): height, width
    rows, columns = (stride * np.arange(0, -(-side // stride), step) for side in shape[:2])
    centre = np.empty((len(rows), len(columns), 1, 2))  # (H, W, 1, 2)
    centre[..., 0] = rows[:, None, None]
    centre[..., 1] = columns[None, :, None]
    boxes = np.concatenate([centre - 0.5 * size, centre + 0.5 * size], axis=3)  # (H, W, 3, 4)
    return boxes.reshape(-1, 4)


def normalised_anchors(shape, config):
    """Return the anchors that `config` describes, normalised to the network's input.

    Parameters
    ----------
    shape : (H, W, …) of the network's input, pixels
    config : Config; uses `anchor_scales` and `anchor_ratios`

    Returns
    -------
    (A, 4) float32 y1 x1 y2 x2
    """
    return normalise(make_anchors(shape, config.anchor_scales, config.anchor_ratios), shape)
