"""The small operations between convolutions: pooling, doubling, dense, softmax and the like.

Idea    Each is a line of linear algebra or a loop over windows. Those that training passes through
        end in `tape.record` and have their backward below them.
Paper   Max-pooling and softmax: any textbook. Transposed convolution: arXiv:1603.07285, chapter 4.
Shapes  maps (H, W, C) or (B, H, W, C); vectors (R, C)
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from minimaskrcnn import memory, tape
from minimaskrcnn.conv import Conv, conv2d


@dataclass(frozen=True)
class Dense:
    """A fully connected layer."""

    kernel: np.ndarray  # (in, out)
    bias: np.ndarray  # (out,)


@dataclass(frozen=True)
class Deconv:
    """A transposed convolution, 2x2 with stride 2: every cell paints a 2x2 patch of its own."""

    kernel: np.ndarray  # (2, 2, out, in), as Keras stores it
    bias: np.ndarray  # (out,)


def dense(x, layer):
    """Return x · kernel + bias: (R, in) -> (R, out): a 1x1 convolution of maps of one cell.

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
    """Return the transposed convolution: (B, H, W, in) -> (B, 2 H, 2 W, out), or without the B.

    y[2i+a, 2j+b, o] = sum over c of x[i, j, c] · kernel[a, b, o, c], + bias[o]. As patches do not
    overlap, it is a 1x1 convolution to 2 · 2 · out channels, laid out in space afterwards.

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


def max_pool(x):
    """Return the largest value of each 3x3 window, windows 2 apart: (H, W, C) -> (H/2, W/2, C).

    Padded so that ceil(H/2) x ceil(W/2) cells come out (Keras' "same"): for even sizes the last
    window reaches one cell beyond the map; nothing there is ever the largest. A window that holds
    NaN gives NaN.

    Parameters
    ----------
    x : (H, W, C) or (B, H, W, C), float32 or float64

    Returns
    -------
    (ceil(H/2), ceil(W/2), C), or with the B

    Raises
    ------
    ValueError
        If `x` is nothing of the kind.
    """
    _check_map(x, "max_pool")
    batch = x if x.ndim == 4 else x[None]
    y, winners = _max_pool(batch)
    return tape.record(y.reshape(*x.shape[:-3], *y.shape[1:]), _max_pool_backward, x, winners)


def _max_pool_backward(grad, x, winners):
    dx = np.zeros_like(x)
    batch = dx if dx.ndim == 4 else dx[None]
    _send_to_winners(np.ascontiguousarray(grad).reshape(winners.shape), winners, batch)
    return [(x, dx)]


@njit(cache=True, nogil=True)
def _max_pool(x):
    """The pooled map, and which of its window's nine cells won (0 … 8; ties: the first).

    The centre, cell 4, never lies beyond the map: it stands where nothing exceeds minus infinity.
    """
    b, h, w, c = x.shape
    rows, columns = (h + 1) // 2, (w + 1) // 2
    y = np.empty((b, rows, columns, c), x.dtype)
    winners = np.full((b, rows, columns, c), 4, np.uint8)
    top, left = h % 2, w % 2  # odd sizes are padded before as well
    for n in range(b):
        for i in range(rows):
            for j in range(columns):
                y[n, i, j] = -np.inf
                for cell in range(9):
                    yy, xx = 2 * i - top + cell // 3, 2 * j - left + cell % 3
                    if 0 <= yy < h and 0 <= xx < w:
                        for k in range(c):
                            value = x[n, yy, xx, k]
                            if value > y[n, i, j, k] or value != value:  # NaN
                                y[n, i, j, k] = value
                                winners[n, i, j, k] = cell
    return y, winners


@njit(cache=True, nogil=True)
def _send_to_winners(grad, winners, dx):
    b, rows, columns, c = grad.shape
    top, left = dx.shape[1] % 2, dx.shape[2] % 2
    for n in range(b):
        for i in range(rows):
            for j in range(columns):
                for k in range(c):
                    cell = np.int64(winners[n, i, j, k])
                    yy, xx = 2 * i - top + cell // 3, 2 * j - left + cell % 3
                    dx[n, yy, xx, k] += grad[n, i, j, k]


def upsample(x):
    """Return the map doubled by repeating every cell (nearest neighbour): (2 H, 2 W, C).

    Arguments and errors as in `max_pool`.
    """
    _check_map(x, "upsample")
    *batch, h, w, c = x.shape
    y = memory.empty((*batch, h, 2, w, 2, c), x.dtype)
    y[...] = x[..., :, None, :, None, :]  # each cell to its 2x2 places
    y = y.reshape(*batch, 2 * h, 2 * w, c)
    return tape.record(y, _upsample_backward, x)


def _upsample_backward(grad, x):
    *batch, h, w, c = x.shape
    return [(x, grad.reshape(*batch, h, 2, w, 2, c).sum(axis=(-4, -2)))]


def subsample(x):
    """Return every second cell, from the first: (H, W, C) -> (H/2, W/2, C).

    Arguments and errors as in `max_pool`.
    """
    _check_map(x, "subsample")
    y = np.ascontiguousarray(x[..., ::2, ::2, :])
    return tape.record(y, _subsample_backward, x)


def _subsample_backward(grad, x):
    dx = np.zeros_like(x)
    dx[..., ::2, ::2, :] = grad
    return [(x, dx)]


def reshape(x, shape):
    """`x.reshape(shape)`, known to the tape.

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
    """`np.concatenate`, known to the tape.

    Parameters
    ----------
    arrays : list of arrays, alike but along the axis
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
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))  # cancels: no overflow
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


def _check_map(x, name):
    if x.ndim not in (3, 4) or x.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"{name} wants (H, W, C) or (B, H, W, C), float32 or float64, got {x.shape} {x.dtype}"
        )
