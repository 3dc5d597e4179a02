"""Targets: what the network should have answered for every anchor and region.

Idea    The network gives answers for thousands of boxes, but the ground truth has only a few
        objects. The overlap (IoU) decides which boxes belong to an object, which are background,
        and which are ignored. Background is far more frequent, so only a sample of it counts;
        otherwise it would outweigh the objects.
Paper   Anchors: Faster R-CNN (arXiv:1506.01497), sections 3.1.2 and 3.1.3. Regions: Fast R-CNN
        (arXiv:1504.08083), section 2.3.
Shapes  anchors (A, 4)   ->  match (A,), deltas (positives, 4)
        proposals (N, 4) ->  rois (R, 4), class_ids (R,), deltas (R, 4), objects (positives,)

Notes   The defaults are the original's. Training from nothing departs from it in two places, each
        of which is a function: `with_objects` here, `as_pasted` in `mask_targets`. If there are too
        few regions, the original adds zero boxes, which count as background; here nothing is added.
"""

from dataclasses import dataclass

import numpy as np

from minimaskrcnn.boxes import encode_deltas, iou_matrix

ANCHOR_POSITIVE_IOU = 0.7  # with this or more, an anchor belongs to the object (Faster 3.1.2)
ANCHOR_NEGATIVE_IOU = 0.3  # with less, for all objects, it is background
ANCHOR_POSITIVE_SHARE = 0.5  # of the sampled anchors, at most (Faster 3.1.3)

ROI_POSITIVE_IOU = 0.5  # with this or more, a region belongs to the object (MRCNN 3.1, "Training")
ROI_POSITIVE_SHARE = 0.33  # of the sampled regions (original; the paper has a quarter)

CROWD_IOU = 0.001  # with this or more of a crowd, a box is not used as background (original)


@dataclass(frozen=True)
class RoiTargets:
    """What the heads should answer for a sample of regions; the P positives come first."""

    rois: np.ndarray  # (R, 4) float32 normalised
    class_ids: np.ndarray  # (R,) int64, 0 for background
    deltas: np.ndarray  # (R, 4) float32 in units of `Config.delta_std`, 0 for background
    objects: np.ndarray  # (P,) int64, the object to which each positive belongs


def anchor_targets(anchors, boxes, crowd_boxes, count, rng, delta_std):
    """Return which anchors are positive (object) or negative (background), and the former's deltas.

    Parameters
    ----------
    anchors : (A, 4) float64, pixels; anchors that extend beyond the image are used, too
    boxes : (N, 4), pixels, of the objects
    crowd_boxes : (M, 4), pixels, of crowds (groups whose objects are not annotated one by one)
    count : how many anchors at most are used; at most half of them are positive
    rng : np.random.RandomState, which draws them
    delta_std : (4,) the unit of deltas

    Returns
    -------
    match : (A,) int64; 1 object, -1 background, 0 ignored
    deltas : (positives, 4) float32, in the order of the anchors, to the object that the anchor
        overlaps most (the first of equal ones)

    Notes
    -----
    An anchor is positive if its IoU with an object is at least 0.7, or if it is the best anchor of
    an object (with ties, all of them), however low its IoU. So each object has a positive anchor,
    unless no anchor overlaps it at all. (In the original, all anchors tie for such an object, with
    an IoU of 0, and all of them become positive.)

    Examples
    --------
    >>> anchors = np.array([[0.0, 0, 10, 10], [0, 0, 10, 14], [20, 20, 30, 30]])
    >>> boxes, none, rng = anchors[:1], anchors[:0], np.random.RandomState(0)
    >>> anchor_targets(anchors, boxes, none, 8, rng, (0.1, 0.1, 0.2, 0.2))[0]
    array([ 1,  1, -1])
    """
    iou = iou_matrix(anchors, np.asarray(boxes, np.float64))  # (A, N)
    highest = iou.max(axis=1, initial=0)  # (A,)
    match = np.zeros(len(anchors), np.int64)
    match[(highest < ANCHOR_NEGATIVE_IOU) & _away_from(anchors, crowd_boxes)] = -1
    if len(boxes):
        match[((iou == iou.max(axis=0)) & (iou > 0)).any(axis=1)] = 1
    match[highest >= ANCHOR_POSITIVE_IOU] = 1
    _thin_out(match, 1, int(count * ANCHOR_POSITIVE_SHARE), rng)
    _thin_out(match, -1, count - np.count_nonzero(match == 1), rng)
    positive = np.flatnonzero(match == 1)
    if not len(positive):
        return match, np.zeros((0, 4), np.float32)
    nearest = np.asarray(boxes, np.float64)[iou[positive].argmax(axis=1)]  # (positives, 4)
    return match, (encode_deltas(anchors[positive], nearest) / delta_std).astype(np.float32)


def _thin_out(match, value, limit, rng):
    """Set all but `limit` of the entries with this value to 0; which ones remain is random."""
    chosen = np.flatnonzero(match == value)
    if len(chosen) > limit:
        match[rng.choice(chosen, len(chosen) - limit, replace=False)] = 0


def roi_targets(
    proposals,
    boxes,
    class_ids,
    crowd_boxes,
    count,
    rng,
    delta_std,
    share=ROI_POSITIVE_SHARE,
    fill=False,
):
    """Draw a sample of the proposals, and return what the heads should answer for each of them.

    Parameters
    ----------
    proposals : (N, 4) float32 normalised
    boxes : (M, 4) float32 normalised, of the objects
    class_ids : (M,) int64, from 1
    crowd_boxes : (K, 4) float32 normalised
    count : how many regions at most
    rng : np.random.RandomState, which draws them
    delta_std : (4,) the unit of deltas
    share : of positives in the sample, at most
    fill : whether negatives fill the sample where there are fewer positives (the paper, and
        torchvision); if not, their share stays the same (the original)

    Returns
    -------
    RoiTargets. By default there are about two negatives for each positive, if there are enough, and
    without positives there are no negatives either.

    Examples
    --------
    >>> boxes = np.array([[0, 0, 0.4, 0.4]], np.float32)
    >>> proposals = np.array([[0, 0, 0.4, 0.2], [0, 0, 0.4, 0.19]], np.float32)
    >>> sample = roi_targets(proposals, boxes, np.array([7]), boxes[:0], 200,
    ...                      np.random.RandomState(0), (0.1, 0.1, 0.2, 0.2))
    >>> sample.class_ids.tolist()           # IoU 0.5 is an object, 0.475 is not
    [7, 0]
    """
    iou = iou_matrix(proposals, boxes)  # (N, M)
    highest = iou.max(axis=1, initial=0)  # (N,)
    is_object = highest >= np.float32(ROI_POSITIVE_IOU)
    positive = _draw(is_object, int(count * share), rng)
    negatives = (count if fill else int(len(positive) / share)) - len(positive)
    negative = _draw(~is_object & _away_from(proposals, crowd_boxes), negatives, rng)
    rois = proposals[np.concatenate([positive, negative])]  # (R, 4)
    labels, deltas = np.zeros(len(rois), np.int64), np.zeros((len(rois), 4), np.float32)
    objects = iou[positive].argmax(axis=1) if len(positive) else positive  # (positives,)
    labels[: len(positive)] = class_ids[objects]
    if len(positive):
        std = np.asarray(delta_std, np.float32)
        deltas[: len(positive)] = encode_deltas(proposals[positive], boxes[objects]) / std
    return RoiTargets(rois, labels, deltas, objects)


def _draw(candidates, limit, rng):
    """Indices of at most `limit` of the candidates (a boolean array), chosen in random order."""
    return rng.permutation(np.flatnonzero(candidates))[:limit]


def _away_from(boxes, crowd_boxes):
    """(N,) bool: which boxes overlap no crowd."""
    iou = iou_matrix(boxes, np.asarray(crowd_boxes, boxes.dtype))
    return iou.max(axis=1, initial=0) < boxes.dtype.type(CROWD_IOU)


def with_objects(proposals, boxes, copies, shake, rng):
    """Add the objects' own boxes to the proposals, and randomly shifted copies of them.

    An RPN that has not learned anything yet proposes no box that reaches `ROI_POSITIVE_IOU`, so
    the heads would get no positives. Fast R-CNN and its successors add the boxes; the original,
    which starts from trained weights, does not.

    Parameters
    ----------
    proposals : (N, 4) float32 normalised
    boxes : (M, 4) float32 normalised
    copies : how many copies of each box
    shake : how far every edge of a copy moves at most, as a share of the box's side
    rng : np.random.RandomState

    Returns
    -------
    (N + M + M · copies, 4) float32, within 0 … 1
    """
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], (copies, 2))  # (M * copies, 4)
    moves = rng.uniform(-shake, shake, sides.shape).astype(np.float32)
    shaken = np.clip(np.tile(boxes, (copies, 1)) + moves * sides, 0, 1)
    return np.concatenate([proposals, boxes, shaken])
