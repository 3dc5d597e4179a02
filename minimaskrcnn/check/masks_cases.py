"""Cases for drawing a small mask at full size."""

import numpy as np

from minimaskrcnn import masks as package
from minimaskrcnn.check.verdict import Case, check_function


def _probs(*rows):
    return np.array(rows, np.float32)


def _where(shape, y1, x1, y2, x2):
    mask = np.zeros(shape, bool)
    mask[y1:y2, x1:x2] = True
    return mask


def _row(*values):
    return np.array([values], bool)


def _large():
    probs = np.random.RandomState(0).uniform(0, 1, (28, 28)).astype(np.float32)
    return probs, np.array([3, 5, 43, 65]), (60, 80, 3)


CASES = [
    Case(
        "a box that is all object",
        (_probs([1, 1], [1, 1]), np.array([1, 2, 3, 4]), (5, 6)),
        _where((5, 6), 1, 2, 3, 4),
        "rows 1 and 2, columns 2 and 3; the rest of the image is False",
        mistakes=(
            (_where((5, 6), 2, 1, 4, 3), "a box is y1 x1 y2 x2: rows first"),
            (_where((5, 6), 1, 2, 4, 5), "the box excludes its end: [y1:y2, x1:x2]"),
            (_where((2, 2), 0, 0, 2, 2), "wanted a mask as large as the image"),
        ),
    ),
    Case(
        "probabilities of exactly one half",
        (_probs([0.5, 0.5], [0.5, 0.5]), np.array([0, 0, 2, 2]), (2, 3)),
        _where((2, 3), 0, 0, 2, 2),
        "a pixel belongs to the object from one half on",
        mistakes=((np.zeros((2, 3), bool), "from one half on: >=, not >"),),
    ),
    Case(
        "two cells stretched over four pixels",
        (_probs([0.9, 0.32]), np.array([0, 0, 1, 4]), (1, 4)),
        _row(1, 1, 0, 0),
        "pixel i reads the cells at (i + 1/2) · 2/4 - 1/2: the third gets 0.25 · 0.9 + 0.75 · 0.32",
        mistakes=(
            (
                _row(1, 1, 1, 0),
                "cells have their value in the middle: pixel i reads at (i + 1/2) · 2/4 - 1/2; "
                "yours puts corners on corners, half a cell off",
            ),
        ),
    ),
    Case(
        "two cells stretched over four pixels, the first hardly object",
        (_probs([0.64, 0.04]), np.array([0, 0, 1, 4]), (1, 4)),
        _row(0, 0, 0, 0),
        "the first pixel gets 0.75 · 0.64 = 0.48, the second 0.75 · 0.64 + 0.25 · 0.04 = 0.49",
        mistakes=(
            (_row(1, 1, 0, 0), "mix neighbouring cells (bilinear); yours takes the nearest one"),
            (
                _row(1, 0, 0, 0),
                "beyond the cells lie zeros, which blend into the outermost pixels; yours repeats "
                "the border",
            ),
        ),
    ),
    Case(
        "an object in the lower right corner",
        (_probs([0, 1], [0, 1]), np.array([1, 1, 3, 3]), (3, 3)),
        _where((3, 3), 1, 2, 3, 3),
        "the box ends where the image ends; the right column of the cells is the object",
        mistakes=((_where((3, 3), 2, 1, 3, 3), "rows and columns are exchanged"),),
    ),
    Case(
        "28 x 28 noise stretched over 40 x 60 pixels",
        _large(),
        package.paste_mask(*_large()),
        "all small cases agree: is the threshold applied after stretching, not before?",
    ),
]


def paste_mask(function):
    """Compare your `paste_mask(mask_probs, box, shape)` with the package's. Returns a Verdict."""
    return check_function(function, package.paste_mask, CASES)
