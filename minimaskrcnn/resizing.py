"""Make maps smaller or larger: max-pooling, upsampling, subsampling, bilinear resizing.

Idea    The backbone halves its map once by max-pooling, which keeps the largest value of each
        neighbourhood. The pyramid doubles its maps by repeating every cell (`upsample`), and takes
        every second cell of P5 for P6 (`subsample`). These three have no weights, but gradients
        pass through them. `resize` is for photographs and masks.
Length  Four short operations and their gradients.
Paper   Max-pooling: any textbook; here as in ResNet (arXiv:1512.03385, table 1). Doubling and P6:
        FPN (arXiv:1612.03144), sections 3 and 4.1.
Shapes  maps (H, W, C) or (B, H, W, C)
"""

from math import ceil

import numpy as np
from numba import njit

from minimaskrcnn.runtime import memory, tape, threads

BLOCK = 16  # rows of a map that a thread does at once


def max_pool(x, padding=None):
    """Return the largest value of each 3x3 window, with stride 2: (H, W, C) -> (H/2, W/2, C).

    The map is padded so that ceil(H/2) x ceil(W/2) cells come out; what lies beyond the map is
    never the largest. A window that contains NaN gives NaN.

    Parameters
    ----------
    x : (H, W, C) or (B, H, W, C), float32 or float64
    padding : 0 or 1, by how many cells the first window reaches beyond the map. None is Keras'
        "same": 0 for even sizes, whose last window reaches beyond, and 1 for odd ones

    Returns
    -------
    (ceil(H/2), ceil(W/2), C), or with the B

    Raises
    ------
    ValueError
        If `x` has a different number of dimensions or dtype.
    """
    _check_map(x, "max_pool")
    *batch, h, w, c = x.shape
    maps, rows, columns = x.reshape(-1, h, w, c), (h + 1) // 2, (w + 1) // 2
    y = memory.empty((len(maps), rows, columns, c), x.dtype)
    winners = memory.empty(y.shape, np.uint8)
    top, left = (h % 2, w % 2) if padding is None else (padding, padding)
    blocks = ceil(rows / BLOCK)  # of each map

    def block(i):
        n, first = i // blocks, i % blocks * BLOCK
        _max_pool(maps[n], top, left, first, min(first + BLOCK, rows), y[n], winners[n])

    threads.run(block, len(maps) * blocks)
    y = y.reshape(*batch, rows, columns, c)
    return tape.record(y, _max_pool_backward, x, winners, top, left)


def _max_pool_backward(grad, x, winners, top, left):
    dx = np.zeros_like(x)
    maps, grad = dx.reshape(-1, *x.shape[-3:]), np.ascontiguousarray(grad).reshape(winners.shape)
    threads.run(lambda n: _send_to_winners(grad[n], winners[n], top, left, maps[n]), len(maps))
    return [(x, dx)]


@njit(cache=True, nogil=True)
def _max_pool(x, top, left, first, last, y, winners):
    """Write rows first … last - 1 of the pooled map, and which of the nine cells was the largest.

    Among equal cells the first wins. Where nothing exceeds minus infinity, the centre (cell 4)
    stands, because it never lies beyond the map.
    """
    h, w, c = x.shape
    for i in range(first, last):
        for j in range(y.shape[1]):
            y[i, j] = -np.inf
            winners[i, j] = 4
            for cell in range(9):
                yy, xx = 2 * i - top + cell // 3, 2 * j - left + cell % 3
                if 0 <= yy < h and 0 <= xx < w:
                    for k in range(c):
                        value = x[yy, xx, k]
                        if value > y[i, j, k] or value != value:  # NaN
                            y[i, j, k] = value
                            winners[i, j, k] = cell


@njit(cache=True, nogil=True)
def _send_to_winners(grad, winners, top, left, dx):
    rows, columns, c = grad.shape
    for i in range(rows):
        for j in range(columns):
            for k in range(c):
                cell = np.int64(winners[i, j, k])
                yy, xx = 2 * i - top + cell // 3, 2 * j - left + cell % 3
                dx[yy, xx, k] += grad[i, j, k]


def upsample(x):
    """Return a map of twice the height and width: every cell is repeated (nearest neighbour).

    Arguments and errors as in `max_pool`.
    """
    _check_map(x, "upsample")
    *batch, h, w, c = x.shape
    maps = x.reshape(-1, h, w, c)
    y = memory.empty((len(maps), h, 2, w, 2, c), x.dtype)
    blocks = ceil(h / BLOCK)  # of each map

    def block(i):
        n, rows = i // blocks, slice(i % blocks * BLOCK, (i % blocks + 1) * BLOCK)
        y[n, rows] = maps[n, rows, None, :, None, :]  # each cell to its 2x2 places

    threads.run(block, len(maps) * blocks)
    return tape.record(y.reshape(*batch, 2 * h, 2 * w, c), _upsample_backward, x)


def _upsample_backward(grad, x):
    *batch, h, w, c = x.shape
    return [(x, grad.reshape(*batch, h, 2, w, 2, c).sum(axis=(-4, -2)))]


def subsample(x):
    """Return every second cell, starting with the first: (H, W, C) -> (H/2, W/2, C).

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


def resize(array, height, width):
    """Resize an array bilinearly, as the original does: half-pixel centres, zeros around the array.

    Parameters
    ----------
    array : (h, w) or (h, w, C) of bool, integers, float32 or float64; float32 is computed in
        float32, everything else in float64
    height, width : size of the result

    Returns
    -------
    (height, width) or (height, width, C), float32 or float64, not rounded, between the smallest
    and the largest value of the array

    Raises
    ------
    ValueError
        If the array is empty, its shape or dtype is a different one, or a size is not positive.

    Notes
    -----
    Output i reads the input at (i + 1/2) · h / height - 1/2. Beyond the array lie zeros, which
    blend into the outermost half pixel: the border of an enlarged array darkens. There is no
    smoothing before reduction.

    Examples
    --------
    >>> resize(np.array([[4.0]]), 2, 2)
    array([[4., 4.],
           [4., 4.]])
    """
    if array.ndim not in (2, 3) or array.size == 0 or min(height, width) < 1:
        raise ValueError(f"cannot resize an array of shape {array.shape} to {height} x {width}")
    if array.dtype.kind not in "biuf" or array.dtype == np.float16 or array.dtype.itemsize > 8:
        raise ValueError(f"cannot resize an array of {array.dtype}: make it float32 first")
    dtype = np.float32 if array.dtype == np.float32 else np.float64
    low, high = array.min(), array.max()
    if (height, width) == array.shape[:2]:
        return array.astype(dtype)
    native = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    maps = native.reshape(*array.shape[:2], -1)  # (h, w, C)
    rows, columns = _weights(maps.shape[0], height, dtype), _weights(maps.shape[1], width, dtype)
    resized = np.empty((height, width, maps.shape[2]), dtype)
    _resize(maps, *rows, *columns, resized)
    return np.clip(resized, low, high, out=resized).reshape(height, width, *array.shape[2:])


def _weights(n, m, dtype):
    """For each of `m` outputs, the two of `n` inputs that it lies between, and their weights."""
    position = (np.arange(m) + 0.5) * (n / m) - 0.5  # (m,) in -1/2 … n - 1/2
    first = np.floor(position).astype(np.int64)
    fraction = position - first
    both = np.stack([first, first + 1], axis=1)  # (m, 2)
    weight = np.stack([1 - fraction, fraction], axis=1)  # (m, 2)
    weight[(both < 0) | (both >= n)] = 0  # the zeros around the array
    return np.clip(both, 0, n - 1), weight.astype(dtype)


@njit(cache=True, nogil=True)
def _resize(maps, rows, row_weights, columns, column_weights, resized):
    for i in range(len(rows)):
        above, below = maps[rows[i, 0]], maps[rows[i, 1]]
        for j in range(len(columns)):
            left, right = columns[j]
            for k in range(maps.shape[2]):
                top = above[left, k] * column_weights[j, 0] + above[right, k] * column_weights[j, 1]
                low = below[left, k] * column_weights[j, 0] + below[right, k] * column_weights[j, 1]
                resized[i, j, k] = top * row_weights[i, 0] + low * row_weights[i, 1]
