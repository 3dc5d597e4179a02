"""Convolution in three forms; `conv2d` chooses the fastest for the shape at hand.

Read the modules in this order. First the three forms: `direct` (the definition), `im2col` (one
matrix product), `winograd` with its `transforms` (fewer multiplications). Then what makes them
fast: `blocks`, `blocked`, `choose`. Then `operation`: `conv2d` itself and its gradient; `chain`:
two convolutions without the map between them. Batch normalization stands in `folding` (for
inference) and `batch_norm` (while training).
"""

from minimaskrcnn.conv.batch_norm import batch_norm, batch_statistics
from minimaskrcnn.conv.blocked import conv2d_blocked
from minimaskrcnn.conv.chain import conv2d_chain
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
    "conv2d_chain",
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
