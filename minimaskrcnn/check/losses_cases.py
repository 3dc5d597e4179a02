"""Cases for the smooth L1 loss."""

import numpy as np

from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.training import losses as package


def _case(name, answers, targets, wanted, hint, mistakes=()):
    """A case; answers are (loss, gradient)."""
    arguments = _numbers(answers), _numbers(targets)
    mistakes = tuple(((loss, _numbers(slope)), sentence) for loss, slope, sentence in mistakes)
    return Case(name, arguments, (wanted[0], _numbers(wanted[1])), hint, mistakes)


def _numbers(values):
    return np.array(values, np.float32).reshape(-1, 4)


CASES = [
    _case(
        "right answers",
        *([1, -2, 3, 0], [1, -2, 3, 0], (0.0, [0, 0, 0, 0])),
        "no difference, no loss and no gradient; two things are returned, loss and gradient",
    ),
    _case(
        "four differences of a half",
        *([0.5] * 4, [0] * 4, (0.125, [0.125] * 4)),
        "0.5² / 2 = 0.125 each; the gradient is the difference by the number of coordinates",
        [
            (0.25, [0.25] * 4, "half of the square: d² / 2"),
            (0.25, [0.125] * 4, "half of the square: d² / 2"),
            (0.5, [0.125] * 4, "the mean over the coordinates, not the sum"),
            (0.5, [0.5] * 4, "the mean over the coordinates, not the sum"),
            (0.125, [0.5] * 4, "the loss is a mean: divide the gradient by the coordinates, too"),
            (0.125, [-0.125] * 4, "the gradient points to more loss: answer - target"),
            (0.0, [0.25] * 4, "below a difference of 1 it is d² / 2, not |d| - 1/2"),
        ],
    ),
    _case(
        "four differences of three",
        *([3] * 4, [0] * 4, (2.5, [0.25] * 4)),
        "3 - 0.5 = 2.5 each; from a difference of 1 on the slope is 1, here by 4 coordinates",
        [
            (4.5, [0.75] * 4, "from a difference of 1 on it is |d| - 1/2, not d² / 2"),
            (3.0, [0.25] * 4, "|d| - 1/2, so that both parts meet at 1"),
            (2.5, [0.75] * 4, "the slope is 1 where the loss is |d| - 1/2: cut d off at 1"),
        ],
    ),
    _case(
        "four differences of one and a half",
        *([1.5] * 4, [0] * 4, (1.0, [0.25] * 4)),
        "1.5 - 0.5 = 1: the border between the two parts is at a difference of 1",
    ),
    _case(
        "differences of minus three and three",
        *([-3, 3, -3, 3], [0] * 4, (2.5, [-0.25, 0.25, -0.25, 0.25])),
        "the loss looks at |d|, the gradient has the sign of d",
        [
            (2.5, [0.25] * 4, "the gradient of |d| is -1 for a negative d"),
            (1.5, [0.25] * 4, "the loss takes |d|: -3 is as wrong as 3"),
        ],
    ),
    _case(
        "small and large differences, two rows",
        *([0.5, 3, 0, 0, 0, 0, 0, -1], [0] * 8),
        (3.125 / 8, [0.0625, 0.125, 0, 0, 0, 0, 0, -0.125]),
        "0.125 + 2.5 + 0.5, by 8 coordinates",
        [
            (
                3.125 / 2,
                [0.25, 0.5, 0, 0, 0, 0, 0, -0.5],
                "the mean is over all coordinates, not over the rows",
            )
        ],
    ),
    _case(
        "nothing to answer",
        *([], [], (0.0, [])),
        "the mean of nothing is not a number: return 0 and an empty gradient",
    ),
]


def smooth_l1(function):
    """Compare your `smooth_l1(answers, targets)`, which returns loss and gradient: Verdict."""
    return check_function(function, package.smooth_l1, CASES, parts=("the loss", "the gradient"))
