"""Two results: whether they say the same, and both as one.

Idea    Results are the same if they say the same of the same photograph, to the pixel; where the
        file lay and how long it took do not matter. Joined, the objects of both stand together, as
        if one model had found them: of two models on one photograph, or of parts of one result.
Shapes  Detections, Detections  ->  bool, Detections
"""

from dataclasses import replace

import numpy as np

from minimaskrcnn.errors import ImageError


def same(first, second):
    """Whether two results say the same: photograph, classes, boxes, scores and every mask.

    Parameters
    ----------
    first, second : Detections

    Returns
    -------
    bool
    """
    names = ("image", "boxes", "class_ids", "scores")
    if first.class_names != second.class_names:
        return False
    if not all(np.array_equal(getattr(first, n), getattr(second, n)) for n in names):
        return False
    return all(a.run_lengths == b.run_lengths for a, b in zip(first, second, strict=True))


def joined(first, second):
    """The objects of two results of one photograph as one result, the best score first.

    Classes of the second that the first does not have are added to its own. Nothing is dropped,
    also where both found the same object.

    Parameters
    ----------
    first, second : Detections

    Returns
    -------
    Detections

    Raises
    ------
    ImageError
        If the photographs differ.
    """
    if not np.array_equal(first.image, second.image):
        raise ImageError("only results of the same photograph can be joined; these two differ")
    names, class_ids = first.class_names, second.class_ids
    if second.class_names != names:
        names += tuple(dict.fromkeys(n for n in second.class_names[1:] if n not in names))
        class_ids = np.array([names.index(label) for label in second.labels], np.int64)
    both = replace(
        first,
        boxes=np.concatenate([first.boxes, second.boxes]),
        class_ids=np.concatenate([first.class_ids, class_ids]),
        scores=np.concatenate([first.scores, second.scores]),
        mask_probs=_stacked(first.mask_probs, second.mask_probs),
        mask_boxes=_beside(first, second, "mask_boxes"),
        exact_boxes=_beside(first, second, "exact_boxes"),
        class_names=names,
        source=first.source or second.source,
        seconds={},
    )
    return both[np.argsort(-both.scores, kind="stable")]


def _stacked(first, second):
    """Masks of both, (N + M, h, w) where they are of one size, else (N + M,) arrays."""
    if first.shape[1:] == second.shape[1:] and first.dtype == second.dtype:
        return np.concatenate([first, second])
    return ragged([*first, *second])


def _beside(first, second, name):
    """Boxes of both, (N + M, 4); None if neither has its own, apart from `boxes`."""
    both = [getattr(first, name), getattr(second, name)]
    if both[0] is None and both[1] is None:
        return None
    pairs = zip(both, (first, second), strict=True)
    return np.concatenate([result.boxes if own is None else own for own, result in pairs])


def ragged(masks):
    """Arrays of different shapes as one (N,) array of objects, which can be indexed like others."""
    array = np.empty(len(masks), object)
    for i, mask in enumerate(masks):
        array[i] = mask
    return array
