"""Cases for a residual block, and for folding a batch normalisation into a convolution."""

import numpy as np

from minimaskrcnn import conv as folding
from minimaskrcnn import resnet as package
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.conv import BatchNorm, Conv, conv2d
from minimaskrcnn.resnet import Bottleneck


def one_channel(size, value, bias, stride=1):
    """A convolution of one channel that adds up a window, times `value`, and adds `bias`."""
    kernel, pad = np.full((size, size, 1, 1), value, np.float32), size // 2
    return Conv(kernel, np.array([bias], np.float32), stride, (pad, pad))


_MAP = np.arange(-8, 8, dtype=np.float32).reshape(4, 4, 1)


def _case(name, block, hint):
    return Case(name, (_MAP, block), package.bottleneck(_MAP, block), hint)


BOTTLENECK = [
    _case(
        "with a stride",
        Bottleneck(
            one_channel(1, 1, 0, 2),
            one_channel(3, 1, 0),
            one_channel(1, 1, 0),
            one_channel(1, 1, 9, 2),
        ),
        "where block.shortcut is a convolution, x goes through it",
    ),
    _case(
        "without a shortcut of its own",
        Bottleneck(one_channel(1, 1, 1), one_channel(3, 1, -2), one_channel(1, -0.25, 3)),
        "reduce, spatial, expand; then the sum with x, and ReLU",
    ),
    _case(
        "negative after spatial",
        Bottleneck(one_channel(1, 1, 0), one_channel(3, 1, -30), one_channel(1, -1, 9)),
        "nothing negative enters expand",
    ),
    _case(
        "a negative shortcut",
        Bottleneck(
            one_channel(1, 1, 2), one_channel(3, 1, 0), one_channel(1, 1, 0), one_channel(1, -9, 0)
        ),
        "the shortcut is added as it is",
    ),
]


def _aside(x, block):
    return x if block.shortcut is None else conv2d(x, block.shortcut)


def _inner(x, block, reduce=True, spatial=True):
    y = conv2d(conv2d(x, block.reduce, relu=reduce), block.spatial, relu=spatial)
    return conv2d(y, block.expand)


def _relu(x):
    return np.maximum(x, 0)


BLOCKS = (
    (
        lambda x, b: _relu(_inner(x, b) + (_aside(x, b) if b.shortcut else 0)),
        "where block.shortcut is None, x itself is added",
    ),
    (lambda x, b: _relu(_inner(x, b)), "the shortcut is missing: add x, or what it becomes"),
    (
        lambda x, b: _relu(_inner(x, b)) + _aside(x, b),
        "the last ReLU comes after the sum, not before it",
    ),
    (lambda x, b: _inner(x, b) + _aside(x, b), "the ReLU after the sum is missing"),
    (lambda x, b: _relu(_inner(x, b, reduce=False) + _aside(x, b)), "ReLU after reduce is missing"),
    (
        lambda x, b: _relu(_inner(x, b, spatial=False) + _aside(x, b)),
        "ReLU after spatial is missing",
    ),
    (
        lambda x, b: _relu(_relu(_inner(x, b)) + _aside(x, b)),
        "no ReLU after expand: what is added to the shortcut may be negative",
    ),
    (
        lambda x, b: _relu(_inner(x, b) + _relu(_aside(x, b))),
        "x is added as it is, without a ReLU of its own",
    ),
    (
        lambda x, b: _relu(_inner(x, b) + (_relu(_aside(x, b)) if b.shortcut else x)),
        "the shortcut's convolution has no ReLU of its own: what it gives is added as it is",
    ),
    (
        lambda x, b: _relu(conv2d(conv2d(x, b.reduce, relu=True), b.expand) + _aside(x, b)),
        "the spatial convolution is missing",
    ),
    (
        lambda x, b: _relu(_inner(x, b) + _aside(conv2d(x, b.reduce, relu=True), b)),
        "the shortcut starts from x, not from what reduce has made of it",
    ),
)


def bottleneck(function):
    """Compare your `bottleneck(x, block)` with the package's. Returns a Verdict."""
    return check_function(function, package.bottleneck, BOTTLENECK, wrong=BLOCKS)


def _fold_case(name, hint, gamma, beta, mean, variance):
    layer = Conv(np.arange(4.0).reshape(1, 1, 2, 2), np.array([5.0, 6.0]))
    norm = BatchNorm(*np.array([gamma, beta, mean, variance], float))
    return Case(name, (layer, norm), _parts(folding.fold_batch_norm(layer, norm)), hint)


def _parts(answer):
    return (answer.kernel, answer.bias) if isinstance(answer, Conv) else answer


FOLD = [
    _fold_case(
        "two channels",
        "kernel and bias are scaled by gamma / sqrt(variance + 0.001)",
        *([2, -3], [0, 0], [0, 0], [400, 900]),
    ),
    _fold_case(
        "a variance of 0", "0.001 is added to the variance", [2, -3], [0, 0], [0, 0], [0, 0]
    ),
    _fold_case("a mean", "it is subtracted before the scale", [2, 3], [0, 0], [1, 2], [400, 900]),
    _fold_case("all four", "beta comes last", [2, 3], [7, 1], [1, 2], [3, 8]),
]


def _fold(change):
    """Folding, with a change to one of its numbers: (kernel, bias)."""

    def fold(layer, norm):
        s = norm.gamma / np.sqrt(norm.variance + 0.001)
        kernel, bias = layer.kernel * s, (layer.bias - norm.mean) * s + norm.beta
        return change(layer, norm, s, kernel, bias)

    return fold


def _scaled(scale):
    """Folding with another scale."""
    return lambda layer, n: (layer.kernel * scale(n), (layer.bias - n.mean) * scale(n) + n.beta)


FOLDS = (
    (
        _scaled(lambda n: n.gamma / np.sqrt(n.variance)),
        "epsilon, 0.001, is added to the variance; yours is missing",
    ),
    (
        _scaled(lambda n: n.gamma / (np.sqrt(n.variance) + 0.001)),
        "epsilon is added under the root, not to the root",
    ),
    (
        _scaled(lambda n: n.gamma / (n.variance + 0.001)),
        "yours is as large as the variance itself; wanted the root of variance + 0.001",
    ),
    (
        _scaled(lambda n: n.gamma / np.sqrt(np.maximum(n.variance, 0.001))),
        "epsilon is added to the variance, not a limit below it",
    ),
    (_scaled(lambda n: 1 / np.sqrt(n.variance + 0.001)), "gamma is missing in the scale"),
    (_scaled(lambda n: n.gamma * np.sqrt(n.variance + 0.001)), "divide by the root"),
    (_fold(lambda c, n, s, k, b: (c.kernel, b)), "the kernel is to be scaled, too"),
    (
        _fold(lambda c, n, s, k, b: (c.kernel * s[:, None], b)),
        "the scale belongs to the channels out, the kernel's last axis; yours runs along those in",
    ),
    (_fold(lambda c, n, s, k, b: (k, c.bias - n.mean * s + n.beta)), "the bias is scaled, too"),
    (_fold(lambda c, n, s, k, b: (k, c.bias * s + n.beta)), "the mean is to be subtracted"),
    (
        _fold(lambda c, n, s, k, b: (k, c.bias * s - n.mean + n.beta)),
        "the mean is subtracted before the scale, not after it",
    ),
    (_fold(lambda c, n, s, k, b: (k, b - n.beta)), "beta is missing in the bias"),
    (_fold(lambda c, n, s, k, b: (k, b - 2 * n.beta)), "beta is added, not subtracted"),
    (
        _fold(lambda c, n, s, k, b: (k, (c.bias - n.mean + n.beta) * s)),
        "beta comes last: it is not scaled",
    ),
)


def fold_batch_norm(function):
    """Compare your `fold_batch_norm(conv, norm)`, which returns kernel and bias: Verdict."""
    parts = ("the kernel", "the bias")
    return check_function(function, folding.fold_batch_norm, FOLD, parts, _parts, FOLDS)
