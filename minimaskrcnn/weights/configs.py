"""Config to and from JSON, strictly: every field known, and of its own type."""

import json
import math
import os
from dataclasses import fields
from typing import get_args

from minimaskrcnn.config import STRIDES, Config
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.image import MODES, SIDE

POSITIVE = (
    *("image_max_size", "pixel_std", "anchor_scales", "anchor_ratios", "delta_std"),
    *("pre_nms_proposals", "post_nms_proposals", "pool_size", "mask_pool_size", "max_detections"),
)
SHARES = ("rpn_nms_threshold", "detection_nms_threshold", "min_score")  # 0 … 1
MOST_SCALE = 64  # pixels of the input per pixel of the photograph, or the other way round
LENGTHS = {"anchor_scales": len(STRIDES), "delta_std": 4}


def json_object(path, text):
    """Return the dict that a JSON text means; `path` is the file's, for the message."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: is not the JSON it should be ({error})") from error
    if not isinstance(value, dict):
        raise WeightsError(f"{path}: is JSON, but not an object {{…}}")
    return value


def config_from_dict(path, values):
    """Return the Config of the given fields; those not given have their defaults.

    Parameters
    ----------
    path : of the file, for the message
    values : dict from a field's name to its value, lists for tuples, as JSON has them

    Raises
    ------
    WeightsError
        If a field is unknown or of another type, or its value cannot work: a number that is not
        finite or negative, no pixel, a share above 1, scales for more levels than there are, …
    """
    kinds = {field.name: field.type for field in fields(Config)}
    for name, value in values.items():
        if name not in kinds:
            raise WeightsError(f"{path}: the configuration has an unknown field {name!r}")
        if not (_is_a(value, kinds[name]) and _can_work(name, value)):
            raise WeightsError(
                f"{path}: the configuration has {name} = {value!r:.60}; the original's model has "
                f"{getattr(Config(), name)!r:.60}"
            )
    config = Config(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items()})
    _check_scale(path, config)
    return config


def _check_scale(path, config):
    """In mode "scale" there is a scale, and tiles have a size that the network takes."""
    if config.resize_mode != "scale":
        return
    if not 1 / MOST_SCALE <= config.image_scale <= MOST_SCALE:
        raise WeightsError(
            f'{path}: the configuration has resize_mode "scale" with image_scale = '
            f"{config.image_scale!r}; it has to lie between 1/{MOST_SCALE} and {MOST_SCALE}"
        )
    if config.image_max_size % SIDE:
        raise WeightsError(
            f'{path}: the configuration has resize_mode "scale" with image_max_size = '
            f"{config.image_max_size}; it has to be a multiple of {SIDE}"
        )


def _is_a(value, kind):
    """Whether a value from JSON is of a field's type: int, float, str, or a tuple of them."""
    items = get_args(kind)
    if items:  # tuple[float, ...] or tuple[float, float, float]
        if not isinstance(value, list | tuple):
            return False
        kinds = items[:1] * len(value) if items[-1] is ... else items
        return len(value) == len(kinds) and all(
            _is_a(item, kind) for item, kind in zip(value, kinds, strict=True)
        )
    if kind is str:
        return isinstance(value, str)
    if kind is bool:
        return isinstance(value, bool)
    number = isinstance(value, int if kind is int else int | float)
    return number and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _can_work(name, value):
    """Whether a field's value, which is of the right type, makes any sense."""
    numbers = value if isinstance(value, list | tuple) else [value]
    if name in POSITIVE and min(numbers, default=0) <= 0:
        return False
    if name in SHARES and value > 1:
        return False
    if name == "resize_mode" and value not in MODES:
        return False
    empty = value in ([], "") and getattr(Config(), name)
    return not empty and len(numbers) == LENGTHS.get(name, len(numbers))


def read_config(path=None, class_names=None):
    """Return the Config that the command line describes, None if it describes none.

    Parameters
    ----------
    path : of a JSON file with fields of Config, or None
    class_names : "one,two", or the path of a text file with one name a line, or None; without the
        background, which is added, or with it in the first place ("background" or "BG")
    """
    if path is None and class_names is None:
        return None
    values = json_object(path, _text(path)) if path is not None else {}
    if class_names is not None:
        listed = _text(class_names).splitlines() if os.path.isfile(class_names) else []
        names = [n.strip() for n in listed or class_names.split(",") if n.strip()]
        if names and names[0].lower() in ("background", "bg"):
            names = names[1:]
        values["class_names"] = ["background", *names]
    return config_from_dict(path or "--class-names", values)


def _text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: cannot be read as text ({error})") from error
