"""Choose the form of convolution that is the fastest for the shape at hand."""

import numpy as np

from minimaskrcnn.conv.blocked import conv2d_blocked
from minimaskrcnn.conv.im2col import conv2d_im2col
from minimaskrcnn.conv.winograd import conv2d_winograd, is_for_winograd

FEWEST_CHANNELS = 32  # with fewer, Winograd's transforms take longer than the products they save


def choose_form(x, conv):
    """Return the function to call; float64 is for gradient checks, so it takes the plain form."""
    if x.dtype == np.float64:
        return conv2d_im2col
    enough = min(conv.kernel.shape[2:]) >= FEWEST_CHANNELS
    return conv2d_winograd if enough and is_for_winograd(conv) else conv2d_blocked
