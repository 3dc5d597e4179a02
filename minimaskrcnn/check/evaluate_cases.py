"""Cases for average precision: the curve, and reading it off."""

import numpy as np

from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.evaluate import average_precision as package


def _bools(*values):
    return np.array(values, bool)


def _floats(*values):
    return np.array(values, np.float64)


def _large():
    rng = np.random.RandomState(0)
    right = rng.uniform(size=60) < 0.6
    wrong = ~right & (rng.uniform(size=60) < 0.8)
    return right, wrong, 50


CURVE_CASES = [
    Case(
        "two detections, both right, of two objects",
        (_bools(1, 1), _bools(0, 0), 2),
        (_floats(1, 1), _floats(0.5, 1)),
        "after the first: precision 1, recall 1/2; two arrays are returned",
    ),
    Case(
        "right, wrong, right, of four objects",
        (_bools(1, 0, 1), _bools(0, 1, 0), 4),
        (_floats(1, 1 / 2, 2 / 3), _floats(0.25, 0.25, 0.5)),
        "precision is right / (right + wrong) so far, recall is right so far / 4",
        mistakes=(
            (
                (_floats(1, 1 / 2, 2 / 3), _floats(1 / 3, 1 / 3, 2 / 3)),
                "recall is the share of the objects found: divide by num_objects, not by the "
                "detections",
            ),
            (
                (_floats(1, 1 / 2, 2 / 3), _floats(0.5, 0.5, 1)),
                "recall is the share of the objects found: divide by num_objects, not by the "
                "right ones",
            ),
            (
                (_floats(1, 0, 1), _floats(0.25, 0, 0.25)),
                "precision and recall are of all detections so far: add up with np.cumsum",
            ),
        ),
    ),
    Case(
        "right, neither, right, of two objects",
        (_bools(1, 0, 1), _bools(0, 0, 0), 2),
        (_floats(1, 1, 1), _floats(0.5, 0.5, 1)),
        "what is neither right nor wrong does not count",
        mistakes=(
            (
                (_floats(1, 1 / 2, 2 / 3), _floats(0.5, 0.5, 1)),
                "what is neither right nor wrong does not count: divide by right + wrong, not by "
                "the place in the list",
            ),
        ),
    ),
    Case(
        "the first is neither",
        (_bools(0, 1), _bools(0, 0), 1),
        (_floats(0, 1), _floats(0, 1)),
        "0 / 0 at the beginning: precision is 0 there",
    ),
    Case(
        "no detections",
        (_bools(), _bools(), 3),
        (_floats(), _floats()),
        "no detections give two empty arrays",
    ),
    Case(
        "60 detections",
        _large(),
        package.precision_recall(*_large()),
        "all small cases agree: look at the sums",
    ),
]


def _steps(*parts):
    """101 values: (value, how many) one after the other."""
    return np.repeat([value for value, _ in parts], [count for _, count in parts]).astype(float)


INTERPOLATE_CASES = [
    Case(
        "everything found, nothing wrong",
        (_floats(1), _floats(1)),
        np.ones(101),
        "precision 1 at all 101 recalls 0, 0.01, … 1",
        mistakes=(
            (np.ones(11), "101 recalls, from 0 to 1 in steps of 0.01"),
            (np.ones(100), "101 recalls: 0 and 1 are both among them"),
            (_steps((1, 100), (0, 1)), "a recall that is exactly reached counts: >=, not >"),
        ),
    ),
    Case(
        "half of it found",
        (_floats(1), _floats(0.5)),
        _steps((1, 51), (0, 50)),
        "precision 1 up to recall 0.5, 0 beyond",
        mistakes=(
            (np.ones(101), "beyond the last recall that is reached precision is 0"),
            (_steps((1, 50), (0, 51)), "a recall that is exactly reached counts: >=, not >"),
        ),
    ),
    Case(
        "a dip that is made good",
        (_floats(1, 0.5, 2 / 3), _floats(0.25, 0.25, 0.5)),
        _steps((1, 26), (2 / 3, 25), (0, 50)),
        "the best precision to be had at that recall or more",
        mistakes=(
            (
                _steps((1, 51), (0, 50)),
                "the best precision from there on, not up to there: the maximum runs from the "
                "right",
            ),
        ),
    ),
    Case(
        "first wrong, then right twice, then wrong, then right",
        (_floats(0, 1 / 2, 2 / 3, 1 / 2, 3 / 5), _floats(0, 0.25, 0.5, 0.5, 0.75)),
        _steps((2 / 3, 51), (3 / 5, 25), (0, 25)),
        "a later, better precision fills what lies before it",
        mistakes=(
            (
                _steps((0, 1), (1 / 2, 25), (2 / 3, 25), (3 / 5, 25), (0, 25)),
                "precision falls where it should not: take the best that is still to come",
            ),
        ),
    ),
    Case(
        "nothing found",
        (_floats(), _floats()),
        np.zeros(101),
        "without detections precision is 0 at every recall",
    ),
    Case(
        "60 detections",
        package.precision_recall(*_large()),
        package.interpolate(*package.precision_recall(*_large())),
        "all small cases agree: look at recalls that several detections share",
    ),
]


def precision_recall(function):
    """Compare your `precision_recall(right, wrong, num_objects)` with the package's: Verdict."""
    parts = ("precision", "recall")
    return check_function(function, package.precision_recall, CURVE_CASES, parts)


def interpolate(function):
    """Compare your `interpolate(precision, recall)` with the package's: Verdict."""
    return check_function(function, package.interpolate, INTERPOLATE_CASES)
