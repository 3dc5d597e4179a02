"""The two sides that are compared: the objects that are in an image, and what was found in it.

Idea    Whatever form they come in, boxes are numbers, masks are run lengths, and nothing is left
        out before they are compared. A mask as run lengths takes little memory; a dense one is
        packed first.
Shapes  per image: G objects, D detections; K classes without the background
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from minimaskrcnn.boxes import areas
from minimaskrcnn.coco_masks import rle
from minimaskrcnn.results import Detections


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


def checked_truth(truth, names, masks):
    """The ground truth of an image in one form: float64, bool, RLEs, nothing left out.

    Parameters
    ----------
    truth : GroundTruth
    names : K class names
    masks : whether masks are compared

    Raises
    ------
    ValueError
        If the arrays do not fit together, or a value makes no sense.
    """
    boxes, class_ids, rles = _checked_objects(truth, names, masks)
    crowd, sizes = truth.crowd, truth.areas
    if crowd is None:
        crowd = np.zeros(len(boxes))
    if sizes is None:
        sizes = np.array([rle.area(mask) for mask in rles]) if masks else areas(boxes)
    crowd = _numbers(crowd, (len(boxes),), "crowd") != 0
    return GroundTruth(boxes, class_ids, rles, crowd, _numbers(sizes, (len(boxes),), "areas"))


def checked_found(found, names, masks):
    """What was found in an image in one form; see `checked_truth`."""
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
    rles = _packed_masks(objects)
    if len(rles) != len(boxes):
        raise ValueError(f"{len(boxes)} boxes want as many masks (or masks=False), got {len(rles)}")
    return boxes, class_ids.astype(np.int64), rles


def _packed_masks(objects):
    """The masks as run lengths; those of Detections are packed box by box, never drawn whole."""
    if isinstance(objects, Detections):
        return [detection.run_lengths for detection in objects]
    masks = [] if objects.masks is None else objects.masks
    return [mask if isinstance(mask, Mapping) else rle.encode(mask) for mask in masks]


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
