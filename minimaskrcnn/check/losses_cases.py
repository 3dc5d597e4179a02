"""Cases for the smooth L1 loss, and for the loss of the masks."""

import numpy as np

from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.layers import sigmoid, softmax
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


_LOGITS = np.array([2, -1, 0, 1, -2, 3, 0.5, -0.5] * 2, np.float32)
_LOGITS = _LOGITS.reshape(2, 2, 2, 2)  # (R, M, M, K)
_LOGITS[1] *= -0.5
_TARGETS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 1]]], np.float32)  # (R, M, M)


def _mask_case(name, regions, class_ids, hint):
    given = _LOGITS[regions], np.array(class_ids), _TARGETS[regions]
    return Case(name, given, package.mask_loss(*given), hint)


MASKS = [
    _mask_case(
        "one region", [0], [1], "mean of -t ln p - (1 - t) ln(1 - p); gradient (p - t) / cells"
    ),
    _mask_case("another class", [0], [0], "only the mask of the true class counts"),
    _mask_case("two regions", [0, 1], [1, 0], "one mean over the cells of all regions"),
]


def _cross_entropy(p, t):
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


def _mask_loss(
    chosen=lambda logits, rows, ids: sigmoid(logits)[rows, :, :, ids],
    cost=_cross_entropy,
    slope=lambda p, t: (p - t) / p.size,
    total=np.mean,
):
    """The loss of the masks with mistakes: other probabilities, costs, gradients, sums."""

    def mask_loss(logits, class_ids, targets):
        rows, gradient = np.arange(len(logits)), np.zeros_like(logits)
        p = chosen(logits, rows, class_ids)
        gradient[rows, :, :, class_ids] = slope(p, targets)
        return float(total(cost(p, targets))), gradient

    return mask_loss


def _to_all(logits, class_ids, targets):
    p, t = sigmoid(logits), targets[..., None]
    return float(_cross_entropy(p, t).mean()), (p - t) / p.size


MASKS_WRONG = (
    (
        _mask_loss(total=np.sum, slope=lambda p, t: p - t),
        "the mean over the cells, not the sum, in the loss and in the gradient",
    ),
    (_mask_loss(total=np.sum), "the loss is the mean over the cells, not the sum"),
    (
        _mask_loss(slope=lambda p, t: p - t),
        "the loss is a mean: divide the gradient by the number of cells, too",
    ),
    (
        _mask_loss(slope=lambda p, t: (p - t) / p[0].size),
        "one mean over the cells of all regions: divide by all of them, not by those of one",
    ),
    (
        _mask_loss(slope=lambda p, t: (t - p) / p.size),
        "the gradient points to more loss: p - t, not t - p",
    ),
    (
        _mask_loss(cost=lambda p, t: -t * np.log(p)),
        "a cell outside of the object costs as well: -(1 - t) ln(1 - p)",
    ),
    (
        _mask_loss(cost=lambda p, t: -_cross_entropy(p, t)),
        "ln p is negative: the loss has a minus",
    ),
    (_mask_loss(cost=lambda p, t: (p - t) ** 2), "the cost is the logarithm, not the square"),
    (
        _mask_loss(lambda logits, rows, ids: sigmoid(logits)[rows, :, :, 0]),
        "the mask of the region's true class, class_ids, counted from 0 as the logits are",
    ),
    (
        _mask_loss(lambda logits, rows, ids: softmax(logits)[rows, :, :, ids]),
        "a sigmoid for each mask by itself; a softmax would let the classes compete",
    ),
    (
        _mask_loss(lambda logits, rows, ids: logits[rows, :, :, ids]),
        "the sigmoid is missing: logits are no probabilities",
    ),
    (_to_all, "only the mask of the true class counts; yours lets all masks count"),
    (
        lambda *given: (package.mask_loss(*given)[0], 2 * package.mask_loss(*given)[1]),
        "the gradient is (p - t) / number of cells; yours is twice as large",
    ),
)


def mask_loss(function):
    """Compare your `mask_loss(logits, class_ids, targets)`: loss and gradient. A Verdict."""
    parts = ("the loss", "the gradient")
    return check_function(function, package.mask_loss, MASKS, parts, wrong=MASKS_WRONG)
