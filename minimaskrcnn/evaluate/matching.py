"""Matching: which detection has found which object of an image.

Idea    The detections of one class choose in turn, best score first: each takes the free object
        that it overlaps most, if by at least the threshold. What is left over is a false alarm on
        one side and a miss on the other. Classes do not meet: where detection and object are of
        two classes, the overlap counts as 0.
        Objects can be ignored, crowds and those of another size than asked for; a detection that
        finds one is neither right nor wrong, and takes one only if no other object will do.
Paper   Microsoft COCO (arXiv:1405.0312), section 5; the order of choice is the COCO API's.
Shapes  D detections, best score first; G objects: overlaps (D, G), matches (D,) indices into G;
        T thresholds, A area ranges: right, wrong (A, T, D)
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def match(overlaps, threshold, crowd, ignored):
    """For each detection the object it finds, or -1.

    Parameters
    ----------
    overlaps : (D, G) float64, detections with the best score first
    threshold : float, the least overlap; an overlap equal to it is enough
    crowd, ignored : (G,) bool; a crowd can be found any number of times, others once

    Returns
    -------
    matches : (D,) int64. Of equal overlaps the later object is taken, as in the COCO API

    Examples
    --------
    >>> overlaps = np.array([[0.9, 0.6], [0.8, 0.1]])  # both want object 0; the first gets it
    >>> no = np.array([False, False])
    >>> match(overlaps, 0.5, no, no)
    array([ 0, -1])
    """
    matches = np.full(len(overlaps), -1, np.int64)
    free = np.ones(overlaps.shape[1], np.bool_)
    for d in range(overlaps.shape[0]):
        least = threshold
        for ignorable in (False, True):  # ignored objects only if no other is found
            if matches[d] >= 0:
                break
            for g in range(overlaps.shape[1]):
                if free[g] and ignored[g] == ignorable and overlaps[d, g] >= least:
                    matches[d], least = g, overlaps[d, g]
        if matches[d] >= 0 and not crowd[matches[d]]:
            free[matches[d]] = False
    return matches


@njit(cache=True, nogil=True)
def ranks_in_class(class_ids):
    """For each detection, how many of its class come before it.

    Parameters
    ----------
    class_ids : (D,) int64, the best detection first

    Returns
    -------
    (D,) int64

    Examples
    --------
    >>> ranks_in_class(np.array([3, 1, 3, 3, 1]))
    array([0, 0, 1, 2, 1])
    """
    ranks = np.zeros(len(class_ids), np.int64)
    for d in range(len(class_ids)):
        for e in range(d):
            ranks[d] += class_ids[e] == class_ids[d]
    return ranks


@njit(cache=True, nogil=True)
def match_all(overlaps, thresholds, area_ranges, found_areas, object_areas, crowd):
    """Judge all detections for each area range and threshold.

    Ignored are crowds and the objects outside of the area range. A detection does not count if it
    finds one of them, or finds nothing and is itself outside of the range.

    Parameters
    ----------
    overlaps : (D, G) float64, detections with the best score first
    thresholds : (T,) float64
    area_ranges : (A, 2) float64, both ends included
    found_areas, object_areas : (D,) and (G,) float64
    crowd : (G,) bool

    Returns
    -------
    right, wrong : (A, T, D) bool; what is neither does not count
    counted : (A, G) bool, the objects that are to be found
    """
    shape = (len(area_ranges), len(thresholds), len(overlaps))
    right, wrong = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    counted = np.zeros((len(area_ranges), len(crowd)), np.bool_)
    for a in range(len(area_ranges)):
        low, high = area_ranges[a]
        ignored = crowd | (object_areas < low) | (object_areas > high)  # (G,)
        counted[a] = ~ignored
        for t in range(len(thresholds)):
            matches = match(overlaps, thresholds[t], crowd, ignored)  # (D,)
            for d in range(len(matches)):
                if matches[d] >= 0:
                    right[a, t, d] = not ignored[matches[d]]
                else:
                    wrong[a, t, d] = low <= found_areas[d] <= high
    return right, wrong, counted
