"""Cases for box geometry: overlap, and deltas both ways.

Length  Most of it is data: nineteen cases, each with the mistake that it shows.
"""

import numpy as np

from minimaskrcnn import boxes as package
from minimaskrcnn.check.verdict import Case, check_function


def _boxes(*boxes):
    return np.array(boxes, np.float32).reshape(-1, 4)


def _some_boxes(seed, count):
    rng = np.random.RandomState(seed)
    start, size = rng.uniform(0, 20, (count, 2)), rng.uniform(1, 12, (count, 2))
    return np.concatenate([start, start + size], axis=1).astype(np.float32)


IOU_CASES = [
    Case(
        "a box and itself",
        (_boxes([0, 0, 4, 4]), _boxes([0, 0, 4, 4])),
        [[1.0]],
        "intersection 16, union 16",
        mistakes=(
            ([[0.5]], "the union counts the shared part once: area + area - intersection"),
            ([1.0], "wanted a matrix (N, M), one row for each box of a"),
        ),
    ),
    Case(
        "a box and the same one a quarter further right",
        (_boxes([0, 0, 4, 4]), _boxes([0, 1, 4, 5])),
        [[12 / 20]],
        "intersection 4 · 3 = 12, union 16 + 16 - 12 = 20",
        mistakes=(
            ([[20 / 30]], "a height is y2 - y1, without + 1: a box 0 … 4 is 4 high"),
            ([[12 / 16]], "divide by the union of both, not by one of the areas"),
            ([[12 / 32]], "the union counts the shared part once: area + area - intersection"),
        ),
    ),
    Case(
        "two boxes that are apart both ways",
        (_boxes([0, 0, 2, 2]), _boxes([5, 5, 7, 7])),
        [[0.0]],
        "boxes that do not overlap have IoU 0",
        mistakes=(
            (
                [[-9.0]],
                "height and width of the intersection are both negative here, and their product "
                "is positive: cut both off at 0 before you multiply",
            ),
        ),
    ),
    Case(
        "two boxes side by side, with a gap",
        (_boxes([0, 0, 2, 2]), _boxes([0, 5, 2, 7])),
        [[0.0]],
        "the width of the intersection is negative here: cut it off at 0",
    ),
    Case(
        "a wide box across a tall one",
        (_boxes([4, 0, 6, 10]), _boxes([0, 4, 8, 7])),
        [[6 / 38]],
        "intersection 2 · 3, areas 2 · 10 and 8 · 3: are y and x mixed up somewhere? A box is "
        "y1 x1 y2 x2",
    ),
    Case(
        "two boxes with three",
        (
            _boxes([0, 0, 2, 2], [0, 0, 4, 4]),
            _boxes([0, 0, 2, 2], [0, 0, 2, 4], [9, 9, 10, 10]),
        ),
        [[1.0, 0.5, 0.0], [0.25, 0.5, 0.0]],
        "wanted a matrix (N, M): a row for each box of a, a column for each box of b",
        mistakes=(
            (
                [[1.0, 0.25], [0.5, 0.5], [0.0, 0.0]],
                "rows belong to a, columns to b: yours is the other way round",
            ),
        ),
    ),
    Case(
        "a box without area, with itself",
        (_boxes([1, 1, 1, 5]), _boxes([1, 1, 1, 5])),
        [[0.0]],
        "the union is 0 here, and 0 / 0 is not a number: where nothing is shared, IoU is 0",
    ),
    Case(
        "no boxes with two",
        (_boxes(), _boxes([0, 0, 2, 2], [0, 0, 4, 4])),
        np.zeros((0, 2), np.float32),
        "no boxes give an empty matrix (0, 2)",
    ),
    Case(
        "two boxes in units of the picture",
        (_boxes([0, 0, 0.5, 0.5]), _boxes([0, 0.25, 0.5, 0.75])),
        [[1 / 3]],
        "boxes may be measured in units of the picture: areas below 1 are areas, too",
    ),
    Case(
        "20 boxes with 30",
        (_some_boxes(0, 20), _some_boxes(1, 30)),
        package.iou_matrix(_some_boxes(0, 20), _some_boxes(1, 30)),
        "all small cases agree: look at how you go through the pairs",
    ),
]

ENCODE_CASES = [
    Case(
        "a box onto itself",
        (_boxes([1, 2, 5, 10]), _boxes([1, 2, 5, 10])),
        [[0.0, 0.0, 0.0, 0.0]],
        "a box that need not change has deltas 0",
        mistakes=(([[0.0, 0.0, 1.0, 1.0]], "the last two are logarithms: log 1 = 0"),),
    ),
    Case(
        "half a width to the right",
        (_boxes([0, 0, 4, 8]), _boxes([0, 4, 4, 12])),
        [[0.0, 0.5, 0.0, 0.0]],
        "the centre moves by 4, the box is 8 wide: dx = 0.5",
        mistakes=(
            ([[0.5, 0.0, 0.0, 0.0]], "y comes first: dy dx, not dx dy"),
            ([[0.0, 4.0, 0.0, 0.0]], "a delta is counted in widths of the box: divide by it"),
            ([[0.0, 1.0, 0.0, 0.0]], "dx is counted in widths: you divided by the height"),
            ([[0.0, -0.5, 0.0, 0.0]], "deltas lead from the box to the target: target - box"),
        ),
    ),
    Case(
        "twice as large, about the same corner",
        (_boxes([0, 0, 4, 8]), _boxes([0, 0, 8, 16])),
        [[0.5, 0.5, np.log(2), np.log(2)]],
        "the centre moves from (2, 4) to (4, 8), height and width double",
        mistakes=(
            ([[0.0, 0.0, np.log(2), np.log(2)]], "dy and dx move the centre, not the corner"),
            ([[0.5, 0.5, 2.0, 2.0]], "the last two are logarithms of the ratio of the sizes"),
            ([[0.5, 0.5, 1.0, 1.0]], "the natural logarithm, np.log: log 2 = 0.693"),
            (
                [[0.25, 0.25, np.log(2), np.log(2)]],
                "divide by the size of the box, not by that of the target",
            ),
            ([[0.5, 0.5, -np.log(2), -np.log(2)]], "log(target / box), not log(box / target)"),
        ),
    ),
    Case(
        "three boxes at once",
        (_some_boxes(2, 3), _some_boxes(3, 3)),
        package.encode_deltas(_some_boxes(2, 3), _some_boxes(3, 3)),
        "one row for each pair; y and x each with their own size",
    ),
]

APPLY_CASES = [
    Case(
        "no change",
        (_boxes([1, 2, 5, 10]), _boxes([0, 0, 0, 0])),
        [[1.0, 2.0, 5.0, 10.0]],
        "deltas 0 leave a box as it is",
        mistakes=(
            (
                [[3.0, 6.0, 3.0, 6.0]],
                "the new size is size · exp(delta), and exp(0) = 1; yours has size 0",
            ),
        ),
    ),
    Case(
        "half a height down",
        (_boxes([0, 0, 4, 8]), _boxes([0.5, 0, 0, 0])),
        [[2.0, 0.0, 6.0, 8.0]],
        "the box is 4 high: it moves down by 0.5 · 4 = 2",
        mistakes=(
            ([[0.0, 4.0, 4.0, 12.0]], "the first delta is dy: it moves up and down"),
            ([[0.5, 0.0, 4.5, 8.0]], "a delta is counted in heights of the box: multiply by it"),
            ([[-2.0, 0.0, 2.0, 8.0]], "a positive dy moves down, to larger y"),
            ([[0.2, 0.0, 4.2, 8.0]], "the deltas have been multiplied by their deviation already"),
        ),
    ),
    Case(
        "twice as high",
        (_boxes([0, 0, 4, 8]), _boxes([0, 0, np.log(2), 0])),
        [[-2.0, 0.0, 6.0, 8.0]],
        "the height becomes 4 · exp(log 2) = 8, about the same centre",
        mistakes=(
            ([[0.0, 0.0, 8.0, 8.0]], "the box grows about its centre, which stays where it is"),
            (
                [[2 - 2 * np.log(2), 4.0, 2 + 2 * np.log(2), 4.0]],
                "the new size is size · exp(delta): exp is missing",
            ),
        ),
    ),
    Case(
        "moved and shrunk",
        (_boxes([0, 0, 4, 8]), _boxes([0, 0.5, 0, -np.log(2)])),
        [[0.0, 6.0, 4.0, 10.0]],
        "the centre moves by 0.5 · 8 to x = 8, the width becomes 4",
        mistakes=(([[0.0, 4.0, 4.0, 8.0]], "a move is counted in the old width, not in the new"),),
    ),
    Case(
        "30 times as large",
        (_boxes([0, 0, 2, 2]), _boxes([0, 0, np.log(30), np.log(30)])),
        [[-29.0, -29.0, 31.0, 31.0]],
        "the exponent may be up to log(1000 / 16), and nothing is cut off yet",
    ),
    Case(
        "three boxes at once",
        (_some_boxes(2, 3), _some_boxes(3, 3) / 20),
        package.apply_deltas(_some_boxes(2, 3), _some_boxes(3, 3) / 20),
        "one row for each pair; y and x each with their own size",
    ),
]


def iou_matrix(function):
    """Compare your `iou_matrix(a, b)` with the package's. Returns a Verdict."""
    return check_function(function, package.iou_matrix, IOU_CASES)


def encode_deltas(function):
    """Compare your `encode_deltas(boxes, targets)` with the package's. Returns a Verdict."""
    return check_function(function, package.encode_deltas, ENCODE_CASES)


def apply_deltas(function):
    """Compare your `apply_deltas(boxes, deltas)` with the package's. Returns a Verdict."""
    return check_function(function, package.apply_deltas, APPLY_CASES)
