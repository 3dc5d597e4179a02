"""Winograd's convolution F(4 x 4, 3 x 3): a 3 x 3 convolution with a quarter of the products.

Idea    Divide the output into tiles of 4 x 4. A tile needs 6 x 6 inputs. Computed directly, each of
        its 16 outputs takes 9 products, together 144.
        Begin with one dimension: the product of two polynomials of degree 3 and 2 has 6
        coefficients. They are known once its values at 6 points are known, and each value takes
        one multiplication. The same algorithm, transposed, computes 4 outputs of a kernel of 3 in
        6 multiplications.
        In two dimensions: transform the inputs and the kernel to 6 x 6 points, multiply point by
        point (36 products, a quarter of 144), transform back:
            y = A^T [(G g G^T) * (B^T d B)] A
        Summed over the input channels, the product at each of the 36 points is a matrix product,
        (tiles, C) @ (C, D). In exact arithmetic this is the convolution itself. In float32 the
        transforms' larger numbers cost some digits; how many depends on the points: see `matrices`.
Paper   Lavin & Gray, arXiv:1509.09308, sections 3 and 4; Winograd 1980; the points after Barabasz
        et al., arXiv:1803.10986.
Shapes  as in `direct`, kernel 3 x 3, stride 1 only; inside: v (36, tiles, C), panels of the
        transformed kernel (D / n, 36, C, n), m (36, tiles, D)
"""

from math import ceil

import numpy as np

from minimaskrcnn.conv.blocks import block_rows, even_blocks, multiply, panel_width
from minimaskrcnn.conv.direct import check, output_shape
from minimaskrcnn.conv.transforms import P, Q, kernel_to_points, points_to_tiles, tiles_to_points
from minimaskrcnn.runtime import memory, threads

POINTS = (0, P, -P, Q, -Q)  # and infinity


def matrices(points=POINTS):
    """Return A^T, G and B^T, so that A^T [(G g) * (B^T d)] are 4 outputs of a kernel of 3.

    Parameters
    ----------
    points : 5 different numbers; infinity is the sixth

    Returns
    -------
    A^T (4, 6), G (6, 3), B^T (6, 6) float64

    Notes
    -----
    Row a of G evaluates the kernel's polynomial at the point a. Column a of A^T holds the powers of
    a. Row a of B^T holds the coefficients of the polynomial that is 0 at all other points; at a
    itself it is the product of the differences, by which G is divided (Lagrange interpolation). The
    value at infinity is the leading coefficient. The common points 0, 1, -1, 2, -2 have powers up
    to 8. In float32 they lose one more bit than 0, 2/3, -2/3, 3/2, -3/2, where each point's inverse
    is a point, too: root mean square 2.8e-6 beside 1.25e-6 over 256 channels, and the largest error
    is four times that of these points (benchmarks/winograd_points.py).

    Examples
    --------
    >>> at, g, bt = matrices()
    >>> kernel, signal = np.array([1, 10, 100]), np.array([1, 2, 3, 4, 5, 6])
    >>> (at @ ((g @ kernel) * (bt @ signal))).round(9).tolist()
    [321.0, 432.0, 543.0, 654.0]
    """
    at, g, bt = np.zeros((4, 6)), np.zeros((6, 3)), np.zeros((6, 6))
    for k, a in enumerate(points):
        others = [b for b in points if b != a]
        at[:, k] = [a**i for i in range(4)]
        g[k] = [a**i / np.prod([a - b for b in others]) for i in range(3)]
        bt[k, :5] = np.poly(others)[::-1]  # lowest power first
    at[3, 5], g[5, 2], bt[5] = 1, 1, np.poly(points)[::-1]
    return at, g, bt


def conv2d_winograd_plain(x, conv, relu=False, add=None):
    """Winograd's convolution, tile by tile, written with the matrices themselves.

    Same arguments, result and errors as `conv2d_winograd`.
    """
    _check(x, conv, add)
    at, g, bt = (matrix.astype(x.dtype) for matrix in matrices())
    shape = output_shape(x, conv)
    height, width = (4 * ceil(size / 4) for size in shape[-3:-1])  # whole tiles
    padded = np.zeros((*x.shape[:-3], height + 2, width + 2, x.shape[-1]), x.dtype)
    pad, (h, w) = conv.padding[0], x.shape[-3:-1]
    h, w = min(h, height + 2 - pad), min(w, width + 2 - pad)
    padded[..., pad : pad + h, pad : pad + w, :] = x[..., :h, :w, :]
    y = np.zeros((*shape[:-3], height, width, shape[-1]), x.dtype)
    u = np.einsum("ka,abcd,lb->klcd", g, conv.kernel, g, optimize=True)  # (6, 6, C, D)
    for i in range(0, height, 4):
        for j in range(0, width, 4):
            d = padded[..., i : i + 6, j : j + 6, :]
            v = _both_ways(bt, d)  # (..., 6, 6, C)
            m = (v[..., None, :] @ u)[..., 0, :]  # (..., 6, 6, D)
            y[..., i : i + 4, j : j + 4, :] = _both_ways(at, m)
    y = y[..., : shape[-3], : shape[-2], :] + conv.bias
    if add is not None:
        y += add
    return np.maximum(y, 0) if relu else y


def _both_ways(matrix, tile):
    """matrix @ tile @ matrix^T, for every channel: (..., 6, 6, C) -> (..., k, k, C)."""
    down = np.tensordot(matrix, tile, axes=(1, -3))  # (k, ..., 6, C)
    both = np.tensordot(matrix, down, axes=(1, -2))  # (k, k, ..., C): columns, rows
    return np.moveaxis(both, (1, 0), (-3, -2))


def conv2d_winograd(x, conv, relu=False, add=None):
    """`conv2d_direct` for 3 x 3 kernels and stride 1, by F(4 x 4, 3 x 3).

    Same arguments, result and errors as `conv2d`. Any other kernel or stride is a ValueError.
    """
    _check(x, conv, add)
    x, y = np.ascontiguousarray(x), memory.empty(output_shape(x, conv), x.dtype)
    batch = y.reshape(-1, *y.shape[-3:])  # (B, H', W', D)
    panels = transform_kernel(conv.kernel)
    lowest = x.dtype.type(0 if relu and add is None else -np.inf)
    count, part_of = divide_tiles(batch.shape, most_tiles(panels))

    def block(i):
        place, size = part_of(i)
        convolve_tiles(x, conv, panels, lowest, size, place, batch, place)

    threads.run(block, count)
    if add is not None:  # no 3 x 3 convolution of the network has a shortcut: not worth fusing
        y += add
        if relu:
            np.maximum(y, 0, out=y)
    return y


def most_tiles(panels):
    """How many tiles to transform and multiply at once, so that all of it fits in the cache."""
    return block_rows(*panels.shape[2:], otherwise=192, most=64)


def divide_tiles(shape, limit):
    """Divide the tiles of outputs (B, H', W', D) into blocks of at most `limit` tiles.

    Returns
    -------
    count : of the blocks
    part_of : function from the number of a block to its place, (rows of tiles in each image, its
        first row, its first column), and its size, (rows, columns)
    """
    images, height, width, _ = shape
    tile_rows, tile_columns = ceil(height / 4), ceil(width / 4)
    across = ceil(tile_columns / limit)  # blocks side by side
    columns, all_rows = ceil(tile_columns / across), images * tile_rows
    rows = even_blocks(max(all_rows, 1), max(limit // columns, 1))

    def part_of(i):
        row, column = i // across * rows, i % across * columns
        size = min(rows, all_rows - row), min(columns, tile_columns - column)
        return (tile_rows, row, column), size

    return ceil(all_rows / rows) * across, part_of


def transform_kernel(kernel):
    """Return G g G^T in panels: kernel (3, 3, C, D) -> (D / n, 36, C, n)."""
    channels, outputs = kernel.shape[2:]
    kernel, n = np.ascontiguousarray(kernel), panel_width(channels, outputs)
    panels = memory.empty((outputs // n, 6, 6, channels * n), kernel.dtype)

    def block(i):
        first, last = 8 * i, min(8 * i + 8, channels)
        w = threads.scratch("w", (6, 3, (last - first) * n), kernel.dtype)
        kernel_to_points(kernel, first, last, panels, w)

    threads.run(block, ceil(channels / 8))
    return panels.reshape(outputs // n, 36, channels, n)


def convolve_tiles(x, conv, panels, lowest, size, place, y, target):
    """Transform, multiply and transform back `size` = (rows, columns) tiles.

    In x they begin at `place`, in y at `target`; both as `part_of` of `divide_tiles` gives them.
    """
    tiles, (channels, outputs) = size[0] * size[1], conv.kernel.shape[2:]
    flat = x.reshape(-1, x.shape[-3], x.shape[-2] * channels)  # (B, H, W*C)
    v = threads.scratch("v", (6, 6, tiles, channels), x.dtype)
    m = threads.scratch("m", (36, tiles, outputs), x.dtype)
    w = threads.scratch("w", (6, (4 * size[1] + 2) * channels), x.dtype)
    tiles_to_points(flat, conv.padding[0], *place, *size, v, w)
    multiply(v.reshape(36, tiles, channels), panels, m)
    z = threads.scratch("w", (4, 6, size[1] * outputs), x.dtype)
    points_to_tiles(m.reshape(6, 6, -1), conv.bias, lowest, *target, *size, y, z)


def _check(x, conv, add):
    check(x, conv, add)
    if not is_for_winograd(conv):
        raise ValueError(
            "Winograd's convolution is for 3 x 3 kernels, stride 1 and padding of at most 2, "
            f"got {conv.kernel.shape[:2]}, {conv.stride} and {conv.padding}"
        )


def is_for_winograd(conv):
    """Whether F(4 x 4, 3 x 3) can do this convolution."""
    return conv.kernel.shape[:2] == (3, 3) and conv.stride == 1 and max(conv.padding) <= 2
