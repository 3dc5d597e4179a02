"""Non-maximum suppression within each of several groups: pyramid levels, or classes.

Idea    A box competes only with boxes of its own group. For up to 1000 boxes torchvision does not
        go group by group: it moves the groups so far apart that none can touch another, and runs
        NMS once. Far from 0 a float32 has fewer digits left for its fraction, so boxes that
        overlap by almost exactly the threshold may be judged otherwise. Both ways are followed.
Source  torchvision 0.29, `ops/boxes.py` (batched_nms)
Shapes  boxes (N, 4), scores (N,), groups (N,)  ->  keep (M,), indices
"""

import numpy as np

from minimaskrcnn.nms import nms

FEW = 1000  # boxes; with more torchvision goes group by group as well


def nms_by_group(boxes, scores, groups, iou_threshold):
    """Return the indices of the boxes to keep, best score first.

    Parameters
    ----------
    boxes : (N, 4) float32, pixels, none negative
    scores : (N,) float32
    groups : (N,) integers
    iou_threshold : float in [0, 1]; an overlap equal to it is kept

    Returns
    -------
    (M,) int64
    """
    if 0 < len(boxes) <= FEW:
        apart = groups.astype(np.float32) * (boxes.max() + np.float32(1))  # (N,)
        return nms(boxes + apart[:, None], scores, iou_threshold)
    keep = np.zeros(len(boxes), bool)
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        keep[own[nms(boxes[own], scores[own], iou_threshold)]] = True
    kept = np.flatnonzero(keep)
    return kept[np.argsort(-scores[kept], kind="stable")]
