"""Cases for the grid of anchors."""

import numpy as np

from minimaskrcnn import anchors as package
from minimaskrcnn.check.verdict import Case, check_function


def _anchors(*boxes):
    return np.array(boxes, np.float64)


CASES = [
    Case(
        "one square on a single cell",
        ((4, 4), [4], [1], [4]),
        [[-2.0, -2.0, 2.0, 2.0]],
        "the centre of the first anchor is (0, 0), its sides are 4",
        mistakes=(
            (
                [[0.0, 0.0, 4.0, 4.0]],
                "centres lie at 0, stride, 2 · stride, …: no shift by half a stride (and (0, 0) "
                "is the centre, not the corner)",
            ),
        ),
    ),
    Case(
        "a wide one",
        ((8, 8), [8], [4], [8]),
        [[-2.0, -8.0, 2.0, 8.0]],
        "ratio 4 is width / height: width 8 · √4 = 16, height 8 / √4 = 4",
        mistakes=(
            ([[-8.0, -2.0, 8.0, 2.0]], "the ratio is width / height, and a box is y1 x1 y2 x2"),
            (
                [[-1.0, -16.0, 1.0, 16.0]],
                "the area stays scale²: height scale / √ratio, width scale · √ratio; the root is "
                "missing",
            ),
            (
                [[-4.0, -16.0, 4.0, 16.0]],
                "the area stays scale²: where the width grows, the height shrinks",
            ),
        ),
    ),
    Case(
        "two cells below each other, three beside",
        ((8, 12), [2], [1], [4]),
        _anchors(*([y - 1, x - 1, y + 1, x + 1] for y in (0, 4) for x in (0, 4, 8))),
        "row by row, and in each row from left to right; centres a stride apart",
        mistakes=(
            (
                [[y - 1, x - 1, y + 1, x + 1] for x in (0, 4, 8) for y in (0, 4)],
                "row by row: x changes first, yours goes down the columns",
            ),
            (
                [[x - 1, y - 1, x + 1, y + 1] for y in (0, 4) for x in (0, 4, 8)],
                "a box is y1 x1 y2 x2: y and x are mixed up",
            ),
        ),
    ),
    Case(
        "two ratios on two cells",
        ((4, 8), [4], [0.25, 4], [4]),
        _anchors([-4, -1, 4, 1], [-1, -4, 1, 4], [-4, 3, 4, 5], [-1, 0, 1, 8]),
        "all ratios of a cell come one after the other, then the next cell",
        mistakes=(
            (
                [[-4, -1, 4, 1], [-4, 3, 4, 5], [-1, -4, 1, 4], [-1, 0, 1, 8]],
                "the ratio changes first: all ratios of a cell, then the next cell",
            ),
        ),
    ),
    Case(
        "an input that is not a multiple of the stride",
        ((6, 4), [2], [1], [4]),
        _anchors([-1, -1, 1, 1], [3, -1, 5, 1]),
        "the map has ceil(6 / 4) = 2 rows",
        mistakes=(([[-1, -1, 1, 1]], "the map has ceil(6 / 4) = 2 rows: round up, not down"),),
    ),
    Case(
        "two levels",
        ((8, 8), [4, 16], [1], [4, 8]),
        _anchors(*([y - 2, x - 2, y + 2, x + 2] for y in (0, 4) for x in (0, 4)), [-8, -8, 8, 8]),
        "the finer level comes first; each has its own scale and stride",
    ),
    Case(
        "all five levels of a small picture, three ratios",
        ((128, 192), [12, 24, 48, 96, 192], [0.5, 1, 2], [4, 8, 16, 32, 64]),
        package.make_anchors((128, 192), [12, 24, 48, 96, 192], [0.5, 1, 2], [4, 8, 16, 32, 64]),
        "order: level, row, column, ratio; nothing is rounded or cut off at the border",
    ),
]


def make_anchors(function):
    """Compare your `make_anchors(shape, scales, ratios, strides)` with the package's: Verdict."""
    return check_function(function, package.make_anchors, CASES)
