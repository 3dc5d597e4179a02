"""Cutouts: a picture, and its objects' masks, each over its own box.

Idea    The masks of a picture with hundreds of objects would fill a gigabyte, each over the whole
        picture; over their boxes they take less than the picture. A dataset in files has them as
        run lengths, and only what lies in the box is ever unpacked.
Shapes  Example (H, W), masks (N, H, W) or run lengths  ->  Cutouts, N masks (h, w)
"""

from dataclasses import dataclass

import numpy as np

from minimaskrcnn.coco_masks import rle


@dataclass(frozen=True, eq=False)
class Cutouts:
    """A picture, and the objects in it, each over its box alone."""

    image: np.ndarray  # (H, W, 3) uint8, RGB
    class_ids: np.ndarray  # (N,) int64, as in Example
    boxes: np.ndarray  # (N, 4) int32, y1 x1 y2 x2 in pixels, end excluded
    masks: tuple[np.ndarray, ...]  # N times (h, w) bool, over the box


def cutouts(example):
    """Return the Cutouts of an Example; objects without a pixel are left out."""
    boxes = example.boxes
    rows = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    masks = tuple(_over_box(example.masks[i], boxes[i]) for i in rows)
    return Cutouts(example.image, example.class_ids[rows], boxes[rows], masks)


def cutouts_of(examples, index):
    """Return the Cutouts of one of a sequence's examples."""
    return cutouts(packed_of(examples, index))


def packed_of(examples, index):
    """Return one of a sequence's examples; a dataset in files gives its masks as run lengths."""
    packed = getattr(examples, "packed", None)
    return examples[index] if packed is None else packed(index)


def _over_box(mask, box):
    if isinstance(mask, dict):
        return rle.decode_in_box(mask, box)
    y1, x1, y2, x2 = box.tolist()
    return mask[y1:y2, x1:x2].copy()


def within(picture, window):
    """Return what of the objects lies in a window.

    Parameters
    ----------
    picture : Cutouts
    window : (4,) y1 x1 y2 x2, pixels of the picture, end excluded

    Returns
    -------
    (N, h, w) bool, of the size of the window; crowds are left out
    """
    top, left, bottom, right = (int(edge) for edge in window)
    objects = np.flatnonzero(picture.class_ids > 0)
    masks = np.zeros((len(objects), bottom - top, right - left), bool)
    for mask, i in zip(masks, objects, strict=True):
        y1, x1, y2, x2 = picture.boxes[i].tolist()
        seen = picture.masks[i][max(top - y1, 0) : bottom - y1, max(left - x1, 0) : right - x1]
        if top < y2 and y1 < bottom and left < x2 and x1 < right:
            y, x = max(y1 - top, 0), max(x1 - left, 0)
            mask[y : y + seen.shape[0], x : x + seen.shape[1]] = seen
    return masks
