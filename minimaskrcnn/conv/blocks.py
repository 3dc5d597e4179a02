"""How a convolution is divided: blocks of rows for the threads, panels of output channels for BLAS.

Idea    A matrix product is fastest if its operands are in the cache, in the order in which they
        are read. A block of the input is small enough to stay in the cache. The kernel is copied
        into panels of n output channels, each of which is read from its first number to its last.
        For processors with AVX-512, OpenBLAS has a routine for matrices of at most 100^3 products
        that does not copy its operands first. Otherwise it copies both operands into an order of
        its own every time, which is worth it only if they are larger.
        All sizes follow from the shape of the convolution (and the kind of processor), never from
        the number of threads. `benchmarks/conv.py` measures them.
Shapes  x (M, C), panels (D / n, C, n)  ->  y (M, D)
"""

from functools import cache
from math import ceil

import numpy as np

from minimaskrcnn.runtime import blas, memory

SMALL = 100**3  # products: OpenBLAS's limit for its small routine


@cache
def _has_small_routine():
    return not blas.architectures().isdisjoint(("SkylakeX", "Cooperlake", "Sapphirerapids"))


def panel_width(channels, outputs):
    """Return the number n of output channels per panel; it divides `outputs`."""
    if not _has_small_routine():
        return outputs
    n = 64 if channels <= 512 else 32 if channels <= 1024 else 16
    return n if outputs % n == 0 and 16 * channels * n <= SMALL else outputs


def block_rows(channels, n, otherwise, most=240):
    """Return the number of rows, a multiple of 8, to multiply at once with panels of width n."""
    rows = SMALL // (channels * n)
    if not _has_small_routine() or rows < 16:
        return otherwise
    return min(rows // 8 * 8, most)


def even_blocks(count, most):
    """Return how many rows, at most `most`, make an even number of blocks: two cores end together.

    Without the small routine it is `most` itself: there the last bits depend on how many rows are
    multiplied at once, and blocks of 192 all give the same.
    """
    blocks = 2 * ceil(count / (2 * most))
    return ceil(count / blocks) if _has_small_routine() else most


def into_panels(matrix, n):
    """Copy a matrix (C, D) into panels (D / n, C, n); if n is D, nothing is copied."""
    channels, outputs = matrix.shape
    return memory.contiguous(matrix.reshape(channels, outputs // n, n).transpose(1, 0, 2))


def multiply(x, panels, y):
    """y = x @ the panels' matrix, for x (..., M, C), panels (D / n, ..., C, n), y (..., M, D)."""
    n = panels.shape[-1]
    by_panel = y.reshape(*y.shape[:-1], y.shape[-1] // n, n)  # (..., M, D / n, n)
    *outer, rows, across, within = range(by_panel.ndim)
    np.matmul(x[None], panels, out=by_panel.transpose(across, *outer, rows, within))
