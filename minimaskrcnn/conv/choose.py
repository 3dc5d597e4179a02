"""`conv2d`, which everything calls: the fastest form of convolution for the shape at hand."""

from dataclasses import replace

import numpy as np

from minimaskrcnn import tape
from minimaskrcnn.conv.backward import conv2d_backward
from minimaskrcnn.conv.batch_norm import batch_norm
from minimaskrcnn.conv.blocked import conv2d_blocked
from minimaskrcnn.conv.direct import check
from minimaskrcnn.conv.im2col import conv2d_im2col
from minimaskrcnn.conv.winograd import conv2d_winograd


def conv2d(x, conv, relu=False, add=None):
    """Convolve; then add the bias, then a shortcut, then apply ReLU.

    Parameters
    ----------
    x : (H, W, C) or (B, H, W, C) float32; float64 stays float64 (for gradient checks)
    conv : Conv; with `conv.norm`, batch normalisation follows the bias (training only)
    relu : whether to replace negative outputs by 0
    add : None or an array like the output, added before the ReLU

    Returns
    -------
    (H', W', D) or (B, H', W', D), the dtype of x; H' = (H + padding - kh) // stride + 1

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or the map is smaller than the kernel.
    """
    if conv.norm is not None:
        return batch_norm(conv2d(x, replace(conv, norm=None)), conv.norm, relu, add)
    y = choose_form(x, conv)(x, conv, relu, add)
    return tape.record(y, conv2d_backward, x, conv, relu, add, y)


def choose_form(x, conv):
    check(x, conv)
    if x.dtype == np.float64:
        return conv2d_im2col
    if conv.kernel.shape[:2] == (3, 3) and conv.stride == 1:
        return conv2d_winograd
    return conv2d_blocked
