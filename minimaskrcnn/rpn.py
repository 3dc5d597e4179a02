"""Region proposal network (RPN): is there an object at this anchor, and how should it move?

Idea    The same small network, a 3x3 convolution and two 1x1, slides over every pyramid level. At
        each cell it answers for each of three anchors: is it background or object (2 logits), and
        how should the anchor move towards the object (4 deltas)?
Paper   Faster R-CNN (arXiv:1506.01497), section 3.1 and figure 3; on a pyramid: FPN, section 4.1.
Shapes  p2 … p6 (H, W, 256)  ->  logits (A, 2), deltas (A, 4), A anchors of all levels
"""

from dataclasses import dataclass

from minimaskrcnn.conv import Conv, conv2d, conv2d_chain
from minimaskrcnn.layers import concatenate, reshape


@dataclass(frozen=True, eq=False)
class RPN:
    """One 3x3 convolution (or two), then two 1x1; the same for all levels."""

    shared: Conv  # 3x3, 256 -> 512, ReLU
    logits: Conv  # 1x1, 512 -> 2 · 3: for each ratio background, object
    deltas: Conv  # 1x1, 512 -> 4 · 3: for each ratio dy, dx, log dh, log dw
    before: tuple[Conv, ...] | None = None  # 3x3, ReLU: one in torchvision's second version


def region_proposals(p_maps, rpn):
    """Return the objectness logits and the box deltas of every anchor of every level.

    Parameters
    ----------
    p_maps : maps (H, W, 256) float32, or (B, H, W, 256), finest first
    rpn : RPN

    Returns
    -------
    logits : (A, 2) float32, background and object; (B, A, 2) for a batch
    deltas : (A, 4) float32, in units of `Config.delta_std`; (B, A, 4) for a batch

    Anchors are in the order of `make_anchors`: level, row, column, ratio.

    Raises
    ------
    ValueError
        If the last two convolutions are not for the same number of anchors per cell.
    """
    if rpn.deltas.kernel.shape[3] != 2 * rpn.logits.kernel.shape[3]:
        raise ValueError(
            "the RPN wants 2 logits and 4 deltas per anchor, got kernels for "
            f"{rpn.logits.kernel.shape[3]} and {rpn.deltas.kernel.shape[3]} channels"
        )
    batch, maps = p_maps[0].shape[:-3], p_maps
    for conv in rpn.before or ():
        maps = [conv2d(p_map, conv, relu=True) for p_map in maps]
    logits, deltas = [], []
    for objectness, moves in conv2d_chain(maps, rpn.shared, (rpn.logits, rpn.deltas)):
        logits.append(reshape(objectness, (*batch, -1, 2)))  # (H, W, 6) -> (H*W*3, 2)
        deltas.append(reshape(moves, (*batch, -1, 4)))  # (H, W, 12) -> (H*W*3, 4)
    return concatenate(logits, axis=-2), concatenate(deltas, axis=-2)
