"""`conv2d`, the convolution that all other modules call, and its gradient.

Idea    Forward, it calls the fastest form for the shape. Backward, y = windows @ kernel + bias
        gives
            dkernel  = windows^T @ dy,        dbias = the sum of dy over all windows,
            dwindows = dy @ kernel^T,         each row added to the place its window was read from.
        The first sum, for 3 x 3 kernels, has a quicker form (`winograd_gradient`). With stride 1,
        the last line is itself a convolution, of dy with the kernel rotated by 180
        degrees and its input and output channels exchanged.
Paper   Dumoulin & Visin, arXiv:1603.07285, section 4 (transposed convolution).
Shapes  grad as y (B, H', W', D)  ->  dx as x, dkernel (kh, kw, C, D), dbias (D,), dadd as y
"""

from dataclasses import replace
from math import ceil

import numpy as np
from numba import njit

from minimaskrcnn.conv.batch_norm import batch_norm
from minimaskrcnn.conv.blocked import BLOCK, gather
from minimaskrcnn.conv.choose import choose_form, gradient_by_winograd
from minimaskrcnn.conv.direct import Conv, check
from minimaskrcnn.conv.im2col import lie_as_rows
from minimaskrcnn.conv.winograd_gradient import kernel_gradient_winograd
from minimaskrcnn.runtime import memory, tape, threads


def conv2d(x, conv, relu=False, add=None):
    """Convolve a map with a kernel; then add the bias and a shortcut, then apply ReLU.

    Parameters
    ----------
    x : (H, W, C) or (B, H, W, C) float32; float64 stays float64 (for gradient checks)
    conv : Conv; with `conv.norm`, batch normalization follows the bias (training only)
    relu : whether to replace negative outputs by 0
    add : None or an array like the output, added before the ReLU

    Returns
    -------
    (H', W', D) or (B, H', W', D), the dtype of x; H' = (H + padding - kh) // stride + 1

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or the map is smaller than the kernel.

    Examples
    --------
    >>> x = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
    >>> mean = Conv(np.full((3, 3, 1, 1), 1 / 9, np.float32), np.zeros(1, np.float32))
    >>> conv2d(x, mean)[..., 0].round(3).tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """
    check(x, conv, add)
    if conv.norm is not None:
        return batch_norm(conv2d(x, replace(conv, norm=None)), conv.norm, relu, add)
    y = choose_form(x, conv)(x, conv, relu, add)
    return tape.record(y, conv2d_backward, x, conv, relu, add, y, tape.wants(x))


def conv2d_backward(grad, x, conv, relu, add, y, wants_x):
    """The gradients of `conv2d` for x (if wanted), kernel, bias and the shortcut."""
    if relu:
        grad = memory.filled(_through_relu, grad, y)
    dkernel, dbias = _weight_gradients(grad, x, conv)
    pairs = [(conv.kernel, dkernel), (conv.bias, dbias)]
    pairs += [(x, _input_gradient(grad, x, conv))] if wants_x else []
    return pairs if add is None else pairs + [(add, grad)]


def _through_relu(grad, y, out):
    return np.multiply(grad, y > 0, out=out)


def _weight_gradients(grad, x, conv):
    """dkernel and dbias: sums over all outputs, in up to 8 parts, which are added in order."""
    x, grad = np.ascontiguousarray(x), np.ascontiguousarray(grad)
    maps = grad.reshape(-1, *grad.shape[-3:])  # (B, H', W', D)
    if gradient_by_winograd(maps, x, conv):
        rows = np.array_split(maps.reshape(-1, maps.shape[-1]), 8)
        dbias = sum(np.ones(len(part), x.dtype) @ part for part in rows)  # quicker than to sum
        return kernel_gradient_winograd(maps, x.reshape(-1, *x.shape[-3:]), conv), dbias
    return _sum_over_windows(grad, x, conv)


def _sum_over_windows(grad, x, conv):
    """windows^T @ dy, and the sum of dy, block by block."""
    outputs, length = grad.shape[-1], conv.kernel[..., 0].size
    flat = grad.reshape(-1, outputs)  # (M, D)
    size = max(256, BLOCK // (length + outputs))  # rows in a block
    blocks = ceil(len(flat) / size)
    parts = max(1, min(blocks, 8, 2**24 // (length * outputs)))  # together at most 64 MB
    dkernel = np.zeros((parts, length, outputs), x.dtype)
    dbias, ones = np.zeros((parts, outputs), x.dtype), np.ones(size, x.dtype)

    def part(i):
        for block in range(i * blocks // parts, (i + 1) * blocks // parts):
            first, last = block * size, min((block + 1) * size, len(flat))
            if lie_as_rows(x, conv):
                rows = x.reshape(-1, length)[first:last]
            else:
                rows = gather(x, conv, grad.shape[-3:-1], first, last)
            dkernel[i] += rows.T @ flat[first:last]
            dbias[i] += ones[: last - first] @ flat[first:last]

    threads.run(part, parts)
    return dkernel.sum(0).reshape(conv.kernel.shape), dbias.sum(0)


def _input_gradient(grad, x, conv):
    if x.size == 0:  # a batch without a single region
        return np.zeros_like(x)
    (kh, kw, _, outputs), (before, after) = conv.kernel.shape, conv.padding
    if lie_as_rows(x, conv):  # dwindows lie as x does
        kernel, kind = conv.kernel.reshape(1, 1, -1, outputs), (1, (0, 0))
        grad = grad.reshape(1, -1, 1, outputs)
    elif conv.stride == 1 and kh == kw and max(before, after) < kh:
        kernel, kind = conv.kernel[::-1, ::-1], (1, (kh - 1 - before, kh - 1 - after))
    else:
        return _add_windows(grad, x, conv)
    kernel = memory.contiguous(kernel.swapaxes(2, 3))  # (k, k, D, C)
    turned = Conv(kernel, np.zeros(kernel.shape[3], x.dtype), *kind)
    return choose_form(grad, turned)(grad, turned).reshape(x.shape)


def _add_windows(grad, x, conv):
    """dwindows = dy @ kernel^T, each row added to the place it was read from; image by image."""
    kh, kw, channels, outputs = conv.kernel.shape
    flat = grad.reshape(-1, grad.shape[-3] * grad.shape[-2], outputs)  # (B, H'*W', D)
    transposed = np.ascontiguousarray(conv.kernel.reshape(-1, outputs).T)  # (D, kh*kw*C)
    dx = memory.empty(x.shape, x.dtype)
    dx[...] = 0
    images = dx.reshape(len(flat), x.shape[-3], x.shape[-2] * channels)
    size = max(64, BLOCK // transposed.size)

    def image(i):
        for first in range(0, flat.shape[1], size):
            rows = flat[i, first : first + size] @ transposed
            rows = rows.reshape(-1, kh, kw * channels)
            _scatter(rows, grad.shape[-2], channels, conv.stride, conv.padding[0], first, images[i])

    threads.run(image, len(flat))
    return dx


@njit(cache=True, nogil=True)
def _scatter(rows, width, channels, stride, pad, first, dx):
    for m in range(len(rows)):
        top = (first + m) // width * stride - pad
        left = ((first + m) % width * stride - pad) * channels
        for a in range(rows.shape[1]):
            if 0 <= top + a < dx.shape[0]:
                for k in range(max(0, -left), min(rows.shape[2], dx.shape[1] - left)):
                    dx[top + a, left + k] += rows[m, a, k]
