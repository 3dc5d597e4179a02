"""Mask targets: which cells of a region belong to the object.

Idea    The mask head predicts 28 x 28 cells for a region. Its target is the part of the object's
        mask that lies in the region, sampled at 28 x 28 points. If the region is too small, the
        object extends beyond it; the pixels outside of the region are ignored.
Paper   Mask R-CNN (arXiv:1703.06870), section 3.1, "Training": "the mask target is the
        intersection between an RoI and its associated ground-truth mask".
Shapes  masks (P, H, W) bool, rois (P, 4) normalised  ->  targets (P, 28, 28) float32
"""

import numpy as np

from minimaskrcnn.roi_align import crop_and_resize

_LAST = 1 - 1e-6  # nearly 1: rounding cannot move a sample at this position beyond the mask


def mask_targets(masks, rois, size, rounded=True):
    """Return, for each region, the part of its object's mask that lies in it, resized.

    Parameters
    ----------
    masks : (P, H, W) bool, the mask of each region's object
    rois : (P, 4) float32, normalised to the mask
    size : cells per side
    rounded : whether to round to 0 and 1, as the original does

    Returns
    -------
    (P, size, size) float32 in 0 … 1; cells beyond the mask are 0
    """
    targets = np.zeros((len(rois), size, size), np.float32)
    for target, mask, roi in zip(targets, masks, rois, strict=True):
        crop = crop_and_resize(mask.astype(np.float32)[..., None], roi[None], (size, size))
        target[:] = np.rint(crop[0, :, :, 0]) if rounded else crop[0, :, :, 0]
    return targets


def as_pasted(rois, size, shape):
    """Move the corners of regions to where `paste_mask` will draw the outermost cells.

    The original samples a mask from edge to edge of the region (`crop_and_resize`), but pastes it
    as if the cells had been sampled at their middles. An object of 60 pixels therefore loses half a
    pixel on each side. If the targets are sampled where they will be pasted, and are not rounded,
    the best possible prediction is the true mask.

    Parameters
    ----------
    rois : (P, 4) float32 normalised
    size : cells per side of the mask that will be pasted
    shape : (H, W, ...) of the image in pixels

    Returns
    -------
    (P, 4) float32 normalised
    """
    span = np.tile(np.array(shape[:2], np.float32) - 1, 2)  # (4,) pixels that 1 stands for
    sides = np.tile(rois[:, 2:] - rois[:, :2], 2) * span + 1  # (P, 4) pixels
    # The middle of the outermost cell is half a cell, (sides / size) / 2, from the edge; but 0 and
    # 1 of a region stand for the middles of its outermost pixels, half a pixel from the edge.
    inset = (sides / size - 1) / 2 * np.array([1, 1, -1, -1], np.float32)
    return np.clip(rois + inset / span, 0, _LAST).astype(np.float32)
