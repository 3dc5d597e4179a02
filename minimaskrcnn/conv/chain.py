"""A 3 x 3 convolution and the 1 x 1 convolutions that read it, without the map between them.

Idea    The RPN's 3 x 3 convolution makes 512 numbers for each cell of a map, of which two 1 x 1
        convolutions make 18 and nobody else reads any. For P2 of a picture of 1024 x 1024 they are
        134 MB, written to memory once and read twice. Here a worker takes a block of tiles through
        both steps while it is in the cache, and the map never exists as a whole. In training it
        must: its gradient is wanted. So then, and where Winograd's form does not fit, the
        convolutions run one after the other.
Paper   Alwani et al. 2016, "Fused-layer CNN accelerators".
Shapes  maps (H, W, C)  ->  for each map one (H, W, D) for each 1 x 1 convolution
"""

import numpy as np

from minimaskrcnn.conv.blocked import multiply_in_steps, panels_and_step
from minimaskrcnn.conv.choose import choose_form
from minimaskrcnn.conv.direct import check, output_shape
from minimaskrcnn.conv.operation import conv2d
from minimaskrcnn.conv.winograd import (
    conv2d_winograd,
    convolve_tiles,
    divide_tiles,
    most_tiles,
    transform_kernel,
)
from minimaskrcnn.runtime import memory, tape, threads


def conv2d_chain(maps, conv, lasts):
    """Convolve maps with a kernel, apply ReLU, and convolve with several kernels of 1 x 1.

    Parameters
    ----------
    maps : list of (H, W, C) or (B, H, W, C), float32 or float64
    conv : Conv
    lasts : Convs with kernels of 1 x 1, which all read what `conv` makes

    Returns
    -------
    list with a list for each map: what each of `lasts` makes, as from `conv2d`

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.
    """
    for x in maps:
        check(x, conv)
        between = np.broadcast_to(x.dtype.type(0), output_shape(x, conv))  # takes no memory
        for last in lasts:
            check(between, last)
    fits = all(_is_for_blocks(x, conv) for x in maps) and all(map(_is_pointwise, lasts))
    if tape.is_recording() or not fits:
        shared = (conv2d(x, conv, relu=True) for x in maps)
        return [[conv2d(y, last) for last in lasts] for y in shared]
    panels = transform_kernel(conv.kernel)  # once for all maps
    return [_in_blocks(x, conv, panels, lasts) for x in maps]


def _is_for_blocks(x, conv):
    return x.ndim == 3 and conv.norm is None and choose_form(x, conv) is conv2d_winograd


def _is_pointwise(conv):
    plain = (conv.stride, conv.padding, conv.norm) == (1, (0, 0), None)
    return plain and conv.kernel.shape[:2] == (1, 1)


def _in_blocks(x, conv, panels, lasts):
    """Block by block: the tiles of the 3 x 3 convolution into scratch memory, then each 1 x 1."""
    x, shape = np.ascontiguousarray(x), output_shape(x, conv)  # (H', W', D)
    answers = [memory.empty((*shape[:2], len(last.bias)), x.dtype) for last in lasts]
    matrices = [panels_and_step(last.kernel[0, 0]) for last in lasts]
    count, part_of = divide_tiles((1, *shape), most_tiles(panels))
    relu = x.dtype.type(0)

    def block(i):
        place, (rows, columns) = part_of(i)
        shared = threads.scratch("shared", (1, 4 * rows, 4 * columns, shape[2]), x.dtype)
        at_the_top = rows, 0, 0  # of a map that is no larger than this block
        convolve_tiles(x, conv, panels, relu, (rows, columns), place, shared, at_the_top)
        pixels = shared.reshape(-1, shape[2])  # (16 * tiles, D)
        for y, last, (matrix, step) in zip(answers, lasts, matrices, strict=True):
            part = np.empty((4 * rows, 4 * columns, y.shape[2]), x.dtype)
            multiply_in_steps(pixels, matrix, step, part.reshape(len(pixels), -1))
            here = y[4 * place[1] :, 4 * place[2] :][: 4 * rows, : 4 * columns]
            height, width = here.shape[:2]  # tiles may reach beyond the map
            np.add(part[:height, :width], last.bias, out=here)

    threads.run(block, count)
    return answers
