"""Polygons to mask: fill COCO's polygons, pixel for pixel as the COCO API does.

Idea    A pixel is inside if a walk down its column has crossed the outline an odd number of times.
        The API uses a grid five times finer than the pixels: corners are rounded to fifths, and an
        edge crosses column k where it passes from fine column 5k + 2 to 5k + 3, the middle of the
        pixel. To get the same mask bit for bit, the rounding must be done in the same steps. Here
        only the middles of the columns are computed, not every fine point of the edge.
Source  The code of the COCO API (pycocotools); there is no other definition.
Shapes  [[x1, y1, x2, y2, …], …], pixels, (0, 0) the image's corner  ->  mask (H, W) bool
"""

import numpy as np
from numba import njit

from minimaskrcnn.coco_masks.checks import check_size

FINE = 5  # fine columns and rows per pixel
STEPS, FREE_STEPS = 16, 2**22  # of drawing: for each pixel of the image, and beyond
FARTHEST = 1e8  # pixels: a corner further away is a mistake, and too far for the COCO API


def polygons_to_mask(polygons, height, width):
    """Return the mask that polygons enclose together, bit for bit as the COCO API draws it.

    Parameters
    ----------
    polygons : list of [x1, y1, x2, y2, …], pixels; at least three points each, the last is joined
        to the first. They may cross themselves and leave the image
    height, width : int, size of the mask

    Returns
    -------
    mask : (H, W) bool, the union of all polygons; all False if there are none

    Raises
    ------
    ValueError
        If a polygon is not made of three or more pairs of finite numbers, the size is too large,
        or the outlines are far longer than any that fit into the image (`check_work`).

    Examples
    --------
    >>> polygons_to_mask([[1, 0, 3, 0, 3, 2, 1, 2]], 2, 4).astype(int)
    array([[0, 1, 1, 0],
           [0, 1, 1, 0]])
    """
    check_size([height, width])
    check_work(polygons, height, width)
    return polygons_in_window(polygons, (0, 0, height, width))


def polygons_in_window(polygons, window):
    """The part of `polygons_to_mask` in a window: the same bits, and no memory beyond it.

    Parameters
    ----------
    polygons : as in `polygons_to_mask`
    window : y1, x1, y2, x2 of int, pixels, end excluded, within the image

    Returns
    -------
    mask : (y2 - y1, x2 - x1) bool

    Examples
    --------
    >>> polygons_in_window([[1, 0, 3, 0, 3, 2, 1, 2]], (1, 0, 2, 2)).astype(int)
    array([[0, 1]])
    """
    y1, x1, y2, x2 = window
    mask = np.zeros((x2 - x1) * (y2 - y1), np.bool_)  # (w*h,), column by column
    crossed = np.zeros(len(mask) + 1, np.bool_)
    for polygon in polygons:
        points = np.trunc(FINE * _points(polygon) + 0.5).astype(np.int64)  # towards 0, as C does
        _fill(mask, crossed, points, y1, x1, y2 - y1, x2 - x1)
    return np.ascontiguousarray(mask.reshape(x2 - x1, y2 - y1).T)  # (h, w)


def window_around(polygons, height, width):
    """The window of an image that holds every pixel of the polygons.

    Parameters
    ----------
    polygons : as in `polygons_to_mask`, at least one
    height, width : int, of the image

    Returns
    -------
    y1, x1, y2, x2 : int, pixels, end excluded
    """
    points = np.concatenate([_points(polygon) for polygon in polygons])  # (N, 2): x, y
    most = np.array([width, height])
    x1, y1 = np.clip(np.floor(points.min(axis=0)) - 1, 0, most).astype(int)
    x2, y2 = np.clip(np.ceil(points.max(axis=0)) + 2, 0, most).astype(int)
    return int(y1), int(x1), int(y2), int(x2)


def check_work(polygons, height, width):
    """Refuse polygons that take far more steps to draw than the image has pixels.

    A step is a column that an edge crosses, or a pixel of a polygon's box. An outline that winds
    through every pixel takes two for each.

    Parameters
    ----------
    polygons : as in `polygons_to_mask`
    height, width : int, of the image

    Raises
    ------
    ValueError
        If there are more than `STEPS` for each pixel, and `FREE_STEPS`.
    """
    most, steps = STEPS * height * width + FREE_STEPS, 0
    outlines = [_points(polygon) for polygon in polygons]
    if sum(len(points) * width + height * width for points in outlines) <= most:
        return  # as nearly always
    for polygon, points in zip(polygons, outlines, strict=True):
        y1, x1, y2, x2 = window_around([polygon], height, width)
        columns = np.clip(points[:, 0], 0, width)
        crossed = np.abs(columns - np.roll(columns, 1)).sum()
        steps += (y2 - y1) * (x2 - x1) + int(crossed)
    if steps > most:
        raise ValueError(f"the polygons cross the image of {height} x {width} (height x width) so "
                         f"often that drawing them takes {steps:,} steps, more than the {most:,} "
                         "that any outline needs; draw fewer, or simpler ones")  # fmt: skip


def _points(polygon):  # -> (N, 2) float64: x, y
    try:
        points = np.array(polygon, np.float64)
    except (TypeError, ValueError, OverflowError):
        points = np.zeros(0)
    if points.ndim != 1 or len(points) < 6 or len(points) % 2:
        raise ValueError(f"a polygon is three or more pairs x, y in one list, got {polygon!r:.80}")
    if not (np.abs(points) <= FARTHEST).all():  # NaN is not, either
        raise ValueError(f"a polygon's corners are numbers up to {FARTHEST}, got {polygon!r:.80}")
    return points.reshape(-1, 2)


@njit(cache=True, nogil=True)
def _fill(mask, crossed, points, top, left, height, width):
    """Set the inside of one polygon, points (N, 2) on the fine grid; `crossed` is scratch.

    The mask's first pixel is that at `top`, `left` of the image.
    """
    first, last = len(mask), 0
    for i in range(len(points)):
        x, y = points[i]
        x_next, y_next = points[(i + 1) % len(points)]
        low, high = min(x, x_next), max(x, x_next)
        for column in range(max(left, (low + 2) // FINE), left + width):
            middle = FINE * column + 2
            if middle < low or middle >= high:
                break
            row = (_fine_row(x, y, x_next, y_next, middle) + 2) // FINE - top
            place = (column - left) * height + min(max(0, row), height)
            crossed[place] = not crossed[place]
            first, last = min(first, place), max(last, place)
    inside = False
    for place in range(first, last):  # every column is crossed an even number of times
        inside = inside != crossed[place]
        mask[place] = mask[place] or inside
    crossed[first : last + 1] = False


@njit(cache=True, nogil=True)
def _fine_row(x, y, x_next, y_next, middle):
    """The row where an edge steps over a column's middle: the upper one of the two points there."""
    if abs(x_next - x) >= abs(y_next - y):  # flat: one point in each fine column
        if x > x_next:
            x, y, x_next, y_next = x_next, y_next, x, y
        slope = (y_next - y) / (x_next - x)
        left, right = slope * (middle - x), slope * (middle + 1 - x)
        return min(int(y + left + 0.5), int(y + right + 0.5))
    if y > y_next:  # steep: one point in each fine row
        x, y, x_next, y_next = x_next, y_next, x, y
    slope, starts_left = (x_next - x) / (y_next - y), x <= middle
    step = max(0, int((middle + 0.5 - x) / slope) - 1)  # just before the crossing; now walk
    while (int(x + slope * (step + 1) + 0.5) <= middle) == starts_left:
        step += 1
    return y + step
