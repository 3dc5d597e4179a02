"""The two heads: what a region contains and exactly where (box head), and its pixels (mask head).

Idea    The box head passes a region's 7x7 features through two dense layers; they give class
        logits and, for every class, box deltas. The mask head keeps the region's 14x14 features a
        map: four convolutions, then doubling to 28x28, give one mask per class. Masks of
        different classes do not compete.
Paper   Mask R-CNN (arXiv:1703.06870), section 3 and figure 4 (right).
Shapes  roi_features (R, 7, 7, 256)    ->  class_logits (R, K), box_deltas (R, K, 4)
        mask_features (N, 14, 14, 256) ->  mask_logits (N, 28, 28, K)
"""

from dataclasses import dataclass

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.layers import Deconv, Dense, deconv2d, dense, reshape


@dataclass(frozen=True, eq=False)
class BoxHead:
    """The weights for class and box; a 7x7 convolution of 7x7 cells is a dense layer on them."""

    hidden1: Conv  # 7x7, 256 -> 1024, ReLU
    hidden2: Conv | None  # 1x1, 1024 -> 1024, ReLU; not in torchvision's second version …
    logits: Dense  # 1024 -> K
    deltas: Dense  # 1024 -> K · 4
    convs: tuple[Conv, ...] | None = None  # … which begins with four times 3x3, 256 -> 256, ReLU


@dataclass(frozen=True, eq=False)
class MaskHead:
    """The weights for masks, one mask per class."""

    convs: tuple[Conv, ...]  # four times 3x3, 256 -> 256, ReLU
    deconv: Deconv  # 2x2, stride 2, ReLU
    logits: Conv  # 1x1, 256 -> K


def box_head(roi_features, head):
    """Return the class logits of each region, and for each class the deltas that refine its box.

    Parameters
    ----------
    roi_features : (R, P, P, C) float32
    head : BoxHead

    Returns
    -------
    class_logits : (R, K) float32, class 0 is the background
    box_deltas : (R, K, 4) float32, four for each class, in units of `Config.delta_std`

    Raises
    ------
    ValueError
        If the features have a different grid or number of channels than the head expects.
    """
    wanted = head.hidden1.kernel.shape[:3]  # (7, 7, 256)
    if roi_features.shape[1:] != wanted:
        raise ValueError(f"box_head wants {wanted} for each region, got {roi_features.shape}")
    x = roi_features
    for conv in (*(head.convs or ()), head.hidden1, head.hidden2):
        if conv is not None:
            x = conv2d(x, conv, relu=True)  # (R, 7, 7, 256), then (R, 1, 1, 1024)
    x = reshape(x, (len(x), x.shape[3]))  # (R, 1024)
    class_logits = dense(x, head.logits)  # (R, K)
    box_deltas = dense(x, head.deltas)  # (R, K * 4)
    return class_logits, reshape(box_deltas, (*class_logits.shape, 4))


def mask_head(mask_features, head):
    """Return the mask logits of every region, one mask per class.

    Parameters
    ----------
    mask_features : (N, P, P, C) float32
    head : MaskHead

    Returns
    -------
    mask_logits : (N, 2 P, 2 P, K) float32; their sigmoid is the probability of a pixel

    Raises
    ------
    ValueError
        If the features are not (N, P, P, C), or C is not the number that the head expects.
    """
    if mask_features.ndim != 4:
        raise ValueError(f"mask_head wants features (N, P, P, C), got {mask_features.shape}")
    x = mask_features
    for conv in head.convs:
        x = conv2d(x, conv, relu=True)  # (N, 14, 14, 256)
    x = deconv2d(x, head.deconv, relu=True)  # (N, 28, 28, 256)
    return conv2d(x, head.logits)
