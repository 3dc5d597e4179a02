"""The gradients of a convolution: two more convolutions, in effect.

Idea    y = windows @ kernel + bias, so  dkernel = windows^T @ dy,  dbias = sum of dy,  and
        dwindows = dy @ kernel^T, each row of which is added back to where its window was read.
Shapes  grad as y (B, H', W', D)  ->  dx as x, dkernel (kh, kw, C, D), dbias (D,), dadd as y
"""

import numpy as np

from minimaskrcnn.conv.direct import output_shape
from minimaskrcnn.conv.im2col import windows


def conv2d_backward(grad, x, conv, relu, add, y):
    """The gradients of `conv2d` for x, kernel, bias and the shortcut."""
    if relu:
        grad = grad * (y > 0)
    flat = grad.reshape(-1, grad.shape[-1])  # (B*H'*W', D)
    rows = windows(x, conv)  # (B*H'*W', kh*kw*C)
    kernel = conv.kernel.reshape(rows.shape[1], -1)
    pairs = [
        (x, _add_windows(flat @ kernel.T, x, conv)),
        (conv.kernel, (rows.T @ flat).reshape(conv.kernel.shape)),
        (conv.bias, flat.sum(0)),
    ]
    return pairs if add is None else pairs + [(add, grad)]


def _add_windows(rows, x, conv):
    """The reverse of `windows`: add each row to the window it was read from."""
    kh, kw, channels, _ = conv.kernel.shape
    height, width = output_shape(x, conv)[-3:-1]
    rows = rows.reshape(-1, height, width, kh, kw, channels)
    before, (rows_in, columns_in) = conv.padding[0], x.shape[-3:-1]
    padded = np.zeros(
        (len(rows), rows_in + sum(conv.padding), columns_in + sum(conv.padding), channels), x.dtype
    )
    bottom, right = conv.stride * (height - 1) + 1, conv.stride * (width - 1) + 1
    for a in range(kh):
        for b in range(kw):
            padded[:, a : a + bottom : conv.stride, b : b + right : conv.stride] += rows[
                :, :, :, a, b
            ]
    inner = padded[:, before : before + rows_in, before : before + columns_in]
    return inner.reshape(x.shape)
