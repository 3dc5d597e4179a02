"""Choose the form of convolution, and of its gradient, that is the fastest for a shape."""

from math import ceil

import numpy as np

from minimaskrcnn.conv.blocked import conv2d_blocked
from minimaskrcnn.conv.im2col import conv2d_im2col
from minimaskrcnn.conv.winograd import conv2d_winograd, is_for_winograd

FEWEST_CHANNELS = 32  # with fewer, Winograd's transforms take longer than the products they save
FEWEST_TILES = 64  # with fewer, the sums over them in the kernel's gradient are not worth it


def choose_form(x, conv):
    """Return the function to call; float64 is for gradient checks, so it takes the plain form."""
    if x.dtype == np.float64:
        return conv2d_im2col
    enough = min(conv.kernel.shape[2:]) >= FEWEST_CHANNELS
    return conv2d_winograd if enough and is_for_winograd(conv) else conv2d_blocked


def gradient_by_winograd(grad, x, conv):
    """Whether the kernel's gradient, from that at the outputs (B, H', W', D), is Winograd's."""
    images, height, width, _ = grad.shape
    tiles = images * ceil(height / 4) * ceil(width / 4)
    return tiles >= FEWEST_TILES and choose_form(x, conv) is conv2d_winograd
