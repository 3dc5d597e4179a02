"""Box geometry: areas, overlap (IoU), deltas, clipping, and the two units of boxes.

Idea    A box is four numbers, y1 x1 y2 x2. Inside the network boxes are normalised to its input,
        so that the same numbers fit every pyramid level. Users get boxes in pixels. The four
        "deltas" say how one box must be moved and scaled to become another.
Paper   Deltas: R-CNN (arXiv:1311.2524), appendix C. The units are those that the COCO weights were
        trained with (github.com/matterport/Mask_RCNN, `norm_boxes`).
Length  Ten small functions, each with its formula and an example.
Shapes  boxes (N, 4); deltas (N, 4) as dy, dx, log dh, log dw; IoU (N, M)
"""

from math import log

import numpy as np
from numba import njit

# A box in pixels excludes its end, a normalised one includes it: 0 … 1 is first to last pixel.
MOST_GROWTH = log(1000 / 16)  # of log dh and log dw: 62-fold (Detectron, torchvision)
_END = np.array([0.0, 0.0, 1.0, 1.0])


def areas(boxes):
    """Return the area of each box, height · width, where height is y2 - y1 (not + 1).

    Parameters
    ----------
    boxes : (N, 4) of any unit, floats or integers

    Returns
    -------
    (N,) of the same dtype; int64 for integers, whose product need not fit in a smaller one

    Examples
    --------
    >>> areas(np.array([[0.0, 0.0, 2.0, 3.0]]))
    array([6.])
    """
    check_boxes(boxes, dtypes="iuf")
    if boxes.dtype.kind != "f":
        boxes = boxes.astype(np.int64)  # 200 · 200 pixels are -25536 in int16
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def iou_matrix(a, b):
    """Return the intersection over union of every box of `a` with every box of `b`.

    Parameters
    ----------
    a : (N, 4) float32 or float64, any unit
    b : (M, 4), the same unit

    Returns
    -------
    (N, M) in 0 … 1, dtype of `a`; 0 if two boxes only touch, or one has no area or reversed
    corners

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

    dy = (target's centre - box's centre) / box's height, and log dh = log(target's height / box's
    height); the same for x. These four numbers are what bounding-box regression predicts.

    Parameters
    ----------
    boxes, targets : (N, 4) float32 or float64, the same unit

    Returns
    -------
    (N, 4) dy, dx, log dh, log dw

    Raises
    ------
    ValueError
        If the arrays are not both (N, 4), or a height or width is not positive.

    Examples
    --------
    >>> encode_deltas(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0]]))
    array([[0.5, 0. , 0. , 0. ]])
    """
    check_boxes(boxes)
    check_boxes(targets, "targets")
    _check_pairs(boxes, targets, "targets")
    size = boxes[:, 2:] - boxes[:, :2]  # (N, 2): height, width
    target_size = targets[:, 2:] - targets[:, :2]
    if not ((size > 0).all() and (target_size > 0).all()):  # NaN is not, either
        raise ValueError("encode_deltas wants boxes and targets of positive height and width")
    half = boxes.dtype.type(0.5)
    centre = boxes[:, :2] + half * size
    target_centre = targets[:, :2] + half * target_size
    return np.concatenate(
        [(target_centre - centre) / size, np.log(target_size / size)], axis=1
    )  # (N, 4)


def apply_deltas(boxes, deltas):
    """Move and scale each box by its deltas.

    New centre = centre + delta · size; new size = size · exp(delta), the exponent being at most
    `MOST_GROWTH`: no box of finite weights becomes endless. (The original has no limit.)

    Parameters
    ----------
    boxes : (N, 4) float32 or float64, any unit
    deltas : (N, 4) dy, dx, log dh, log dw, already multiplied by `Config.delta_std`

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
    _check_pairs(boxes, deltas, "deltas")
    half = boxes.dtype.type(0.5)
    size = boxes[:, 2:] - boxes[:, :2]  # (N, 2)
    centre = boxes[:, :2] + half * size + deltas[:, :2] * size
    size = size * np.exp(np.minimum(deltas[:, 2:], boxes.dtype.type(MOST_GROWTH)))
    start = centre - half * size
    return np.concatenate([start, start + size], axis=1)  # (N, 4)


def clip(boxes, window):
    """Clip boxes to a window; a box that lies outside of it is left without area.

    Parameters
    ----------
    boxes : (N, 4) float32 or float64, y1 x1 y2 x2, any unit
    window : y1, x1, y2, x2 in the same unit

    Returns
    -------
    (N, 4), of the same dtype

    Raises
    ------
    ValueError
        If `boxes` is not (N, 4) or `window` is not four numbers.

    Examples
    --------
    >>> clip(np.array([[-1.0, 0.5, 0.5, 2.0]]), (0, 0, 1, 1))
    array([[0. , 0.5, 0.5, 1. ]])
    """
    check_boxes(boxes)
    window = np.asarray(window, boxes.dtype)
    if window.shape != (4,):
        raise ValueError(f"window must be y1 x1 y2 x2, got an array of shape {window.shape}")
    return np.clip(boxes, np.tile(window[:2], 2), np.tile(window[2:], 2))  # (N, 4)


def normalise(boxes_pixels, shape):
    """Convert boxes in pixels (end excluded) to normalised boxes (end included).

    A normalised 0 is the first pixel of the image, 1 the last.

    Parameters
    ----------
    boxes_pixels : (N, 4), floats or integers
    shape : (H, W, ...) of the image in pixels

    Returns
    -------
    (N, 4) float32, not clipped

    Examples
    --------
    >>> normalise(np.array([[0, 0, 101, 51]]), (101, 101))
    array([[0. , 0. , 1. , 0.5]], dtype=float32)
    """
    check_boxes(boxes_pixels, "boxes_pixels", dtypes="iuf")
    span = np.maximum(_span(shape), 1)  # a side of one pixel has nothing to divide by
    return ((boxes_pixels - _END) / span).astype(np.float32)


def to_pixels(boxes, shape):
    """Convert normalised boxes to boxes in pixels (end excluded): the inverse of `normalise`.

    Parameters
    ----------
    boxes : (N, 4) normalised
    shape : (H, W, ...) of the image in pixels

    Returns
    -------
    (N, 4) int32, rounded half to even

    Raises
    ------
    ValueError
        If a number is not finite, or too large for int32.

    Examples
    --------
    >>> to_pixels(np.array([[0.0, 0.0, 1.0, 0.5]]), (101, 101))
    array([[  0,   0, 101,  51]], dtype=int32)
    """
    check_boxes(boxes)
    pixels = np.around(boxes.astype(np.float64) * _span(shape) + _END)
    if not (np.abs(pixels) <= np.iinfo(np.int32).max).all():  # NaN is not, either
        raise ValueError("to_pixels got NaN or huge numbers among its boxes")
    return pixels.astype(np.int32)


def boxes_in_image(boxes, window, shape):
    """Convert boxes from the network's input back to pixels of the photograph.

    Parameters
    ----------
    boxes : (N, 4) normalised to the input
    window : (4,) normalised: where in the input the photograph lies
    shape : (H, W, ...) of the photograph in pixels

    Returns
    -------
    (N, 4) int32, pixels of the photograph, end excluded. A side without length becomes one
    pixel long.

    Raises
    ------
    ValueError
        If `window` is not normalised, or a box holds NaN or reaches absurdly far.

    Notes
    -----
    The original rounds both ends of such a side, half to even: one that lies on half a pixel
    gets no length at all or two pixels.

    Examples
    --------
    >>> boxes_in_image(np.array([[0.25, 0.2, 0.25, 0.6]]), (0, 0, 1, 1), (11, 11))
    array([[2, 2, 3, 7]], dtype=int32)
    """
    check_boxes(boxes)
    window = check_window(window, boxes.dtype)
    start, size = np.tile(window[:2], 2), np.tile(window[2:] - window[:2], 2)
    size = np.where(size > 0, size, 1)  # a photograph resized to one row: every box starts at 0
    pixels = to_pixels((boxes - start) / size, shape)  # (N, 4)
    thin = boxes[:, :2] == boxes[:, 2:]  # (N, 2): no height, no width
    pixels[:, 2:] = np.where(thin, pixels[:, :2] + 1, pixels[:, 2:])
    return pixels


def in_whole_pixels(boxes, window, shape):
    """Round normalised boxes to whole pixels of the photograph, where masks will be pasted.

    Parameters
    ----------
    boxes : (N, 4) float32 normalised to the input
    window, shape : as in `boxes_in_image`

    Returns
    -------
    (N, 4) float32 normalised to the input

    Examples
    --------
    >>> boxes = np.array([[0.099, 0.2, 0.504, 0.6]], np.float32)
    >>> in_whole_pixels(boxes, (0, 0, 1, 1), (101, 101))
    array([[0.1, 0.2, 0.5, 0.6]], dtype=float32)
    """
    start, end = np.tile(window[:2], 2), np.tile(window[2:], 2)
    whole = normalise(boxes_in_image(boxes, window, shape), shape)
    return (start + whole * (end - start)).astype(np.float32)


def _span(shape):
    """The length of a normalised 1 in pixels: the distance from the first pixel to the last."""
    return np.array([shape[0] - 1, shape[1] - 1, shape[0] - 1, shape[1] - 1], np.float64)


def check_boxes(boxes, name="boxes", dtypes="f"):
    """Raise a ValueError unless `boxes` is an array (N, 4) whose dtype is of one of these kinds.

    Integers are refused where floats are wanted: results would be truncated without a warning.
    """
    if not isinstance(boxes, np.ndarray) or boxes.ndim != 2 or boxes.shape[1] != 4:
        found = getattr(boxes, "shape", type(boxes).__name__)
        raise ValueError(f"{name} must be an array of shape (N, 4), got {found}")
    if boxes.dtype.kind not in dtypes or boxes.dtype == np.float16:
        raise ValueError(f"{name} must be float32 or float64, got {boxes.dtype}")


def check_window(window, dtype):
    """Return a normalised window, (4,) of the dtype; a ValueError for one that is not.

    A window in pixels would silently give boxes in pixels, where normalised ones are expected.
    """
    window = np.asarray(window, dtype)
    if window.shape != (4,):
        raise ValueError(f"window must be y1 x1 y2 x2, got an array of shape {window.shape}")
    y1, x1, y2, x2 = window.tolist()
    if not (0 <= y1 <= y2 <= 1 and 0 <= x1 <= x2 <= 1):  # NaN is not, either
        raise ValueError(
            f"window must be normalised, 0 ... 1 over the network's input, got {window.tolist()}; "
            "if it is in pixels: boxes.normalise(window_pixels[None], input_shape)[0]"
        )
    return window


def _check_pairs(boxes, others, name):
    if boxes.shape != others.shape:
        raise ValueError(f"{len(boxes)} boxes want as many {name}, got {len(others)}")
