"""Batch normalisation: each channel is brought to mean 0 and variance 1, then scaled and shifted.

Idea    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, for every channel by itself.
        At inference mean and variance are constants, so that the whole is one multiplication and
        one addition, which a convolution before it can absorb: `fold_batch_norm`. In training
        from nothing they are the batch's own: `batch_norm`.
Paper   Ioffe & Szegedy, arXiv:1502.03167, algorithm 1; the fold is their section 3.1's remark that
        at inference the normalisation is "simply a linear transform".
Shapes  x (..., C); gamma, beta, mean, variance (C,)
"""

from dataclasses import dataclass, replace

import numpy as np

from minimaskrcnn import tape

EPSILON = 0.001  # added to the variance; the stored variances of the COCO weights go down to 2e-13


@dataclass(frozen=True)
class BatchNorm:
    """The numbers of one normalisation, one a channel."""

    gamma: np.ndarray  # (C,) scale, may be negative
    beta: np.ndarray  # (C,) shift
    mean: np.ndarray  # (C,) moving averages of the training batches …
    variance: np.ndarray  # (C,) … used at inference


def fold_batch_norm(conv, norm):
    """Return the convolution that does what `conv` and then `norm` do at inference.

    Parameters
    ----------
    conv : Conv with kernel (kh, kw, in, out), bias (out,)
    norm : BatchNorm of (out,) numbers

    Returns
    -------
    Conv without a norm, in the dtype of `conv`; the arithmetic is float64

    Raises
    ------
    ValueError
        If the channels do not match.

    Examples
    --------
    >>> from minimaskrcnn.conv import Conv
    >>> norm = BatchNorm(*(np.array([v], np.float32) for v in (-2, 1, 3, 3.999)))
    >>> conv = Conv(np.ones((1, 1, 1, 1), np.float32), np.array([5], np.float32))
    >>> folded = fold_batch_norm(conv, norm)          # -2 (x + 5 - 3) / 2 + 1 = -x - 1
    >>> folded.kernel.item(), folded.bias.item()
    (-1.0, -1.0)
    """
    if norm.gamma.shape != conv.bias.shape:
        raise ValueError(
            f"fold_batch_norm wants one gamma for each of the {conv.bias.size} output channels, "
            f"got {norm.gamma.shape}"
        )
    gamma, beta, mean, variance, bias = (
        a.astype(np.float64) for a in (norm.gamma, norm.beta, norm.mean, norm.variance, conv.bias)
    )
    scale = gamma / np.sqrt(variance + EPSILON)  # (out,)
    kernel = np.empty_like(conv.kernel)
    np.multiply(conv.kernel, scale, out=kernel, casting="same_kind")  # no float64 copy of it
    return replace(
        conv,
        kernel=kernel,
        bias=((bias - mean) * scale + beta).astype(conv.bias.dtype),
        norm=None,
    )


def batch_norm(x, norm, relu=False, add=None):
    """Normalise with the statistics of the batch itself; then `add` a shortcut, then ReLU.

    Parameters
    ----------
    x : (..., C) float32 or float64; the statistics are taken over all axes but the last
    norm : BatchNorm; only gamma and beta are used
    relu, add : as in `conv2d`

    Returns
    -------
    (..., C), the dtype of x
    """
    mean, variance = x.mean(axis=tuple(range(x.ndim - 1))), x.var(axis=tuple(range(x.ndim - 1)))
    y = (x - mean) * (norm.gamma / np.sqrt(variance + x.dtype.type(EPSILON))) + norm.beta
    if add is not None:
        y += add
    if relu:
        np.maximum(y, 0, out=y)
    return tape.record(y, batch_norm_backward, x, norm, relu, add, y, mean, variance)


def batch_norm_backward(grad, x, norm, relu, add, y, mean, variance):
    """The gradients of `batch_norm` for x, gamma, beta and the shortcut."""
    if relu:
        grad = grad * (y > 0)
    inverse_std = 1 / np.sqrt(variance + x.dtype.type(EPSILON))  # (C,)
    unit = (x - mean) * inverse_std  # (..., C), x normalised
    axes = tuple(range(x.ndim - 1))
    dgamma, dbeta = (grad * unit).sum(axes), grad.sum(axes)  # (C,)
    count = x.size // x.shape[-1]
    dx = (norm.gamma * inverse_std) * (grad - (dbeta + unit * dgamma) / count)
    pairs = [(x, dx), (norm.gamma, dgamma), (norm.beta, dbeta)]
    return pairs if add is None else pairs + [(add, grad)]


def batch_statistics(steps):
    """Return the (norm, mean, variance) of each `batch_norm` that a tape has recorded.

    The trainer moves its averages towards these, so that no operation writes into a norm. A norm
    that was used several times appears several times. `variance` is the biased one (divided by
    the count), as the batch was normalised with.
    """
    return [
        (arguments[1], arguments[5], arguments[6])
        for _, backward, arguments in steps
        if backward is batch_norm_backward
    ]
