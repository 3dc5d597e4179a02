"""Convolution: the definition, as a matrix product, and Winograd's; `conv2d` chooses."""

from minimaskrcnn.conv.batch_norm import (
    BatchNorm,
    batch_norm,
    batch_statistics,
    fold_batch_norm,
)
from minimaskrcnn.conv.choose import conv2d
from minimaskrcnn.conv.direct import Conv, conv2d_direct, output_shape
from minimaskrcnn.conv.im2col import conv2d_im2col

__all__ = [
    "BatchNorm",
    "Conv",
    "batch_norm",
    "batch_statistics",
    "conv2d",
    "conv2d_direct",
    "conv2d_im2col",
    "fold_batch_norm",
    "output_shape",
]
