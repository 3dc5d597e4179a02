"""The small operations around convolutions: dense layer, transposed convolution, softmax, sigmoid.

Idea    Each is a line or two of linear algebra. An operation that training uses ends with
        `tape.record`, with its gradient (`…_backward`) below it, or is composed of such operations.
Paper   Softmax: any textbook. Transposed convolution: arXiv:1603.07285, chapter 4.
Shapes  maps (H, W, C) or (B, H, W, C); vectors (R, C)
"""

from dataclasses import dataclass

import numpy as np

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.runtime import memory, tape


@dataclass(frozen=True, eq=False)
class Dense:
    """A fully connected layer."""

    kernel: np.ndarray  # (in, out)
    bias: np.ndarray  # (out,)

    def __repr__(self):
        return f"Dense({' -> '.join(map(str, self.kernel.shape))})"


@dataclass(frozen=True, eq=False)
class Deconv:
    """A transposed convolution, 2x2 with stride 2: every cell becomes a 2x2 patch of its own."""

    kernel: np.ndarray  # (2, 2, out, in), as Keras stores it
    bias: np.ndarray  # (out,)

    def __repr__(self):
        return f"Deconv(2 x 2, {' -> '.join(map(str, self.kernel.shape[:1:-1]))})"


def dense(x, layer):
    """Return x · kernel + bias, (R, in) -> (R, out), computed as a 1x1 convolution.

    Parameters
    ----------
    x : (R, in) float32 or float64
    layer : Dense

    Returns
    -------
    (R, out)

    Raises
    ------
    ValueError
        If they do not fit together.
    """
    if x.ndim != 2 or layer.kernel.ndim != 2:
        raise ValueError(
            f"dense wants x (R, in) and a kernel (in, out), got {x.shape} and {layer.kernel.shape}"
        )
    kernel = reshape(layer.kernel, (1, 1, *layer.kernel.shape))
    y = conv2d(reshape(x, (len(x), 1, 1, x.shape[1])), Conv(kernel, layer.bias))  # (R, 1, 1, out)
    return reshape(y, (len(x), y.shape[3]))


def deconv2d(x, layer, relu=False):
    """Return a map of twice the height and width: the transposed convolution of x.

    y[2i+a, 2j+b, o] = bias[o] + sum over c of x[i, j, c] · kernel[a, b, o, c]. Because the patches
    do not overlap, this is a 1x1 convolution to 2 · 2 · out channels, which are then laid out in
    space.

    Parameters
    ----------
    x : (H, W, in) or (B, H, W, in), float32 or float64
    layer : Deconv
    relu : whether to replace negative outputs by 0

    Returns
    -------
    (2 H, 2 W, out) or (B, 2 H, 2 W, out)

    Raises
    ------
    ValueError
        If they do not fit together.
    """
    if layer.kernel.ndim != 4 or layer.kernel.shape[:2] != (2, 2):
        raise ValueError(f"deconv2d wants a kernel (2, 2, out, in), got {layer.kernel.shape}")
    kernel = _patch_kernel(layer.kernel)  # (1, 1, in, 4 * out)
    patches = conv2d(x, Conv(kernel, _tile4(layer.bias)), relu)  # (B, H, W, 4 * out)
    return _lay_out(patches)


def _patch_kernel(kernel):
    y = np.ascontiguousarray(kernel.reshape(-1, kernel.shape[3]).T)[None, None]
    return tape.record(y, _patch_kernel_backward, kernel)


def _patch_kernel_backward(grad, kernel):
    return [(kernel, grad[0, 0].T.reshape(kernel.shape))]


def _tile4(bias):
    return tape.record(np.tile(bias, 4), _tile4_backward, bias)


def _tile4_backward(grad, bias):
    return [(bias, grad.reshape(4, -1).sum(axis=0))]


def _lay_out(patches):
    *batch, h, w, c = patches.shape
    y = patches.reshape(*batch, h, w, 2, 2, c // 4).swapaxes(-4, -3)  # (H, 2, W, 2, out)
    y = memory.contiguous(y).reshape(*batch, 2 * h, 2 * w, c // 4)
    return tape.record(y, _lay_out_backward, patches)


def _lay_out_backward(grad, patches):
    *batch, h, w, c = patches.shape
    grad = grad.reshape(*batch, h, 2, w, 2, c // 4).swapaxes(-4, -3)  # (H, W, 2, 2, out)
    return [(patches, memory.contiguous(grad).reshape(patches.shape))]


def reshape(x, shape):
    """Return `x.reshape(shape)`, and record it on the tape.

    Parameters
    ----------
    x : array
    shape : tuple of int

    Returns
    -------
    array with the same numbers, in the same order
    """
    return tape.record(x.reshape(shape), _reshape_backward, x)


def _reshape_backward(grad, x):
    return [(x, grad.reshape(x.shape))]


def concatenate(arrays, axis):
    """Return `np.concatenate(arrays, axis)`, and record it on the tape.

    Parameters
    ----------
    arrays : list of arrays, whose shapes differ only along the axis
    axis : int, along which they are joined

    Returns
    -------
    array
    """
    return tape.record(np.concatenate(arrays, axis), _concatenate_backward, arrays, axis)


def _concatenate_backward(grad, arrays, axis):
    ends = np.cumsum([a.shape[axis] for a in arrays])[:-1]
    return list(zip(arrays, np.split(grad, ends, axis), strict=True))


def softmax(logits):
    """Return probabilities that sum to 1 along the last axis: exp(x) / sum exp(x).

    Parameters
    ----------
    logits : (..., K) float32 or float64

    Returns
    -------
    (..., K), of the same dtype

    Examples
    --------
    >>> softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))  # the maximum cancels out
    return weights / weights.sum(axis=-1, keepdims=True)


def sigmoid(logits):
    """Return 1 / (1 + exp(-x)), without overflow for any x.

    Parameters
    ----------
    logits : array, float32 or float64

    Returns
    -------
    array of the same shape and dtype, in 0 … 1

    Examples
    --------
    >>> sigmoid(np.array([0.0]))
    array([0.5])
    """
    small = np.exp(-np.abs(logits))  # in 0 … 1
    return np.where(logits >= 0, 1, small) / (1 + small)
