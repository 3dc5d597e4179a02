"""Cases for reading a feature map between its cells."""

import numpy as np

from minimaskrcnn import roi_align as package
from minimaskrcnn.check.verdict import Case, check_function


def _rois(*rois):
    return np.array(rois, np.float32)


_MAP = np.arange(10, 100, 10, dtype=np.float32).reshape(3, 3, 1)  # 10 20 30 / 40 50 60 / 70 80 90


def _patch(values):
    values = np.array(values, np.float32)
    return values.reshape(1, *values.shape, 1)


def _large():
    rng = np.random.RandomState(0)
    start = rng.uniform(0, 0.6, (6, 2))
    rois = np.concatenate([start, start + rng.uniform(0.05, 0.39, (6, 2))], axis=1)
    feature_map = rng.standard_normal((12, 17, 3)).astype(np.float32)
    return feature_map, rois.astype(np.float32), (7, 5)


CASES = [
    Case(
        "a single point in the middle of the map",
        (_MAP, _rois([0, 0, 1, 1]), (1, 1)),
        _patch([[50]]),
        "1 is the centre of the last cell: the middle is (H - 1) / 2, here cell 1",
        mistakes=(
            (_patch([[10]]), "a single point lies in the middle of the region, not at its start"),
            (_patch([[70]]), "1 is the centre of the last cell: multiply by H - 1, not by H"),
        ),
    ),
    Case(
        "a point between four cells",
        (_MAP, _rois([0.25, 0.25, 0.25, 0.25]), (1, 1)),
        _patch([[30]]),
        "(0.5, 0.5) lies between 10, 20, 40 and 50: their mean",
        mistakes=(
            (_patch([[10]]), "(0.5, 0.5) is not rounded: mix the four cells around it"),
            (_patch([[50]]), "(0.5, 0.5) is not rounded: mix the four cells around it"),
            (
                _patch([[20]]),
                "0 is the centre of the first cell, 1 that of the last: y · (H - 1), no shift by "
                "half a cell",
            ),
        ),
    ),
    Case(
        "a point nearer to one row than to the other",
        (_MAP, _rois([0.125, 0.5, 0.125, 0.5]), (1, 1)),
        _patch([[27.5]]),
        "row 0.25, column 1: three quarters of 20 and one quarter of 50",
        mistakes=(
            (_patch([[42.5]]), "row 0.25, column 1: y and x, or the two weights, are exchanged"),
        ),
    ),
    Case(
        "a point nearer to one column than to the other",
        (_MAP, _rois([0.5, 0.125, 0.5, 0.125]), (1, 1)),
        _patch([[42.5]]),
        "row 1, column 0.25: three quarters of 40 and one quarter of 50",
        mistakes=(
            (_patch([[27.5]]), "row 1, column 0.25: y and x are exchanged"),
            (_patch([[47.5]]), "the nearer cell weighs more: 1 - 0.25 for column 0"),
        ),
    ),
    Case(
        "two by two points over the whole map",
        (_MAP, _rois([0, 0, 1, 1]), (2, 2)),
        _patch([[10, 30], [70, 90]]),
        "the outermost points lie on the region's corners: a step is (end - start) / (P - 1)",
        mistakes=(
            (
                _patch([[20, 35], [65, 80]]),
                "points lie on the region's corners, not in the middle of bins: no shift by half "
                "a step",
            ),
            (_patch([[30, 40], [60, 70]]), "points lie on the region's corners, not inside bins"),
            (_patch([[10, 20], [40, 50]]), "a step is (end - start) / (P - 1), not / P"),
        ),
    ),
    Case(
        "a map that is wider than high",
        (_MAP[:2], _rois([0, 0, 1, 1]), (2, 2)),
        _patch([[10, 30], [40, 60]]),
        "y is counted in H - 1 = 1 cells, x in W - 1 = 2",
    ),
    Case(
        "a region that leaves the map",
        (_MAP, _rois([0, 0, 2, 2]), (2, 2)),
        _patch([[10, 0], [0, 0]]),
        "a point beyond the map is 0",
        mistakes=(
            (_patch([[10, 30], [70, 90]]), "a point beyond the map is 0, not the border's value"),
        ),
    ),
    Case(
        "six regions, three channels, 7 x 5 points",
        _large(),
        package.crop_and_resize(*_large()),
        "wanted (R, P, Q, C): P points down, Q across, all channels",
    ),
]


def crop_and_resize(function):
    """Compare your `crop_and_resize(feature_map, rois, size)` with the package's: Verdict."""
    return check_function(function, package.crop_and_resize, CASES)
