"""RoIAlign on a pyramid: read each region from the level whose resolution suits its size.

Idea    A region should cover about the same number of cells, whatever its size. So large regions
        are read from coarse maps, small ones from fine maps.
Paper   FPN (arXiv:1612.03144), section 4.2, equation 1; Mask R-CNN (arXiv:1703.06870), section 3.
Shapes  p2 … p5 (H, W, C), rois (R, 4) normalised  ->  (R, P, P, C)
"""

import numpy as np

from minimaskrcnn.boxes import check_boxes
from minimaskrcnn.roi_align.crop import crop_and_resize
from minimaskrcnn.runtime import memory, tape, threads


def roi_levels(rois, shape, level_size=224):
    """Return the pyramid level from which each region is read.

    The level is k = 4 + round(log2(sqrt(height · width) / 224)), in pixels of the input. A region
    of 224 x 224, the size of ImageNet's pictures, belongs to P4. A network for smaller pictures
    takes a smaller number for 224, or it reads everything from P2. Regions without area, with one
    side reversed or with NaN belong to P2.

    Parameters
    ----------
    rois : (R, 4) float32 normalised
    shape : (H, W, ...) of the network's input in pixels
    level_size : side, in pixels of the input, of a region that belongs to P4

    Returns
    -------
    (R,) int64 in 2 … 5

    Notes
    -----
    The paper rounds the logarithm down (floor); the COCO weights were trained with the logarithm
    rounded half to even. All arithmetic is float32, as in the original.

    Examples
    --------
    >>> roi_levels(np.array([[0, 0, 0.5, 0.5], [0, 0, 0.1, 0.1]], np.float32), (448, 448))
    array([4, 2])
    """
    check_boxes(rois, "rois")
    height, width = rois[:, 2] - rois[:, 0], rois[:, 3] - rois[:, 1]
    unit = np.float32(level_size) / np.sqrt(np.float32(shape[0] * shape[1]))
    area = np.fmax(height * width, np.float32(1e-20))  # fmax lets no NaN pass
    levels = np.around(np.log(np.sqrt(area) / unit) / np.log(np.float32(2)))  # half to even
    return np.clip(4 + levels, 2, 5).astype(np.int64)


def pyramid_roi_align(p_maps, rois, size, shape, level_size=224):
    """Sample every region from the pyramid level that suits it.

    Parameters
    ----------
    p_maps : (p2, p3, p4, p5), each (H, W, C)
    rois : (R, 4) float32 normalised
    size : P, cells per side
    shape : (H, W, ...) of the network's input in pixels
    level_size : see `roi_levels`

    Returns
    -------
    (R, P, P, C), in the order of `rois`

    Raises
    ------
    ValueError
        If there are not four maps, or for the reasons given in `crop_and_resize`.
    """
    if len(p_maps) != 4:
        raise ValueError(f"pyramid_roi_align wants the four maps p2 … p5, got {len(p_maps)}")
    levels = roi_levels(rois, shape, level_size)
    patches = [
        crop_and_resize(p_map, rois[levels == level], (size, size))
        for level, p_map in enumerate(p_maps, start=2)
    ]
    return from_levels(patches, levels)


def from_levels(patches, levels):
    """Join patches that were read level by level, in the order of the regions.

    Parameters
    ----------
    patches : one array (r, P, P, C) per level, coarser levels later
    levels : (R,) integers, the level of each region

    Returns
    -------
    (R, P, P, C)
    """
    return _in_order(patches, np.argsort(levels, kind="stable"))


def _in_order(patches, order):
    """Join the levels' patches; one after the other they are those of the rois `order`."""
    y = memory.empty((len(order), *patches[0].shape[1:]), patches[0].dtype)
    places = np.split(order, np.cumsum([len(p) for p in patches])[:-1])  # of each level's regions

    def level(i):
        y[places[i]] = patches[i]

    threads.run(level, len(patches))
    return tape.record(y, _in_order_backward, patches, places)


def _in_order_backward(grad, patches, places):
    return [(patch, grad[place]) for patch, place in zip(patches, places, strict=True)]
