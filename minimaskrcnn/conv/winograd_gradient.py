"""The gradient of a 3 x 3 kernel by Winograd's method: a quarter of the products.

Idea    A tile of outputs is y = A^T [(G g G^T) * (B^T d B)] A (`winograd`). This is linear in the
        kernel g, so its gradient goes the same way backwards, each matrix transposed:
            dg = G^T [sum over all tiles of (A dy A^T) * (B^T d B)] G
        The sum at each of the 36 points, for every pair of channels, is a matrix product,
        (C, tiles) @ (tiles, D). The way back, G, is taken once, after all tiles.
Paper   Lavin & Gray, arXiv:1509.09308, section 4, whose algorithm this is the transpose of.
Shapes  dy (B, H', W', D), x (B, H, W, C)  ->  dkernel (3, 3, C, D); inside: v (36, tiles, C),
        m (36, tiles, D), their products (36, C, D)
"""

import numpy as np
from numba import njit

from minimaskrcnn.conv.transforms import P2, P3, Q2, Q3, P, Q, tiles_to_points
from minimaskrcnn.conv.winograd import divide_tiles, matrices
from minimaskrcnn.runtime import memory, threads

MOST_TILES = 128  # in a block: many, since the products of each block are added to a sum


def kernel_gradient_winograd(grad, x, conv):
    """The gradient of `conv2d` for a 3 x 3 kernel, stride 1, by the transpose of F(4 x 4, 3 x 3).

    Parameters
    ----------
    grad : (B, H', W', D) float32, the gradient at the outputs
    x : (B, H, W, C) float32, C-contiguous
    conv : Conv with a kernel (3, 3, C, D)

    Returns
    -------
    (3, 3, C, D), the dtype of x
    """
    channels, outputs = conv.kernel.shape[2:]
    flat_x = x.reshape(len(x), x.shape[1], -1)  # (B, H, W*C)
    flat_grad = grad.reshape(len(grad), grad.shape[1], -1)  # (B, H', W'*D)
    count, part_of = divide_tiles(grad.shape, MOST_TILES)
    parts = max(1, min(count, 8, max(2, 2**24 // (36 * channels * outputs))))
    sums = memory.empty((parts, 36, channels, outputs), x.dtype)

    def part(i):
        products = threads.scratch("products", sums.shape[1:], x.dtype)
        begin, end = i * count // parts, (i + 1) * count // parts
        for block in range(begin, end):
            place, (rows, columns) = part_of(block)
            v = threads.scratch("v", (6, 6, rows * columns, channels), x.dtype)
            w = threads.scratch("w", (6, (4 * columns + 2) * channels), x.dtype)
            tiles_to_points(flat_x, conv.padding[0], *place, rows, columns, v, w)
            m = threads.scratch("m", (6, 6, rows * columns, outputs), x.dtype)
            w = threads.scratch("w", (6, 4 * columns * outputs), x.dtype)
            outputs_to_points(flat_grad, *place, rows, columns, m, w)
            v, m = v.reshape(36, -1, channels), m.reshape(36, -1, outputs)
            np.matmul(v.swapaxes(1, 2), m, out=sums[i] if block == begin else products)
            if block > begin:
                sums[i] += products

    threads.run(part, parts)
    g = matrices()[1].astype(x.dtype)  # (6, 3)
    points = sums.sum(0).reshape(6, 6, channels, outputs)
    return np.einsum("ka,klcd,lb->abcd", g, points, g, optimize=True)


@njit(cache=True, nogil=True)
def outputs_to_points(y, tile_rows, first_row, first_column, rows, columns, m, w):
    """m = A y A^T for tiles of 4 x 4 outputs y (B, H', W'*D); what lies beyond y counts as 0.

    Tiles are numbered as in `tiles_to_points`. The scratch array w, (6, 4*columns*D), holds one
    row of tiles that is transformed from top to bottom, but not yet from left to right.
    """
    channels, height = m.shape[3], y.shape[1]
    begin = 4 * first_column * channels
    end = min(begin + w.shape[1], y.shape[2])
    zeros = np.zeros(end - begin, y.dtype)
    w[:, end - begin :] = 0
    for i in range(rows):
        image, tile_row = divmod(first_row + i, tile_rows)
        top = 4 * tile_row
        _spread(
            y[image, top, begin:end],
            y[image, top + 1, begin:end] if top + 1 < height else zeros,
            y[image, top + 2, begin:end] if top + 2 < height else zeros,
            y[image, top + 3, begin:end] if top + 3 < height else zeros,
            w[0, : end - begin], w[1, : end - begin], w[2, : end - begin],
            w[3, : end - begin], w[4, : end - begin], w[5, : end - begin],
        )  # fmt: skip
        for k in range(6):
            pixels = w[k].reshape(-1, channels)  # (4 * columns, D)
            for j in range(columns):
                t = i * columns + j
                _spread(
                    pixels[4 * j], pixels[4 * j + 1], pixels[4 * j + 2], pixels[4 * j + 3],
                    m[k, 0, t], m[k, 1, t], m[k, 2, t], m[k, 3, t], m[k, 4, t], m[k, 5, t],
                )  # fmt: skip


@njit(cache=True, nogil=True)
def _spread(y0, y1, y2, y3, m0, m1, m2, m3, m4, m5):
    """m = A y: y0 + y1 x + y2 x^2 + y3 x^3 at each point; at infinity y3, the leading number."""
    one = y0.dtype.type
    p, q, p2, q2, p3, q3 = one(P), one(Q), one(P2), one(Q2), one(P3), one(Q3)
    for c in range(len(y0)):
        even_p, odd_p = y0[c] + p2 * y2[c], p * y1[c] + p3 * y3[c]
        even_q, odd_q = y0[c] + q2 * y2[c], q * y1[c] + q3 * y3[c]
        m0[c] = y0[c]
        m1[c] = even_p + odd_p
        m2[c] = even_p - odd_p
        m3[c] = even_q + odd_q
        m4[c] = even_q - odd_q
        m5[c] = y3[c]
