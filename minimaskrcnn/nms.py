"""Non-maximum suppression (NMS): keep one box per object.

Idea    Several neighbouring boxes find the same object. Go through the boxes from the best score
        to the worst; keep a box unless it overlaps one already kept by more than the threshold.
Paper   Faster R-CNN (arXiv:1506.01497), section 3.3.
Shapes  boxes (N, 4), scores (N,)  ->  keep (M,), indices into both
"""

import numpy as np
from numba import njit

from minimaskrcnn.boxes import check_boxes, iou_matrix


def nms_plain(boxes, scores, iou_threshold, limit=None):
    """Return the indices of the boxes to keep, best score first.

    Parameters
    ----------
    boxes : (N, 4) float32, y1 x1 y2 x2, any unit; a box without area, or with reversed corners,
        overlaps nothing
    scores : (N,) float32; equal scores rank by index, lower first
    iou_threshold : float in [0, 1]; an overlap equal to it is kept
    limit : int of 0 or more, how many to keep at most; None keeps all

    Returns
    -------
    keep : (M,) int64

    Raises
    ------
    ValueError
        If `boxes` is not (N, 4), `scores` is not (N,), one of them is not of floats or contains
        NaN, the threshold is outside [0, 1], or the limit is negative.

    Examples
    --------
    >>> boxes = np.array([[0, 0, 9, 9], [0, 1, 9, 9], [20, 20, 29, 29]], np.float32)
    >>> nms_plain(boxes, np.array([0.8, 0.9, 0.7], np.float32), 0.5)
    array([1, 2])
    """
    _check(boxes, scores, iou_threshold, limit)
    iou = iou_matrix(boxes, boxes)  # (N, N)
    threshold, keep = np.float32(iou_threshold), []
    for i in np.argsort(-scores, kind="stable"):  # best first
        if all(iou[i, j] <= threshold for j in keep):
            keep.append(i)
    return np.array(keep[:limit], dtype=np.int64)  # (M,)


def nms(boxes, scores, iou_threshold, limit=None):
    """`nms_plain` compiled: same arguments, result and errors; no (N, N) matrix."""
    _check(boxes, scores, iou_threshold, limit)
    order = np.argsort(-scores, kind="stable")  # (N,)
    limit = len(boxes) if limit is None else limit
    return order[_survivors(boxes[order], np.float32(iou_threshold), limit)]  # (M,)


@njit(cache=True, nogil=True)
def _survivors(boxes, iou_threshold, limit):  # boxes (N, 4), best first
    keep = np.empty(min(limit, len(boxes)), np.int64)
    kept = 0
    for i in range(len(boxes)):
        if kept == len(keep):
            break
        if not _overlaps_any(boxes, i, keep[:kept], iou_threshold):
            keep[kept] = i
            kept += 1
    return keep[:kept]


@njit(cache=True, nogil=True)
def _overlaps_any(boxes, i, others, iou_threshold):
    y1, x1, y2, x2 = boxes[i]
    area = (y2 - y1) * (x2 - x1)
    for j in others:
        height = min(y2, boxes[j, 2]) - max(y1, boxes[j, 0])
        width = min(x2, boxes[j, 3]) - max(x1, boxes[j, 1])
        if height > 0 and width > 0:
            inter = height * width
            other = (boxes[j, 2] - boxes[j, 0]) * (boxes[j, 3] - boxes[j, 1])
            if inter / (area + other - inter) > iou_threshold:
                return True
    return False


def _check(boxes, scores, iou_threshold, limit):
    check_boxes(boxes)
    if scores.shape != boxes.shape[:1] or scores.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"nms wants a float32 score for each of {len(boxes)} boxes, got {scores.shape} "
            f"{scores.dtype}"
        )
    if np.isnan(boxes).any() or np.isnan(scores).any():
        raise ValueError("nms got NaN among its boxes or scores: look at what made them")
    if not 0 <= iou_threshold <= 1:
        raise ValueError(f"nms wants a threshold between 0 and 1, got {iou_threshold}")
    if limit is not None and limit < 0:
        raise ValueError(f"nms wants a limit of 0 or more, got {limit}")
