"""torchvision's names: what its state dict calls each layer, and where that belongs.

Idea    As `names` does for Keras: `backbone.body.layer3.1.conv1` with `bn1` is
        `backbone.stages.2.1.reduce`. Depth, and which of the two versions the network is, are read
        off the names that are there. Files from before 2022, the published first version among
        them, use shorter names; they are brought up to date first.
Source  torchvision 0.29: `models/resnet.py`, `ops/feature_pyramid_network.py`,
        `models/detection/rpn.py`, `faster_rcnn.py`, `mask_rcnn.py`
"""

import re

from minimaskrcnn.weights.names import Place

OLD = (  # (name before 2022, name since)
    (r"^rpn\.head\.conv\.(weight|bias)$", r"rpn.head.conv.0.0.\1"),
    (r"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$", r"\1.0.\2"),
)
OLD_MASK = re.compile(r"^roi_heads\.mask_head\.mask_fcn(\d+)\.(weight|bias)$")
COUNTED = ".num_batches_tracked"  # of a norm: how long it was trained, which nothing here needs


def current_names(arrays):
    """Return the arrays that are weights under today's names.

    Parameters
    ----------
    arrays : dict from torchvision's name to array

    Returns
    -------
    dict from today's name to array
    """
    return {
        _current_name(name): array for name, array in arrays.items() if not name.endswith(COUNTED)
    }


def _current_name(name):
    for old, new in OLD:
        name = re.sub(old, new, name)
    mask = OLD_MASK.match(name)
    return f"roi_heads.mask_head.{int(mask[1]) - 1}.0.{mask[2]}" if mask else name


def torchvision_places(names):
    """The table of a network: a Place for each layer, for either version.

    Parameters
    ----------
    names : of the arrays, today's

    Returns
    -------
    list of Place
    """
    table = [Place("backbone.stem", "backbone.body.conv1", "backbone.body.bn1", 2, 3)]
    for stage in range(4):
        layer = f"backbone.body.layer{stage + 1}"
        for b in range(max(_count(names, layer), 1)):
            table += _block(f"backbone.stages.{stage}.{b}", f"{layer}.{b}", stage, b)
    for i in range(4):
        table.append(_conv(names, f"fpn.lateral.{i}", f"backbone.fpn.inner_blocks.{i}", 0))
        table.append(_conv(names, f"fpn.smooth.{i}", f"backbone.fpn.layer_blocks.{i}", 1))
    return table + _rpn(names) + _box_head(names) + _mask_head(names)


def _block(ours, theirs, stage, b):
    """One residual block; the stride is in the 3x3 of the first."""
    stride = 2 if b == 0 and stage > 0 else 1
    block = [
        Place(f"{ours}.reduce", f"{theirs}.conv1", f"{theirs}.bn1"),
        Place(f"{ours}.spatial", f"{theirs}.conv2", f"{theirs}.bn2", stride, padding=1),
        Place(f"{ours}.expand", f"{theirs}.conv3", f"{theirs}.bn3"),
    ]
    if b == 0:
        norm = f"{theirs}.downsample.1"
        block.append(Place(f"{ours}.shortcut", f"{theirs}.downsample.0", norm, stride))
    return block


def _rpn(names):
    """Two 3x3 convolutions in the second version: the last is the one that both answers share."""
    count = max(_count(names, "rpn.head.conv"), 1)
    ours = [f"rpn.before.{i}" for i in range(count - 1)] + ["rpn.shared"]
    return [
        *(_conv(names, name, f"rpn.head.conv.{i}", 1) for i, name in enumerate(ours)),
        Place("rpn.logits", "rpn.head.cls_logits"),
        Place("rpn.deltas", "rpn.head.bbox_pred"),
    ]


def _box_head(names):
    head = "roi_heads.box_head"
    convs = [i for i in range(_count(names, head)) if f"{head}.{i}.0.weight" in names]
    table = [_conv(names, f"box_head.convs.{i}", f"{head}.{i}", 1) for i in convs]
    dense = [f"{head}.fc6", f"{head}.fc7"]
    if convs:  # the second version: convolutions, then dense layers with a ReLU after each
        first = len(convs) + 1
        dense = [f"{head}.{i}" for i in (first, first + 2) if f"{head}.{i}.weight" in names]
    table += [Place(f"box_head.hidden{i}", layer) for i, layer in enumerate(dense, start=1)]
    table.append(Place("box_head.logits", "roi_heads.box_predictor.cls_score"))
    table.append(Place("box_head.deltas", "roi_heads.box_predictor.bbox_pred"))
    return table


def _mask_head(names):
    head, predictor = "roi_heads.mask_head", "roi_heads.mask_predictor"
    return [
        *(
            _conv(names, f"mask_head.convs.{i}", f"{head}.{i}", 1)
            for i in range(_count(names, head))
        ),
        Place("mask_head.deconv", f"{predictor}.conv5_mask"),
        Place("mask_head.logits", f"{predictor}.mask_fcn_logits"),
    ]


def _conv(names, ours, theirs, padding):
    """A convolution `theirs`.0, with a norm `theirs`.1 in the second version."""
    norm = f"{theirs}.1" if f"{theirs}.1.weight" in names else None
    return Place(ours, f"{theirs}.0", norm, padding=padding)


def _count(names, prefix):
    """One more than the highest number that follows the prefix."""
    numbers = (re.match(rf"{re.escape(prefix)}\.(\d+)\.", name) for name in names)
    return max((int(number[1]) + 1 for number in numbers if number), default=0)
