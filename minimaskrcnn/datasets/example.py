"""An example: a picture and the ground truth, the objects that are known to be in it.

Idea    Every dataset gives examples of this form. Training learns from them, and evaluation
        compares detections with them.
Shapes  image (H, W, 3), N objects: class_ids (N,), masks (N, H, W)
"""

from dataclasses import dataclass

import numpy as np

from minimaskrcnn.coco_masks import rle


@dataclass(frozen=True, eq=False)
class Example:
    """A picture and the objects in it."""

    image: np.ndarray  # (H, W, 3) uint8, RGB
    class_ids: np.ndarray  # (N,) int64, from 1; -c is a crowd of class c, which is not an object
    masks: np.ndarray | list | None  # (N, H, W) bool, the visible pixels of each; or N run lengths,
    # which are enough to evaluate; or None, if only boxes are known
    image_id: int | str = 0  # COCO's id of the image, or the seed of a scene
    stated_boxes: np.ndarray | None = None  # (N, 4) float64, as `boxes`, but from the annotations
    stated_areas: np.ndarray | None = None  # (N,) float64 pixels, too: COCO's evaluation uses these

    @property
    def boxes(self):
        """(N, 4) int32, y1 x1 y2 x2 in pixels, end excluded: the tight boxes of the masks."""
        return boxes_of_masks(self.masks)


def boxes_of_masks(masks):
    """Return the tight box of every mask.

    Parameters
    ----------
    masks : (N, H, W) bool, or a list of N run lengths

    Returns
    -------
    boxes : (N, 4) int32, y1 x1 y2 x2 in pixels, end excluded; 0 0 0 0 for an empty mask

    Examples
    --------
    >>> masks = np.zeros((1, 5, 5), bool)
    >>> masks[0, 1:3, 2:5] = True
    >>> boxes_of_masks(masks).tolist()
    [[1, 2, 3, 5]]
    """
    boxes = np.zeros((len(masks), 4), np.int32)
    for box, mask in zip(boxes, masks, strict=True):
        box[:] = rle.box(mask) if isinstance(mask, dict) else _box(mask)
    return boxes


def _box(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if len(rows) else 0
