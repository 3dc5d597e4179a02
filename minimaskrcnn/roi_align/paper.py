"""The paper's RoIAlign: the mean of several bilinear samples in each bin.

Idea    Divide the region into P x Q equal bins, without rounding, and average four samples in each.
        Every cell of the patch then stands for its whole bin, not for a single point.
Paper   Mask R-CNN (arXiv:1703.06870), section 3 and figure 3.
Shapes  map (H, W, C), rois (R, 4)  ->  (R, P, Q, C)
"""

from math import ceil

import numpy as np
from numba import njit

from minimaskrcnn.roi_align.crop import BLOCK, check_sampling
from minimaskrcnn.runtime import tape, threads

FAR = 1e9  # cells: beyond, and where a region holds NaN, samples are 0


def roi_align_paper(feature_map, rois, size):
    """Return, for each of P x Q bins of a region, the mean of 2 x 2 samples.

    Same arguments and errors as `crop_and_resize`. Here a normalised 0 and 1 are the map's outer
    edges; cell i covers i … i+1 and has its value in the middle. Samples lie at 1/4 and 3/4 of a
    bin; those beyond the outermost centres take the border's value. A region with NaN gives zeros.
    """
    check_sampling(feature_map, rois, size)
    h, w = feature_map.shape[:2]
    return mean_of_samples(feature_map, rois * np.array([h, w, h, w]) - 0.5, size)


def mean_of_samples(feature_map, rois, size, least=-np.inf, reach=FAR):
    """Return, for each bin of regions given in cells, the mean of 2 x 2 samples.

    Parameters
    ----------
    feature_map : (H, W, C)
    rois : (R, 4) in cells: 0 is the centre of the first cell, H - 1 that of the last; their dtype
        is that of the arithmetic
    size : (P, Q), the number of bins per column and per row
    least : cells; a smaller height or width of a region counts as this
    reach : cells; samples at most this far beyond the outermost centres take the border's value,
        samples further away are 0

    Returns
    -------
    (R, P, Q, C), dtype of the map

    Raises
    ------
    ValueError
        As in `crop_and_resize`.
    """
    check_sampling(feature_map, rois, size)
    h, w, c = feature_map.shape
    rows = _cells(_positions(rois[:, 0], rois[:, 2], size[0], least), h, reach, feature_map.dtype)
    columns = _cells(_positions(rois[:, 1], rois[:, 3], size[1], least), w, reach, rows[1].dtype)
    patches = np.zeros((len(rois), *size, c), feature_map.dtype)

    def block(i):
        part = slice(i * BLOCK, (i + 1) * BLOCK)
        at = (array[part] for array in (*rows, *columns))
        _mean_of_samples(feature_map, *at, patches[part])

    threads.run(block, ceil(len(rois) / BLOCK))
    return tape.record(patches, _backward, feature_map, rows, columns)


def _positions(start, end, bins, least):
    """Positions of the samples, in cells: at 1/4 and 3/4 of each bin, (R, 2 * bins)."""
    number = start.dtype.type
    i = np.arange(2 * bins)
    whole, half = (i // 2).astype(number), (i % 2 + 0.5).astype(number)
    with np.errstate(invalid="ignore", over="ignore"):  # regions that are no numbers
        side = np.maximum(end - start, number(least))[:, None] / number(bins)  # (R, 1), of a bin
        return start[:, None] + whole * side + half * side / number(2)


def _cells(positions, count, reach, dtype):
    """For each sample, the first of the two cells around it, and its distance from this cell.

    The cell is -1 where the sample is 0.
    """
    inside = (positions >= -reach) & (positions <= count - 1 + reach)  # NaN is not
    within = np.where(inside, np.clip(positions, 0, count - 1), 0)
    first = within.astype(np.int64)
    return np.where(inside, first, -1), (within - first).astype(dtype)


def _backward(grad, feature_map, rows, columns):
    """Each bin's gradient goes to the sixteen cells it was read from; regions are constants."""
    dmap = np.zeros_like(feature_map)
    _scatter(np.ascontiguousarray(grad), *rows, *columns, dmap)
    return [(feature_map, dmap)]


@njit(cache=True, nogil=True)
def _mean_of_samples(feature_map, tops, down, lefts, across, patches):
    h, w, c = feature_map.shape
    for r in range(len(patches)):
        for i in range(tops.shape[1]):
            top, dy = tops[r, i], down[r, i]
            bottom = min(top + 1, h - 1)
            for j in range(lefts.shape[1]):
                left, dx = lefts[r, j], across[r, j]
                right = min(left + 1, w - 1)
                if top < 0 or left < 0:
                    continue
                patch = patches[r, i // 2, j // 2]  # (C,)
                for k in range(c):
                    above = feature_map[top, left, k]
                    above += (feature_map[top, right, k] - above) * dx
                    below = feature_map[bottom, left, k]
                    below += (feature_map[bottom, right, k] - below) * dx
                    patch[k] += (above + (below - above) * dy) * np.float32(0.25)


@njit(cache=True, nogil=True)
def _scatter(grad, tops, down, lefts, across, dmap):  # the transpose of _mean_of_samples
    h, w, c = dmap.shape
    for r in range(len(grad)):
        for i in range(tops.shape[1]):
            top, dy = tops[r, i], down[r, i]
            bottom = min(top + 1, h - 1)
            for j in range(lefts.shape[1]):
                left, dx = lefts[r, j], across[r, j]
                right = min(left + 1, w - 1)
                if top < 0 or left < 0:
                    continue
                for k in range(c):
                    share = grad[r, i // 2, j // 2, k] / 4
                    dmap[top, left, k] += share * (1 - dy) * (1 - dx)
                    dmap[top, right, k] += share * (1 - dy) * dx
                    dmap[bottom, left, k] += share * dy * (1 - dx)
                    dmap[bottom, right, k] += share * dy * dx
