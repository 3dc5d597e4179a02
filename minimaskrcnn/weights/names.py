"""Names: what the original calls each layer, and where it belongs in our dataclasses.

Idea    One table says it all: `res4b_branch2a` with `bn4b_branch2a` is
        `backbone.stages.2.1.reduce`. A batch normalisation belongs to the convolution before it,
        as the two are folded into one. Here stands, too, what the file does not say: strides and
        paddings.
Source  github.com/matterport/Mask_RCNN: `resnet_graph`, `build_rpn_model`, `fpn_classifier_graph`,
        `build_fpn_mask_graph`
"""

from dataclasses import dataclass

# What Keras calls the arrays of a layer, and where they belong in a Conv.
PARTS = {
    "kernel": "kernel",
    "bias": "bias",
    "gamma": "norm.gamma",
    "beta": "norm.beta",
    "moving_mean": "norm.mean",
    "moving_variance": "norm.variance",
}


@dataclass(frozen=True)
class Place:
    """Where a layer of the original belongs."""

    name: str  # in our dataclasses
    layer: str  # in Keras
    norm: str | None = None  # the batch normalisation that follows it, in Keras
    stride: int = 1
    padding: int = 0  # rows and columns of zeros on each side


def places(blocks, mask_convs=4):
    """The table of the network: a Place for each layer.

    Parameters
    ----------
    blocks : how many residual blocks each of the stages 2 … 5 has; 3, 4, 23, 3 in ResNet-101
    mask_convs : convolutions of the mask head before its deconvolution
    """
    table = [Place("backbone.stem", "conv1", "bn_conv1", stride=2, padding=3)]
    for stage, count in enumerate(blocks):
        for b in range(count):
            table += _block(f"backbone.stages.{stage}.{b}", f"{stage + 2}{chr(ord('a') + b)}", b)
    for i in range(len(blocks)):
        table.append(Place(f"fpn.lateral.{i}", f"fpn_c{i + 2}p{i + 2}"))
        table.append(Place(f"fpn.smooth.{i}", f"fpn_p{i + 2}", padding=1))
    table += [
        Place("rpn.shared", "rpn_conv_shared", padding=1),
        Place("rpn.logits", "rpn_class_raw"),
        Place("rpn.deltas", "rpn_bbox_pred"),
        Place("box_head.hidden1", "mrcnn_class_conv1", "mrcnn_class_bn1"),
        Place("box_head.hidden2", "mrcnn_class_conv2", "mrcnn_class_bn2"),
        Place("box_head.logits", "mrcnn_class_logits"),
        Place("box_head.deltas", "mrcnn_bbox_fc"),
    ]
    for i in range(mask_convs):
        layer, norm = f"mrcnn_mask_conv{i + 1}", f"mrcnn_mask_bn{i + 1}"
        table.append(Place(f"mask_head.convs.{i}", layer, norm, padding=1))
    table.append(Place("mask_head.deconv", "mrcnn_mask_deconv"))
    table.append(Place("mask_head.logits", "mrcnn_mask"))
    return table


def _block(name, number, b):
    """One residual block, `number` as in 4a; the first of stages 3 … 5 halves the resolution."""
    stride = 2 if b == 0 and not number.startswith("2") else 1
    branch, norm = f"res{number}_branch", f"bn{number}_branch"
    block = [
        Place(f"{name}.reduce", f"{branch}2a", f"{norm}2a", stride),
        Place(f"{name}.spatial", f"{branch}2b", f"{norm}2b", padding=1),
        Place(f"{name}.expand", f"{branch}2c", f"{norm}2c"),
    ]
    if b == 0:
        block.append(Place(f"{name}.shortcut", f"{branch}1", f"{norm}1", stride))
    return block
