"""The confusion matrix: which class was taken for which, what was missed, what was made up.

Idea    AP judges every class alone, so that a cat found as a dog is a miss here and a false alarm
        there. Matched without regard to classes, it is what it looks like: a confusion. Detections
        choose in turn, best score first, each the free object that it overlaps most (`matching`).
        Only the confident ones count: AP asks for doubtful detections, a user does not see them.
Shapes  G objects, D detections per image  ->  counts (K + 1, K + 1), row: what it is, column: what
        it was found as; 0 stands for nothing: row 0 are false alarms, column 0 are misses
"""

import numpy as np

from minimaskrcnn.evaluate.matching import match
from minimaskrcnn.evaluate.overlaps import box_overlaps, mask_overlaps
from minimaskrcnn.evaluate.sides import checked_found, checked_truth

CONFIDENT = 0.5  # the least score that counts
OVERLAP = 0.5  # the least IoU of a match


def confusion_matrix(pairs, class_names, masks=True, min_score=CONFIDENT, threshold=OVERLAP):
    """Count what was found as what.

    Parameters
    ----------
    pairs : iterable of (GroundTruth, Found), one per image
    class_names : K + 1 names, the background first
    masks : whether masks are compared, else boxes
    min_score : 0 … 1, the least score of a detection that counts
    threshold : the least IoU of a match

    Returns
    -------
    counts : (K + 1, K + 1) int64; what lies in a crowd is not counted

    Examples
    --------
    >>> from minimaskrcnn.evaluate import Found, GroundTruth
    >>> boxes = np.array([[0, 0, 9, 9], [0, 20, 9, 29]])
    >>> truth = GroundTruth(boxes, np.array([1, 2]))
    >>> found = Found(boxes[:1], np.array([2]), np.array([0.9]))
    >>> confusion_matrix([(truth, found)], ("background", "cat", "dog"), masks=False)
    array([[0, 0, 0],
           [0, 0, 1],
           [1, 0, 0]])
    """
    names = tuple(class_names[1:])
    counts = np.zeros((len(class_names), len(class_names)), np.int64)
    for truth, found in pairs:
        truth, found = checked_truth(truth, names, masks), checked_found(found, names, masks)
        order = np.argsort(-found.scores, kind="stable")
        order = order[found.scores[order] >= min_score]
        matches = _matches(truth, found, order, masks, threshold)
        for row, g in zip(order, matches, strict=True):
            if g < 0:
                counts[0, found.class_ids[row]] += 1
            elif not truth.crowd[g]:
                counts[truth.class_ids[g], found.class_ids[row]] += 1
        missed = np.setdiff1d(np.flatnonzero(~truth.crowd), matches)
        np.add.at(counts, (truth.class_ids[missed], 0), 1)
    return counts


def _matches(truth, found, order, masks, threshold):
    """(D,) for each detection in this order the object that it matches, or -1."""
    if masks:
        ordered = [found.masks[i] for i in order]
        overlaps = mask_overlaps(ordered, truth.masks, truth.crowd)
    else:
        overlaps = box_overlaps(found.boxes[order], truth.boxes, truth.crowd)
    return match(overlaps, threshold, truth.crowd, truth.crowd)
