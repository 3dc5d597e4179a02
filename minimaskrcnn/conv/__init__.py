"""Convolution: the definition, as a matrix product, and Winograd's; `conv2d` chooses.

Read in this order: `direct` (the definition), `im2col` (as one matrix product), `winograd` with
its `transforms`; then how it becomes fast: `blocks`, `blocked`, `choose`; and `operation`
(`conv2d` itself and its gradient). Beside them `batch_norm` and, for training, `normalise`.
"""

from minimaskrcnn.conv.batch_norm import batch_norm, batch_statistics
from minimaskrcnn.conv.blocked import conv2d_blocked
from minimaskrcnn.conv.direct import Conv, conv2d_direct, output_shape
from minimaskrcnn.conv.folding import BatchNorm, fold_batch_norm, folded, has_norms
from minimaskrcnn.conv.im2col import conv2d_im2col, windows
from minimaskrcnn.conv.operation import conv2d
from minimaskrcnn.conv.winograd import conv2d_winograd, conv2d_winograd_plain

__all__ = [
    "BatchNorm",
    "Conv",
    "batch_norm",
    "batch_statistics",
    "conv2d",
    "conv2d_blocked",
    "conv2d_direct",
    "conv2d_im2col",
    "conv2d_winograd",
    "conv2d_winograd_plain",
    "fold_batch_norm",
    "folded",
    "has_norms",
    "output_shape",
    "windows",
]
