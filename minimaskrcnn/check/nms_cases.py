"""Cases for non-maximum suppression."""

import numpy as np

from minimaskrcnn import nms as package
from minimaskrcnn.check.verdict import Case, check_function


def _boxes(*boxes):
    return np.array(boxes, np.float32).reshape(-1, 4)


def _scores(*scores):
    return np.array(scores, np.float32)


def _crowd():
    rng = np.random.RandomState(0)
    corners = rng.randint(0, 20, (80, 2))
    boxes = np.concatenate([corners, corners + rng.randint(4, 12, (80, 2))], axis=1)
    return boxes.astype(np.float32), rng.randint(0, 9, 80).astype(np.float32) / 9, 0.4


CASES = [
    Case(
        "two boxes far apart",
        (_boxes([0, 0, 10, 10], [20, 20, 30, 30]), _scores(0.9, 0.8), 0.5),
        np.array([0, 1]),
        "boxes that do not overlap do not suppress each other",
        mistakes=(
            (
                np.array([0]),
                "min(y2) - max(y1) and min(x2) - max(x1) are both negative here, and their "
                "product is positive: cut both off at 0 before you multiply",
            ),
            (np.array([1, 0]), "best score first: argsort sorts upwards"),
        ),
    ),
    Case(
        "the best score comes last",
        (_boxes([0, 0, 10, 10], [0, 1, 10, 11]), _scores(0.5, 0.9), 0.5),
        np.array([1]),
        "the weaker of two boxes that overlap goes",
        mistakes=(
            (np.array([0]), "walk down from the best score: argsort sorts upwards"),
            (np.array([1, 0]), "IoU is 0.82 here, more than 0.5: box 0 has to go"),
            (np.array([0, 1]), "IoU is 0.82 here, more than 0.5: box 0 has to go"),
        ),
    ),
    Case(
        "a small box inside a large one",
        (_boxes([0, 0, 10, 10], [0, 0, 5, 5]), _scores(0.9, 0.8), 0.5),
        np.array([0, 1]),
        "intersection 25, union 100: divide by the union, not by the smaller area",
    ),
    Case(
        "a third of an overlap",
        (_boxes([0, 0, 2, 2], [0, 1, 2, 3]), _scores(0.9, 0.8), 0.4),
        np.array([0, 1]),
        "intersection 2, union 6: IoU is 0.33, less than 0.4",
        mistakes=(
            (
                np.array([0]),
                "intersection 2, union 4 + 4 - 2 = 6: a height is y2 - y1, without + 1",
            ),
        ),
    ),
    Case(
        "an overlap of exactly the threshold",
        (_boxes([0, 0, 10, 10], [0, 0, 5, 10]), _scores(0.9, 0.8), 0.5),
        np.array([0, 1]),
        "an IoU equal to the threshold is kept",
        mistakes=(
            (np.array([0]), "an IoU equal to the threshold is kept: suppress with >, not >="),
        ),
    ),
    Case(
        "a chain: box 0 hides 1, and 1 would have hidden 2",
        (
            _boxes([0, 0, 10, 10], [0, 4, 10, 14], [0, 8, 10, 18]),
            _scores(0.9, 0.8, 0.7),
            0.4,
        ),
        np.array([0, 2]),
        "compare each box with the kept ones only",
        mistakes=(
            (np.array([0]), "a suppressed box suppresses nothing: compare with the kept ones only"),
            (np.array([0, 1, 2]), "IoU of neighbours is 0.43 here, more than 0.4: box 1 has to go"),
        ),
    ),
    Case(
        "equal scores",
        (
            _boxes([0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5], [6, 6, 7, 7]),
            _scores(0.5, 0.5, 0.9, 0.5),
            0.5,
        ),
        np.array([2, 0, 1, 3]),
        "the answer is in the order of the scores, best first; equal scores rank by index",
        mistakes=(
            (
                np.array([2, 3, 1, 0]),
                "equal scores rank by index, the lower first; argsort(scores)[::-1] turns them "
                'round: use argsort(-scores, kind="stable")',
            ),
            (np.array([0, 1, 2, 3]), "the answer is in the order of the scores, best first"),
        ),
    ),
    Case(
        "a wide box across a tall one",
        (_boxes([4, 0, 6, 10], [0, 4, 10, 6]), _scores(0.9, 0.8), 0.1),
        np.array([0]),
        "intersection 4, union 36, IoU 0.11: are y and x mixed up somewhere?",
    ),
    Case(
        "no boxes at all",
        (_boxes(), _scores(), 0.5),
        np.zeros(0, np.int64),
        "no boxes give an empty array",
    ),
    Case(
        "80 boxes in a crowd, many of equal score",
        _crowd(),
        package.nms_plain(*_crowd()),
        "equal scores rank by index (is the sort stable?), and all kept boxes count, not only the "
        "last one",
    ),
]


def nms(function):
    """Compare your `nms(boxes, scores, iou_threshold)` with the package's. Returns a Verdict."""
    return check_function(function, package.nms, CASES)
