"""Maps made smaller and larger: max-pooling, doubling, taking every second cell.

Idea    The backbone halves its maps once by keeping the strongest answer of each neighbourhood; the
        pyramid doubles them by repetition on its way down, and thins its coarsest one out to P6.
        None has a weight to learn, but all pass gradients on.
Paper   Max-pooling: any textbook; here as in ResNet (arXiv:1512.03385, table 1). Doubling and P6:
        FPN (arXiv:1612.03144), sections 3 and 4.1.
Shapes  maps (H, W, C) or (B, H, W, C)
"""

import numpy as np
from numba import njit

from minimaskrcnn import memory, tape


def max_pool(x):
    """Return the largest value of each 3x3 window, windows 2 apart: (H, W, C) -> (H/2, W/2, C).

    Padded so that ceil(H/2) x ceil(W/2) cells come out (Keras' "same"): for even sizes the last
    window reaches one cell beyond the map; nothing there is ever the largest. A window that holds
    NaN gives NaN.

    Parameters
    ----------
    x : (H, W, C) or (B, H, W, C), float32 or float64

    Returns
    -------
    (ceil(H/2), ceil(W/2), C), or with the B

    Raises
    ------
    ValueError
        If `x` is nothing of the kind.
    """
    _check_map(x, "max_pool")
    batch = x if x.ndim == 4 else x[None]
    y, winners = _max_pool(batch)
    return tape.record(y.reshape(*x.shape[:-3], *y.shape[1:]), _max_pool_backward, x, winners)


def _max_pool_backward(grad, x, winners):
    dx = np.zeros_like(x)
    batch = dx if dx.ndim == 4 else dx[None]
    _send_to_winners(np.ascontiguousarray(grad).reshape(winners.shape), winners, batch)
    return [(x, dx)]


@njit(cache=True, nogil=True)
def _max_pool(x):
    """The pooled map, and which of its window's nine cells won (0 … 8; ties: the first).

    The centre, cell 4, never lies beyond the map: it stands where nothing exceeds minus infinity.
    """
    b, h, w, c = x.shape
    rows, columns = (h + 1) // 2, (w + 1) // 2
    y = np.empty((b, rows, columns, c), x.dtype)
    winners = np.full((b, rows, columns, c), 4, np.uint8)
    top, left = h % 2, w % 2  # odd sizes are padded before as well
    for n in range(b):
        for i in range(rows):
            for j in range(columns):
                y[n, i, j] = -np.inf
                for cell in range(9):
                    yy, xx = 2 * i - top + cell // 3, 2 * j - left + cell % 3
                    if 0 <= yy < h and 0 <= xx < w:
                        for k in range(c):
                            value = x[n, yy, xx, k]
                            if value > y[n, i, j, k] or value != value:  # NaN
                                y[n, i, j, k] = value
                                winners[n, i, j, k] = cell
    return y, winners


@njit(cache=True, nogil=True)
def _send_to_winners(grad, winners, dx):
    b, rows, columns, c = grad.shape
    top, left = dx.shape[1] % 2, dx.shape[2] % 2
    for n in range(b):
        for i in range(rows):
            for j in range(columns):
                for k in range(c):
                    cell = np.int64(winners[n, i, j, k])
                    yy, xx = 2 * i - top + cell // 3, 2 * j - left + cell % 3
                    dx[n, yy, xx, k] += grad[n, i, j, k]


def upsample(x):
    """Return the map doubled by repeating every cell (nearest neighbour): (2 H, 2 W, C).

    Arguments and errors as in `max_pool`.
    """
    _check_map(x, "upsample")
    *batch, h, w, c = x.shape
    y = memory.empty((*batch, h, 2, w, 2, c), x.dtype)
    y[...] = x[..., :, None, :, None, :]  # each cell to its 2x2 places
    y = y.reshape(*batch, 2 * h, 2 * w, c)
    return tape.record(y, _upsample_backward, x)


def _upsample_backward(grad, x):
    *batch, h, w, c = x.shape
    return [(x, grad.reshape(*batch, h, 2, w, 2, c).sum(axis=(-4, -2)))]


def subsample(x):
    """Return every second cell, from the first: (H, W, C) -> (H/2, W/2, C).

    Arguments and errors as in `max_pool`.
    """
    _check_map(x, "subsample")
    y = np.ascontiguousarray(x[..., ::2, ::2, :])
    return tape.record(y, _subsample_backward, x)


def _subsample_backward(grad, x):
    dx = np.zeros_like(x)
    dx[..., ::2, ::2, :] = grad
    return [(x, dx)]


def _check_map(x, name):
    if x.ndim not in (3, 4) or x.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"{name} wants (H, W, C) or (B, H, W, C), float32 or float64, got {x.shape} {x.dtype}"
        )
