"""Evaluation: compare what was found in many images with what is there, as COCO does.

Idea    In each image and for each class, the detections are matched to the objects (`matching`);
        from all images together come precision and recall, and their averages
        (`average_precision`): the twelve numbers by which detectors are compared, once for boxes
        and once for masks.
Paper   Microsoft COCO (arXiv:1405.0312), and the COCO API, whose numbers these are.
Shapes  an image: G objects, D detections; K classes without the background
Notes   As in the COCO API, crowds are the only regions to be ignored: an annotation's own "ignore"
        flag has no effect. An object's size is the area in its annotation; a detection's is the
        area of its box for boxes and of its mask for masks (the API takes the box's for masks as
        well if results carry both; its users delete the boxes).
"""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from minimaskrcnn.boxes import areas
from minimaskrcnn.coco_masks import rle
from minimaskrcnn.evaluate.average_precision import average, match_image, tables
from minimaskrcnn.evaluate.matching import box_overlaps, mask_overlaps
from minimaskrcnn.evaluate.rules import COCO_RULES, Rules
from minimaskrcnn.evaluate.sides import checked_found, checked_truth

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
    box_judged, mask_judged = [[] for _ in names], [[] for _ in names]
    for image, (truth, found) in enumerate(zip_longest(ground_truths, detections)):
        if truth is None or found is None:
            raise ValueError(f"image {image} has only one of ground truth and detections")
        try:
            truth, found = checked_truth(truth, names, masks), checked_found(found, names, masks)
            for k, *rows in _by_class(truth, found, rules.limits[-1]):
                box_judged[k].append(_judge_boxes(truth, found, *rows, rules))
                mask_judged[k] += [_judge_masks(truth, found, *rows, rules)] if masks else []
        except ValueError as error:
            raise ValueError(f"image {image} cannot be evaluated: {error}") from error
    mask = _averages(mask_judged, rules) if masks else None
    return Evaluation(names, _averages(box_judged, rules), mask, rules)


def _averages(judged, rules):
    precision, recall = tables(judged, rules)
    table = {"AP": precision, "AR": recall}
    stats = [average(table[measure], *which, rules) for measure, *which in numbers_of(rules)]
    class_ap = [average(precision[:, :, k : k + 1], rules=rules) for k in range(len(judged))]
    return Averages(precision, recall, np.array(stats), np.array(class_ap))


def _by_class(truth, found, most):
    """For each class in the image: class - 1, rows of its objects, of its detections best first."""
    order = np.argsort(-found.scores, kind="stable")
    for class_id in np.union1d(truth.class_ids, found.class_ids):
        chosen = order[found.class_ids[order] == class_id]
        yield class_id - 1, np.flatnonzero(truth.class_ids == class_id), chosen[:most]


def _judge_boxes(truth, found, objects, chosen, rules):
    boxes, crowd = found.boxes[chosen], truth.crowd[objects]
    overlaps = box_overlaps(boxes, truth.boxes[objects], crowd)
    sizes = areas(boxes), truth.areas[objects]
    return match_image(found.scores[chosen], overlaps, *sizes, crowd, rules)


def _judge_masks(truth, found, objects, chosen, rules):
    masks, crowd = [found.masks[i] for i in chosen], truth.crowd[objects]
    overlaps = mask_overlaps(masks, [truth.masks[i] for i in objects], crowd)
    mask_areas = np.array([rle.area(mask) for mask in masks])
    sizes = mask_areas, truth.areas[objects]
    return match_image(found.scores[chosen], overlaps, *sizes, crowd, rules)
