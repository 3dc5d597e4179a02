"""Proposals: from a quarter of a million anchors, select the thousand regions worth a closer look.

Idea    Take the anchors with the best scores, move each by the deltas that the RPN predicts, clip
        it to the image, and let NMS remove near-duplicates.
Paper   Faster R-CNN (arXiv:1506.01497), section 3.3; 1000 of them: FPN (arXiv:1612.03144), 5.2.
Shapes  anchors (A, 4), scores (A,), deltas (A, 4)  ->  proposals (R, 4), their scores (R,)

Notes   The original pads the result to 1000 rows with zero boxes; here there is no padding.
"""

import numpy as np

from minimaskrcnn.boxes import apply_deltas, check_boxes, clip
from minimaskrcnn.nms import nms


def select_proposals(anchors, scores, deltas, config):
    """Return the best regions, made from the anchors and the RPN's scores and deltas for them.

    Parameters
    ----------
    anchors : (A, 4) float32, normalised
    scores : (A,) float32, the probability that an anchor contains an object
    deltas : (A, 4) float32, in units of `config.rpn_std`
    config : Config; uses `pre_nms_proposals`, `post_nms_proposals`, `rpn_nms_threshold` and
        `rpn_std`

    Returns
    -------
    proposals : (R, 4) float32, normalised and within 0 … 1, best score first
    proposal_scores : (R,) float32

    Raises
    ------
    ValueError
        If the three arrays do not belong to the same anchors, or a score or a proposal is NaN.
    """
    check_boxes(deltas, "deltas")
    check_boxes(anchors, "anchors")
    if deltas.shape != anchors.shape or scores.shape != anchors.shape[:1]:
        raise ValueError(
            f"select_proposals wants a score and deltas for each of {len(anchors)} anchors, got "
            f"scores {scores.shape} and deltas {deltas.shape}"
        )
    best = top_indices(scores, config.pre_nms_proposals)  # (6000,)
    std = np.asarray(config.rpn_std, deltas.dtype)
    boxes = clip(apply_deltas(anchors[best], deltas[best] * std), (0, 0, 1, 1))  # (6000, 4)
    keep = nms(boxes, scores[best], config.rpn_nms_threshold, config.post_nms_proposals)
    return boxes[keep], scores[best[keep]]


def top_indices(scores, count):
    """Return the indices of the `count` highest scores, best first; ties: lower index first.

    Only the scores that reach the `count`-th highest value are sorted.

    Parameters
    ----------
    scores : (N,) float32 or float64
    count : int, how many; if there are fewer scores, all of them

    Returns
    -------
    (min(N, count),) int64

    Raises
    ------
    ValueError
        If a score is NaN.

    Examples
    --------
    >>> top_indices(np.array([0.1, 0.9, 0.5, 0.9]), 2)
    array([1, 3])
    """
    if np.isnan(scores).any():
        raise ValueError("scores hold NaN: look at the weights and the image that made them")
    candidates = np.arange(len(scores))
    if count < len(scores):
        candidates = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
    return candidates[np.argsort(-scores[candidates], kind="stable")][:count]
