"""Cases for softmax, and for the doubling of a map (a transposed convolution)."""

from dataclasses import replace

import numpy as np

from minimaskrcnn import layers as package
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.layers import Deconv


def _logits(name, rows, hint):
    x = np.array(rows, np.float32)
    return Case(name, (x,), package.softmax(x), hint)


SOFTMAX = [
    _logits("two classes", [[0, np.log(3)]], "e to the power of each, divided by their sum"),
    _logits("three classes", [[0, 1, 2]], "all classes of a row share one sum"),
    _logits("two rows", [[0, 1], [2, 0]], "each row by itself: axis=-1, keepdims=True"),
    _logits("large", [[1000, 1001]], "subtract the largest first: the same, no overflow"),
    _logits("far apart", [[0, 1], [1000, 1000]], "subtract each row's own largest first"),
    _logits("the largest in the middle", [[-1000, 0, -1000], [0, 1000, 0]], "subtract the largest"),
]


def _softmax(power=np.exp, sums=-1, most=-1):
    """Softmax with mistakes: another power, or sums or maxima along other axes."""

    def softmax(x):
        x = x - (x.max(axis=most, keepdims=True) if most else 0)
        return power(x) / (power(x).sum(axis=sums, keepdims=True) if sums != () else 1)

    return softmax


SOFTMAXES = (
    (_softmax(power=np.exp2), "e to the power of each logit, not 2"),
    (lambda x: x, "e to the power of each logit is missing"),
    (lambda x: x / x.sum(axis=-1, keepdims=True), "e to the power of each logit is missing"),
    (
        lambda x: (x - x.max(axis=-1, keepdims=True)) / (x - x.max()).sum(axis=-1, keepdims=True),
        "e to the power of each logit is missing",
    ),
    (_softmax(sums=()), "divide by the sum, so that each row sums to 1"),
    (_softmax(sums=(), most=None), "divide by the sum, so that each row sums to 1"),
    (_softmax(sums=None), "each row by its own sum: axis=-1, keepdims=True"),
    (_softmax(sums=None, most=None), "each row by its own sum: axis=-1, keepdims=True"),
    (_softmax(sums=0), "the sum runs along each row, the last axis; yours runs down the columns"),
    (
        _softmax(sums=0, most=None),
        "the sum runs along each row, the last axis; yours runs down the columns",
    ),
    (lambda x: 1 / (1 + np.exp(-x)), "a sigmoid looks at each logit alone; divide by the sum"),
    (_softmax(most=None), "e to the power of 1000 overflows: subtract the row's largest first"),
    (
        lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(axis=-1, keepdims=True),
        "subtract each row's own largest, not the largest of all rows",
    ),
)


def softmax(function):
    """Compare your `softmax(logits)` with the package's. Returns a Verdict."""
    return check_function(function, package.softmax, SOFTMAX, wrong=SOFTMAXES)


_BRUSH = Deconv(
    np.array([[1, 10], [100, 1000]], np.float32)[:, :, None, None], np.zeros(1, np.float32)
)
_MIXED = Deconv(
    np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2), np.array([100, -9], np.float32)
)
_CELLS = np.array([[1, 2], [3, 4]], np.float32)[:, :, None]
DECONVS = [
    Case(name, (x, layer), package.deconv2d(x, layer), hint)
    for name, x, layer, hint in (
        ("four cells", _CELLS, _BRUSH, "y[2i + a, 2j + b] = x[i, j] · kernel[a, b]"),
        ("two channels", np.ones((1, 1, 2), np.float32), _MIXED, "sum over the channels in"),
    )
]


def _painted(kernel=lambda k: k, bias=1, spread=False):
    """The doubling with mistakes: another kernel, another bias, squares torn apart."""

    def deconv2d(x, layer):
        used, (h, w, _) = kernel(layer.kernel), x.shape
        y = np.zeros((2 * h, 2 * w, used.shape[2]), np.float32)
        for a, b in np.ndindex(2, 2):
            cells = x @ used[a, b].T + bias * layer.bias
            if spread:
                y[a * h : (a + 1) * h, b * w : (b + 1) * w] = cells
            else:
                y[a::2, b::2] = cells
        return y

    return deconv2d


DECONVS_WRONG = (
    (_painted(spread=True), "the square of a cell lies together: y[2i + a, 2j + b]"),
    (_painted(lambda k: k[::-1, ::-1]), "the square is not turned over: kernel[a, b], as it is"),
    (_painted(lambda k: k.swapaxes(0, 1)), "index a counts rows, index b columns"),
    (_painted(bias=0), "the bias is missing"),
    (_painted(bias=-1), "the bias is added, not subtracted"),
    (_painted(lambda k: k.swapaxes(2, 3)), "kernel is (2, 2, out, in): out before in"),
    (
        lambda x, layer: (
            _painted(bias=0)(x[..., :1], replace(layer, kernel=layer.kernel[..., :1])) + layer.bias
        ),
        "sum over all channels in; yours reads the first one alone",
    ),
    (
        _painted(lambda k: 0 * k + k[:1, :1]),
        "each of the four cells of a square has its own part of the kernel, kernel[a, b]",
    ),
)


def deconv2d(function):
    """Compare your `deconv2d(x, layer)`, one map without ReLU, with the package's: Verdict."""
    return check_function(function, package.deconv2d, DECONVS, wrong=DECONVS_WRONG)
