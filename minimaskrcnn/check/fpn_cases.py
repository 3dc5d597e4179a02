"""Cases for doubling a map, and for the feature pyramid."""

import numpy as np

from minimaskrcnn import fpn as package
from minimaskrcnn import resizing
from minimaskrcnn.check.resnet_cases import one_channel
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.conv import conv2d
from minimaskrcnn.fpn import FPN


def _map(rows, columns, channels):
    cells = np.arange(rows * columns * channels, dtype=np.float32) + 1
    return cells.reshape(rows, columns, channels)


UPSAMPLE = [
    Case(
        name,
        (cells,),
        resizing.upsample(cells),
        "each cell becomes 2 by 2 equal cells, side by side",
    )
    for name, cells in (("one channel", _map(2, 2, 1)), ("two channels", _map(2, 3, 2)))
]

UPSAMPLES = (
    (lambda x: x.repeat(2, axis=0), "rows are doubled, columns are not"),
    (lambda x: x.repeat(2, axis=1), "columns are doubled, rows are not"),
    (
        lambda x: x.repeat(2, axis=0).repeat(2, axis=2),
        "axis 1 are the columns; yours doubles axis 2",
    ),
    (lambda x: x.repeat(2, axis=1).repeat(2, axis=2), "axis 0 are the rows; yours doubles axis 2"),
    (lambda x: np.tile(x, (2, 2, 1)), "each cell is repeated, not the whole map: repeat, not tile"),
    (
        lambda x: x.repeat(4, axis=0).reshape(2 * x.shape[0], 2 * x.shape[1], -1),
        "in a row each cell comes twice, 1 1 2 2; yours repeats the row, 1 2 1 2",
    ),
    (
        lambda x: x.repeat(2, axis=0).repeat(2, axis=1) / 4,
        "cells are repeated as they are, not divided by 4",
    ),
    (
        lambda x: np.kron(x, np.array([[[1], [0]], [[0], [0]]], np.float32)),
        "the new cells are equal to the old one; yours are 0",
    ),
)


def upsample(function):
    """Compare your `upsample(x)`, without batches, with the package's. Returns a Verdict."""
    return check_function(function, resizing.upsample, UPSAMPLE, wrong=UPSAMPLES)


def _fpn(*smooth, lateral=((1, 0), (1, 0))):
    return FPN(lateral=tuple(one_channel(1, *numbers) for numbers in lateral), smooth=smooth)


_MAPS = (
    _map(8, 8, 1),
    np.array(
        [[500, 700, 900, 100], [300, 800, 100, 600], [400, 100, 300, 700], [200, 600, 100, 900]],
        np.float32,
    )[:, :, None],
)
PYRAMID = [
    Case(name, (_MAPS, fpn), package.pyramid(_MAPS, fpn), hint)
    for name, fpn, hint in (
        (
            "convolutions that change nothing",
            _fpn(one_channel(1, 1, 0), one_channel(1, 1, 0)),
            "finest first; the coarser sum is doubled and added; the last: [::2, ::2] of the "
            "coarsest",
        ),
        (
            "smooth blurs",
            _fpn(one_channel(3, 1 / 9, 1), one_channel(3, 1 / 9, 1)),
            "what travels down is the sum before its 3 x 3 convolution",
        ),
        (
            "convolutions of their own, and negative numbers",
            _fpn(one_channel(3, 1, 2), one_channel(3, -1, 0), lateral=((2, -30), (-1, 5))),
            "each level has its own lateral and its own smooth convolution; there is no ReLU",
        ),
    )
]


def _pyramid(maps, fpn, add=True, travels=False, smoothed=True):
    """The maps of a pyramid, finest first, without the last one, with mistakes."""
    level, levels = None, []
    for c_map, lateral, smooth in zip(maps[::-1], fpn.lateral[::-1], fpn.smooth[::-1], strict=True):
        own = conv2d(c_map, lateral)
        level = own if level is None or not add else own + resizing.upsample(level)
        out = conv2d(level, smooth) if smoothed else level
        level = out if travels else level
        levels.insert(0, out)
    return levels


def _with(top, **mistakes):
    """A pyramid with mistakes, and with the last map made by `top` of the others."""

    def function(maps, fpn):
        levels = _pyramid(maps, fpn, **mistakes)
        return [*levels, top(levels)]

    return function


def _every_second(levels):
    return levels[-1][::2, ::2]


PYRAMIDS = (
    (_with(_every_second, add=False), "the coarser sum is to be doubled and added to the finer"),
    (
        _with(_every_second, travels=True),
        "what travels down is the sum before its 3 x 3 convolution; yours is what came out of it",
    ),
    (_with(_every_second, smoothed=False), "the 3 x 3 convolution of each level is missing"),
    (
        lambda maps, fpn: [*_pyramid(maps, fpn)[::-1], _every_second(_pyramid(maps, fpn))],
        "finest first: the levels are in the opposite order",
    ),
    (
        lambda maps, fpn: [*_pyramid(maps, fpn)[::-1], _pyramid(maps, fpn)[0][::2, ::2]],
        "finest first: the levels are in the opposite order",
    ),
    (_with(lambda levels: levels[0][::2, ::2]), "the last map is made of the coarsest level"),
    (_with(lambda levels: levels[-1][1::2, 1::2]), "the last map begins at cell 0: [::2, ::2]"),
    (_with(lambda levels: levels[-1]), "the last map has every second cell only: [::2, ::2]"),
    (
        _with(lambda levels: resizing.max_pool(levels[-1])),
        "the last map is every second cell, not the largest of a window",
    ),
)


def pyramid(function):
    """Compare your `pyramid(c_maps, fpn)` with the package's. Returns a Verdict."""
    parts = ("the finest", "the second", "the last")
    return check_function(function, package.pyramid, PYRAMID, parts, wrong=PYRAMIDS)
