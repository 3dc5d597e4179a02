"""Convolution as a matrix product: each window becomes a row, each kernel a column.

Idea    Every output is the dot product of a window of the input and one kernel. Copy each window
        into a row (im2col); then one matrix product, the operation that processors and libraries
        are best at, gives all outputs. The price is that the input is copied kh * kw times.
Paper   Chellapilla, Puri & Simard 2006, "High performance convolutional neural networks for
        document processing", section 4.
Shapes  windows (B*H'*W', kh*kw*C) @ kernel (kh*kw*C, D)  ->  (B*H'*W', D)
"""

import numpy as np

from minimaskrcnn.conv.direct import check, output_shape


def conv2d_im2col(x, conv, relu=False, add=None):
    """`conv2d_direct` as one matrix product: same arguments, result and errors."""
    check(x, conv, add)
    rows = windows(x, conv)
    y = rows @ conv.kernel.reshape(rows.shape[1], -1) + conv.bias
    y = y.reshape(output_shape(x, conv))
    if add is not None:
        y += add
    return np.maximum(y, 0) if relu else y


def windows(x, conv):
    """Return the window under every output as one row of a matrix.

    If the windows lie in x as rows already (1x1 with stride 1; a kernel as large as the map), this
    is a reshape, not a copy.

    Parameters
    ----------
    x : (H, W, C) or (B, H, W, C) float32 or float64
    conv : Conv

    Returns
    -------
    (B*H'*W', kh*kw*C), of the same dtype
    """
    kh, kw, channels, _ = conv.kernel.shape
    batch = x.reshape(-1, *x.shape[-3:])  # (B, H, W, C)
    height, width = output_shape(x, conv)[-3:-1]
    if lie_as_rows(x, conv):
        return batch.reshape(-1, kh * kw * channels)
    around = (conv.padding, conv.padding)
    padded = np.pad(batch, ((0, 0), *around, (0, 0)))  # (B, H + padding, W + padding, C)
    rows = np.empty((len(batch), height, width, kh, kw, channels), x.dtype)
    bottom, right = conv.stride * (height - 1) + 1, conv.stride * (width - 1) + 1
    for a in range(kh):
        for b in range(kw):
            rows[:, :, :, a, b] = padded[
                :, a : a + bottom : conv.stride, b : b + right : conv.stride
            ]
    return rows.reshape(-1, kh * kw * channels)


def lie_as_rows(x, conv):
    """Whether x in memory is one window after the other: 1x1, or a kernel as large as x."""
    size = conv.kernel.shape[:2]
    return conv.padding == (0, 0) and (
        (size == (1, 1) and conv.stride == 1) or size == x.shape[-3:-1]
    )
