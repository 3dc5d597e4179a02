"""What a Keras file does not say: the settings it was trained with, and how they are found.

Idea    The original keeps its settings in the training script. A model that is run with other
        anchors, another size or another mean finds little or nothing, and nothing looks wrong. So
        settings that nobody gave are stated in one sentence; and where a file holds its anchors,
        as those of the TensorFlow 2 forks do, they decide about size, scales and ratios.
Shapes  shapes of the arrays, anchors (A, 4) or None, Config or None  ->  Config
"""

import os
from dataclasses import replace

import numpy as np

from minimaskrcnn.config import COCO
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.fitting import class_count
from minimaskrcnn.weights.found_anchors import find_anchors, same_anchors
from minimaskrcnn.weights.hdf5 import read_array
from minimaskrcnn.weights.known import COCO_FILE
from minimaskrcnn.weights.lock import checksum

GUIDE = "docs/own_matterport_model.md"


def config_of(file, shapes, anchors, config=None, class_names=None):
    """Return the Config of a Keras file, and what is to be said about it.

    Parameters
    ----------
    file : open File
    shapes : dict from our names to shapes
    anchors : Array (batch, A, 4) that the file holds, or None
    config : Config that was given, or None
    class_names : of a file without a Config, the background first; None for COCO's

    Returns
    -------
    config : Config
    remarks : list of sentences: what was assumed, or that sizes differ

    Raises
    ------
    WeightsError
        If the classes have no names, or the Config contradicts the file's anchors.
    """
    boxes = None if anchors is None else _boxes(file, anchors)
    if config is not None:
        config = replace(config, class_names=class_names) if class_names else config
        return config, [] if boxes is None else _compare(file.path, boxes, config)
    names = class_names or _coco_names(file.path, shapes)
    config = replace(COCO, class_names=names)
    if boxes is not None:
        config = _with_anchors(file.path, boxes, config)
    if is_published(file.path):
        return config, []
    return config, [f"{file.path}: {_assumption(config, boxes is not None)}"]


def _assumption(config, known_anchors):
    """Say in one sentence which settings were assumed, and how to give others."""
    scales, ratios = (
        ", ".join(f"{x:.4g}" for x in xs) for xs in (config.anchor_scales, config.anchor_ratios)
    )
    anchors = f"size {config.image_max_size}, anchor scales {scales}, ratios {ratios}"
    mean = ", ".join(f"{x:g}" for x in config.mean_pixel)
    rest = f"shorter side {config.image_min_size}, mean {mean}, scores from {config.min_score:g}"
    told = f"holds no settings; its anchors show {anchors}; assumed are {rest}"
    if not known_anchors:
        told = f"holds no settings; assumed are {anchors}, {rest}"
    return (
        f"{told}. If it was trained with others, it will find little or nothing: give them with "
        f"`minimaskrcnn weights convert IN.h5 OUT.h5 --config FILE` ({GUIDE})"
    )


def is_published(path):
    """Whether a file is the published one, whose settings are known."""
    return os.path.getsize(path) == COCO_FILE.size and checksum(path) == COCO_FILE.sha256


def _coco_names(path, shapes):
    found = class_count(shapes)
    if found not in (None, COCO.num_classes):
        raise WeightsError(
            f"{path}: has {found} classes, the background included, and does not say what they "
            f"are called. Name them: `minimaskrcnn weights convert {path} OUT.h5 "
            "--class-names one,two,…`, or config=Config(class_names=(…))"
        )
    return COCO.class_names


def _boxes(file, anchors):
    """The file's anchors, (A, 4): the same for each picture of the batch."""
    fits = len(anchors.shape) in (2, 3) and anchors.shape[-1] == 4 and anchors.dtype.kind == "f"
    boxes = read_array(file, anchors).reshape(-1, *anchors.shape[-2:]) if fits else np.zeros(0)
    if not fits or not np.isfinite(boxes).all() or (boxes != boxes[0]).any():
        raise WeightsError(
            f"{file.path}: the layer anchors, of shape {anchors.shape}, should hold the same boxes "
            "(A, 4) for each picture of a batch: the file is damaged"
        )
    return boxes[0].astype(np.float32)


def _with_anchors(path, boxes, config):
    """The Config with the settings that make the file's anchors."""
    found = find_anchors(boxes)
    if found is None or found.size[0] != found.size[1]:
        raise WeightsError(
            f"{path}: holds {len(boxes):,} anchors that no scales and ratios give on a square "
            "input with strides of 4 to 64 (another RPN_ANCHOR_STRIDE or BACKBONE_STRIDES?): this "
            "package cannot predict with them"
        )
    size = found.size[0]
    return replace(
        config,
        image_max_size=size,
        image_min_size=min(config.image_min_size, size),
        anchor_scales=found.scales,
        anchor_ratios=found.ratios,
    )


def _compare(path, boxes, config):
    """Refuse a Config of other anchors than the file's; remarks on one of another size."""
    size = (config.image_max_size, config.image_max_size)
    if same_anchors(boxes, size, config.anchor_scales, config.anchor_ratios):
        return []
    found = find_anchors(boxes)
    given = f"scales {config.anchor_scales}, ratios {config.anchor_ratios}"
    if found is None or not same_anchors(
        boxes, found.size, config.anchor_scales, config.anchor_ratios
    ):
        theirs = (
            f"the file's are those of {found}. Give these as anchor_scales and anchor_ratios "
            "(RPN_ANCHOR_SCALES, RPN_ANCHOR_RATIOS), or leave the configuration out"
            if found
            else "no scales and ratios give the file's, so that this package cannot predict with it"
        )
        raise WeightsError(
            f"{path}: was trained with other anchors than the configuration has ({given}): {theirs}"
        )
    return [
        f"{path}: was trained on pictures of {found.size[0]} pixels; the configuration has "
        f"{config.image_max_size}"
    ]
