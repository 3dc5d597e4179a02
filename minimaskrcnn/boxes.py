"""Box geometry: areas, overlap (IoU), deltas, clipping, and the two units that boxes come in.

Idea    A box is y1 x1 y2 x2. Inside the network boxes are normalised to its input, so that they
        mean the same on every pyramid level; "deltas" describe a box relative to another.
Paper   Deltas: R-CNN (arXiv:1311.2524), appendix C. The units are those that the COCO weights were
        trained with (github.com/matterport/Mask_RCNN, `norm_boxes`).
Shapes  boxes (N, 4); deltas (N, 4) as dy, dx, log dh, log dw; IoU (N, M)
"""

import numpy as np
from numba import njit

# A pixel box excludes its end, a normalised one includes it: 0 … 1 spans first to last pixel.
_END = np.array([0.0, 0.0, 1.0, 1.0])


def areas(boxes):
    """Return height · width of each box, without any + 1.

    Parameters
    ----------
    boxes : (N, 4), any unit

    Returns
    -------
    (N,) of the same dtype

    Examples
    --------
    >>> areas(np.array([[0.0, 0.0, 2.0, 3.0]]))
    array([6.])
    """
    check_boxes(boxes)
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def iou_matrix(a, b):
    """Return the intersection over union of every box of `a` with every box of `b`.

    Parameters
    ----------
    a : (N, 4), any unit
    b : (M, 4), the same unit

    Returns
    -------
    (N, M) in 0 … 1, dtype of the boxes; 0 where boxes only touch and for boxes without area

    Examples
    --------
    >>> iou_matrix(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0.0, 1.0, 2.0, 3.0]]))
    array([[0.33333333]])
    """
    check_boxes(a, "a")
    check_boxes(b, "b")
    return _iou_matrix(a, b)


@njit(cache=True, nogil=True)
def _iou_matrix(a, b):
    iou = np.zeros((len(a), len(b)), a.dtype)
    for i in range(len(a)):
        area_a = (a[i, 2] - a[i, 0]) * (a[i, 3] - a[i, 1])
        for j in range(len(b)):
            height = min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0])
            width = min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1])
            if height > 0 and width > 0:
                inter = height * width
                area_b = (b[j, 2] - b[j, 0]) * (b[j, 3] - b[j, 1])
                iou[i, j] = inter / (area_a + area_b - inter)
    return iou


def encode_deltas(boxes, targets):
    """Return the deltas that move `boxes` onto `targets`: the inverse of `apply_deltas`.

    dy = (target's centre - box's centre) / box's height, log dh = log(target's height / box's
    height); x likewise. Both need a positive height and width.

    Parameters
    ----------
    boxes, targets : (N, 4), the same unit

    Returns
    -------
    (N, 4) dy, dx, log dh, log dw

    Examples
    --------
    >>> encode_deltas(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0]]))
    array([[0.5, 0. , 0. , 0. ]])
    """
    check_boxes(boxes)
    check_boxes(targets, "targets")
    size = boxes[:, 2:] - boxes[:, :2]  # (N, 2): height, width
    target_size = targets[:, 2:] - targets[:, :2]
    if (size <= 0).any() or (target_size <= 0).any():
        raise ValueError("encode_deltas wants boxes and targets of positive height and width")
    half = boxes.dtype.type(0.5)
    centre = boxes[:, :2] + half * size
    target_centre = targets[:, :2] + half * target_size
    return np.concatenate(
        [(target_centre - centre) / size, np.log(target_size / size)], axis=1
    )  # (N, 4)


def apply_deltas(boxes, deltas):
    """Move and scale each box by its deltas.

    New centre = centre + delta · size; new size = size · exp(delta), with no limit on the exponent.

    Parameters
    ----------
    boxes : (N, 4), any unit
    deltas : (N, 4) dy, dx, log dh, log dw; already multiplied by their standard deviation

    Returns
    -------
    (N, 4) in the unit of `boxes`

    Examples
    --------
    >>> apply_deltas(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0.5, 0.0, 0.0, 0.0]]))
    array([[1., 0., 3., 2.]])
    """
    check_boxes(boxes)
    check_boxes(deltas, "deltas")
    half = boxes.dtype.type(0.5)
    size = boxes[:, 2:] - boxes[:, :2]  # (N, 2)
    centre = boxes[:, :2] + half * size + deltas[:, :2] * size
    size = size * np.exp(deltas[:, 2:])
    start = centre - half * size
    return np.concatenate([start, start + size], axis=1)  # (N, 4)


def clip(boxes, window):
    """Cut the boxes off at a window (y1, x1, y2, x2) in their own unit; outside becomes area 0."""
    check_boxes(boxes)
    y1, x1, y2, x2 = np.asarray(window, boxes.dtype)
    low = np.array([y1, x1, y1, x1], boxes.dtype)
    high = np.array([y2, x2, y2, x2], boxes.dtype)
    return np.clip(boxes, low, high)  # (N, 4)


def normalise(boxes_pixels, shape):
    """Return pixel boxes (end excluded) as normalised ones (end included): 0 … 1 over the image.

    Parameters
    ----------
    boxes_pixels : (N, 4)
    shape : (H, W, ...) of the image in pixels

    Returns
    -------
    (N, 4) float32, not clipped

    Examples
    --------
    >>> normalise(np.array([[0, 0, 101, 51]]), (101, 101))
    array([[0. , 0. , 1. , 0.5]], dtype=float32)
    """
    check_boxes(boxes_pixels)
    return ((boxes_pixels - _END) / _span(shape)).astype(np.float32)


def to_pixels(boxes, shape):
    """Return normalised boxes as pixel boxes (end excluded): the inverse of `normalise`.

    Parameters
    ----------
    boxes : (N, 4) normalised
    shape : (H, W, ...) of the image in pixels

    Returns
    -------
    (N, 4) int32, rounded half to even

    Examples
    --------
    >>> to_pixels(np.array([[0.0, 0.0, 1.0, 0.5]]), (101, 101))
    array([[  0,   0, 101,  51]], dtype=int32)
    """
    check_boxes(boxes)
    return np.around(boxes.astype(np.float64) * _span(shape) + _END).astype(np.int32)


def _span(shape):
    """What a normalised 1 is worth in pixels; a side of one pixel has nothing to divide by."""
    height, width = max(shape[0] - 1, 1), max(shape[1] - 1, 1)
    return np.array([height, width, height, width], np.float64)


def check_boxes(boxes, name="boxes"):
    """Raise a ValueError unless `boxes` is an array of shape (N, 4)."""
    if not isinstance(boxes, np.ndarray) or boxes.ndim != 2 or boxes.shape[1] != 4:
        found = getattr(boxes, "shape", type(boxes).__name__)
        raise ValueError(f"{name} must be an array of shape (N, 4), got {found}")
