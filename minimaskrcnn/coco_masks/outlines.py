"""Mask to polygons: the outlines of a mask, from which exactly the same mask can be drawn again.

Idea    Walk along the sides of the pixels, with the mask always on the right, until the walk
        closes. Keep the corners where it turns. Drawn by `polygons`, such an outline covers exactly
        the pixels it came from: nothing is smoothed and nothing is lost.
Source  Crack following; the slits are ours.
Shapes  mask (H, W) bool  ->  [[x1, y1, x2, y2, …], …], pixels, (0, 0) the image's corner
Notes   COCO's polygons have no holes. A hole is therefore joined to the boundary above it by a slit
        without width: the walk goes down one side of it and up the other. The result is one closed
        polygon, which touches itself but does not cross itself. Vertical edges change no pixel, so
        masks with holes are restored exactly, too. Programs that accept only simple polygons need
        the slits removed, or the run lengths instead.
"""

import numpy as np
from numba import njit

# Headings: 0 right, 1 down, 2 left, 3 up. STEP leads from a corner (y, x) of the pixel grid to the
# next one. RIGHT_HAND leads to the pixel on the right of that step; the pixel on its left is on
# the right of heading - 1.
STEP = np.array([[0, 1], [1, 0], [0, -1], [-1, 0]])
RIGHT_HAND = np.array([[0, 0], [0, -1], [-1, -1], [-1, 0]])


def mask_to_polygons(mask):
    """Return the outlines of a mask; `polygons_to_mask` turns them into the same mask again.

    Parameters
    ----------
    mask : (H, W) bool

    Returns
    -------
    polygons : list of [x1, y1, x2, y2, …] of int, in pixels: one for each connected piece (pixels
        that only touch at a corner are two pieces), clockwise on the screen, the topmost first.
        Holes are joined to the outside by slits (see the module's notes); [] for an empty mask

    Examples
    --------
    >>> mask_to_polygons(np.array([[False, True, True], [False, True, True]]))
    [[1, 0, 3, 0, 3, 2, 1, 2]]
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f"a mask is (H, W) of bool, got {mask.shape} of {mask.dtype}")
    padded = np.pad(mask, 1)  # (H+2, W+2): every outline closes
    sides = (padded[1:] != padded[:-1]).sum() + (padded[:, 1:] != padded[:, :-1]).sum()
    corners, bounds, start_of = _trace(padded, sides)
    following, is_hole = _cut_slits(padded, corners, bounds, start_of)
    polygons, points = [], np.empty_like(corners)
    for first in bounds[:-1][~is_hole]:
        turns = _outline(corners, following, first, points)
        polygons.append((points[:turns, ::-1] - 1).ravel().tolist())  # y, x, padded -> x, y
    return polygons


@njit(cache=True, nogil=True)
def _trace(padded, sides):
    """Walk along all `sides` pixel sides between inside and outside, with the inside on the right.

    Returns `corners` (2 * sides, 2): y, x of the corners of one closed walk after the other, with
    room to spare; `bounds` (L+1,): where walk i begins and ends; `start_of` (H+2, W+2): 1 + index
    of the corner where the top side of a pixel begins, 0 where that side is not on a boundary.
    """
    corners = np.empty((2 * sides, 2), np.int64)
    start_of = np.zeros(padded.shape, np.int32)
    bounds, used = [0], 0
    for row in range(1, padded.shape[0]):
        for column in range(padded.shape[1]):
            on_top = padded[row, column] and not padded[row - 1, column]
            if not on_top or start_of[row, column] > 0:
                continue
            y, x, heading = row, column, 0
            while heading != 0 or start_of[y, x] == 0:
                corners[used, 0], corners[used, 1] = y, x
                used += 1
                if heading == 0:
                    start_of[y, x] = used
                y, x = y + STEP[heading, 0], x + STEP[heading, 1]
                heading = _turn(padded, y, x, heading)
            bounds.append(used)
    return corners, np.array(bounds), start_of


@njit(cache=True, nogil=True)
def _turn(padded, y, x, heading):
    for turn in (1, 0, 3):  # right, which parts pixels that touch at a corner; straight on; left
        new = (heading + turn) % 4
        right, left = RIGHT_HAND[new], RIGHT_HAND[new - 1]
        if padded[y + right[0], x + right[1]] and not padded[y + left[0], x + left[1]]:
            break
    return new


@njit(cache=True, nogil=True)
def _cut_slits(padded, corners, bounds, start_of):
    """Join every hole to the boundary above it; return `following` (2 * sides,), the next corner.

    Also returns `is_hole` (L,). A walk starts at the first top side in reading order. Around a
    piece that is its topmost side; around a hole it lies below the hole. So a walk goes around a
    hole if it reaches a point above its start.
    """
    following, used = np.arange(1, len(corners) + 1), bounds[-1]
    is_hole = np.zeros(len(bounds) - 1, np.bool_)
    for i in range(len(bounds) - 1):
        first, last = bounds[i], bounds[i + 1] - 1
        following[last] = first
        below = first + np.argmin(corners[first : last + 1, 0])
        is_hole[i] = corners[below, 0] < corners[first, 0]
    for i in np.flatnonzero(is_hole):
        first, last = bounds[i], bounds[i + 1] - 1
        below = first + 1 + np.argmin(corners[first : last + 1, 0])
        while below < last and corners[below + 1, 0] == corners[below, 0]:
            below += 1  # the left end of the hole's top, which is walked leftwards
        row, column = corners[below]
        while padded[row - 1, column]:
            row -= 1
        above = start_of[row, column] - 1  # links will read: above, below, …, below, above
        corners[used], corners[used + 1] = corners[below], corners[above]
        following[below - 1], following[used] = used, used + 1
        following[used + 1], following[above] = following[above], below
        used += 2
    return following, is_hole


@njit(cache=True, nogil=True)
def _outline(corners, following, first, points):
    """Write the corners at which the walk from `first` turns to `points`; return their number."""
    used, here, heading_y, heading_x = 0, first, 0, 0
    while here != first or used == 0:
        after = following[here]
        step_y = np.sign(corners[after, 0] - corners[here, 0])
        step_x = np.sign(corners[after, 1] - corners[here, 1])
        if step_y != heading_y or step_x != heading_x:
            points[used, 0], points[used, 1] = corners[here, 0], corners[here, 1]
            used += 1
        heading_y, heading_x, here = step_y, step_x, after
    return used
