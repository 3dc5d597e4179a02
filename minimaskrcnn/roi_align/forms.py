"""Three ways to cut a patch of P x P cells out of a feature map, wherever a region lies.

Idea    A region may be of any size; the heads want 7x7. RoIPool rounds the region to whole cells
        and takes maxima: the patch is shifted by up to half a cell, which ruins masks. RoIAlign
        never rounds: it reads the map between its cells (bilinear interpolation).
Paper   RoIPool: Fast R-CNN (arXiv:1504.08083), section 2.1.
        RoIAlign: Mask R-CNN (arXiv:1703.06870), section 3.
Shapes  map (H, W, C), rois (R, 4) normalised  ->  (R, P, Q, C)

Notes   All three have the same arguments. The COCO weights expect `crop_and_resize` (TensorFlow's):
        one sample a cell, the outermost ones on the region's very corners. The paper averages
        several samples inside each cell. The network uses the first.
"""

import numpy as np
from numba import njit

from minimaskrcnn import tape
from minimaskrcnn.boxes import check_boxes


def crop_and_resize(feature_map, rois, size):
    """Sample a P x P grid over each region: corners on corners, one bilinear sample a point.

    Parameters
    ----------
    feature_map : (H, W, C)
    rois : (R, 4) float32 or float64, normalised: 0 is the centre of the first cell, 1 that of the
        last; reversed corners mirror the patch
    size : (P, Q) points a column and a row; a single one lies in the middle

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
    Sample i lies at y1 · (H-1) + i · step, step = (y2 - y1) · (H-1) / (P-1), computed in this order
    in the dtype of the rois: with float32 the same to the last bit as the original, so that a point
    on the very border falls inside or outside as there.
    """
    _check(feature_map, rois, size)
    patches = _crop_and_resize(feature_map, rois, *size)
    return tape.record(patches, _crop_and_resize_backward, feature_map, rois)


def _crop_and_resize_backward(grad, feature_map, rois):
    """Each sample hands its gradient to the four cells it was read from; regions are constants."""
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
def _crop_and_resize(feature_map, rois, p, q):
    h, w, c = feature_map.shape
    patches = np.zeros((len(rois), p, q, c), feature_map.dtype)
    for r in range(len(rois)):
        y1, x1, y2, x2 = rois[r]
        for i in range(p):
            y = _sample(y1, y2, h, p, i)
            if 0 <= y <= h - 1:
                for j in range(q):
                    x = _sample(x1, x2, w, q, j)
                    if 0 <= x <= w - 1:
                        _read(feature_map, y, x, patches[r, i, j])
    return patches


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


@njit(cache=True, nogil=True)
def _usable(roi):
    """Whether cells can be counted from the region: no NaN, nothing beyond integers."""
    return np.all(np.abs(roi) < 1e9)


def roi_align_paper(feature_map, rois, size):
    """The paper's RoIAlign: in each of P x Q bins the mean of 2 x 2 samples.

    Same arguments and errors as `crop_and_resize`. Here a normalised 0 and 1 are the map's outer
    edges; cell i covers i … i+1 and has its value in the middle. Samples lie at 1/4 and 3/4 of a
    bin; those beyond the outermost centres take the border's value. A region with NaN gives zeros.
    """
    _check(feature_map, rois, size)
    return _roi_align_paper(feature_map, rois, *size)


@njit(cache=True, nogil=True)
def _roi_align_paper(feature_map, rois, p, q):
    h, w, c = feature_map.shape
    patches = np.zeros((len(rois), p, q, c), feature_map.dtype)
    sample = np.empty(c, feature_map.dtype)
    for r in range(len(rois)):
        if not _usable(rois[r]):
            continue
        y1, x1, y2, x2 = rois[r]
        for i in range(2 * p):  # two rows of samples a bin
            y = y1 * h + (i + 0.5) * (y2 - y1) * h / (2 * p) - 0.5
            y = min(max(y, 0.0), h - 1.0)
            for j in range(2 * q):
                x = x1 * w + (j + 0.5) * (x2 - x1) * w / (2 * q) - 0.5
                x = min(max(x, 0.0), w - 1.0)
                _read(feature_map, y, x, sample)
                patches[r, i // 2, j // 2] += sample / 4
    return patches


def roi_pool(feature_map, rois, size):
    """RoIPool: round the region to whole cells, share them out to P x Q bins, take each maximum.

    Same arguments and errors as `crop_and_resize`; a normalised 0 and 1 are the map's outer edges.
    Bins share a row or column of cells where the region is smaller than the grid; bins beyond the
    map take the border's cells. A region with NaN gives zeros.
    """
    _check(feature_map, rois, size)
    return _roi_pool(feature_map, rois, *size)


@njit(cache=True, nogil=True)
def _bin(start, end, cells, count, i):
    """First and last-plus-one cell of bin `i` of `count`, within the map."""
    start, end = np.float64(start) * cells, np.float64(end) * cells
    first = min(max(int(np.round(start)), 0), cells - 1)
    length = max(int(np.round(end)) - first, 1)
    low, high = first + i * length // count, first - (-(i + 1) * length // count)
    return min(low, cells - 1), min(high, cells)


@njit(cache=True, nogil=True)
def _roi_pool(feature_map, rois, p, q):
    h, w, c = feature_map.shape
    patches = np.zeros((len(rois), p, q, c), feature_map.dtype)
    for r in range(len(rois)):
        if not _usable(rois[r]):
            continue
        y1, x1, y2, x2 = rois[r]
        for i in range(p):
            top, bottom = _bin(y1, y2, h, p, i)
            for j in range(q):
                left, right = _bin(x1, x2, w, q, j)
                for k in range(c):
                    patches[r, i, j, k] = feature_map[top:bottom, left:right, k].max()
    return patches


def _check(feature_map, rois, size):
    check_boxes(rois, "rois")
    if feature_map.ndim != 3 or 0 in feature_map.shape:
        raise ValueError(f"feature_map must be (H, W, C) and not empty, got {feature_map.shape}")
    if feature_map.dtype not in (np.float32, np.float64):
        raise ValueError(f"feature_map must be float32 or float64, got {feature_map.dtype}")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size must be two numbers of 1 or more, got {tuple(size)}")
