"""Evaluation: compare what was found in many images with what is there, as COCO does.

Idea    In each image the detections are matched to the objects of their class (`matching`);
        from all images together come precision and recall, and their averages
        (`average_precision`): the twelve numbers by which detectors are compared, once for boxes
        and once for masks.
Paper   Microsoft COCO (arXiv:1405.0312), and the COCO API, whose numbers these are.
Shapes  per image: G objects, D detections; K classes without the background
Notes   As in the COCO API, crowds are the only regions to be ignored: an annotation's own "ignore"
        flag has no effect. An object's size is the area in its annotation; a detection's is the
        area of its box for boxes and of its mask for masks (the API takes the box's for masks as
        well if results carry both; its users delete the boxes).
"""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from minimaskrcnn.boxes import areas
from minimaskrcnn.evaluate.average_precision import Judged, average, tables
from minimaskrcnn.evaluate.matching import match_all, ranks_in_class
from minimaskrcnn.evaluate.overlaps import box_overlaps, check_sizes, overlaps_of_runs, unpacked
from minimaskrcnn.evaluate.rules import AREA_RANGES, COCO_RULES, Rules
from minimaskrcnn.evaluate.sides import Found, checked_found, checked_truth

# The twelve numbers: measure, threshold (None: mean of all), area range, limit.
# fmt: off
SUMMARY = (
    ("AP", None, "all", 100), ("AP", 0.5, "all", 100), ("AP", 0.75, "all", 100),
    ("AP", None, "small", 100), ("AP", None, "medium", 100), ("AP", None, "large", 100),
    ("AR", None, "all", 1), ("AR", None, "all", 10), ("AR", None, "all", 100),
    ("AR", None, "small", 100), ("AR", None, "medium", 100), ("AR", None, "large", 100),
)
# fmt: on


@dataclass(frozen=True)
class Averages:
    """The numbers for boxes, or those for masks; -1 where there is no object to find."""

    precision: np.ndarray  # (T, R, K, A, M): precision[t, :, k, a, m] over RECALLS is a curve
    recall: np.ndarray  # (T, K, A, M)
    stats: np.ndarray  # (12,): the numbers of SUMMARY, or of `numbers_of` other rules
    class_ap: np.ndarray  # (K,): the first of them for each class alone


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` returns. T, R, A, M: see `average_precision`."""

    class_names: tuple[str, ...]  # K of them, without the background
    box: Averages
    mask: Averages | None  # None if masks were not judged
    rules: Rules = COCO_RULES  # thresholds and limits


def numbers_of(rules):
    """The lines of SUMMARY by other rules: a list of (measure, threshold, area range, limit).

    Parameters
    ----------
    rules : Rules

    Examples
    --------
    >>> numbers_of(COCO_RULES) == list(SUMMARY)
    True
    """
    most, sizes = rules.limits[-1], ("small", "medium", "large")
    single = [t for t in rules.thresholds if len(rules.thresholds) > 1]
    usual = [t for t in single if np.isclose(t, (0.5, 0.75)).any()]
    return [
        ("AP", None, "all", most),
        *(("AP", threshold, "all", most) for threshold in usual or single[:2]),
        *(("AP", None, size, most) for size in sizes),
        *(("AR", None, "all", limit) for limit in rules.limits),
        *(("AR", None, size, most) for size in sizes),
    ]


def evaluate(ground_truths, detections, class_names, masks=True, rules=COCO_RULES):
    """Compare what was found with what is there.

    Parameters
    ----------
    ground_truths : iterable of GroundTruth, one per image
    detections : iterable of Found or Detections, in the same order. Both may be generators:
        the images are not kept
    class_names : K + 1 names, the background first, as in `Config`
    masks : whether masks are judged besides boxes; then every object and detection has one
    rules : Rules, see `rules.make_rules`: other thresholds, more detections per image

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If the arrays of an image do not fit together, a number is not finite, a class is unknown,
        a mask is missing or of another size, or one iterable is longer than the other.

    Examples
    --------
    >>> from minimaskrcnn.evaluate import Found, GroundTruth
    >>> truth = GroundTruth(np.array([[0, 0, 40, 40]]), np.array([1]))
    >>> found = Found(np.array([[0, 0, 40, 26]]), np.array([1]), np.array([0.9]))
    >>> result = evaluate([truth], [found], ("background", "cat"), masks=False)
    >>> float(result.box.stats[0])  # IoU 0.65: right at 4 of the 10 thresholds
    0.4
    """
    names = tuple(class_names[1:])
    box_judged, mask_judged = [], []
    for image, (truth, found) in enumerate(zip_longest(ground_truths, detections)):
        if truth is None or found is None:
            raise ValueError(f"image {image} has only one of ground truth and detections")
        try:
            truth, found = checked_truth(truth, names, masks), checked_found(found, names, masks)
            found, ranks = _best_first(found, rules.limits[-1])
            box_judged.append(_judge(truth, found, ranks, *_by_boxes(truth, found), rules))
            if masks:
                mask_judged.append(_judge(truth, found, ranks, *_by_masks(truth, found), rules))
        except ValueError as error:
            raise ValueError(f"image {image} cannot be evaluated: {error}") from error
    mask = _averages(mask_judged, len(names), rules) if masks else None
    return Evaluation(names, _averages(box_judged, len(names), rules), mask, rules)


def _averages(judged, num_classes, rules):
    precision, recall = tables(judged, num_classes, rules)
    table = {"AP": precision, "AR": recall}
    stats = [average(table[measure], *which, rules) for measure, *which in numbers_of(rules)]
    class_ap = [average(precision[:, :, k : k + 1], rules=rules) for k in range(num_classes)]
    return Averages(precision, recall, np.array(stats), np.array(class_ap))


def _best_first(found, most):
    """The best `most` detections of each class, sorted by score, and their ranks in their class."""
    order = np.argsort(-found.scores, kind="stable")
    ranks = ranks_in_class(found.class_ids[order])  # (D,)
    order, ranks = order[ranks < most], ranks[ranks < most]
    masks = None if found.masks is None else [found.masks[i] for i in order]
    return Found(found.boxes[order], found.class_ids[order], found.scores[order], masks), ranks


def _by_boxes(truth, found):
    """Overlaps (D, G) and the detections' areas (D,)."""
    return box_overlaps(found.boxes, truth.boxes, truth.crowd), areas(found.boxes)


def _by_masks(truth, found):
    """The same for masks, whose size must be one."""
    found_runs, object_runs = unpacked(found.masks), unpacked(truth.masks)
    check_sizes([*found.masks, *truth.masks])
    same_class = found.class_ids[:, None] == truth.class_ids  # (D, G)
    overlaps = overlaps_of_runs(found_runs, object_runs, truth.crowd, same_class)
    return overlaps, found_runs.areas


def _judge(truth, found, ranks, overlaps, found_areas, rules):
    """A Judged of one image. No detection matches an object of another class."""
    overlaps = np.where(found.class_ids[:, None] == truth.class_ids, overlaps, 0.0)  # (D, G)
    thresholds, ranges = np.array(rules.thresholds), np.array([*AREA_RANGES.values()], np.float64)
    right, wrong, counted = match_all(
        overlaps, thresholds, ranges, found_areas, truth.areas, truth.crowd
    )
    return Judged(found.class_ids, found.scores, ranks, right, wrong, truth.class_ids, counted)
