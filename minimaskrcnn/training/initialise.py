"""Initial weights: random numbers of the right size, and the small network that they fill.

Idea    A layer should pass signals on as strong as it received them. With n inputs and ReLU, this
        requires random kernels of variance 2 / n. A residual block at first does nothing (the last
        scale of its batch normalization is 0), so that a new network is as shallow as its
        shortcuts. The outputs start near 0: each anchor is as likely an object as background, and
        every box stays where it is.
Paper   He et al., arXiv:1502.01852, equation 10. The zero scale: Goyal et al., arXiv:1706.02677,
        section 5.1. Outputs N(0, 0.01), boxes N(0, 0.001): Fast R-CNN (arXiv:1504.08083), 4.1.
Shapes  Widths  ->  MaskRCNN with batch normalization in backbone and heads, not in pyramid and RPN

Notes   Why batch normalization with the statistics of the batch: after 4,000 pictures, a network
        with it has learned more than one with group normalization, and that more than one without
        any. When the weights are saved, it is folded into plain convolutions (`conv.folded`).
"""

from dataclasses import dataclass

import numpy as np

from minimaskrcnn.conv import BatchNorm, Conv
from minimaskrcnn.fpn import FPN
from minimaskrcnn.heads import BoxHead, MaskHead
from minimaskrcnn.layers import Deconv, Dense
from minimaskrcnn.model import MaskRCNN
from minimaskrcnn.resnet import Bottleneck, ResNet
from minimaskrcnn.rpn import RPN

EXPANSION = 4  # a block's output channels are this many times its inner ones (ResNet, figure 5)


@dataclass(frozen=True)
class Widths:
    """How many channels and blocks the network has; by default it has 2.1 million weights."""

    stem: int = 32
    inner: tuple[int, ...] = (32, 48, 64, 128)  # within the blocks of stages 2 … 5
    blocks: tuple[int, ...] = (3, 3, 2, 1)  # of stages 2 … 5
    pyramid: int = 64
    rpn: int = 64
    box_head: int = 256
    mask_head: int = 64
    mask_convs: int = 4


def new_model(config, widths=None, seed=0):
    """Return an untrained network, with random weights.

    Parameters
    ----------
    config : Config; uses the number of classes and anchor ratios, and `pool_size`
    widths : Widths or None for the defaults
    seed : int; the same seed gives the same weights

    Returns
    -------
    MaskRCNN, float32
    """
    widths, rng = widths or Widths(), np.random.RandomState(seed)
    outer = [EXPANSION * inner for inner in widths.inner]  # channels of C2 … C5
    return MaskRCNN(
        config=config,
        backbone=_backbone(rng, widths, outer),
        fpn=FPN(
            lateral=tuple(_plain(rng, 1, c, widths.pyramid) for c in outer),
            smooth=tuple(_plain(rng, 3, widths.pyramid, widths.pyramid) for _ in outer),
        ),
        rpn=_rpn(rng, widths, len(config.anchor_ratios)),
        box_head=_box_head(rng, widths, config),
        mask_head=_mask_head(rng, widths, config.num_classes),
    )


def _backbone(rng, widths, outer):
    stages, channels = [], widths.stem
    for level, (inner, count) in enumerate(zip(widths.inner, widths.blocks, strict=True)):
        stride = 1 if level == 0 else 2
        first = _block(rng, channels, inner, outer[level], stride)
        rest = (_block(rng, outer[level], inner, outer[level]) for _ in range(count - 1))
        stages.append((first, *rest))
        channels = outer[level]
    return ResNet(stem=_normed(rng, 7, 3, widths.stem, stride=2), stages=tuple(stages))


def _block(rng, channels, inner, outer, stride=None):
    """A block; the first of a stage has a stride and a shortcut of its own."""
    return Bottleneck(
        reduce=_normed(rng, 1, channels, inner, stride=stride or 1),
        spatial=_normed(rng, 3, inner, inner),
        expand=_normed(rng, 1, inner, outer, gamma=0.0),
        shortcut=None if stride is None else _normed(rng, 1, channels, outer, stride=stride),
    )


def _rpn(rng, widths, ratios):
    return RPN(
        shared=_plain(rng, 3, widths.pyramid, widths.rpn),
        logits=Conv(normal(rng, 0.01, 1, 1, widths.rpn, 2 * ratios), zeros(2 * ratios)),
        deltas=Conv(normal(rng, 0.01, 1, 1, widths.rpn, 4 * ratios), zeros(4 * ratios)),
    )


def _box_head(rng, widths, config):
    hidden, classes = widths.box_head, config.num_classes
    return BoxHead(
        hidden1=_normed(rng, config.pool_size, widths.pyramid, hidden, padding=0),
        hidden2=_normed(rng, 1, hidden, hidden),
        logits=Dense(normal(rng, 0.01, hidden, classes), zeros(classes)),
        deltas=Dense(normal(rng, 0.001, hidden, 4 * classes), zeros(4 * classes)),
    )


def _mask_head(rng, widths, classes):
    channels = [widths.pyramid] + [widths.mask_head] * widths.mask_convs
    hidden = channels[-1]
    return MaskHead(
        convs=tuple(
            _normed(rng, 3, before, after)
            for before, after in zip(channels[:-1], channels[1:], strict=True)
        ),
        deconv=Deconv(normal(rng, np.sqrt(2 / hidden), 2, 2, hidden, hidden), zeros(hidden)),
        logits=Conv(normal(rng, 0.01, 1, 1, hidden, classes), zeros(classes)),
    )


def _plain(rng, size, channels_in, channels_out, stride=1, padding=None):
    """A convolution of size x size; by default its padding keeps the size of the map."""
    kernel = normal(
        rng, np.sqrt(2 / (size * size * channels_in)), size, size, channels_in, channels_out
    )
    around = size // 2 if padding is None else padding
    return Conv(kernel, zeros(channels_out), stride, (around, around))


def _normed(rng, size, channels_in, channels_out, stride=1, padding=None, gamma=1.0):
    conv = _plain(rng, size, channels_in, channels_out, stride, padding)
    scale, ones = np.full(channels_out, gamma, np.float32), np.ones(channels_out, np.float32)
    norm = BatchNorm(scale, zeros(channels_out), zeros(channels_out), ones)
    return Conv(conv.kernel, conv.bias, conv.stride, conv.padding, norm)


def normal(rng, deviation, *shape):
    """Random float32 numbers of mean 0."""
    return (deviation * rng.standard_normal(shape)).astype(np.float32)


def zeros(count):
    """So many float32 zeros."""
    return np.zeros(count, np.float32)
