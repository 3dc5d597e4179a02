"""Masks: from 28 x 28 probabilities to the pixels of the photograph.

Idea    The mask head predicts every object on a grid of 28 x 28, whatever the object's size. The
        grid is stretched to the object's box; a pixel whose probability is at least one half
        belongs to the object.
Paper   Mask R-CNN (arXiv:1703.06870), section 3.1, "Inference".
Shapes  detections (N, 6), window, image shape  ->  boxes (N, 4) in pixels
        mask_probs (28, 28), box, image shape   ->  mask (H, W) bool
"""

import numpy as np

from minimaskrcnn.resizing import resize


def of_class(class_masks, class_ids):
    """Select, from each object's K masks, the mask of its class.

    Parameters
    ----------
    class_masks : (N, h, w, K) float32
    class_ids : (N,) integers, 0 … K - 1

    Returns
    -------
    (N, h, w) float32

    Raises
    ------
    ValueError
        If there is not one class for each object, or a class is not one of the K.
    """
    if class_masks.ndim != 4 or class_ids.shape != class_masks.shape[:1]:
        raise ValueError(
            "of_class wants masks (N, h, w, K) and classes (N,), got "
            f"{class_masks.shape} and {class_ids.shape}"
        )
    classes = class_masks.shape[3]
    if not ((class_ids >= 0) & (class_ids < classes)).all():
        raise ValueError(f"classes must be 0 … {classes - 1}, got {class_ids.tolist()}")
    return class_masks[np.arange(len(class_ids)), :, :, class_ids]


def paste_mask(mask_probs, box, shape, threshold=0.5):
    """Paste one object's mask into an image-sized array.

    Parameters
    ----------
    mask_probs : (h, w) float32, probabilities over the box
    box : (4,) int, pixels, end excluded, within the image
    shape : (H, W, ...) of the image in pixels
    threshold : a pixel belongs to the object if its probability is at least this

    Returns
    -------
    (H, W) bool

    Raises
    ------
    ValueError
        If the box is empty or leaves the image, or the probabilities are not (h, w) or hold NaN.
    """
    y1, x1, y2, x2 = (int(edge) for edge in box)
    if not (0 <= y1 < y2 <= shape[0] and 0 <= x1 < x2 <= shape[1]):
        raise ValueError(f"box {(y1, x1, y2, x2)} does not lie within the image {tuple(shape[:2])}")
    mask = np.zeros(shape[:2], bool)
    mask[y1:y2, x1:x2] = stretch_mask(mask_probs, y2 - y1, x2 - x1, threshold)
    return mask


def stretch_mask(mask_probs, height, width, threshold=0.5):
    """Stretch one object's mask to its box, and apply the threshold.

    Parameters
    ----------
    mask_probs : (h, w) float32, 0 … 1
    height, width : size of the box in pixels
    threshold : a pixel belongs to the object if its probability is at least this

    Returns
    -------
    (height, width) bool

    Raises
    ------
    ValueError
        If `mask_probs` is not (h, w), or holds NaN.
    """
    if mask_probs.ndim != 2 or np.isnan(mask_probs).any():
        raise ValueError(f"mask_probs must be (h, w) without NaN, got {mask_probs.shape}")
    return resize(mask_probs, height, width) >= threshold
