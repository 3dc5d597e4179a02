"""Proposals: the best of each pyramid level, not the best of all.

Idea    Each level enters its 1000 best anchors, and NMS compares only boxes of the same level: a
        large object cannot suppress what a finer map says. Then the 1000 best of all remain.
Paper   FPN (arXiv:1612.03144), section 4.1
Source  torchvision 0.29, `models/detection/rpn.py` (filter_proposals)
Shapes  anchors (A, 4), logits (A, 2), deltas (A, 4)  ->  proposals (R, 4), their scores (R,)
"""

import numpy as np

from minimaskrcnn.layers import sigmoid
from minimaskrcnn.proposals import top_indices
from minimaskrcnn.torchvision.boxes import large_enough, moved_boxes
from minimaskrcnn.torchvision.nms import nms_by_group

SMALLEST = 1e-3  # pixels; smaller boxes are dropped


def select_proposals(anchors, rpn_logits, rpn_deltas, counts, window, config):
    """Turn the RPN's verdicts into proposals.

    Parameters
    ----------
    anchors : (A, 4) float32, pixels
    rpn_logits : (A, 2) float32, background and object
    rpn_deltas : (A, 4) float32, in units of `config.rpn_std`
    counts : how many of the anchors belong to each level, in order
    window : (4,) pixels: where in the input the photograph lies
    config : Config; read are `pre_nms_proposals` (of each level), `post_nms_proposals`,
        `rpn_nms_threshold` and `rpn_std`

    Returns
    -------
    proposals : (R, 4) float32, pixels, within the photograph, best score first
    proposal_scores : (R,) float32

    Notes
    -----
    Anchors are ranked by logits: probabilities near 1 would be equal in float32.
    """
    logits = rpn_logits[:, 1] - rpn_logits[:, 0]  # (A,): softmax of two is the sigmoid of this
    starts = np.cumsum([0, *counts[:-1]])
    best = [
        start + top_indices(logits[start : start + count], config.pre_nms_proposals)
        for start, count in zip(starts, counts, strict=True)
    ]
    levels = np.repeat(np.arange(len(best)), [len(indices) for indices in best])
    best = np.concatenate(best)  # (5000,)
    boxes = moved_boxes(anchors[best], rpn_deltas[best], config.rpn_std, window)
    scores = sigmoid(logits[best])

    large = large_enough(boxes, SMALLEST)
    boxes, scores, levels = boxes[large], scores[large], levels[large]
    keep = nms_by_group(boxes, scores, levels, config.rpn_nms_threshold)
    keep = keep[: config.post_nms_proposals]
    return boxes[keep], scores[keep]
