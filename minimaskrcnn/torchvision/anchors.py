"""Anchors: rounded to whole pixels, spaced by the ratio of the input's size to the map's.

Idea    The boxes of a level are rounded once, around 0, and then moved from cell to cell. A step is
        the input's side divided by the map's, rounded down: for P6, which rounds its size up, that
        may be less than 64 pixels.
Source  torchvision 0.29, `models/detection/anchor_utils.py`
Shapes  input (H, W), maps (H/4, W/4, C) …  ->  anchors (A, 4)
"""

import numpy as np


def make_anchors(shape, p_maps, config):
    """Return the anchors of all levels, in pixels of the network's input.

    Parameters
    ----------
    shape : (H, W, …) of the input
    p_maps : the maps p2 … p6, (H, W, C) each or with a batch axis; only their shapes are read
    config : Config; read are `anchor_scales` and `anchor_ratios` (width / height)

    Returns
    -------
    (A, 4) float32 y1 x1 y2 x2 of whole pixels, in the order level, row, column, ratio

    Examples
    --------
    >>> from minimaskrcnn.config import Config
    >>> make_anchors((64, 64), [np.zeros((1, 1, 8))], Config(anchor_ratios=(2.0,)))
    array([[-11., -23.,  11.,  23.]], dtype=float32)
    """
    levels = [
        _level(shape, p_map.shape[-3:-1], scale, config.anchor_ratios)
        for p_map, scale in zip(p_maps, config.anchor_scales, strict=False)
    ]
    return np.concatenate(levels)  # (A, 4)


def _level(shape, size, scale, ratios):
    height = np.sqrt(1 / np.asarray(ratios, np.float32))  # of an anchor of area 1
    half = np.stack([height, 1 / height], axis=1) * np.float32(scale) / 2  # (3, 2)
    boxes = np.round(np.concatenate([-half, half], axis=1))  # (3, 4)
    rows, columns = (
        np.arange(cells) * (side // cells) for side, cells in zip(shape, size, strict=False)
    )
    centre = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)  # (H, W, 2)
    moved = np.tile(centre, 2)[:, :, None] + boxes  # (H, W, 3, 4)
    return moved.reshape(-1, 4).astype(np.float32)


def per_level(p_maps, config):
    """How many anchors each level has: one count per map."""
    return [p_map.shape[-3] * p_map.shape[-2] * len(config.anchor_ratios) for p_map in p_maps]
