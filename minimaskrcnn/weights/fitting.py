"""Do the arrays of a file make one network? Judged by their shapes, before any number is read.

Idea    Depth and widths are free, but each layer must take what the one before it gives, and the
        last layers must have room for the classes and anchors that the configuration names.
Shapes  {"backbone.stem.kernel": (7, 7, 3, 64), …}  ->  nothing, or one sentence about what is wrong
"""

from functools import partial

from minimaskrcnn.errors import WeightsError

STAGES = 4  # of the backbone: C2 … C5
NORM = ("gamma", "beta", "mean", "variance")


def check_shapes(path, shapes, config, called=str):
    """Raise a WeightsError about the first layer that does not fit, in the order of the data flow.

    Parameters
    ----------
    path : of the file, for the message
    shapes : dict from name, as in `tree.named_arrays`, to shape
    config : Config; read are `class_names`, `anchor_ratios`, `pool_size`
    called : function from a layer's name to what the file calls it, for the message
    """
    layer = partial(_layer, path, shapes, called)
    found = class_count(shapes)
    if found != config.num_classes:
        raise WeightsError(
            f"{path}: has {found} classes, the background included, but {config.num_classes} "
            "class names are given: name as many as it has (--class-names, or config=…)"
        )
    _check_pictures(path, called, shapes.get("backbone.stem.kernel"))
    widths = _check_backbone(layer, shapes)
    width = layer(f"fpn.lateral.{STAGES - 1}", 1, 1, widths[-1], None)  # of the whole pyramid
    for i in range(STAGES):
        layer(f"fpn.lateral.{i}", 1, 1, widths[i], width)
        layer(f"fpn.smooth.{i}", 3, 3, width, width)

    shared = width
    for name in [*_parts(shapes, "rpn.before"), "rpn.shared"]:
        shared = layer(name, 3, 3, shared, None)
    _check_ratios(path, called, shapes.get("rpn.logits.kernel"), config.anchor_ratios)
    layer("rpn.logits", 1, 1, shared, 2 * len(config.anchor_ratios))
    layer("rpn.deltas", 1, 1, shared, 4 * len(config.anchor_ratios))

    cells, classes = config.pool_size, config.num_classes
    hidden = width
    for name in _parts(shapes, "box_head.convs"):
        hidden = layer(name, 3, 3, hidden, None)
    hidden = layer("box_head.hidden1", cells, cells, hidden, None)
    one_is_enough = "box_head.convs.0.kernel" in shapes  # behind convolutions
    if "box_head.hidden2.kernel" in shapes or not one_is_enough:
        hidden = layer("box_head.hidden2", 1, 1, hidden, None)
    layer("box_head.logits", hidden, classes)
    layer("box_head.deltas", hidden, 4 * classes)

    for name in _parts(shapes, "mask_head.convs"):
        width = layer(name, 3, 3, width, None)
    width = layer("mask_head.deconv", 2, 2, None, width, outputs=2)
    layer("mask_head.logits", 1, 1, width, classes)


def _check_pictures(path, called, kernel):
    """The first layer tells of how many channels the pictures are."""
    if kernel and kernel[:2] == (7, 7) and len(kernel) == 4 and kernel[2] != 3:
        raise WeightsError(
            f"{path}: was trained on pictures with {kernel[2]} instead of 3 channels "
            f"({called('backbone.stem')} has a kernel of shape {kernel}); this package gives it "
            "red, green and blue. Train it on RGB pictures, or convert that kernel to three "
            "channels (one channel: a third of it, three times)"
        )


def _check_ratios(path, called, kernel, ratios):
    """The RPN's outputs tell how many anchors stand on a cell: two logits for each."""
    if kernel and len(kernel) == 4 and kernel[3] % 2 == 0 and kernel[3] != 2 * len(ratios):
        raise WeightsError(
            f"{path}: has {kernel[3] // 2} anchors per cell (by the outputs of "
            f"{called('rpn.logits')}), but the configuration has {len(ratios)} anchor_ratios "
            "(RPN_ANCHOR_RATIOS in matterport's, aspect_ratios in torchvision's). Give as many, in "
            "the order of training, with --config or in config=…"
        )


def class_count(shapes):
    """How many classes the network knows, the background included; None if it does not say."""
    return shapes.get("box_head.logits.bias", (None,))[0]


def block_counts(shapes):
    """How many residual blocks each stage of the backbone has: (3, 4, 23, 3) in ResNet-101."""
    return tuple(_count(shapes, f"backbone.stages.{stage}") for stage in range(STAGES))


def _check_backbone(layer, shapes):
    """Stem and stages; returns the channels of C2 … C5."""
    channels, widths = layer("backbone.stem", 7, 7, 3, None), []
    for stage in range(STAGES):
        prefix = f"backbone.stages.{stage}"
        for b in range(max(_count(shapes, prefix), 1)):
            block = f"{prefix}.{b}"
            narrow = layer(f"{block}.reduce", 1, 1, channels, None)
            narrow = layer(f"{block}.spatial", 3, 3, narrow, None)
            shortcut = channels
            if b == 0 or f"{block}.shortcut.kernel" in shapes:
                shortcut = layer(f"{block}.shortcut", 1, 1, channels, None)
            channels = layer(f"{block}.expand", 1, 1, narrow, shortcut)
        widths.append(channels)
    return widths


def _count(shapes, prefix):
    """How many parts prefix.0, prefix.1, … there are."""
    start = prefix + "."
    return len({n[len(start) :].split(".")[0] for n in shapes if n.startswith(start)})


def _parts(shapes, prefix):
    """prefix.0, prefix.1, …: as many as there are."""
    return [f"{prefix}.{i}" for i in range(_count(shapes, prefix))]


def _layer(path, shapes, called, name, *wanted, outputs=-1):
    """Check one layer's kernel, bias and norm; returns the number of its outputs. None: any."""
    kernel = shapes.get(f"{name}.kernel")
    if kernel is None:
        raise WeightsError(
            f"{path}: has no {called(name)}. The file belongs to another network than Mask R-CNN "
            "with a ResNet and a feature pyramid, or is incomplete"
        )
    if len(kernel) != len(wanted) or any(
        w not in (None, k) for w, k in zip(wanted, kernel, strict=True)
    ):
        text = ", ".join("any" if w is None else str(w) for w in wanted)
        raise WeightsError(
            f"{path}: {called(name)} has a kernel of shape {kernel}, expected ({text}), so it does "
            "not fit the layers before it: the file belongs to another network, or is damaged"
        )
    vectors = [f"{name}.bias"]
    if any(f"{name}.norm.{part}" in shapes for part in NORM):
        vectors += [f"{name}.norm.{part}" for part in NORM]
    for vector in vectors:
        if vector not in shapes:
            raise WeightsError(
                f"{path}: {called(name)} has no {vector.rsplit('.', 1)[1]}; in the original every "
                "convolution has a bias, and every normalisation four arrays. The file belongs to "
                "another network (use_bias=False?), or is incomplete. A bias of zeros, written "
                "into the file, changes nothing and makes it load"
            )
        if shapes[vector] != (kernel[outputs],):
            raise WeightsError(
                f"{path}: {called(name)} has {vector.rsplit('.', 1)[1]} of shape "
                f"{shapes[vector]}, expected ({kernel[outputs]},)"
            )
    return kernel[outputs]
