"""RoIPool, which RoIAlign replaced: round the region to whole cells and take the maximum per bin.

Idea    Rounding shifts the patch by up to half a cell. On P5 this is up to 16 pixels, enough to
        ruin masks. This module is for comparison only; the network does not use it.
Paper   Fast R-CNN (arXiv:1504.08083), section 2.1.
Shapes  map (H, W, C), rois (R, 4) normalised  ->  (R, P, Q, C)
"""

import numpy as np
from numba import njit

from minimaskrcnn.roi_align.crop import check_sampling


def roi_pool(feature_map, rois, size):
    """Round each region to whole cells, divide them into P x Q bins, and return each bin's maximum.

    Same arguments and errors as `crop_and_resize`; a normalised 0 and 1 are the map's outer edges.
    Bins share a row or column of cells where the region is smaller than the grid; bins beyond the
    map take the border's cells. A region with NaN gives zeros.
    """
    check_sampling(feature_map, rois, size)
    return _roi_pool(feature_map, rois, *size)


@njit(cache=True, nogil=True)
def _usable(roi):
    """Whether cells can be counted from the region: no NaN, nothing beyond integers."""
    return np.all(np.abs(roi) < 1e9)


@njit(cache=True, nogil=True)
def _bin(start, end, cells, count, i):
    """The first cell of bin `i` of `count`, and the cell after its last, within the map."""
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
