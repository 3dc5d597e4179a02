"""The arguments of torchvision's Mask R-CNN in our names: what its weight files do not say.

Idea    Sizes, anchors and thresholds are arguments of `maskrcnn_resnet50_fpn(…)`, `MaskRCNN(…)` and
        `AnchorGenerator(…)` in the training script, and none of them is in the weight file. Written
        down as JSON, under the same names, they are read here.
Source  torchvision 0.29, `models/detection/mask_rcnn.py` and `anchor_utils.py`
Shapes  text  ->  {our name: value}, or nothing if it names none of torchvision's arguments
"""

from difflib import get_close_matches

from minimaskrcnn.config import TORCHVISION, Config
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.configs import json_object

GUIDE = "docs/own_torchvision_model.md"
NAMES = {  # in torchvision: here
    "min_size": "image_min_size",
    "max_size": "image_max_size",
    "image_mean": "mean_pixel",
    "image_std": "channel_std",
    "sizes": "anchor_scales",
    "aspect_ratios": "anchor_ratios",
    "bbox_reg_weights": "delta_std",
    "rpn_pre_nms_top_n_test": "pre_nms_proposals",
    "rpn_post_nms_top_n_test": "post_nms_proposals",
    "rpn_nms_thresh": "rpn_nms_threshold",
    "box_score_thresh": "min_score",
    "box_nms_thresh": "detection_nms_threshold",
    "box_detections_per_img": "max_detections",
}
FIXED = {"rpn_score_thresh": 0, "size_divisible": 32, "fixed_size": None}  # one form here
FOR_TRAINING = {  # or for making the model
    *("rpn_pre_nms_top_n_train", "rpn_post_nms_top_n_train", "rpn_fg_iou_thresh"),
    *("rpn_bg_iou_thresh", "rpn_batch_size_per_image", "rpn_positive_fraction"),
    *("box_fg_iou_thresh", "box_bg_iou_thresh", "box_batch_size_per_image"),
    *("box_positive_fraction", "trainable_backbone_layers", "trainable_layers", "progress"),
    *("weights", "weights_backbone", "pretrained", "pretrained_backbone"),
}


def read_arguments(path, text):
    """Return the settings that a text gives by torchvision's names, or None if it gives none so.

    Parameters
    ----------
    path : of the file, for messages
    text : a JSON object with torchvision's names, ours or both; or a text of another kind

    Returns
    -------
    dict from our names to values, one for each field of Config; None if the text is no JSON object,
    or neither has one of torchvision's names nor "convention": "torchvision"

    Raises
    ------
    WeightsError
        If a field is unknown, its value cannot be, or this network does not have that form.
    """
    if not text.lstrip().startswith("{"):
        return None
    given = json_object(path, text)
    theirs = {*NAMES, *FIXED, *FOR_TRAINING, "num_classes"}
    if not theirs & set(given) and given.get("convention") != TORCHVISION.convention:
        return None
    settings = dict(vars(TORCHVISION))
    for name, value in given.items():
        if name in FIXED and value != FIXED[name]:
            raise WeightsError(
                f"{path}: has {name} = {ascii(value)[:60]}; this network has {FIXED[name]} there, "
                "and cannot run a model that was made otherwise"
            )
        if name in NAMES and value is not None:
            settings[NAMES[name]] = _translated(path, name, value)
        elif name in vars(TORCHVISION):
            settings[name] = value
        elif name not in theirs:
            raise _unknown(path, name, theirs)
    count = given.get("num_classes")
    if count is not None and "class_names" not in given:
        settings["class_names"] = numbered(_whole(path, count))
    return settings


def numbered(classes):
    """Class names for a network of so many outputs: COCO's ids for 91, else class 1, class 2, …"""
    if classes == TORCHVISION.num_classes:
        return TORCHVISION.class_names
    return ("background", *(f"class {i}" for i in range(1, classes or 1)))


def assumption():
    """One sentence: which settings are taken for a file that holds none, and how to give others."""
    config = TORCHVISION
    sizes, ratios = (
        ", ".join(f"{x:g}" for x in xs)
        for xs in (config.anchor_scales, (1 / ratio for ratio in config.anchor_ratios))
    )
    return (
        f"holds no settings; assumed are torchvision's: min_size {config.image_min_size}, "
        f"max_size {config.image_max_size}, anchors of sizes {sizes} and aspect ratios {ratios}, "
        f"box_score_thresh {config.min_score:g}. If it was trained with others, it finds little or "
        f"nothing: give them with `minimaskrcnn weights convert IN.pth OUT.h5 --config FILE` "
        f"({GUIDE})"
    )


def _translated(path, name, value):
    """A value as it stands here."""
    change = CHANGES.get(name)
    try:
        return change(value) if change else value
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise WeightsError(
            f"{path}: {name} = {ascii(value)[:60]} is not what torchvision takes"
        ) from error


def _last(size):
    """Several sizes are for training; the last one is for prediction."""
    return size[-1] if isinstance(size, list) else size


def _grey_levels(shares):
    return [255.0 * share for share in shares]


def _one_per_level(sizes):
    """((32,), (64,), …), or 32, 64, …: one size for each level of the pyramid."""
    sizes = [size if isinstance(size, list) else [size] for size in sizes]
    (scales,) = zip(*sizes, strict=True)  # several per level are more than there are here
    return list(scales)


def _across(ratios):
    """((0.5, 1, 2), …) for all levels alike, or 0.5, 1, 2: height / width to width / height."""
    levels = ratios if isinstance(ratios[0], list) else [ratios]
    if any(level != levels[0] for level in levels):
        raise ValueError("a level has other ratios than the first")
    return [1 / ratio for ratio in levels[0]]


def _units(weights):
    """(wx, wy, ww, wh): what deltas are multiplied by; here they are divided, and y is first."""
    x, y, width, height = weights
    return [1 / y, 1 / x, 1 / height, 1 / width]


CHANGES = {
    "min_size": _last,
    "image_mean": _grey_levels,
    "image_std": _grey_levels,
    "sizes": _one_per_level,
    "aspect_ratios": _across,
    "bbox_reg_weights": _units,
}


def _whole(path, count):
    if type(count) is not int or not 2 <= count <= 10_000:
        raise WeightsError(
            f"{path}: num_classes = {ascii(count)[:60]} is not a number of classes, the "
            "background included"
        )
    return count


def _unknown(path, name, theirs):
    known = sorted({*theirs, *vars(Config())})
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return WeightsError(
        f"{path}: the configuration has an unknown field {ascii(name)[:60]}; {hint}Known are "
        f"{', '.join(known)}"
    )
