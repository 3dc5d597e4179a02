"""The original's configuration, as JSON or as `config.display()` prints it, in our names.

Idea    A model trained with matterport/Mask_RCNN has its settings in a Python class, and
        `config.display()` prints them. One table says what each is called here. What belongs to
        training alone is left out; what this network has only one form of is compared with it.
Source  github.com/matterport/Mask_RCNN, `mrcnn/config.py`
Shapes  text  ->  {our name: value}, and the number of classes
"""

import re
from dataclasses import fields
from difflib import get_close_matches

from minimaskrcnn.config import STRIDES, Config
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.configs import json_object

NAMES = {  # in the original: here
    "IMAGE_MIN_DIM": "image_min_size",
    "IMAGE_MAX_DIM": "image_max_size",
    "IMAGE_MIN_SCALE": "image_min_scale",
    "IMAGE_RESIZE_MODE": "resize_mode",
    "MEAN_PIXEL": "mean_pixel",
    "RPN_ANCHOR_SCALES": "anchor_scales",
    "RPN_ANCHOR_RATIOS": "anchor_ratios",
    "BBOX_STD_DEV": "delta_std",
    "RPN_BBOX_STD_DEV": "rpn_delta_std",
    "PRE_NMS_LIMIT": "pre_nms_proposals",
    "POST_NMS_ROIS_INFERENCE": "post_nms_proposals",
    "RPN_NMS_THRESHOLD": "rpn_nms_threshold",
    "POOL_SIZE": "pool_size",
    "MASK_POOL_SIZE": "mask_pool_size",
    "DETECTION_MIN_CONFIDENCE": "min_score",
    "DETECTION_NMS_THRESHOLD": "detection_nms_threshold",
    "DETECTION_MAX_INSTANCES": "max_detections",
}
OFF = ("IMAGE_MIN_DIM", "IMAGE_MIN_SCALE", "DETECTION_MIN_CONFIDENCE")  # None: no such limit
FIXED = {  # what this network has one form of
    "BACKBONE_STRIDES": list(STRIDES),
    "RPN_ANCHOR_STRIDE": 1,
    "IMAGE_CHANNEL_COUNT": 3,
    "IMAGE_PADDING": True,
}
BACKBONES = ("resnet50", "resnet101")  # which of them is read off the file's layers
FOR_TRAINING = {  # or derived from the others
    *("NAME", "GPU_COUNT", "IMAGES_PER_GPU", "BATCH_SIZE", "STEPS_PER_EPOCH", "VALIDATION_STEPS"),
    *("COMPUTE_BACKBONE_SHAPE", "FPN_CLASSIF_FC_LAYERS_SIZE", "TOP_DOWN_PYRAMID_SIZE"),
    *("RPN_TRAIN_ANCHORS_PER_IMAGE", "POST_NMS_ROIS_TRAINING", "USE_MINI_MASK", "MINI_MASK_SHAPE"),
    *(
        "TRAIN_ROIS_PER_IMAGE",
        "ROI_POSITIVE_RATIO",
        "MASK_SHAPE",
        "MAX_GT_INSTANCES",
        "IMAGE_SHAPE",
    ),
    *("LEARNING_RATE", "LEARNING_MOMENTUM", "WEIGHT_DECAY", "LOSS_WEIGHTS", "USE_RPN_ROIS"),
    *("TRAIN_BN", "GRADIENT_CLIP_NORM", "IMAGE_META_SIZE", "NUM_WORKERS", "EPOCHS"),
}
LINE = re.compile(r"^([A-Z][A-Z0-9_]*)[ \t]{2,}(\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|.*)$", re.MULTILINE)


def read_settings(path, text):
    """Return the settings that a text gives, by our names, and the number of classes or None.

    Parameters
    ----------
    path : of the file, for messages
    text : a JSON object with the original's names, ours or both; or what `config.display()` prints

    Raises
    ------
    WeightsError
        If the text is neither, or a field is unknown, given twice, or of a form that this network
        does not have.
    """
    given = json_object(path, text) if text.lstrip().startswith("{") else _displayed(path, text)
    settings = {}
    for name, value in given.items():
        ours = NAMES.get(name, name)
        if name in FIXED or name == "BACKBONE":
            _compare(path, name, value)
        elif name not in FOR_TRAINING and name != "NUM_CLASSES":
            value = 0 if value is None and name in OFF else value
            if ours in settings and settings[ours] != value:
                raise WeightsError(f"{path}: gives {ours} twice, with different values")
            _check_known(path, name)
            settings[ours] = value
    if settings.get("rpn_delta_std") == settings.get("delta_std", list(Config().delta_std)):
        settings.pop("rpn_delta_std", None)  # the RPN has no unit of its own
    return settings, given.get("NUM_CLASSES")


def _displayed(path, text):
    """The fields in the lines of `config.display()`: a name, blanks, a value."""
    found = {name: _value(value) for name, value in LINE.findall(text)}
    if not found:
        raise WeightsError(
            f"{path}: is neither JSON nor the text that config.display() of matterport/Mask_RCNN "
            "prints (lines such as IMAGE_MAX_DIM    1024)"
        )
    return found


def _value(text):
    """What Python or NumPy printed: None, a truth, a number, a list of numbers, or a text."""
    text = re.sub(r"np\.\w+\(([^)]*)\)", r"\1", text.strip())
    if text[:1] in ("[", "("):
        return [_value(item) for item in re.split(r"[\s,]+", text[1:-1]) if item]
    words = {"None": None, "True": True, "False": False}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _compare(path, name, value):
    """Refuse another form than the one that this network has."""
    allowed = [FIXED[name]] if name in FIXED else list(BACKBONES)
    if value not in allowed:
        raise WeightsError(
            f"{path}: has {name} = {ascii(value)[:60]}; this network has "
            f"{' or '.join(map(str, allowed))}, and cannot run a model that was trained otherwise"
        )


def _check_known(path, name):
    ours = [field.name for field in fields(Config)]
    if name in NAMES or name in ours:
        return
    known = [*NAMES, *FIXED, "BACKBONE", "NUM_CLASSES"] if name.isupper() else ours
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise WeightsError(
        f"{path}: the configuration has an unknown field {ascii(name)[:60]}; {hint}Known are "
        f"{', '.join(known)}"
    )
