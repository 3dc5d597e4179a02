"""Batch normalization while training, with the mean and the variance of the batch itself.

Idea    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, where mean and variance are those
        of this batch, channel by channel. Every layer's output then keeps its scale, however the
        kernels before it change, so that a network can learn from random initial weights. For
        inference, moving averages of these batch normalization statistics are kept:
        `batch_statistics` gives them to the trainer, and `fold_batch_norm` later puts them into
        the convolution.
Paper   Ioffe & Szegedy, arXiv:1502.03167, section 3 and algorithm 1.
Shapes  x (..., C) as rows (M, C)  ->  y as x
"""

from math import ceil

import numpy as np
from numba import njit

from minimaskrcnn.conv.folding import EPSILON
from minimaskrcnn.runtime import memory, tape, threads

BLOCK = 2**16  # numbers in a block of rows: 256 kB, so that it stays in the cache


def batch_norm(x, norm, relu=False, add=None):
    """Normalise x with the statistics of the batch itself; then `add` a shortcut, then apply ReLU.

    Parameters
    ----------
    x : (..., C) float32 or float64; the statistics are taken over all axes but the last
    norm : BatchNorm; only gamma and beta are used
    relu, add : as in `conv2d`

    Returns
    -------
    (..., C), the dtype of x; x itself if it is empty

    Examples
    --------
    >>> from minimaskrcnn.conv import BatchNorm
    >>> one, zero = np.ones(1), np.zeros(1)
    >>> batch_norm(np.array([[2.0], [4.0], [6.0]]), BatchNorm(one, zero, zero, one)).round(2)
    array([[-1.22],
           [ 0.  ],
           [ 1.22]])
    """
    if x.size == 0:  # no region in the whole batch: no statistics either
        return x
    rows, y = np.ascontiguousarray(x).reshape(-1, x.shape[-1]), memory.empty(x.shape, x.dtype)
    out, shortcut = y.reshape(rows.shape), None if add is None else add.reshape(rows.shape)
    mean, variance = _statistics(rows)
    scale, lowest = norm.gamma / _deviation(variance), x.dtype.type(0 if relu else -np.inf)

    def block(_, part):
        above = None if shortcut is None else shortcut[part]
        _normalise(rows[part], mean, scale, norm.beta, above, lowest, out[part])

    _run_blocks(block, rows)
    return tape.record(y, batch_norm_backward, x, norm, relu, add, y, mean, variance)


def batch_norm_backward(grad, x, norm, relu, add, y, mean, variance):
    """The gradients of `batch_norm` for x, gamma, beta and the shortcut.

    The mean and the variance depend on x, too. If all x are moved or scaled alike, the normalised
    x does not change. So the parts of the gradient along these two directions are subtracted
    (the paper's section 3, the equations after algorithm 1). With n = (x - mean) / deviation and
    means over the batch:

        dx = gamma / deviation · (dy - mean(dy) - n · mean(n · dy))

    Here M mean(dy) = dbeta, M mean(n · dy) = dgamma, and `slope` is dgamma / deviation.
    """
    rows, out = np.ascontiguousarray(x).reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
    dy, dx = np.ascontiguousarray(grad).reshape(rows.shape), memory.empty(rows.shape, x.dtype)
    before_relu = memory.empty(rows.shape, x.dtype) if relu else dy  # (M, C)
    sums = np.zeros((2, _block_count(rows), x.shape[-1]), x.dtype)
    deviation = _deviation(variance)

    def add_up(i, part):
        if relu:
            np.multiply(dy[part], out[part] > 0, out=before_relu[part])
        _add_up_gradients(rows[part], mean, before_relu[part], sums[0, i], sums[1, i])

    _run_blocks(add_up, rows)
    dgamma, dbeta = sums[0].sum(0) / deviation, sums[1].sum(0)  # (C,)
    slope, scale = dgamma / deviation, norm.gamma / deviation

    def block(_, part):
        _subtract(rows[part], mean, before_relu[part], slope, dbeta, scale, len(rows), dx[part])

    _run_blocks(block, rows)
    pairs = [(x, dx.reshape(x.shape)), (norm.gamma, dgamma), (norm.beta, dbeta)]
    return pairs if add is None else pairs + [(add, before_relu.reshape(add.shape))]


def _statistics(rows):
    """The mean and the variance (divided by M) of each column of rows (M, C).

    Each block is read twice while it is in the cache: once for its mean, once for the squares of
    the differences from it. The blocks are combined as in Chan et al. 1983 ("Algorithms for
    computing the sample variance", equation 2.1), which loses no digits.
    """
    count = _block_count(rows)
    means, squares = np.zeros((2, count, rows.shape[1]), rows.dtype)  # of each block
    lengths = np.zeros((count, 1), rows.dtype)

    def block(i, part):
        lengths[i] = len(rows[part])
        _add_up(rows[part], means[i], squares[i])

    _run_blocks(block, rows)
    mean = (lengths * means).sum(0) / len(rows)
    squares += lengths * np.square(means - mean)
    return mean, squares.sum(0) / len(rows)


def _deviation(variance):
    return np.sqrt(variance + variance.dtype.type(EPSILON))


def _block_count(rows):
    return ceil(len(rows) / max(1, BLOCK // rows.shape[1]))


def _run_blocks(task, rows):
    """Call task(i, part) for blocks of rows, `part` being the slice of block i."""
    size = max(1, BLOCK // rows.shape[1])
    threads.run(lambda i: task(i, slice(i * size, (i + 1) * size)), _block_count(rows))


@njit(cache=True, nogil=True)
def _add_up(x, mean, squares):
    for m in range(len(x)):
        for c in range(len(mean)):
            mean[c] += x[m, c] - x[0, c]  # small differences: their sum keeps its digits
    for c in range(len(mean)):
        mean[c] = x[0, c] + mean[c] / x.dtype.type(len(x))
    for m in range(len(x)):
        for c in range(len(mean)):
            squares[c] += (x[m, c] - mean[c]) ** 2


@njit(cache=True, nogil=True)
def _normalise(x, mean, scale, beta, shortcut, lowest, y):
    for m in range(len(x)):
        for c in range(len(mean)):
            value = (x[m, c] - mean[c]) * scale[c] + beta[c]
            if shortcut is not None:
                value += shortcut[m, c]
            y[m, c] = lowest if value < lowest else value


@njit(cache=True, nogil=True)
def _add_up_gradients(x, mean, grad, dscale, dbeta):
    for m in range(len(x)):
        for c in range(len(mean)):
            dscale[c] += grad[m, c] * (x[m, c] - mean[c])
            dbeta[c] += grad[m, c]


@njit(cache=True, nogil=True)
def _subtract(x, mean, grad, slope, dbeta, scale, count, dx):
    for m in range(len(x)):
        for c in range(len(mean)):
            along = (dbeta[c] + (x[m, c] - mean[c]) * slope[c]) / x.dtype.type(count)
            dx[m, c] = scale[c] * (grad[m, c] - along)


def batch_statistics(steps):
    """Return the (norm, mean, variance) of each `batch_norm` that a tape has recorded.

    The trainer moves its averages towards these, so that no operation writes into a norm. A norm
    that was used several times appears several times. `variance` is the biased one (divided by
    the count), the one with which the batch was normalised.

    Parameters
    ----------
    steps : list made by `tape.recording`, not yet walked back

    Returns
    -------
    list of (BatchNorm, (C,) array, (C,) array)
    """
    return [
        (arguments[1], arguments[5], arguments[6])
        for _, backward, arguments in steps
        if backward is batch_norm_backward
    ]
