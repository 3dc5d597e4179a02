"""Cases for the region proposal network."""

from dataclasses import replace

import numpy as np

from minimaskrcnn import layers
from minimaskrcnn import rpn as package
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.rpn import RPN


def _one_by_one(values, bias=0.0):
    """A 1 x 1 convolution of one channel to as many as there are values."""
    kernel = np.array(values, np.float32).reshape(1, 1, 1, -1)
    return Conv(kernel, np.full(kernel.shape[3], bias, np.float32))


_MIDDLE = np.zeros((3, 3, 1, 1), np.float32)
_MIDDLE[1, 1] = 1
_NET = RPN(
    shared=Conv(_MIDDLE, np.zeros(1, np.float32), padding=(1, 1)),
    logits=_one_by_one([1, 2, 3, 4, 5, 6]),
    deltas=_one_by_one(np.arange(12) + 10),
)
_FULL = Conv(np.array([[1, 0, 2], [-1, 1, 0], [3, -2, 1]], np.float32)[:, :, None, None],
             np.array([-4], np.float32), padding=(1, 1))  # fmt: skip
_LOW = replace(_NET, logits=_one_by_one([1, 2, 3, 4, 5, 6], -9), deltas=_one_by_one([1] * 12, -9))
_ONES = np.ones((1, 2, 1), np.float32)
_BELOW = np.array([[-1, 5], [6, 7]], np.float32)[:, :, None]
RPNS = [
    Case(name, (maps, net), package.region_proposals(maps, net), hint)
    for name, maps, net, hint in (
        ("one row", [_ONES], _NET, "the six channels of a cell become (3, 2), the twelve (3, 4)"),
        ("a negative cell", [_BELOW], _NET, "nothing negative leaves shared"),
        ("negative logits", [_BELOW], _LOW, "logits and deltas may be negative"),
        ("two levels", [_BELOW, 3 * _ONES], _NET, "the levels one after the other, finest first"),
        (
            "a whole 3 x 3",
            [_BELOW],
            replace(_NET, shared=_FULL),
            "shared is a convolution with a bias, then ReLU; logits and deltas read what it gives",
        ),
    )
]


def _in_rows(x, n):
    return x.reshape(-1, n)


def _rpn(shared=True, ends=(False, False), rows=(_in_rows, _in_rows)):
    """The RPN with mistakes: other ReLUs, or channels put into rows otherwise."""

    def region_proposals(maps, net):
        found = [conv2d(p_map, net.shared, relu=shared) for p_map in maps]
        logits = [rows[0](conv2d(y, net.logits, relu=ends[0]), 2) for y in found]
        deltas = [rows[1](conv2d(y, net.deltas, relu=ends[1]), 4) for y in found]
        return np.concatenate(logits), np.concatenate(deltas)

    return region_proposals


def _channels_first(x, n):
    return x.reshape(-1, n, x.shape[2] // n).swapaxes(1, 2).reshape(-1, n)


def _rows(wrong, sentence):
    """The mistake in the rows of the logits, of the deltas, and of both."""
    for rows in ((wrong, _in_rows), (_in_rows, wrong), (wrong, wrong)):
        yield _rpn(rows=rows), sentence


_CHANNELS = "the numbers of one ratio lie side by side: reshape(-1, 2), and reshape(-1, 4)"
NETWORKS = (
    (_rpn(shared=False), "ReLU after shared is missing"),
    (_rpn(ends=(True, True)), "no ReLU after logits and deltas: they may be negative"),
    (_rpn(ends=(True, False)), "no ReLU after logits: they may be negative"),
    (_rpn(ends=(False, True)), "no ReLU after deltas: they may be negative"),
    (lambda maps, net: _rpn()(maps, net)[::-1], "logits first, then deltas"),
    (lambda maps, net: _rpn()(maps[::-1], net), "the finest level comes first; yours comes last"),
    (lambda maps, net: _rpn()(maps[:1], net), "all levels, not the first one alone"),
    *_rows(lambda x, n: x.swapaxes(0, 1).reshape(-1, n), "cells go row by row, not by columns"),
    *_rows(_channels_first, _CHANNELS),
    *_rows(lambda x, n: x.reshape(n, -1).T, _CHANNELS),
    (lambda maps, net: _rpn()(maps[-1:], net), "all levels, not the last one alone"),
    (
        lambda maps, net: (layers.softmax(_rpn()(maps, net)[0]), _rpn()(maps, net)[1]),
        "logits, not probabilities: softmax comes later",
    ),
)


def region_proposals(function):
    """Compare your `region_proposals(p_maps, rpn)` with the package's. Returns a Verdict."""
    parts = ("the logits", "the deltas")
    return check_function(function, package.region_proposals, RPNS, parts, wrong=NETWORKS)
