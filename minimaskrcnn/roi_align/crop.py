"""The RoIAlign of these weights: TensorFlow's `crop_and_resize`, one bilinear sample per cell.

Idea    A region may have any size, but the heads need 7x7. Lay a grid of 7x7 points over the
        region, the outermost ones exactly on its corners, and read the map at each point,
        interpolating between cells. Nothing is rounded to whole cells, so the features are those
        of exactly this region.
Paper   RoIAlign: Mask R-CNN (arXiv:1703.06870), section 3. The COCO weights were trained with this
        form; the paper's own form is in `paper`.
Shapes  map (H, W, C), rois (R, 4) normalised  ->  (R, P, Q, C)
"""

from math import ceil

import numpy as np
from numba import njit

from minimaskrcnn.boxes import check_boxes
from minimaskrcnn.runtime import memory, tape, threads

BLOCK = 16  # regions that a thread does at once


def crop_and_resize(feature_map, rois, size):
    """Sample the map on a P x Q grid over each region, with one bilinear sample per point.

    Parameters
    ----------
    feature_map : (H, W, C)
    rois : (R, 4) float32 or float64, normalised: 0 is the centre of the first cell, 1 that of the
        last; reversed corners mirror the patch
    size : (P, Q), the number of points per column and per row; a single one lies in the middle

    Returns
    -------
    (R, P, Q, C), dtype of the map; a sample beyond the map, or at NaN, is 0

    Raises
    ------
    ValueError
        If the map is not (H, W, C) or the rois are not (R, 4), float32 or float64, or the size is
        not two positive numbers.

    Notes
    -----
    Sample i lies at y1 · (H-1) + i · step, where step = (y2 - y1) · (H-1) / (P-1), computed in this
    order and in the dtype of the rois. With float32 it equals the original to the last bit, so that
    a point exactly on the border falls inside or outside as it does there.
    """
    check_sampling(feature_map, rois, size)
    patches = memory.empty((len(rois), *size, feature_map.shape[2]), feature_map.dtype)

    def block(i):
        part = slice(i * BLOCK, (i + 1) * BLOCK)
        _crop_and_resize(feature_map, rois[part], patches[part])

    threads.run(block, ceil(len(rois) / BLOCK))
    return tape.record(patches, _crop_and_resize_backward, feature_map, rois)


def _crop_and_resize_backward(grad, feature_map, rois):
    """Each sample's gradient goes to the four cells it was read from; regions are constants."""
    dmap = np.zeros_like(feature_map)
    _scatter(np.ascontiguousarray(grad), rois, dmap)
    return [(feature_map, dmap)]


@njit(cache=True, nogil=True)
def _sample(start, end, cells, count, i):
    """Where sample `i` of `count` lies, in cells."""
    if count == 1:
        return np.float32(0.5) * (start + end) * np.float32(cells - 1)
    step = (end - start) * np.float32(cells - 1) / np.float32(count - 1)
    return start * np.float32(cells - 1) + np.float32(i) * step


@njit(cache=True, nogil=True)
def _crop_and_resize(feature_map, rois, patches):
    (h, w, _), (count, p, q, _) = feature_map.shape, patches.shape
    for r in range(count):
        y1, x1, y2, x2 = rois[r]
        for i in range(p):
            y = _sample(y1, y2, h, p, i)
            for j in range(q):
                x = _sample(x1, x2, w, q, j)
                if 0 <= y <= h - 1 and 0 <= x <= w - 1:
                    _read(feature_map, y, x, patches[r, i, j])
                else:
                    patches[r, i, j] = 0


@njit(cache=True, nogil=True)
def _read(feature_map, y, x, sample):  # sample (C,) is written
    """Bilinear interpolation at (y, x) within the map: a weighted mean of the four cells around."""
    top, left = int(y), int(x)
    bottom = min(top + 1, feature_map.shape[0] - 1)
    right = min(left + 1, feature_map.shape[1] - 1)
    dy, dx = y - np.float32(top), x - np.float32(left)
    for k in range(len(sample)):
        above = feature_map[top, left, k]
        above += (feature_map[top, right, k] - above) * dx
        below = feature_map[bottom, left, k]
        below += (feature_map[bottom, right, k] - below) * dx
        sample[k] = above + (below - above) * dy


@njit(cache=True, nogil=True)
def _scatter(grad, rois, dmap):
    h, w, _ = dmap.shape
    count, p, q, _ = grad.shape
    for r in range(count):
        y1, x1, y2, x2 = rois[r]
        for i in range(p):
            y = _sample(y1, y2, h, p, i)
            if 0 <= y <= h - 1:
                for j in range(q):
                    x = _sample(x1, x2, w, q, j)
                    if 0 <= x <= w - 1:
                        _give_back(grad[r, i, j], y, x, dmap)


@njit(cache=True, nogil=True)
def _give_back(grad, y, x, dmap):  # the transpose of _read
    top, left = int(y), int(x)
    bottom = min(top + 1, dmap.shape[0] - 1)
    right = min(left + 1, dmap.shape[1] - 1)
    dy, dx = y - np.float32(top), x - np.float32(left)
    for k in range(len(grad)):
        dmap[top, left, k] += grad[k] * (1 - dy) * (1 - dx)
        dmap[top, right, k] += grad[k] * (1 - dy) * dx
        dmap[bottom, left, k] += grad[k] * dy * (1 - dx)
        dmap[bottom, right, k] += grad[k] * dy * dx


def check_sampling(feature_map, rois, size):
    """Raise a ValueError unless a patch of this size can be cut from the map for these regions."""
    check_boxes(rois, "rois")
    if feature_map.ndim != 3 or 0 in feature_map.shape:
        raise ValueError(f"feature_map must be (H, W, C) and not empty, got {feature_map.shape}")
    if feature_map.dtype not in (np.float32, np.float64):
        raise ValueError(f"feature_map must be float32 or float64, got {feature_map.dtype}")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size must be two numbers of 1 or more, got {tuple(size)}")
