"""Convolution as a matrix product in blocks, each finished while it is in the processor's cache.

Idea    A worker takes a block of outputs, copies their windows into a scratch array (for a 1 x 1
        convolution the input already consists of such rows), multiplies, adds the bias and the
        shortcut, and applies ReLU before the block has left the cache. The windows of the whole
        map never exist at the same time.
Paper   Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication", section 4
        (on what belongs in which cache).
Shapes  as in `im2col`: M = B*H'*W' windows of K = kh*kw*C numbers, times (K, D)
"""

from math import ceil

import numpy as np
from numba import njit

from minimaskrcnn.conv.blocks import block_rows, into_panels, multiply, panel_width
from minimaskrcnn.conv.direct import check, output_shape
from minimaskrcnn.conv.im2col import lie_as_rows
from minimaskrcnn.runtime import memory, threads


def conv2d_blocked(x, conv, relu=False, add=None):
    """`conv2d_im2col` in blocks on all threads: same arguments, result and errors."""
    check(x, conv, add)
    x, y = np.ascontiguousarray(x), memory.empty(output_shape(x, conv), x.dtype)
    outputs, length = y.shape[-1], conv.kernel[..., 0].size  # D, K
    out = y.reshape(-1, outputs)  # (M, D)
    shortcut = None if add is None else np.ascontiguousarray(add).reshape(-1, outputs)
    panels, step = panels_and_step(conv.kernel.reshape(length, outputs))
    size = step * max(1, BLOCK // (length + outputs) // step)  # rows in a block
    lowest = x.dtype.type(0 if relu else -np.inf)

    def block(i):
        first, last = i * size, min((i + 1) * size, len(out))
        if lie_as_rows(x, conv):
            rows = x.reshape(-1, length)[first:last]
        else:
            rows = gather(x, conv, y.shape[-3:-1], first, last)
        multiply_in_steps(rows, panels, step, out[first:last])
        above = None if shortcut is None else shortcut[first:last]
        _finish(out[first:last], conv.bias, above, lowest)

    threads.run(block, ceil(len(out) / size))
    return y


BLOCK = 2**18  # numbers in the windows and outputs of a block: 1 MB, the cache of one core


def panels_and_step(matrix):
    """A matrix (K, D) in panels (D / n, K, n), and how many rows to multiply with them at once."""
    n = panel_width(*matrix.shape)
    return into_panels(matrix, n), block_rows(len(matrix), n, otherwise=256)


def multiply_in_steps(rows, panels, step, y):
    """y = rows @ the panels' matrix, `step` rows at a time."""
    whole = len(rows) // step * step
    if whole:
        multiply(
            rows[:whole].reshape(-1, step, rows.shape[1]),
            panels[:, None],
            y[:whole].reshape(-1, step, y.shape[1]),
        )
    if whole < len(rows):
        multiply(rows[whole:], panels, y[whole:])


def gather(x, conv, size, first, last):
    """Copy the windows under the outputs first … last - 1 into rows: (last - first, kh*kw*C).

    The outputs are numbered row by row through a map of `size` (H', W'), then through the next map
    of the batch. The array is this thread's scratch memory.
    """
    kh, kw, channels, _ = conv.kernel.shape
    rows = threads.scratch("windows", (last - first, kh, kw * channels), x.dtype)
    flat = x.reshape(-1, x.shape[-3], x.shape[-2] * channels)  # (B, H, W*C)
    _gather(flat, size[0], size[1], channels, conv.stride, conv.padding[0], first, rows)
    return rows.reshape(last - first, -1)


@njit(cache=True, nogil=True)
def _gather(x, height, width, channels, stride, pad, first, rows):
    span, m = rows.shape[2], 0  # one row of a window lies together in x: kw * C numbers
    while m < len(rows):  # up to the end of a row of outputs at a time
        image, place = divmod(first + m, height * width)
        top, j = place // width * stride - pad, place % width
        count = min(width - j, len(rows) - m)
        for a in range(rows.shape[1]):
            row_inside = 0 <= top + a < x.shape[1]
            for n in range(count):
                left = ((j + n) * stride - pad) * channels
                if row_inside and left >= 0 and left + span <= x.shape[2]:
                    for k in range(span):
                        rows[m + n, a, k] = x[image, top + a, left + k]
                else:  # at the border
                    for k in range(span):
                        inside = row_inside and 0 <= left + k < x.shape[2]
                        rows[m + n, a, k] = x[image, top + a, left + k] if inside else 0
        m += count


@njit(cache=True, nogil=True)
def _finish(y, bias, shortcut, lowest):
    """y = max(y + bias + shortcut, lowest), where `lowest` is 0 for ReLU and -inf without."""
    for m in range(len(y)):
        for d in range(len(bias)):
            total = y[m, d] + bias[d]
            if shortcut is not None:
                total += shortcut[m, d]
            y[m, d] = lowest if total < lowest else total  # a NaN is not below it, so it stays
