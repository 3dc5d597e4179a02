"""The paper's RoIAlign: the mean of several bilinear samples in each bin.

Idea    Divide the region into P x Q equal bins, without rounding, and average four samples in each:
        every cell of the patch stands for the whole of its bin, not for one point.
Paper   Mask R-CNN (arXiv:1703.06870), section 3 and figure 3.
Shapes  map (H, W, C), rois (R, 4) normalised  ->  (R, P, Q, C)
"""

import numpy as np
from numba import njit

from minimaskrcnn.roi_align.crop import _read, check_sampling


def roi_align_paper(feature_map, rois, size):
    """The paper's RoIAlign: in each of P x Q bins the mean of 2 x 2 samples.

    Same arguments and errors as `crop_and_resize`. Here a normalised 0 and 1 are the map's outer
    edges; cell i covers i … i+1 and has its value in the middle. Samples lie at 1/4 and 3/4 of a
    bin; those beyond the outermost centres take the border's value. A region with NaN gives zeros.
    """
    check_sampling(feature_map, rois, size)
    return _roi_align_paper(feature_map, rois, *size)


@njit(cache=True, nogil=True)
def _roi_align_paper(feature_map, rois, p, q):
    h, w, c = feature_map.shape
    patches = np.zeros((len(rois), p, q, c), feature_map.dtype)
    sample = np.empty(c, feature_map.dtype)
    for r in range(len(rois)):
        if not usable(rois[r]):
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


@njit(cache=True, nogil=True)
def usable(roi):
    """Whether cells can be counted from the region: no NaN, nothing beyond integers."""
    return np.all(np.abs(roi) < 1e9)
