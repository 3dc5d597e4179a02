"""The backbone: ResNet turns an image into feature maps of falling resolution and rising meaning."""

from dataclasses import dataclass

from minimaskrcnn.conv import Conv


@dataclass(frozen=True)
class Bottleneck:
    """One residual block."""

    reduce: Conv  # 1x1, to fewer channels; carries the stride
    spatial: Conv  # 3x3
    expand: Conv  # 1x1, to 4 times as many
    shortcut: Conv | None = None  # 1x1 with the same stride, in the first block of a stage


@dataclass(frozen=True)
class ResNet:
    """Stem and stages 2 … 5, each a tuple of blocks: 3, 4, 6, 3 in ResNet-50."""

    stem: Conv  # 7x7, stride 2
    stages: tuple[tuple[Bottleneck, ...], ...]
