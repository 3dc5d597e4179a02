"""Overlap: how far do what was found and what is there agree?

Idea    Intersection over union, for boxes and for masks alike. Masks are compared as run lengths:
        walking along both lists of runs counts the pixels that they share, and no mask is drawn.
        A crowd is a region full of objects that nobody has outlined one by one. Any number of
        detections may lie in it, and "in it" means: intersection over the detection's own area.
Paper   Microsoft COCO (arXiv:1405.0312), section 5, and the COCO API.
Shapes  D detections, G objects  ->  overlaps (D, G) float64
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from minimaskrcnn.boxes import areas
from minimaskrcnn.coco_masks.rle import run_lengths


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
    found_runs, object_runs = unpacked(found), unpacked(objects)
    check_sizes([*found, *objects])
    return overlaps_of_runs(found_runs, object_runs, crowd)


def check_sizes(rles):
    """Raise a ValueError unless all masks, a list of RLEs, have one size."""
    sizes = {tuple(rle["size"]) for rle in rles}
    if len(sizes) > 1:
        raise ValueError(f"masks that are compared must have one size, got {sorted(sizes)}")


@dataclass(frozen=True)
class Runs:
    """Masks as runs: zeros, ones, zeros, ones …, column by column."""

    ends: list[np.ndarray]  # where each run of a mask ends: (N,) int64
    areas: np.ndarray  # pixels of each mask, float64


def unpacked(rles):
    """Unpack masks once, for several comparisons.

    Parameters
    ----------
    rles : list of D RLEs

    Returns
    -------
    Runs

    Raises
    ------
    ValueError
        If one is damaged.
    """
    counts = [run_lengths(rle) for rle in rles]
    areas = np.array([ones[1::2].sum() for ones in counts], np.float64)
    return Runs([ends.cumsum() for ends in counts], areas)


def overlaps_of_runs(found, objects, crowd, pairs=None):
    """`mask_overlaps` of masks that are unpacked already.

    Parameters
    ----------
    found, objects : Runs of D and of G masks
    crowd : (G,) bool
    pairs : (D, G) bool, which of them to compare (the others overlap by 0); None for all

    Returns
    -------
    (D, G) float64
    """
    shared = np.zeros((len(found.ends), len(objects.ends)))  # (D, G)
    pairs = np.ones(shared.shape, bool) if pairs is None else pairs
    for d, g in np.argwhere(pairs):
        shared[d, g] = _shared_pixels(found.ends[d], objects.ends[g])
    return _ratio(shared, found.areas, objects.areas, crowd)


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
