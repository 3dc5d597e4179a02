"""The selecting stages run again on a trace, with other thresholds, in the trace's own convention.

Idea    A page draws boxes that are normalised to the input. torchvision's are pixels already, so
        they are normalised to be drawn, and kept under "exact" for the stages to go on with.
Shapes  trace  ->  trace; trace, Config  ->  boxes (M, 4) normalised
"""

import numpy as np

from minimaskrcnn.boxes import normalise
from minimaskrcnn.detections import select_detections
from minimaskrcnn.nms import nms
from minimaskrcnn.proposals import select_proposals
from minimaskrcnn.roi_align import roi_levels
from minimaskrcnn.torchvision import detections as their_detections
from minimaskrcnn.torchvision import proposals as their_proposals
from minimaskrcnn.torchvision import roi_align as their_roi_align
from minimaskrcnn.torchvision.anchors import per_level

BOXES = ("anchors", "proposals", "detections")


def drawable(steps, config):
    """The trace with normalised boxes; those of torchvision's convention also under "exact"."""
    if config.convention != "torchvision":
        return steps
    exact = {name: steps[name] for name in BOXES}
    return steps | {n: _normalised(rows, steps) for n, rows in exact.items()} | {"exact": exact}


def _normalised(rows, steps):
    boxes = normalise(rows[:, :4], steps["molded"].shape)
    return np.concatenate([boxes, rows[:, 4:]], axis=1).astype(np.float32)


def proposals_again(steps, config):
    """`select_proposals` with another Config: boxes (R, 4) normalised, scores (R,)."""
    if "exact" not in steps:
        verdicts = steps["anchors"], steps["rpn_probs"][:, 1], steps["rpn_deltas"]
        return select_proposals(*verdicts, config)
    verdicts = steps["exact"]["anchors"], steps["rpn_logits"], steps["rpn_deltas"]
    counts = per_level([steps[f"p{level}"] for level in range(2, 7)], config)
    found = their_proposals.select_proposals(*verdicts, counts, steps["window"], config)
    return _normalised(found[0], steps), found[1]


def kept_proposals(steps, config, boxes, scores):
    """(M,) bool: which of the candidates NMS keeps; in torchvision's, level by level."""
    kept = np.zeros(len(boxes), bool)
    if "exact" not in steps:
        limits = config.rpn_nms_threshold, config.post_nms_proposals
        kept[nms(boxes, scores, *limits)] = True
        return kept
    survivors = {tuple(box) for box in proposals_again(steps, config)[0].tolist()}
    return np.array([tuple(box) in survivors for box in boxes.tolist()], bool)


def detections_again(steps, config):
    """`select_detections` with another Config: rows (N, 6) normalised, (N,) source."""
    verdicts = steps["class_probs"], steps["box_deltas"], steps["window"], config
    if "exact" not in steps:
        return select_detections(steps["proposals"], *verdicts)
    rows, source = their_detections.select_detections(steps["exact"]["proposals"], *verdicts)
    return _normalised(rows, steps), source


def levels_of_proposals(steps, config):
    """(R,) the pyramid level that each proposal is read from."""
    if "exact" not in steps:
        return roi_levels(steps["proposals"], steps["molded"].shape, config.level_size)
    return their_roi_align.roi_levels(steps["exact"]["proposals"], config.level_size)
