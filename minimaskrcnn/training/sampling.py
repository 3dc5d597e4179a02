"""Sampling: choose the anchors and regions that a training step uses, for each image of a batch.

Idea    An image has thousands of anchors and proposals, but few objects. Only a sample of the
        proposals goes through the heads, and only some of its positives through the mask head.
Paper   Fast R-CNN (arXiv:1504.08083), section 2.3; Mask R-CNN (arXiv:1703.06870), section 3.1.
Shapes  rpn logits (B, A, 2), deltas (B, A, 4)  ->  B times proposals (N, 4)  ->  HeadTargets
"""

from dataclasses import dataclass, replace

import numpy as np

from minimaskrcnn.anchors import normalised_anchors
from minimaskrcnn.boxes import iou_matrix, normalise, to_pixels
from minimaskrcnn.layers import softmax
from minimaskrcnn.proposals import select_proposals
from minimaskrcnn.training.mask_targets import as_pasted, mask_targets
from minimaskrcnn.training.targets import (
    ROI_POSITIVE_SHARE,
    RoiTargets,
    roi_targets,
    with_objects,
)


@dataclass(frozen=True)
class Sampling:
    """How many anchors and regions per image are used; the defaults are the original's."""

    anchors: int = 256
    pre_nms_proposals: int = 6000
    post_nms_proposals: int = 2000
    rois: int = 200
    mask_rois: int = 66  # how many of the positive regions learn a mask, at most
    object_copies: int | None = None  # see `with_objects`; None: the objects are not added
    shake: float = 0.1  # of those copies
    masks_as_pasted: bool = False  # see `as_pasted`
    tight_masks: bool = False  # masks learn on the regions with the highest IoU, in whole pixels
    positive_share: float = ROI_POSITIVE_SHARE  # of the regions, at most
    fill: bool = False  # whether negatives fill the sample, see `roi_targets`


@dataclass(frozen=True)
class Truth:
    """The objects of one image (ground truth), in the frame of the network's input."""

    boxes: np.ndarray  # (N, 4) float32 normalised; in pixels in torchvision's convention
    class_ids: np.ndarray  # (N,) int64
    masks: np.ndarray  # (N, H, W) bool
    crowd_boxes: np.ndarray  # (M, 4) float32, as the boxes


@dataclass(frozen=True)
class Batch:
    """Everything a step needs that does not depend on the weights."""

    images: np.ndarray  # (B, H, W, 3) float32, molded
    truths: tuple[Truth, ...]  # B of them
    match: np.ndarray  # (B, A) int64, see `anchor_targets`
    anchor_deltas: np.ndarray  # (positives, 4) float32, one image after the other
    windows: tuple[np.ndarray, ...] = ()  # B times (4,) pixels, in torchvision's convention


@dataclass(frozen=True)
class HeadTargets:
    """What the heads should answer: for regions of all images, and masks for some of them."""

    rois: tuple[np.ndarray, ...]  # B times (R, 4)
    class_ids: np.ndarray  # (sum of R,)
    deltas: np.ndarray  # (sum of R, 4)
    mask_rois: tuple[np.ndarray, ...]  # B times (P, 4)
    mask_class_ids: np.ndarray  # (sum of P,)
    masks: np.ndarray  # (sum of P, 28, 28) float32


def select_for_training(rpn_logits, rpn_deltas, batch, sampling, config):
    """Return the proposals of each image, as many as training uses: B times (N, 4)."""
    config = replace(
        config,
        pre_nms_proposals=sampling.pre_nms_proposals,
        post_nms_proposals=sampling.post_nms_proposals,
    )
    anchors = normalised_anchors(batch.images.shape[1:], config)
    scores = softmax(rpn_logits)[..., 1]  # (B, A)
    return [
        select_proposals(anchors, scores[b], rpn_deltas[b], config)[0] for b in range(len(scores))
    ]


def masks_of(sample, rows, truth, sampling, config, shape):
    """The regions that learn a mask, (P, 4), and the masks, (P, 28, 28)."""
    masks, rois = truth.masks[sample.objects[rows]], sample.rois[rows]
    size = 2 * config.mask_pool_size
    if sampling.tight_masks:
        rois = normalise(to_pixels(rois, shape), shape)
    if sampling.masks_as_pasted:
        return rois, mask_targets(masks, as_pasted(rois, size, shape), size, rounded=False)
    return rois, mask_targets(masks, rois, size)


def draw_head_targets(proposals, batch, sampling, rng, config, masks_of=masks_of):
    """Sample each image's proposals, and return what the heads should answer (HeadTargets)."""
    share, shape = (sampling.positive_share, sampling.fill), batch.images.shape[1:]
    samples, mask_rows, mask_rois, masks = [], [], [], []
    for boxes, truth in zip(proposals, batch.truths, strict=True):
        if sampling.object_copies is not None:
            copies = sampling.object_copies, sampling.shake
            boxes = with_objects(boxes, truth.boxes, *copies, rng)
        known = truth.boxes, truth.class_ids, truth.crowd_boxes
        sample = roi_targets(boxes, *known, sampling.rois, rng, config.delta_std, *share)
        rows = _rows_for_masks(sample, truth, sampling)  # (P,)
        rois, targets = masks_of(sample, rows, truth, sampling, config, shape)
        samples.append(sample)
        mask_rows.append(rows)
        mask_rois.append(rois)
        masks.append(targets)
    return HeadTargets(
        rois=tuple(sample.rois for sample in samples),
        class_ids=np.concatenate([sample.class_ids for sample in samples]),
        deltas=np.concatenate([sample.deltas for sample in samples]),
        mask_rois=tuple(mask_rois),
        mask_class_ids=np.concatenate(
            [sample.class_ids[rows] for sample, rows in zip(samples, mask_rows, strict=True)]
        ),
        masks=np.concatenate(masks),
    )


def _rows_for_masks(sample: RoiTargets, truth, sampling):
    """The positives that learn a mask: the first (their order is random), or the best overlap."""
    order = np.arange(len(sample.objects))
    if sampling.tight_masks and len(order):
        iou = iou_matrix(sample.rois[order], truth.boxes)[order, sample.objects]
        order = np.argsort(-iou, kind="stable")
    return order[: sampling.mask_rois]
