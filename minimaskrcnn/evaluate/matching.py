"""Matching: which detection has found which object of an image.

Idea    Two regions agree as far as they overlap: intersection over union, for boxes and for masks
        alike. The detections of one class choose in turn, best score first: each takes the free
        object that it overlaps most, if by at least the threshold. What is left over is a false
        alarm on one side and a miss on the other.
        A crowd is a region full of objects that nobody has outlined one by one. Any number of
        detections may lie in it, and "in it" means: intersection over the detection's own area.
        Objects can be ignored, crowds and those of another size than asked for; a detection that
        finds one is neither right nor wrong, and takes one only if no other object will do.
Paper   Microsoft COCO (arXiv:1405.0312), section 5; the order of choice is the COCO API's.
Shapes  D detections, best score first; G objects: overlaps (D, G), matches (D,) indices into G
"""

import numpy as np
from numba import njit

from minimaskrcnn.boxes import areas
from minimaskrcnn.coco_masks.rle import area, run_lengths


def box_overlaps(found, objects, crowd):
    """Intersection over union of boxes; over the detection's area where the object is a crowd.

    Parameters
    ----------
    found, objects : (D, 4) and (G, 4) float64, y1 x1 y2 x2 in pixels. Boxes of no or of
        negative height or width overlap nothing
    crowd : (G,) bool

    Returns
    -------
    overlaps : (D, G) float64

    Examples
    --------
    >>> a, b = np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 1, 4], [0, 0, 1, 4]])
    >>> box_overlaps(a, b, np.array([False, True]))  # 2 / (4 + 4 - 2) and 2 / 4
    array([[0.33333333, 0.5       ]])
    """
    start = np.maximum(found[:, None, :2], objects[None, :, :2])  # (D, G, 2)
    end = np.minimum(found[:, None, 2:], objects[None, :, 2:])
    shared = np.maximum(end - start, 0).prod(axis=2)  # (D, G)
    return _ratio(shared, areas(found), areas(objects), crowd)


def mask_overlaps(found, objects, crowd):
    """`box_overlaps` of masks: lists of D and G RLEs, all of one size (ValueError if not).

    Parameters
    ----------
    found, objects : lists of D and G RLEs
    crowd : (G,) bool, which objects are crowds

    Returns
    -------
    (D, G) float64
    """
    sizes = {tuple(rle["size"]) for rle in [*found, *objects]}
    if len(sizes) > 1:
        raise ValueError(f"masks that are compared have one size, got {sorted(sizes)}")
    found_ends = [np.cumsum(run_lengths(rle)) for rle in found]
    object_ends = [np.cumsum(run_lengths(rle)) for rle in objects]
    shared = [[_shared_pixels(a, b) for b in object_ends] for a in found_ends]
    shared = np.array(shared, np.float64).reshape(len(found), len(objects))  # (D, G)
    found_areas = np.array([area(rle) for rle in found])
    object_areas = np.array([area(rle) for rle in objects])
    return _ratio(shared, found_areas, object_areas, crowd)


def _ratio(shared, found_areas, object_areas, crowd):
    union = found_areas[:, None] + object_areas[None, :] - shared  # (D, G)
    whole = np.where(crowd[None, :], found_areas[:, None], union)
    return np.divide(shared, whole, out=np.zeros(shared.shape), where=shared > 0)


@njit(cache=True, nogil=True)
def _shared_pixels(ends, other_ends):  # (N,), (M,): where each run ends; odd runs are ones
    shared, position, i, j = 0, 0, 0, 0
    while i < len(ends) and j < len(other_ends):
        end = min(ends[i], other_ends[j])  # up to here neither mask changes
        if i % 2 == 1 and j % 2 == 1:
            shared += end - position
        position = end
        if ends[i] == end:
            i += 1
        if other_ends[j] == end:
            j += 1
    return shared


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
