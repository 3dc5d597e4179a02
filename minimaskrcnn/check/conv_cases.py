"""Cases for convolution."""

import numpy as np

from minimaskrcnn import conv as package
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.conv import Conv


def _array(values, *shape):
    return np.array(values, np.float32).reshape(shape)


def _conv(kernel, shape, bias=(0,), stride=1, padding=(0, 0)):
    return Conv(_array(kernel, *shape), _array(bias, -1), stride, padding)


_THREE = _array(range(1, 10), 3, 3, 1)  # 1 2 3 / 4 5 6 / 7 8 9
_FOUR = _array(range(16), 4, 4, 1)


def _large():
    rng = np.random.RandomState(0)
    x, kernel = rng.standard_normal((9, 11, 3)), rng.standard_normal((3, 3, 3, 4))
    bias = rng.standard_normal(4).astype(np.float32)
    return x.astype(np.float32), Conv(kernel.astype(np.float32), bias, 2, (1, 1))


CASES = [
    Case(
        "a kernel of one number, and a bias",
        (_THREE, _conv([2], (1, 1, 1, 1), bias=[100])),
        2 * _THREE + 100,
        "each output is 2 · input + 100",
        mistakes=((2 * _THREE, "the bias is missing"),),
    ),
    Case(
        "a kernel that looks to the right",
        (_THREE, _conv([0, 1, 0, 0], (2, 2, 1, 1))),
        _array([2, 3, 5, 6], 2, 2, 1),
        "the 1 is in row 0, column 1 of the kernel: each output is its window's upper right",
        mistakes=(
            (
                _array([4, 5, 7, 8], 2, 2, 1),
                "the kernel is not turned over: kernel[a, b] meets x[i + a, j + b], and kernel and "
                "map have rows first",
            ),
        ),
    ),
    Case(
        "a kernel of one row",
        (_THREE, _conv([1, 10, 100], (1, 3, 1, 1))),
        _array([321, 654, 987], 3, 1, 1),
        "the output has 3 rows and 1 column: height first",
        mistakes=(
            (_array([123, 456, 789], 3, 1, 1), "the kernel is not turned over"),
            (_array([741, 852, 963], 1, 3, 1), "height comes first, in the kernel and the map"),
        ),
    ),
    Case(
        "stride 2",
        (_FOUR, _conv([1], (1, 1, 1, 1), stride=2)),
        _FOUR[::2, ::2],
        "window i begins at row 2 · i",
        mistakes=(
            (_FOUR, "the stride is not looked at"),
            (_FOUR[:2, :2], "window i begins at row 2 · i, not i"),
            (_FOUR[1::2, 1::2], "the first window begins at row 0"),
        ),
    ),
    Case(
        "a frame of zeros around the map",
        (_THREE, _conv([1] * 9, (3, 3, 1, 1), padding=(1, 1))),
        _array([12, 21, 16, 27, 45, 33, 24, 39, 28], 3, 3, 1),
        "with a row and a column of zeros on every side the output is as large as the input",
        mistakes=((_array([45], 1, 1, 1), "the padding is not looked at"),),
    ),
    Case(
        "two channels in, two out",
        (_array([1, 2], 1, 1, 2), _conv([1, 10, 100, 1000], (1, 1, 2, 2), bias=[0, 0])),
        _array([201, 2010], 1, 1, 2),
        "output d is the sum over c of x[c] · kernel[…, c, d]",
        mistakes=(
            (_array([21, 2100], 1, 1, 2), "kernel is (kh, kw, in, out): in before out"),
            (_array([1, 2000], 1, 1, 2), "each output sums over all channels of the input"),
        ),
    ),
    Case(
        "3 x 3 with stride 2 and padding, three channels to four",
        _large(),
        package.conv2d_direct(*_large()),
        "all small cases agree: look at stride and padding together",
    ),
]


def conv2d(function):
    """Compare your `conv2d(x, conv)`, without relu and add, with the package's: Verdict."""
    return check_function(function, package.conv2d, CASES)
