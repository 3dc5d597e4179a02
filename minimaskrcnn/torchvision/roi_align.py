"""RoIAlign: the paper's, with regions in pixels and no half-pixel shift.

Idea    Every bin is the mean of 2 x 2 samples, where matterport takes one. The region's corner is
        divided by the level's stride and not moved by half a cell (`aligned=False`), which shifts
        what is read by half a cell down and right; the weights have learned to live with it.
Paper   Mask R-CNN (arXiv:1703.06870), section 3; the level: FPN (arXiv:1612.03144), equation 1.
Source  torchvision 0.29, `ops/poolers.py` and `csrc/ops/cpu/roi_align_common.h`
Shapes  p2 … p5 (H, W, C), rois (R, 4) pixels  ->  (R, P, P, C)

Notes   torchvision guesses the strides from the first photograph that it sees. Only if that one is
        narrower than some 20 pixels after resizing does it guess others than 4, 8, 16 and 32.
"""

import numpy as np

from minimaskrcnn.config import STRIDES
from minimaskrcnn.roi_align import from_levels, mean_of_samples


def roi_levels(rois, level_size=224):
    """Which pyramid level suits each region: floor(4 + log2(sqrt(area) / 224)), in 2 … 5.

    Parameters
    ----------
    rois : (R, 4) float32, pixels of the network's input
    level_size : side of a region that belongs to P4

    Returns
    -------
    (R,) int64

    Examples
    --------
    >>> roi_levels(np.array([[0, 0, 224, 224], [0, 0, 223, 224]], np.float32))
    array([4, 3])
    """
    side = np.sqrt((rois[:, 2] - rois[:, 0]) * (rois[:, 3] - rois[:, 1]))  # float32
    side = np.maximum(side, np.float32(1e-10))  # without area: the finest level
    levels = np.float32(4) + np.log2(side / np.float32(level_size)) + np.float32(1e-6)
    return np.clip(np.floor(levels), 2, 5).astype(np.int64)


def pyramid_roi_align(p_maps, rois, size, level_size=224):
    """Sample every region from the pyramid level that suits it.

    Parameters
    ----------
    p_maps : (p2, p3, p4, p5), each (H, W, C)
    rois : (R, 4) float32, pixels of the network's input
    size : P, cells on each side
    level_size : see `roi_levels`

    Returns
    -------
    (R, P, P, C), in the order of `rois`
    """
    levels = roi_levels(rois, level_size)
    patches = [
        mean_of_samples(p_map, rois[levels == level] / np.float32(stride), (size, size), 1, 1)
        for level, (p_map, stride) in enumerate(zip(p_maps, STRIDES, strict=False), start=2)
    ]
    return from_levels(patches, levels)
