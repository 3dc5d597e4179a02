"""The selection: the numbers of a trace that the report shows.

Idea    Everything that a slider can show is computed beforehand, by the stages themselves. Run with
        thresholds wide open, a stage lists all candidates; run with each threshold in turn, it
        tells which of them survive.
Shapes  trace  ->  Candidates, a chosen region, one map of object scores per level

Notes   NMS goes from the best score to the worst, so that a box never removes a better one. It
        therefore makes no difference whether the confidence threshold is applied before NMS or
        after it, and the report may combine any score with any of the results computed here.
"""

from dataclasses import dataclass, replace

import numpy as np

from minimaskrcnn.boxes import to_pixels
from minimaskrcnn.errors import SettingError
from minimaskrcnn.xray.again import detections_again, kept_proposals, proposals_again

STEPS = tuple(round(0.1 * i, 1) for i in range(1, 11))  # IoU: the positions of the slider
LOOKED_AT = 60  # how many of the best moved anchors show what NMS does
NEARLY = 0.9  # of the best score: detections above this may be chosen as the example


@dataclass(frozen=True, eq=False)
class Candidates:
    """Boxes before NMS, best score first, and which of them each threshold keeps."""

    boxes: np.ndarray  # (M, 4) int32, pixels of the network's input
    scores: np.ndarray  # (M,) float32
    class_ids: np.ndarray  # (M,) int64, 0 for proposals, which have no class yet
    thresholds: tuple[float, ...]  # T, ascending
    kept: np.ndarray  # (T, M) bool
    own: int  # which of the thresholds is the network's


@dataclass(frozen=True)
class Chosen:
    """One region, followed through the heads."""

    region: int  # its number among the proposals
    class_id: int  # the class it was, or would have been, given
    detection: int | None  # its number among the detections; None if it was not sure enough


def proposal_candidates(steps, config):
    """Return the best moved anchors, and which of them the RPN's NMS keeps: Candidates."""
    count = min(LOOKED_AT, config.pre_nms_proposals)
    wide = replace(config, pre_nms_proposals=count, post_nms_proposals=count, rpn_nms_threshold=1.0)
    boxes, scores = proposals_again(steps, wide)  # (M, 4), (M,): no IoU is more than 1
    thresholds = _with_own(config.rpn_nms_threshold)
    kept = np.zeros((len(thresholds), len(boxes)), bool)
    for i, threshold in enumerate(thresholds):
        limited = replace(config, pre_nms_proposals=count, rpn_nms_threshold=threshold)
        kept[i] = kept_proposals(steps, limited, boxes, scores)
    return Candidates(
        boxes=to_pixels(boxes, steps["molded"].shape),
        scores=scores,
        class_ids=np.zeros(len(boxes), np.int64),
        thresholds=thresholds,
        kept=kept,
        own=thresholds.index(config.rpn_nms_threshold),
    )


def detection_candidates(steps, config):
    """Return the classified regions that any threshold keeps, whatever their score: Candidates."""
    config = replace(config, min_score=0.0)
    pairs = steps["class_probs"].size  # of a region and a class: where every class competes, all
    wide = replace(config, detection_nms_threshold=1.0, max_detections=pairs)
    rows, source = detections_again(steps, wide)  # (M, 6), (M,)
    named = _region_and_class(rows, source, config)
    thresholds = _with_own(config.detection_nms_threshold)
    kept = np.zeros((len(thresholds), len(rows)), bool)
    for i, threshold in enumerate(thresholds):
        limited = replace(config, detection_nms_threshold=threshold)
        kept[i] = np.isin(named, _region_and_class(*detections_again(steps, limited), config))
    reached = kept.any(axis=0)  # the others were too many for `max_detections`
    return Candidates(
        boxes=to_pixels(rows[reached, :4], steps["molded"].shape),
        scores=rows[reached, 5],
        class_ids=rows[reached, 4].astype(np.int64),
        thresholds=thresholds,
        kept=kept[:, reached],
        own=thresholds.index(config.detection_nms_threshold),
    )


def _region_and_class(rows, source, config):
    """(N,) one number for each pair of a region and a class: a region may be found as several."""
    return source * config.num_classes + rows[:, 4].astype(np.int64)


def _with_own(threshold):
    return tuple(sorted({*STEPS, threshold}))


def chosen(steps, number=None):
    """The object of a number; without one the largest of the surest, or the region nearest to one.

    Parameters
    ----------
    steps : dict, from `MaskRCNN.trace`
    number : of an object of the result, from 0 on, or None

    Returns
    -------
    Chosen

    Raises
    ------
    SettingError
        If the result has no such object.
    """
    detections = steps["detections"]
    if number is not None:
        row = _row_of(steps["result"], detections, number)
        return Chosen(int(steps["detection_proposals"][row]), int(detections[row, 4]), row)
    if len(detections):
        sizes = detections[:, 2:4] - detections[:, :2]
        sure = detections[:, 5] >= NEARLY * detections[:, 5].max()
        best = int(np.where(sure, sizes.prod(axis=1), -1).argmax())
        return Chosen(int(steps["detection_proposals"][best]), int(detections[best, 4]), best)
    objects = steps["class_probs"][:, 1:]  # (R, K - 1)
    region, class_id = np.unravel_index(objects.argmax(), objects.shape)
    return Chosen(int(region), int(class_id) + 1, None)


def _row_of(result, detections, number):
    """The row of an object among the detections, some of which are too small for the result."""
    if isinstance(number, bool) or number not in range(len(result)):
        there = f"there are {len(result)}, counted from 0" if len(result) else "there is none"
        raise SettingError(f"no object has the number {number!r}: {there}")
    row = -1
    for score, class_id in zip(result.scores[: number + 1], result.class_ids, strict=False):
        row += 1
        while detections[row, 5] != score or detections[row, 4] != class_id:
            row += 1
    return row


def level_scores(steps):
    """Return, for each pyramid level, the best score of each cell's anchors: 5 times (H, W)."""
    maps, start = [], 0
    cells = [steps[f"p{level}"].shape[:2] for level in range(2, 7)]
    ratios = len(steps["anchors"]) // sum(height * width for height, width in cells)
    for height, width in cells:
        end = start + height * width * ratios
        maps.append(steps["rpn_probs"][start:end, 1].reshape(height, width, ratios).max(axis=2))
        start = end
    return maps


def anchors_at(steps, centre):
    """Return, for each level, the anchors of the cell nearest to a point: 5 times (3, 4).

    In pixels of the input, as is `centre` (y, x).
    """
    boxes, start = to_pixels(steps["anchors"], steps["molded"].shape), 0
    found, cells = [], [steps[f"p{level}"].shape[:2] for level in range(2, 7)]
    ratios = len(boxes) // sum(height * width for height, width in cells)
    sides = steps["molded"].shape[:2]
    for height, width in cells:
        row, column = (
            min(round(place / (side // count)), count - 1)
            for place, side, count in zip(centre, sides, (height, width), strict=True)
        )
        first = start + (row * width + column) * ratios
        found.append(boxes[first : first + ratios])
        start += height * width * ratios
    return found
