"""Settings for a single call, such as `predict(photo, min_score=0.5, size=512)`.

Idea    Users vary five settings from photograph to photograph. These have short names and are
        checked here, then written into a copy of the model's `Config`, which the stages read.
Shapes  Config, settings  ->  Config
"""

from dataclasses import replace
from difflib import get_close_matches

from minimaskrcnn.errors import SettingError
from minimaskrcnn.image import SIDE


def adjusted(
    config, min_score=None, nms_threshold=None, max_detections=None, classes=None, size=None
):
    """Return a copy of a Config with the given settings changed; None leaves a setting as it is.

    Parameters
    ----------
    config : Config
    min_score : 0 … 1, the confidence threshold: detections with a lower score are dropped
    nms_threshold : 0 … 1, the IoU above which the weaker of two boxes of a class is dropped
    max_detections : at least 1: how many of the best detections are kept
    classes : list of class names (or one name); only objects of these classes are looked for
    size : pixels, a multiple of 64: the side of the network's input. A smaller one is faster, a
        larger one finds smaller objects; the time grows with its square. `image_min_size`, the
        length to which a photograph's shorter side is enlarged, changes in proportion.

    Returns
    -------
    Config

    Raises
    ------
    SettingError
        If a setting makes no sense; the message names it, its value, and what is allowed.

    Examples
    --------
    >>> from minimaskrcnn.config import COCO
    >>> config = adjusted(COCO, min_score=0.5, classes=["dog"], size=512)
    >>> config.min_score, config.detected_classes, config.image_min_size, config.image_max_size
    (0.5, (17,), 400, 512)
    """
    changes = {}
    if min_score is not None:
        changes["min_score"] = _fraction(min_score, "min_score")
    if nms_threshold is not None:
        changes["detection_nms_threshold"] = _fraction(nms_threshold, "nms_threshold")
    if max_detections is not None:
        changes["max_detections"] = _whole(max_detections, "max_detections", 1)
    if classes is not None:
        changes["detected_classes"] = class_ids(classes, config.class_names)
    if size is not None:
        changes.update(_sizes(_whole(size, "size", SIDE), config))
    return replace(config, **changes)


OTHER_NAMES = {  # what other programs call the five settings
    "min_score": ("threshold", "score_threshold", "confidence", "conf", "box_score_thresh"),
    "nms_threshold": ("iou", "iou_threshold", "nms", "box_nms_thresh", "overlap"),
    "max_detections": ("max_det", "top_k", "limit", "count", "detections_per_image"),
    "classes": ("labels", "class_names", "names", "categories", "class_ids"),
    "size": ("imgsz", "image_size", "input_size", "resolution", "image_max_size"),
}


def refuse_unknown(unknown):
    """Raise a SettingError for an unknown keyword, and suggest the setting that may be meant."""
    for name in unknown:
        meant = [ours for ours, others in OTHER_NAMES.items() if name.lower() in others]
        near = meant or get_close_matches(name, (*OTHER_NAMES, "orient"), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(OTHER_NAMES)}, orient"
        raise SettingError(f"there is no setting {name!r}; {hint}")


def class_ids(names, class_names):
    """Return the ids of the named classes; a name the model does not know is a SettingError."""
    try:
        names = [names] if isinstance(names, str) else list(names)
    except TypeError as error:
        raise SettingError(f"classes must be a list of class names, got {names!r}") from error
    known = [name for name in class_names if name != class_names[0]]  # without the background
    names = [part for name in names for part in _parts(name, known)]
    for name in names:
        if name not in known:
            near = get_close_matches(str(name), known, n=3) or known[:5]
            raise SettingError(
                f"the model knows {len(known)} classes, {name!r} is not among them; "
                f"did you mean {', '.join(map(repr, near))}?"
            )
    if not names:
        raise SettingError("classes names no class; leave it out to look for all")
    return tuple(i for i, name in enumerate(class_names) if name in names)  # some occur twice


def _parts(name, known):
    """A name, or the names in a list such as "person,dog", unless that is the name of a class."""
    if name in known or not isinstance(name, str) or "," not in name:
        return [name]
    return [part.strip() for part in name.split(",") if part.strip()]


def _sizes(size, config):
    if config.resize_mode == "none":
        raise SettingError('size has no meaning for a model with resize_mode="none"')
    if size % SIDE and config.convention == "matterport":  # torchvision pads any size
        near = max(round(size / SIDE), 1) * SIDE
        raise SettingError(f"size must be a multiple of {SIDE} pixels, got {size}; try {near}")
    shorter = max(round(config.image_min_size * size / config.image_max_size), 1)
    return {"image_max_size": size, "image_min_size": shorter}


def _fraction(value, name):
    if not isinstance(value, bool) and _is_number(value) and 0 <= value <= 1:
        return float(value)
    raise SettingError(f"{name} must be a number in 0 … 1, got {value!r}")


def _whole(value, name, least):
    if not isinstance(value, bool) and _is_number(value) and value >= least and value % 1 == 0:
        return int(value)
    raise SettingError(f"{name} must be a whole number from {least} on, got {value!r}")


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, str)
