"""Winograd's transforms in one dimension, and the loops that apply them to a whole map.

Idea    With the points 0, p, -p, q, -q and infinity (p = 2/3, q = 3/2, so p q = 1) the rows of the
        matrices in `winograd.matrices` form pairs that differ only in the sign of every second
        number. One of a pair is an even sum plus an odd sum, the other the even minus the odd.
        `_enter`, `_leave` and `_enter_kernel` are those matrices written out. They work on whole
        vectors, number by number: on the pixels of six rows, or on the channels of six pixels.
Paper   Lavin & Gray, arXiv:1509.09308, section 4.1: in two dimensions, first along one, then along
        the other.
Shapes  x (B, H, W*C)  ->  v (6, 6, T, C);  m (6, 6, T*D)  ->  y (B, H', W', D), where T tiles of
        4 x 4 outputs are `rows` rows of `columns` tiles each; kernel (3, 3, C, D)  ->
        panels (D / n, 6, 6, C*n)
"""

import numpy as np
from numba import njit

P, Q = 2 / 3, 3 / 2
P2, Q2, P3, Q3, SUM = P**2, Q**2, P**3, Q**3, P**2 + Q**2
SCALE_P, SCALE_Q = 1 / (2 * P2 * (P2 - Q2)), 1 / (2 * Q2 * (Q2 - P2))


@njit(cache=True, nogil=True)
def tiles_to_points(x, padding, tile_rows, first_row, first_column, rows, columns, v, w):
    """v = B^T d B for `rows` rows of `columns` tiles, the first at (first_row, first_column).

    Rows of tiles are numbered through all images, `tile_rows` in each. The scratch array w,
    (6, (4*columns + 2)*C), holds one row of tiles that is transformed from top to bottom, but not
    yet from left to right.
    """
    channels, height = v.shape[3], x.shape[1]
    left = 4 * first_column - padding
    begin = max(0, left) * channels  # what of a row of x is wanted: from here …
    end = min((left + 4 * columns + 2) * channels, x.shape[2])  # … to here; beyond it are zeros
    zeros = np.zeros(end - begin, x.dtype)
    w_begin, w_end = begin - left * channels, end - left * channels
    w[:, :w_begin], w[:, w_end:] = 0, 0
    for i in range(rows):
        image, tile_row = divmod(first_row + i, tile_rows)
        top = 4 * tile_row - padding
        _enter(
            x[image, top, begin:end] if 0 <= top < height else zeros,
            x[image, top + 1, begin:end] if 0 <= top + 1 < height else zeros,
            x[image, top + 2, begin:end] if 0 <= top + 2 < height else zeros,
            x[image, top + 3, begin:end] if 0 <= top + 3 < height else zeros,
            x[image, top + 4, begin:end] if 0 <= top + 4 < height else zeros,
            x[image, top + 5, begin:end] if 0 <= top + 5 < height else zeros,
            w[0, w_begin:w_end], w[1, w_begin:w_end], w[2, w_begin:w_end],
            w[3, w_begin:w_end], w[4, w_begin:w_end], w[5, w_begin:w_end],
        )  # fmt: skip
        for k in range(6):
            pixels = w[k].reshape(-1, channels)  # (4 * columns + 2, C)
            for j in range(columns):
                t = i * columns + j
                _enter(
                    pixels[4 * j], pixels[4 * j + 1], pixels[4 * j + 2],
                    pixels[4 * j + 3], pixels[4 * j + 4], pixels[4 * j + 5],
                    v[k, 0, t], v[k, 1, t], v[k, 2, t], v[k, 3, t], v[k, 4, t], v[k, 5, t],
                )  # fmt: skip


@njit(cache=True, nogil=True)
def _enter(d0, d1, d2, d3, d4, d5, v0, v1, v2, v3, v4, v5):
    """v = B^T d. A point's row has the coefficients of the product of (x - a) over the others.

      0:  (x^2 - p^2) (x^2 - q^2)    =  x^4 - (p^2 + q^2) x^2 + 1
    +-p:  x (x +- p) (x^2 - q^2)     = (x^4 - q^2 x^2) +- p (x^3 - q^2 x)
    +-q:  x (x +- q) (x^2 - p^2)     = (x^4 - p^2 x^2) +- q (x^3 - p^2 x)
    inf:  x (x^2 - p^2) (x^2 - q^2)  =  x^5 - (p^2 + q^2) x^3 + x
    """
    one = d0.dtype.type
    p, q, p2, q2, p2_q2 = one(P), one(Q), one(P2), one(Q2), one(SUM)
    for c in range(len(d0)):
        even_p, odd_p = d4[c] - q2 * d2[c], p * (d3[c] - q2 * d1[c])
        even_q, odd_q = d4[c] - p2 * d2[c], q * (d3[c] - p2 * d1[c])
        v0[c] = d4[c] - p2_q2 * d2[c] + d0[c]
        v1[c] = even_p + odd_p
        v2[c] = even_p - odd_p
        v3[c] = even_q + odd_q
        v4[c] = even_q - odd_q
        v5[c] = d5[c] - p2_q2 * d3[c] + d1[c]


@njit(cache=True, nogil=True)
def points_to_tiles(m, bias, lowest, tile_rows, first_row, first_column, rows, columns, y, z):
    """y = max(A^T m A + bias, lowest), where `lowest` is 0 for ReLU and -inf without.

    Tiles are numbered as in `tiles_to_points`. The scratch array z, (4, 6, columns*D), holds one
    row of tiles that is transformed from top to bottom, but not yet from left to right.
    """
    height, width, channels = y.shape[1:]
    spare = np.empty(channels, y.dtype)  # takes what lies beyond the right edge
    for i in range(rows):
        image, tile_row = divmod(first_row + i, tile_rows)
        begin, end = i * columns * channels, (i + 1) * columns * channels
        for k in range(6):
            _leave(
                m[0, k, begin:end], m[1, k, begin:end], m[2, k, begin:end],
                m[3, k, begin:end], m[4, k, begin:end], m[5, k, begin:end],
                z[0, k], z[1, k], z[2, k], z[3, k],
            )  # fmt: skip
        for r in range(min(4, height - 4 * tile_row)):
            pixels = y[image, 4 * tile_row + r]  # (W', D)
            for j in range(columns):
                a, b, left = j * channels, (j + 1) * channels, 4 * (first_column + j)
                _leave_with_bias(
                    z[r, 0, a:b], z[r, 1, a:b], z[r, 2, a:b],
                    z[r, 3, a:b], z[r, 4, a:b], z[r, 5, a:b],
                    bias,
                    lowest,
                    pixels[left],
                    pixels[left + 1] if left + 1 < width else spare,
                    pixels[left + 2] if left + 2 < width else spare,
                    pixels[left + 3] if left + 3 < width else spare,
                )  # fmt: skip


@njit(cache=True, nogil=True)
def _leave(m0, m1, m2, m3, m4, m5, y0, y1, y2, y3):
    """y = A^T m: row i has the i-th powers of the points; infinity appears only in the last row."""
    one = m0.dtype.type
    p, q, p2, q2, p3, q3 = one(P), one(Q), one(P2), one(Q2), one(P3), one(Q3)
    for c in range(len(m0)):
        even_p, odd_p = m1[c] + m2[c], m1[c] - m2[c]
        even_q, odd_q = m3[c] + m4[c], m3[c] - m4[c]
        y0[c] = m0[c] + even_p + even_q
        y1[c] = p * odd_p + q * odd_q
        y2[c] = p2 * even_p + q2 * even_q
        y3[c] = p3 * odd_p + q3 * odd_q + m5[c]


@njit(cache=True, nogil=True)
def _leave_with_bias(m0, m1, m2, m3, m4, m5, bias, lowest, y0, y1, y2, y3):
    """As `_leave`; then the bias, then the ReLU. (A NaN is not below it, so it stays.)"""
    one = m0.dtype.type
    p, q, p2, q2, p3, q3 = one(P), one(Q), one(P2), one(Q2), one(P3), one(Q3)
    for c in range(len(m0)):
        even_p, odd_p = m1[c] + m2[c], m1[c] - m2[c]
        even_q, odd_q = m3[c] + m4[c], m3[c] - m4[c]
        s0 = m0[c] + even_p + even_q + bias[c]
        s1 = p * odd_p + q * odd_q + bias[c]
        s2 = p2 * even_p + q2 * even_q + bias[c]
        s3 = p3 * odd_p + q3 * odd_q + m5[c] + bias[c]
        y0[c] = lowest if s0 < lowest else s0
        y1[c] = lowest if s1 < lowest else s1
        y2[c] = lowest if s2 < lowest else s2
        y3[c] = lowest if s3 < lowest else s3


@njit(cache=True, nogil=True)
def kernel_to_points(kernel, first, last, panels, w):
    """panels = G g G^T for the input channels first … last - 1.

    The scratch array w, (6, 3, (last - first)*n), holds a panel of these channels that is
    transformed from top to bottom, but not yet from left to right.
    """
    count = last - first
    n = w.shape[2] // count
    begin, end = first * n, last * n
    for i in range(panels.shape[0]):
        p, q = i * n, (i + 1) * n  # the output channels of this panel
        for b in range(3):
            for c in range(count):
                r, s = c * n, (c + 1) * n
                _enter_kernel(
                    kernel[0, b, first + c, p:q],
                    kernel[1, b, first + c, p:q],
                    kernel[2, b, first + c, p:q],
                    w[0, b, r:s], w[1, b, r:s], w[2, b, r:s],
                    w[3, b, r:s], w[4, b, r:s], w[5, b, r:s],
                )  # fmt: skip
        for k in range(6):
            _enter_kernel(
                w[k, 0], w[k, 1], w[k, 2],
                panels[i, k, 0, begin:end], panels[i, k, 1, begin:end], panels[i, k, 2, begin:end],
                panels[i, k, 3, begin:end], panels[i, k, 4, begin:end], panels[i, k, 5, begin:end],
            )  # fmt: skip


@njit(cache=True, nogil=True)
def _enter_kernel(g0, g1, g2, u0, u1, u2, u3, u4, u5):
    """u = G g: g0 + g1 x + g2 x^2 at each point, over the product of its differences to the others.

    That product is 1 for 0 (p^2 q^2), 2 p^2 (p^2 - q^2) for +-p, 2 q^2 (q^2 - p^2) for +-q.
    """
    one = g0.dtype.type
    p, q, p2, q2 = one(P), one(Q), one(P2), one(Q2)
    scale_p, scale_q = one(SCALE_P), one(SCALE_Q)
    for c in range(len(g0)):
        even_p, odd_p = g0[c] + p2 * g2[c], p * g1[c]
        even_q, odd_q = g0[c] + q2 * g2[c], q * g1[c]
        u0[c] = g0[c]
        u1[c] = scale_p * (even_p + odd_p)
        u2[c] = scale_p * (even_p - odd_p)
        u3[c] = scale_q * (even_q + odd_q)
        u4[c] = scale_q * (even_q - odd_q)
        u5[c] = g2[c]
