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

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from minimaskrcnn.boxes import areas
from minimaskrcnn.coco_masks import rle
from minimaskrcnn.errors import shortened
from minimaskrcnn.evaluate.average_precision import LIMITS, average, match_image, tables
from minimaskrcnn.evaluate.matching import box_overlaps, mask_overlaps

# The twelve numbers: measure, threshold (None: mean of all), area range, limit.
# fmt: off
SUMMARY = (
    ("AP", None, "all", 100), ("AP", 0.5, "all", 100), ("AP", 0.75, "all", 100),
    ("AP", None, "small", 100), ("AP", None, "medium", 100), ("AP", None, "large", 100),
    ("AR", None, "all", 1), ("AR", None, "all", 10), ("AR", None, "all", 100),
    ("AR", None, "small", 100), ("AR", None, "medium", 100), ("AR", None, "large", 100),
)
# fmt: on
TITLES = {"AP": "Average Precision  (AP)", "AR": "Average Recall     (AR)"}


@dataclass(frozen=True)
class GroundTruth:
    """The objects that are in one image."""

    boxes: np.ndarray  # (G, 4), pixels, y1 x1 y2 x2, ends excluded
    class_ids: np.ndarray  # (G,) int, 1 … K
    masks: list | np.ndarray | None = None  # G masks, each (H, W) bool or an RLE
    crowd: np.ndarray | None = None  # (G,) bool: a region of many objects; None: no crowds
    areas: np.ndarray | None = None  # (G,) pixels; None: of the mask, or of the box without one


@dataclass(frozen=True)
class Found:
    """What was found in one image; `results.Detections` has these fields and serves as well."""

    boxes: np.ndarray  # (D, 4), pixels, y1 x1 y2 x2, ends excluded
    class_ids: np.ndarray  # (D,) int, 1 … K
    scores: np.ndarray  # (D,), in any order
    masks: list | np.ndarray | None = None  # D masks, each (H, W) bool or an RLE


@dataclass(frozen=True)
class Averages:
    """The numbers for boxes, or those for masks; -1 where there is no object to find."""

    precision: np.ndarray  # (T, R, K, A, M): precision[t, :, k, a, m] over RECALLS is a curve
    recall: np.ndarray  # (T, K, A, M)
    stats: np.ndarray  # (12,): the numbers of SUMMARY
    class_ap: np.ndarray  # (K,): the first of them for each class alone


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` returns. T, R, A, M: see `average_precision`."""

    class_names: tuple[str, ...]  # K of them, without the background
    box: Averages
    mask: Averages | None  # None if masks were not judged


def evaluate(ground_truths, detections, class_names, masks=True):
    """Compare what was found with what is there.

    Parameters
    ----------
    ground_truths : iterable of GroundTruth, one per image
    detections : iterable of Found or Detections, in the same order. Both may be generators:
        the images are not kept
    class_names : K + 1 names, the background first, as in `Config`
    masks : whether masks are judged besides boxes; then every object and detection has one

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
            truth, found = _checked_truth(truth, names, masks), _checked_found(found, names, masks)
            for k, objects, chosen in _by_class(truth, found):
                box_judged[k].append(_judge_boxes(truth, found, objects, chosen))
                mask_judged[k] += [_judge_masks(truth, found, objects, chosen)] if masks else []
        except ValueError as error:
            raise ValueError(f"image {image} cannot be evaluated: {error}") from error
    return Evaluation(names, _averages(box_judged), _averages(mask_judged) if masks else None)


def summary(evaluation):
    """The usual twelve lines, worded as the COCO API does, for boxes and then for masks: a str.

    Parameters
    ----------
    evaluation : Evaluation, from `evaluate`

    Returns
    -------
    str
    """
    lines = ["Boxes:", *_lines(evaluation.box)]
    if evaluation.mask is not None:
        lines += ["Masks:", *_lines(evaluation.mask)]
    return "\n".join(lines)


def by_class(evaluation, class_names):
    """A table of the first number, AP over IoU 0.50:0.95, for each class alone: a str.

    Parameters
    ----------
    evaluation : Evaluation, from `evaluate`
    class_names : the background first

    Returns
    -------
    str; -1 stands, as in the twelve lines, where there are no such objects
    """
    kinds = [evaluation.box, *([] if evaluation.mask is None else [evaluation.mask])]
    names = [shortened(name, 40) for name in class_names[1:]]
    width = max(map(len, ["AP by class", *names]))
    lines = [f"{'AP by class':{width}}  {'boxes':>6}  {'masks':>6}"[: width + 8 * len(kinds)]]
    for i, name in enumerate(names):
        values = "".join(f"  {averages.class_ap[i]:6.3f}" for averages in kinds)
        lines.append(f"{name:{width}}{values}")
    return "\n".join(lines)


def _lines(averages):
    for (measure, threshold, area_range, limit), value in zip(SUMMARY, averages.stats, strict=True):
        iou = "0.50:0.95" if threshold is None else f"{threshold:.2f}"
        which = f"IoU={iou:<9} | area={area_range:>6} | maxDets={limit:>3}"
        yield f" {TITLES[measure]} @[ {which} ] = {value:.3f}"


def _averages(judged):
    precision, recall = tables(judged)
    table = {"AP": precision, "AR": recall}
    stats = [average(table[measure], *which) for measure, *which in SUMMARY]
    class_ap = [average(precision[:, :, k : k + 1]) for k in range(len(judged))]
    return Averages(precision, recall, np.array(stats), np.array(class_ap))


def _by_class(truth, found):
    """For each class in the image: class - 1, rows of its objects, of its detections best first."""
    order = np.argsort(-found.scores, kind="stable")
    for class_id in np.union1d(truth.class_ids, found.class_ids):
        chosen = order[found.class_ids[order] == class_id]
        yield class_id - 1, np.flatnonzero(truth.class_ids == class_id), chosen[: max(LIMITS)]


def _judge_boxes(truth, found, objects, chosen):
    boxes, crowd = found.boxes[chosen], truth.crowd[objects]
    overlaps = box_overlaps(boxes, truth.boxes[objects], crowd)
    return match_image(found.scores[chosen], overlaps, areas(boxes), truth.areas[objects], crowd)


def _judge_masks(truth, found, objects, chosen):
    masks, crowd = [found.masks[i] for i in chosen], truth.crowd[objects]
    overlaps = mask_overlaps(masks, [truth.masks[i] for i in objects], crowd)
    mask_areas = np.array([rle.area(mask) for mask in masks])
    return match_image(found.scores[chosen], overlaps, mask_areas, truth.areas[objects], crowd)


def _checked_truth(truth, names, masks):
    """The ground truth of an image in one form: float64, bool, RLEs, nothing left out."""
    boxes, class_ids, rles = _checked_objects(truth, names, masks)
    crowd, sizes = truth.crowd, truth.areas
    if crowd is None:
        crowd = np.zeros(len(boxes))
    if sizes is None:
        sizes = np.array([rle.area(mask) for mask in rles]) if masks else areas(boxes)
    crowd = _numbers(crowd, (len(boxes),), "crowd") != 0
    return GroundTruth(boxes, class_ids, rles, crowd, _numbers(sizes, (len(boxes),), "areas"))


def _checked_found(found, names, masks):
    boxes, class_ids, rles = _checked_objects(found, names, masks)
    return Found(boxes, class_ids, _numbers(found.scores, (len(boxes),), "scores"), rles)


def _checked_objects(objects, names, masks):
    """Boxes (N, 4), class_ids (N,) and a list of N RLEs (or None) of either side."""
    boxes = _numbers(objects.boxes, (len(objects.boxes), 4), "boxes")
    class_ids = _numbers(objects.class_ids, (len(boxes),), "class_ids")
    unknown = ~np.isin(class_ids, np.arange(1, len(names) + 1))
    if unknown.any():
        raise ValueError(f"class ids are 1 … {len(names)}, got {class_ids[unknown][0]:g}")
    if not masks:
        return boxes, class_ids.astype(np.int64), None
    rles = [] if objects.masks is None else [_rle(mask) for mask in objects.masks]
    if len(rles) != len(boxes):
        raise ValueError(f"{len(boxes)} boxes want as many masks (or masks=False), got {len(rles)}")
    return boxes, class_ids.astype(np.int64), rles


def _rle(mask):
    return mask if isinstance(mask, Mapping) else rle.encode(mask)


def _numbers(values, shape, name):
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        array = None
    if array is None or array.shape != shape:
        found = type(values).__name__ if array is None else array.shape
        raise ValueError(f"{name} must be numbers of shape {shape}, got {found}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
    return array
