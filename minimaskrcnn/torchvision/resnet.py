"""The backbone: the same convolutions; the max-pooling of the stem begins one cell earlier.

Idea    PyTorch pads a row and a column before the map, where Keras pads behind it: every window of
        the pooling lies one cell further up and left, and so does all that the network sees. Of
        all the differences this one matters most.
        The stride of a stage sits in the 3x3 of its first block, not in the 1x1 before it. That is
        written in the weights (`Conv.stride`), so `stage` computes both.
Source  torchvision 0.29, `models/resnet.py`
Shapes  as in `minimaskrcnn.resnet`
"""

from minimaskrcnn.conv import conv2d
from minimaskrcnn.resizing import max_pool
from minimaskrcnn.resnet import stage
from minimaskrcnn.runtime.recorder import unchanged


def stem(image, conv):
    """C1, as `minimaskrcnn.resnet.stem` but for the padding: (H, W, 3) -> (H/4, W/4, 64)."""
    return max_pool(conv2d(image, conv, relu=True), padding=1)


def backbone(image, resnet, keep=unchanged):
    """(c1, …, c5), as `minimaskrcnn.resnet.backbone`: (H, W, 3) -> (H/4, W/4, 64) … float32."""
    c_maps = [keep("c1", stem(image, resnet.stem))]
    for level, blocks in enumerate(resnet.stages, start=2):
        c_maps.append(keep(f"c{level}", stage(c_maps[-1], blocks)))
    return tuple(c_maps)
