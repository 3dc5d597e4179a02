"""Feature pyramid network (FPN): feature maps of every resolution, all with deep features.

Idea    C5 knows what is in the image, but only roughly where; C2 knows where, but not what. So
        start at C5 and go down: double the map, add the next finer one (a 1x1 convolution brings
        both to the same number of channels), and smooth the sum with a 3x3 convolution.
Paper   FPN (arXiv:1612.03144), section 3 and figure 3; P6 for the RPN: section 4.1, footnote.
Shapes  c2 (H/4, W/4, 256) … c5 (H/32, W/32, 2048)  ->  p2 … p6, each (H/4 … H/64, W/4 … W/64, 256)
"""

from dataclasses import dataclass

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.resizing import subsample, upsample


@dataclass(frozen=True, eq=False)
class FPN:
    """Two convolutions per level, the finest level first; there is no ReLU in the pyramid."""

    lateral: tuple[Conv, ...]  # 1x1, from the channels of C2 … C5 to the pyramid's
    smooth: tuple[Conv, ...]  # 3x3, of P2 … P5


def pyramid(c_maps, fpn):
    """Return the pyramid's maps, P2 … P6, made from the backbone's maps, C2 … C5.

    Parameters
    ----------
    c_maps : (c2, c3, c4, c5), each (H, W, C) float32 and half as large as the one before
    fpn : FPN

    Returns
    -------
    (p2, p3, p4, p5, p6), each (H, W, 256) float32. The RPN reads all of them, the heads p2 … p5.

    Raises
    ------
    ValueError
        If there is not one map per level, or a map is not twice as large as the next.

    Notes
    -----
    The next level receives the sum before its 3x3 convolution. P6 is every second cell of P5.
    """
    _check(c_maps, fpn)
    sums = [conv2d(c_maps[-1], fpn.lateral[-1])]
    for c_map, lateral in zip(c_maps[-2::-1], fpn.lateral[-2::-1], strict=True):  # C4, C3, C2
        sums.append(conv2d(c_map, lateral, add=upsample(sums[-1])))
    p_maps = [
        conv2d(level, smooth) for level, smooth in zip(sums[::-1], fpn.smooth, strict=True)
    ]  # P2 … P5
    return (*p_maps, subsample(p_maps[-1]))


def _check(c_maps, fpn):
    sizes = [c_map.shape[-3:-1] for c_map in c_maps]  # (H, W) of each
    doubled = [(2 * h, 2 * w) for h, w in sizes[1:]]
    if not len(c_maps) == len(fpn.lateral) == len(fpn.smooth) or sizes[:-1] != doubled:
        raise ValueError(
            f"pyramid wants {len(fpn.lateral)} maps, each twice as large as the next, got {sizes}"
        )
