"""Seeded weights under torchvision's names, the same numbers wherever NumPy runs.

    from torchvision_weights import FULL, NARROW, seeded
    arrays = seeded(FULL, version=1, seed=7)        # {"backbone.body.conv1.weight": array, ...}

The full network has 44 million numbers (170 MB), so they are drawn again where they are needed:
by `make_torchvision.py`, which hands them to torchvision, and by the tests, which convert them.
torchvision's own first weights give every class the same probability; these find something.
"""

from dataclasses import dataclass
from math import prod, sqrt
from zlib import crc32

import numpy as np


@dataclass(frozen=True)
class Widths:
    """Channels and blocks of a network."""

    stem: int = 64
    inner: tuple[int, ...] = (64, 128, 256, 512)  # within the blocks of layer1 ... layer4
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    pyramid: int = 256
    hidden: int = 1024  # of the box head


FULL = Widths()
NARROW = Widths(stem=8, inner=(4, 8, 8, 16), blocks=(1, 2, 1, 1), pyramid=16, hidden=32)
OWN = {  # arguments of a model of one's own, as torchvision calls them
    "min_size": [96, 112],
    "max_size": 150,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.3, 0.25, 0.2],
    "sizes": [[20], [36], [70], [150], [260]],
    "aspect_ratios": [[0.4, 1.0, 3.0]] * 5,
    "bbox_reg_weights": [8.0, 12.0, 4.0, 6.0],
    "rpn_pre_nms_top_n_test": 300,
    "rpn_post_nms_top_n_test": 150,
    "rpn_nms_thresh": 0.6,
    "box_score_thresh": 0.1,
    "box_nms_thresh": 0.4,
    "box_detections_per_img": 40,
}
LOUDER = {  # what is made larger or smaller so that something is found, and not everything
    "rpn.head.cls_logits.weight": 0.4,
    "rpn.head.bbox_pred.weight": 0.04,
    "roi_heads.box_predictor.cls_score.weight": 0.35,
    "roi_heads.box_predictor.bbox_pred.weight": 0.12,
    "roi_heads.mask_predictor.mask_fcn_logits.weight": 1.0,
}


def layout(widths, version, classes, frozen=False):
    """Yield (name, shape) of every array in the order of torchvision's own state dict."""
    batch_norm = ("weight", "bias", "running_mean", "running_var")

    def norm(name, channels):
        for part in batch_norm:
            yield f"{name}.{part}", (channels,)
        if not frozen:
            yield f"{name}.num_batches_tracked", ()

    def layer(name, shape, outputs=None):
        yield f"{name}.weight", shape
        yield f"{name}.bias", (outputs or shape[0],)

    def normed(name, shape):
        """A convolution of the second version: without a bias, its norm beside it."""
        yield f"{name}.0.weight", shape
        yield from norm(f"{name}.1", shape[0])

    body = "backbone.body"
    yield f"{body}.conv1.weight", (widths.stem, 3, 7, 7)
    yield from norm(f"{body}.bn1", widths.stem)
    channels = widths.stem
    for stage, (inner, blocks) in enumerate(zip(widths.inner, widths.blocks, strict=True), 1):
        for block in range(blocks):
            name = f"{body}.layer{stage}.{block}"
            for i, shape in enumerate(
                [(inner, channels, 1, 1), (inner, inner, 3, 3), (4 * inner, inner, 1, 1)], 1
            ):
                yield f"{name}.conv{i}.weight", shape
                yield from norm(f"{name}.bn{i}", shape[0])
            if block == 0:
                yield f"{name}.downsample.0.weight", (4 * inner, channels, 1, 1)
                yield from norm(f"{name}.downsample.1", 4 * inner)
            channels = 4 * inner

    p = widths.pyramid
    for part, shapes in (
        ("inner_blocks", [(p, 4 * inner, 1, 1) for inner in widths.inner]),
        ("layer_blocks", [(p, p, 3, 3)] * 4),
    ):
        for i, shape in enumerate(shapes):
            name = f"backbone.fpn.{part}.{i}"
            yield from layer(f"{name}.0", shape) if version == 1 else normed(name, shape)

    for i in range(version):
        yield from layer(f"rpn.head.conv.{i}.0", (p, p, 3, 3))
    yield from layer("rpn.head.cls_logits", (3, p, 1, 1))
    yield from layer("rpn.head.bbox_pred", (12, p, 1, 1))

    if version == 1:
        yield from layer("roi_heads.box_head.fc6", (widths.hidden, 49 * p))
        yield from layer("roi_heads.box_head.fc7", (widths.hidden, widths.hidden))
    else:
        for i in range(4):
            yield from normed(f"roi_heads.box_head.{i}", (p, p, 3, 3))
        yield from layer("roi_heads.box_head.5", (widths.hidden, 49 * p))
    yield from layer("roi_heads.box_predictor.cls_score", (classes, widths.hidden))
    yield from layer("roi_heads.box_predictor.bbox_pred", (4 * classes, widths.hidden))
    for i in range(4):
        name = f"roi_heads.mask_head.{i}"
        yield from layer(f"{name}.0", (p, p, 3, 3)) if version == 1 else normed(name, (p, p, 3, 3))
    yield from layer("roi_heads.mask_predictor.conv5_mask", (p, p, 2, 2))
    yield from layer("roi_heads.mask_predictor.mask_fcn_logits", (classes, p, 1, 1))


def seeded(widths=FULL, version=1, seed=7, classes=91, frozen=False):
    """Return {name: array}: float32, and int64 scalars for what torchvision counts."""
    return {
        name: _draw(name, shape, seed) for name, shape in layout(widths, version, classes, frozen)
    }


def _draw(name, shape, seed):
    if name.endswith("num_batches_tracked"):
        return np.array(seed, np.int64)
    low, high = _range(name, shape)
    rng = np.random.RandomState([seed, crc32(name.encode())])
    return (low + (high - low) * rng.random_sample(shape)).astype(np.float32)


def _range(name, shape):
    if name.endswith("running_var"):
        return 0.5, 1.5
    if name.endswith("running_mean") or name.endswith("bias"):
        return -0.2, 0.2
    if len(shape) == 1:  # the scale of a norm, small at the end of a block
        return (0.1, 0.4) if name.endswith("bn3.weight") else (0.5, 1.5)
    inputs = shape[0] if "conv5_mask" in name else prod(shape[1:])
    gain = 1 if "fpn" in name or "cls" in name or "pred" in name else 2
    most = LOUDER.get(name, 1.0) * sqrt(3 * gain / inputs)  # of variance gain / inputs
    return -most, most


def with_old_names(arrays):
    """Return the arrays under the names of torchvision before 0.13, as the published file has."""
    old = {}
    for name, array in arrays.items():
        name = name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")
        for part in ("inner_blocks", "layer_blocks"):
            for i in range(4):
                name = name.replace(f"{part}.{i}.0.", f"{part}.{i}.")
        for i in range(4):
            name = name.replace(f"mask_head.{i}.0.", f"mask_head.mask_fcn{i + 1}.")
        old[name] = array
    return old


def sample(array, count=2000, seed=1):
    """Return `count` numbers of an array, from places that its shape decides."""
    places = np.random.RandomState([seed, *array.shape]).randint(0, array.size, count)
    return array.reshape(-1)[places]
