"""Cases for the photograph's way into the frame: its new size, and its colours."""

from dataclasses import replace

import numpy as np

from minimaskrcnn import image as package
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.config import SHAPES

_DARK = np.full((1, 2, 3), 15, np.uint8)
_UNIT = replace(SHAPES, pixel_std=1.0, mean_pixel=(10.25, 20.5, 30.75))
_WIDE = replace(_UNIT, pixel_std=2.5)
_LIGHT = np.array([[[50, 60, 70], [5, 200, 90], [0, 0, 0]]], np.uint8)
MOLD = [
    Case("without dividing", (_DARK, _UNIT), package.mold(_DARK, _UNIT), "subtract mean_pixel"),
    Case(
        "divided by 2.5", (_LIGHT, _WIDE), package.mold(_LIGHT, _WIDE), "then divide by pixel_std"
    ),
]


def _mold(change):
    """Molding by a function of the picture in float32, mean_pixel and pixel_std."""
    return lambda framed, config: change(
        framed.astype(np.float32), np.float32(config.mean_pixel), config.pixel_std
    ).astype(np.float32)


MOLDS = (
    (_mold(lambda x, mean, std: x), "subtract the mean"),
    (_mold(lambda x, mean, std: x / std), "subtract the mean"),
    (_mold(lambda x, mean, std: mean - x), "the picture minus the mean, not the other way round"),
    (
        _mold(lambda x, mean, std: (mean - x) / std),
        "the picture minus the mean, not the other way round",
    ),
    (
        _mold(lambda x, mean, std: np.maximum(x - mean, 0) / std),
        "the result may be negative: what is darker than the mean is below 0",
    ),
    (
        _mold(lambda x, mean, std: (x - mean[::-1]) / std),
        "mean_pixel is in the order of the picture's colours",
    ),
    (_mold(lambda x, mean, std: (x - mean.mean()) / std), "one number per colour, not one for all"),
    (
        _mold(lambda x, mean, std: (x.astype(np.uint8) - mean.astype(np.uint8)) / std),
        "uint8 has no negative numbers: make floats first",
    ),
    (_mold(lambda x, mean, std: x - mean), "pixel_std is missing: divide by it"),
    (
        _mold(lambda x, mean, std: (x[..., ::-1] - mean) / std),
        "the picture's colours stay in their order",
    ),
    (_mold(lambda x, mean, std: ((x - mean) / std).round()), "the result has fractions: no round"),
    (_mold(lambda x, mean, std: x / 255 - mean), "the picture keeps its numbers, 0 to 255"),
    (_mold(lambda x, mean, std: (x - mean) * std), "divide by pixel_std, not multiply"),
    (
        _mold(lambda x, mean, std: x / std - mean),
        "the mean is subtracted first; pixel_std is divided by afterwards",
    ),
)


def mold(function):
    """Compare your `mold(framed, config)` with the package's. Returns a Verdict."""
    return check_function(function, package.mold, MOLD, wrong=MOLDS)


_SMALL = replace(SHAPES, image_min_size=128, image_max_size=128)
_ROOMY = replace(SHAPES, image_min_size=50, image_max_size=400)
SIZES = [
    Case(f"{shape}{told}", (shape, config), package.scaled_size(shape, config), hint)
    for shape, config, told, hint in (
        ((40, 400), _ROOMY, ", at least 50", "the longer side may not exceed image_max_size"),
        ((100, 128), _SMALL, "", "the longer side may not exceed image_max_size"),
        ((20, 32), _SMALL, "", "enlarge until the shorter side has image_min_size, if that fits"),
        ((100, 256), _SMALL, "", "a side that is too long makes the picture smaller"),
        ((300, 200), _SMALL, "", "both sides are too long"),
        ((30, 40), _ROOMY, ", at least 50", "the scale is 50 / 30"),
        ((41, 30), _ROOMY, ", at least 50", "the shorter side may be the width"),
        ((70, 90), _ROOMY, ", at least 50", "large enough already: scale 1"),
    )
]


def _size(least=min, enlarge=True, limit=max, whole=round):
    """The new size with mistakes: the other side in place of the right one, and so on."""

    def scaled_size(shape, config):
        scale = config.image_min_size / least(shape[:2])
        scale = max(1, scale) if enlarge is True else scale if enlarge == "always" else 1
        if limit and round(max(shape[:2]) * scale) > config.image_max_size:
            scale = config.image_max_size / limit(shape[:2])
        return tuple(whole(side * scale) for side in shape[:2])

    return scaled_size


SCALED = (
    (_size(limit=None), "the longer side may not exceed image_max_size: then another scale counts"),
    (_size(limit=min), "the longer side gets image_max_size; yours is the shorter one"),
    (
        _size(enlarge=False),
        "enlarge until the shorter side has image_min_size, or the longer one its limit",
    ),
    (_size(least=lambda sides: sides[0]), "the shorter side, which may be the width"),
    (_size(least=max), "the shorter side gets image_min_size; yours is the longer one"),
    (_size(enlarge="always"), "large enough already: the scale is never less than 1"),
    (lambda shape, config: _size()(shape, config)[::-1], "return the height first"),
    (_size(whole=int), "round, do not cut off: int(66.7) is 66"),
    (_size(whole=lambda side: int(side) + 1), "round to the nearest whole number, not up"),
    (lambda shape, config: (128, 128), "both sides keep their ratio: one scale for both"),
)


def scaled_size(function):
    """Compare your `scaled_size(shape, config)`, in mode "square", with the package's: Verdict."""
    parts = ("the height", "the width")
    return check_function(function, package.scaled_size, SIZES, parts, wrong=SCALED)
