"""The backbone: ResNet turns an image into feature maps, each coarser and more abstract.

Idea    A deep network learns more easily if each block only adds a correction to its input:
        y = relu(x + f(x)). The correction f reduces the number of channels (1x1 convolution),
        looks at neighbouring cells (3x3), and expands the channels again (1x1).
Paper   ResNet (arXiv:1512.03385), figure 5 (right) and table 1.
Shapes  image (H, W, 3)  ->  c1 (H/4, W/4, 64), c2 (H/4, W/4, 256), c3 (H/8, W/8, 512),
        c4 (H/16, W/16, 1024), c5 (H/32, W/32, 2048)

Notes   The first 1x1 convolution of a stage's first block has the stride, as in the paper and the
        COCO weights; in torchvision the 3x3 convolution has it.
"""

from dataclasses import dataclass

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.resizing import max_pool
from minimaskrcnn.runtime.recorder import unchanged


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """One residual block."""

    reduce: Conv  # 1x1, to fewer channels; has the stride
    spatial: Conv  # 3x3
    expand: Conv  # 1x1, to four times as many
    shortcut: Conv | None = None  # 1x1 with the same stride, in the first block of a stage


@dataclass(frozen=True, eq=False)
class ResNet:
    """The stem and stages 2 … 5, each a tuple of blocks: 3, 4, 23, 3 of them in ResNet-101."""

    stem: Conv  # 7x7, stride 2
    stages: tuple[tuple[Bottleneck, ...], ...]

    def __repr__(self):
        return f"ResNet({', '.join(str(len(blocks)) for blocks in self.stages)} blocks)"


def stem(image, conv):
    """Return C1: a 7x7 convolution with stride 2, ReLU, then 3x3 max-pooling with stride 2.

    Parameters
    ----------
    image : (H, W, 3) float32, the mean pixel subtracted
    conv : Conv

    Returns
    -------
    (H/4, W/4, 64) float32
    """
    return max_pool(conv2d(image, conv, relu=True))


def bottleneck(x, block):
    """Apply one residual block; the map is halved if the block has a stride of 2.

    Parameters
    ----------
    x : (H, W, C) or (B, H, W, C) float32
    block : Bottleneck

    Returns
    -------
    (H', W', C') float32, or with the B
    """
    shortcut = x if block.shortcut is None else conv2d(x, block.shortcut)
    y = conv2d(x, block.reduce, relu=True)
    y = conv2d(y, block.spatial, relu=True)
    return conv2d(y, block.expand, add=shortcut, relu=True)


def stage(x, blocks):
    """Apply the blocks of one stage, one after the other: from C1 to C2, C2 to C3 and so on.

    Parameters
    ----------
    x : (H, W, C) or (B, H, W, C) float32
    blocks : tuple of Bottleneck

    Returns
    -------
    (H', W', C') float32, or with the B
    """
    for block in blocks:
        x = bottleneck(x, block)
    return x


def backbone(image, resnet, keep=unchanged):
    """Return the feature maps C1 … C5 of an image: the outputs of the stem and of each stage.

    Parameters
    ----------
    image : (H, W, 3) or (B, H, W, 3) float32, the mean pixel subtracted
    resnet : ResNet
    keep : function that is shown each map with its name, and returns the one to go on with

    Returns
    -------
    (c1, c2, c3, c4, c5) : (H/4, W/4, 64) … (H/32, W/32, 2048) float32, or with the B
    """
    c_maps = [keep("c1", stem(image, resnet.stem))]
    for level, blocks in enumerate(resnet.stages, start=2):
        c_maps.append(keep(f"c{level}", stage(c_maps[-1], blocks)))
    return tuple(c_maps)
