"""Convolution by its definition: every output is a sum over a window of the input.

Idea    Slide a small kernel over the map; at every position multiply it with the numbers under it,
        and add up the products:
        y[i, j, d] = bias[d] + sum over a, b, c of x[i*s + a, j*s + b, c] * kernel[a, b, c, d]
        with stride s, where x has been given `padding` rows and columns of zeros.
Paper   Dumoulin & Visin, arXiv:1603.07285, section 2. In neural networks the kernel is not
        flipped; mathematicians call this operation cross-correlation.
Shapes  x (H, W, C) or (B, H, W, C), kernel (kh, kw, C, D)  ->  y (H', W', D) or (B, H', W', D)
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from minimaskrcnn.conv.folding import BatchNorm


@dataclass(frozen=True, eq=False)
class Conv:
    """The weights of one convolution, with its stride and padding."""

    kernel: np.ndarray  # (kh, kw, in, out)
    bias: np.ndarray  # (out,)
    stride: int = 1
    padding: tuple[int, int] = (0, 0)  # rows and columns of zeros before and after
    norm: BatchNorm | None = None  # follows the convolution while training from nothing

    def __repr__(self):
        size = " x ".join(map(str, self.kernel.shape[:2]))
        around = f", stride {self.stride}" if self.stride != 1 else ""
        return f"Conv({size}, {' -> '.join(map(str, self.kernel.shape[2:]))}{around})"


def conv2d_direct(x, conv, relu=False, add=None):
    """Convolve by the definition: four loops over the outputs, three over the window under each.

    Same arguments, result and errors as `conv2d` (without `conv.norm`).
    """
    check(x, conv, add)
    batch = x.reshape(-1, *x.shape[-3:])  # (B, H, W, C)
    y = np.empty((len(batch), *output_shape(x, conv)[-3:]), x.dtype)
    _direct(batch, conv.kernel, conv.bias, conv.stride, conv.padding[0], y)
    y = y.reshape(output_shape(x, conv))
    if add is not None:
        y += add
    return np.maximum(y, 0) if relu else y


@njit(cache=True, nogil=True)
def _direct(x, kernel, bias, stride, pad, y):
    kh, kw, channels, _ = kernel.shape
    for n, i, j, d in np.ndindex(y.shape):
        total = bias[d]
        for a in range(kh):
            for b in range(kw):
                row, column = i * stride + a - pad, j * stride + b - pad
                if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:  # beyond: zeros
                    for c in range(channels):
                        total += x[n, row, column, c] * kernel[a, b, c, d]
        y[n, i, j, d] = total


def output_shape(x, conv):
    """Return the shape of `conv2d(x, conv)`.

    Parameters
    ----------
    x : array (H, W, C) or (B, H, W, C)
    conv : Conv

    Returns
    -------
    tuple of int: (H', W', D) or (B, H', W', D)
    """
    height, width = (
        (size + sum(conv.padding) - k) // conv.stride + 1
        for size, k in zip(x.shape[-3:-1], conv.kernel.shape[:2], strict=True)
    )
    return (*x.shape[:-3], height, width, conv.kernel.shape[3])


def check(x, conv, add=None):
    """Raise ValueError unless x, the weights and the shortcut fit together."""
    kernel, bias = conv.kernel, conv.bias
    if x.ndim not in (3, 4) or x.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"conv2d wants x (H, W, C) or (B, H, W, C), float32 or float64, got {x.shape} {x.dtype}"
        )
    if kernel.ndim != 4 or bias.shape != kernel.shape[3:]:
        raise ValueError(
            "conv2d wants a kernel (kh, kw, in, out) and a bias (out,), "
            f"got {kernel.shape} and {bias.shape}"
        )
    if x.shape[-1] != kernel.shape[2]:
        raise ValueError(f"x has {x.shape[-1]} channels, the kernel is for {kernel.shape[2]}")
    if not x.dtype == kernel.dtype == bias.dtype:
        raise ValueError(
            "x, kernel and bias must have one dtype, "
            f"got {x.dtype}, {kernel.dtype} and {bias.dtype}"
        )
    if conv.stride < 1 or min(conv.padding) < 0:
        raise ValueError(
            f"stride {conv.stride} must be 1 or more, padding {conv.padding} 0 or more"
        )
    if min(output_shape(x, conv)[-3:-1]) < 1:
        raise ValueError(
            f"the map {x.shape[-3:-1]}, padded by {conv.padding}, is smaller than the kernel "
            f"{kernel.shape[:2]}"
        )
    if add is not None and (add.shape != output_shape(x, conv) or add.dtype != x.dtype):
        raise ValueError(
            f"add must be {output_shape(x, conv)} {x.dtype} as the output, "
            f"got {add.shape} {add.dtype}"
        )
