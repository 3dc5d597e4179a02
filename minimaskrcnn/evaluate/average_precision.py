"""Average precision (AP): from detections judged right or wrong to the number everybody quotes.

Idea    Sort all detections of a class by score and walk down the list. After each, precision is
        the share of the detections so far that were right, recall the share of the objects found.
        AP is the mean precision over recall 0 … 1: the area under that curve. "Right" depends on
        how much overlap is asked for, so COCO averages over ten thresholds, and over the classes.
        Average recall (AR) is the recall at the end of the list, averaged in the same way.
Paper   Microsoft COCO (arXiv:1405.0312); the numbers are those of the COCO API, described at
        cocodataset.org/#detection-eval. Interpolated precision: The PASCAL Visual Object Classes
        Challenge (Everingham et al., IJCV 2010), section 4.2.
Shapes  T = 10 thresholds, R = 101 recalls, K classes, A = 4 area ranges, M = 3 limits on the
        detections of a class in an image:  precision (T, R, K, A, M), recall (T, K, A, M)
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from minimaskrcnn.evaluate.matching import match
from minimaskrcnn.evaluate.rules import AREA_RANGES, COCO_RULES, RECALLS


@dataclass(frozen=True)
class Judged:
    """The detections of one class in one image, best first, and how each was judged."""

    scores: np.ndarray  # (D,)
    right: np.ndarray  # (A, T, D) bool
    wrong: np.ndarray  # (A, T, D) bool; what is neither does not count
    num_objects: np.ndarray  # (A,), without the ignored


def match_image(scores, overlaps, found_areas, object_areas, crowd, rules=COCO_RULES):
    """Judge the detections of one class in one image, for all area ranges and thresholds.

    Ignored are crowds and the objects outside of the area range. A detection does not count if it
    finds one of them, or finds nothing and is itself outside of the range.

    Parameters
    ----------
    scores, found_areas : (D,) best score first
    overlaps : (D, G) of `matching`
    object_areas, crowd : (G,)
    rules : Rules; read are the thresholds

    Returns
    -------
    Judged
    """
    shape = (len(AREA_RANGES), len(rules.thresholds), len(scores))
    right, wrong = np.zeros(shape, bool), np.zeros(shape, bool)
    num_objects = np.zeros(len(AREA_RANGES), np.int64)
    for a, (low, high) in enumerate(AREA_RANGES.values()):
        ignored = crowd | (object_areas < low) | (object_areas > high)  # (G,)
        in_range = (found_areas >= low) & (found_areas <= high)  # (D,)
        num_objects[a] = np.count_nonzero(~ignored)
        for t, threshold in enumerate(rules.thresholds):
            matches = match(overlaps, threshold, crowd, ignored)  # (D,)
            hits = matches >= 0
            right[a, t, hits] = ~ignored[matches[hits]]
            wrong[a, t] = ~hits & in_range
    return Judged(scores, right, wrong, num_objects)


def precision_recall(right, wrong, num_objects):
    """Walk down the list of detections: precision and recall after each.

    Parameters
    ----------
    right, wrong : (D,) bool, best score first; what is neither does not count
    num_objects : int, how many there are to find

    Returns
    -------
    precision, recall : (D,) float64

    Examples
    --------
    >>> right = np.array([True, False, True])
    >>> precision_recall(right, ~right, 4)
    (array([1.        , 0.5       , 0.66666667]), array([0.25, 0.25, 0.5 ]))
    """
    num_right, num_wrong = np.cumsum(right), np.cumsum(wrong)
    return num_right / np.maximum(num_right + num_wrong, 1), num_right / num_objects


def interpolate(precision, recall):
    """Read the curve off at the 101 recalls: the best precision to be had at that recall or more.

    Where the detections do not reach a recall it is 0. The mean of the 101 values is the AP.

    Parameters
    ----------
    precision, recall : (D,) of `precision_recall`

    Returns
    -------
    (101,) float64

    Examples
    --------
    >>> curve = interpolate(np.array([1, 0.5, 2 / 3]), np.array([0.25, 0.25, 0.5]))
    >>> curve[[0, 25, 26, 50, 51]]  # the dip to 0.5 is filled; beyond recall 0.5 is nothing
    array([1.        , 1.        , 0.66666667, 0.66666667, 0.        ])
    """
    best_to_come = np.maximum.accumulate(precision[::-1])[::-1]  # (D,)
    first = np.searchsorted(recall, RECALLS, side="left")  # (101,): where the recall is reached
    return np.append(best_to_come, 0.0)[first]


def tables(judged, rules=COCO_RULES):
    """Precision and recall of every class, threshold, area range and limit.

    Parameters
    ----------
    judged : K lists of Judged, one per image in which the class is or was found
    rules : Rules

    Returns
    -------
    precision (T, R, K, A, M), recall (T, K, A, M) : float64; -1 where there is no object to find
    """
    thresholds, counts = len(rules.thresholds), (len(judged), len(AREA_RANGES), len(rules.limits))
    precision = np.full((thresholds, len(RECALLS), *counts), -1.0)
    recall = np.full((thresholds, *counts), -1.0)
    found = [k for k, images in enumerate(judged) if images]
    for k, (m, limit) in product(found, enumerate(rules.limits)):
        right, wrong, num_objects = _pooled(judged[k], limit)
        for a, t in product(np.flatnonzero(num_objects), range(thresholds)):
            curve = precision_recall(right[a, t], wrong[a, t], num_objects[a])
            precision[t, :, k, a, m] = interpolate(*curve)
            recall[t, k, a, m] = curve[1][-1] if len(curve[1]) else 0.0
    return precision, recall


def _pooled(images, limit):
    """All images' detections of a class in one list, best first (equal scores in order)."""
    scores = np.concatenate([image.scores[:limit] for image in images])  # (D,)
    order = np.argsort(-scores, kind="stable")
    right = np.concatenate([image.right[..., :limit] for image in images], axis=2)  # (A, T, D)
    wrong = np.concatenate([image.wrong[..., :limit] for image in images], axis=2)
    return right[..., order], wrong[..., order], sum(image.num_objects for image in images)


def average(table, threshold=None, area_range="all", limit=None, rules=COCO_RULES):
    """The mean of a precision or recall table over what is not fixed; -1 if there is no object.

    Parameters
    ----------
    table : precision (T, R, K, A, M) or recall (T, K, A, M), of all classes or some
    threshold : one of the thresholds, or None for the mean over them
    area_range : one of AREA_RANGES
    limit : one of the limits, or None for the largest
    rules : Rules that the table was made by

    Returns
    -------
    float
    """
    limit = rules.limits[-1] if limit is None else limit
    values = table[..., list(AREA_RANGES).index(area_range), rules.limits.index(limit)]
    if threshold is not None:
        values = values[np.isclose(rules.thresholds, threshold)]
    values = values[values > -1]
    return float(values.mean()) if values.size else -1.0
