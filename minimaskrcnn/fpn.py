"""Feature pyramid network (FPN): every resolution gets the deepest layers' understanding.

Idea    C5 knows what is there but not where; C2 knows where but not what. Walk down from C5: double
        the map, add the next finer one (both brought to the same channels), smooth the sum.
Paper   FPN (arXiv:1612.03144), section 3 and figure 3; P6 for the RPN: section 4.1, footnote.
Shapes  c2 (H/4, W/4, 256) … c5 (H/32, W/32, 2048)  ->  p2 … p6, each (H/4 … H/64, W/4 … W/64, 256)
"""

from dataclasses import dataclass

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.resizing import subsample, upsample


@dataclass(frozen=True, eq=False)
class FPN:
    """Two convolutions a level, finest first; no ReLU anywhere in the pyramid."""

    lateral: tuple[Conv, ...]  # 1x1, from the channels of C2 … C5 to the pyramid's
    smooth: tuple[Conv, ...]  # 3x3, of P2 … P5


def pyramid(c_maps, fpn):
    """Return (p2, p3, p4, p5, p6) of the backbone's (c2, c3, c4, c5).

    Parameters
    ----------
    c_maps : four maps (H, W, C) float32, each half as large as the one before
    fpn : FPN

    Returns
    -------
    five maps (H, W, 256) float32. The RPN reads all of them, the heads read p2 … p5.

    Raises
    ------
    ValueError
        If there is not one map a level, or a map is not twice as large as the next.

    Notes
    -----
    What travels down is the sum before its 3x3 convolution. P6 is every second cell of P5.
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
