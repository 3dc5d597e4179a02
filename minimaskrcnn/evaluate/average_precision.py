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

from minimaskrcnn.evaluate.rules import AREA_RANGES, COCO_RULES, RECALLS


@dataclass(frozen=True)
class Judged:
    """The detections of one image, or of several, and how each was judged."""

    class_ids: np.ndarray  # (D,) 1 … K
    scores: np.ndarray  # (D,)
    ranks: np.ndarray  # (D,): 0 for the best of its class in its image, 1 for the next …
    right: np.ndarray  # (A, T, D) bool
    wrong: np.ndarray  # (A, T, D) bool; what is neither does not count
    object_classes: np.ndarray  # (G,) 1 … K
    counted: np.ndarray  # (A, G) bool: which objects are to be found; the others are ignored


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


def tables(judged, num_classes, rules=COCO_RULES):
    """Precision and recall of every class, threshold, area range and limit.

    Parameters
    ----------
    judged : list of Judged, one per image
    num_classes : K
    rules : Rules

    Returns
    -------
    precision (T, R, K, A, M), recall (T, K, A, M) : float64; -1 where there is no object to find
    """
    thresholds, counts = len(rules.thresholds), (num_classes, len(AREA_RANGES), len(rules.limits))
    precision = np.full((thresholds, len(RECALLS), *counts), -1.0)
    recall = np.full((thresholds, *counts), -1.0)
    for k, ranks, right, wrong, num_objects in _each_class(judged):
        for (m, limit), a in product(enumerate(rules.limits), np.flatnonzero(num_objects)):
            few = ranks < limit
            for t in range(thresholds):
                curve = precision_recall(right[a, t, few], wrong[a, t, few], num_objects[a])
                precision[t, :, k, a, m] = interpolate(*curve)
                recall[t, k, a, m] = curve[1][-1] if len(curve[1]) else 0.0
    return precision, recall


def _each_class(judged):
    """For each class: its index, ranks (D,), right and wrong (A, T, D), number of objects (A,).

    The detections of all images stand in one list, best first; equal scores in the images' order.
    """
    if not judged:
        return
    class_ids = np.concatenate([image.class_ids for image in judged])
    order = np.lexsort((-np.concatenate([image.scores for image in judged]), class_ids))
    ranks = np.concatenate([image.ranks for image in judged])[order]
    right = np.concatenate([image.right for image in judged], axis=2)[..., order]  # (A, T, D)
    wrong = np.concatenate([image.wrong for image in judged], axis=2)[..., order]
    object_classes = np.concatenate([image.object_classes for image in judged])
    counted = np.concatenate([image.counted for image in judged], axis=1)  # (A, G)
    for class_id in np.unique(object_classes):
        first, end = np.searchsorted(class_ids[order], (class_id, class_id + 1))
        num_objects = counted[:, object_classes == class_id].sum(axis=1)
        rows = slice(first, end)
        yield class_id - 1, ranks[rows], right[..., rows], wrong[..., rows], num_objects


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
