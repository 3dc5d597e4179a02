"""The two heads: what is in a region, where exactly (box head), and on which pixels (mask head).

Idea    A region's 7x7 features go through two dense layers to class logits and, for every class,
        box deltas. Its 14x14 features stay a map, so that a mask can be drawn: four convolutions,
        doubled to 28x28, one mask a class. Masks of different classes do not compete.
Paper   Mask R-CNN (arXiv:1703.06870), section 3 and figure 4 (right).
Shapes  roi_features (R, 7, 7, 256)    ->  class_logits (R, K), box_deltas (R, K, 4)
        mask_features (N, 14, 14, 256) ->  mask_logits (N, 28, 28, K)
"""

from dataclasses import dataclass

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.layers import Deconv, Dense, deconv2d, dense, reshape


@dataclass(frozen=True, eq=False)
class BoxHead:
    """Class and box; a 7x7 convolution over 7x7 cells is a dense layer on all of them."""

    hidden1: Conv  # 7x7, 256 -> 1024, ReLU
    hidden2: Conv  # 1x1, 1024 -> 1024, ReLU
    logits: Dense  # 1024 -> K
    deltas: Dense  # 1024 -> K · 4


@dataclass(frozen=True, eq=False)
class MaskHead:
    """Mask, one a class."""

    convs: tuple[Conv, ...]  # four times 3x3, 256 -> 256, ReLU
    deconv: Deconv  # 2x2, stride 2, ReLU
    logits: Conv  # 1x1, 256 -> K


def box_head(roi_features, head):
    """Classify regions and refine their boxes.

    Parameters
    ----------
    roi_features : (R, P, P, C) float32
    head : BoxHead

    Returns
    -------
    class_logits : (R, K) float32, class 0 is the background
    box_deltas : (R, K, 4) float32, one set for each class, in units of `Config.delta_std`

    Raises
    ------
    ValueError
        If the features are not those of the head: another grid or number of channels.
    """
    wanted = head.hidden1.kernel.shape[:3]  # (7, 7, 256)
    if roi_features.shape[1:] != wanted:
        raise ValueError(f"box_head wants {wanted} for each region, got {roi_features.shape}")
    x = conv2d(roi_features, head.hidden1, relu=True)  # (R, 1, 1, 1024)
    x = conv2d(x, head.hidden2, relu=True)
    x = reshape(x, (len(x), x.shape[3]))  # (R, 1024)
    class_logits = dense(x, head.logits)  # (R, K)
    box_deltas = dense(x, head.deltas)  # (R, K * 4)
    return class_logits, reshape(box_deltas, (*class_logits.shape, 4))


def mask_head(mask_features, head):
    """Draw a mask of every class for every region.

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
        If the features are not (N, P, P, C) or have not the head's channels.
    """
    if mask_features.ndim != 4:
        raise ValueError(f"mask_head wants features (N, P, P, C), got {mask_features.shape}")
    x = mask_features
    for conv in head.convs:
        x = conv2d(x, conv, relu=True)  # (N, 14, 14, 256)
    x = deconv2d(x, head.deconv, relu=True)  # (N, 28, 28, 256)
    return conv2d(x, head.logits)
