"""`conv2d`, which everything calls: the fastest form of convolution for the shape at hand."""

from dataclasses import replace

from minimaskrcnn import tape
from minimaskrcnn.conv.backward import conv2d_backward
from minimaskrcnn.conv.batch_norm import batch_norm
from minimaskrcnn.conv.im2col import conv2d_im2col


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
    y = conv2d_im2col(x, conv, relu, add)
    return tape.record(y, conv2d_backward, x, conv, relu, add, y)
