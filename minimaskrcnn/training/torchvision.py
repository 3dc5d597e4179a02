"""Training by torchvision's rules: what differs from the other modules here, under the same names.

Idea    The tape, the stages, the matching and the optimiser are the same. What differs: pictures
        keep their proportions and are padded to the largest of the batch; boxes are in pixels of
        that input; proposals are chosen level by level; the true boxes join them; each bin of a
        region is the mean of four samples; the two box losses are divided by all that was sampled,
        not by the positives; and a mask target is the mean of many samples in each cell.
Source  torchvision 0.29, `models/detection/` (rpn.py, roi_heads.py, transform.py)
Shapes  Examples  ->  Batch; answers and targets  ->  losses and gradients

Notes   Batch normalization has been folded into the convolutions, also where torchvision's second
        version would go on normalising: it stays as it was trained.
        torchvision has one logit per anchor. Here it is the second of two, the first of which stays
        0: no gradient reaches it.
"""

from dataclasses import replace

import numpy as np

from minimaskrcnn.config import STRIDES
from minimaskrcnn.datasets import boxes_of_masks
from minimaskrcnn.torchvision.anchors import make_anchors, per_level
from minimaskrcnn.torchvision.image import mold
from minimaskrcnn.torchvision.proposals import select_proposals
from minimaskrcnn.training import losses
from minimaskrcnn.training.sampling import Batch, Truth
from minimaskrcnn.training.targets import anchor_targets

EDGE = 1 / 9  # where smooth L1 turns from a square to a line (`beta`)


def make_batch(example_of, step, recipe, config, seed):
    """`batches.make_batch` for pictures of any size: same arguments and result.

    Pictures are padded with 0 at the bottom and right. They are not augmented here.
    """
    rng, first = np.random.RandomState([seed, step]), (step - 1) * recipe.batch_size
    numbers = range(first, first + recipe.batch_size)
    framed = [frame(example_of(number), config) for number in numbers]
    images = _padded([image for image, _, _ in framed])  # (B, H, W, 3)
    anchors = make_anchors(images.shape[1:], _maps(images.shape[1:]), config).astype(np.float64)
    count, matches, deltas = recipe.sampling_of(step).anchors, [], []
    for _, truth, _ in framed:
        boxes = truth.boxes, truth.crowd_boxes
        match, moves = anchor_targets(anchors, *boxes, count, rng, config.rpn_std)
        matches.append(match)
        deltas.append(moves)
    truths, windows = (tuple(part) for part in list(zip(*framed, strict=True))[1:])
    return Batch(images, truths, np.stack(matches), np.concatenate(deltas), windows)


def frame(example, config):
    """Bring an example to the network's input.

    Returns
    -------
    image : (H, W, 3) float32
    truth : Truth, its boxes in pixels of the input, its masks (N, h, w) without the padding
    window : (4,) int64, where in the input the picture lies
    """
    image, window = mold(example.image, config)
    masks = example.masks
    scale = np.tile(window[2:] / np.array(masks.shape[1:], np.float32), 2)  # (4,)
    boxes = (boxes_of_masks(masks) * scale).astype(np.float32)
    rows, columns = (_nearest(*sizes) for sizes in zip(masks.shape[1:], window[2:], strict=True))
    masks, crowd = masks[:, rows[:, None], columns], example.class_ids < 0
    there = example.masks.any(axis=(1, 2)) & ~crowd
    return image, Truth(boxes[there], example.class_ids[there], masks[there], boxes[crowd]), window


def _nearest(n, m):
    """Which of n inputs each of m outputs reads."""
    return np.minimum((np.arange(m) * np.float32(n / m)).astype(np.int64), n - 1)


def _padded(images):
    """Stack images of different sizes: (B, H, W, 3), zeros at the bottom and right."""
    height, width = np.max([image.shape[:2] for image in images], axis=0)
    batch = np.zeros((len(images), height, width, 3), np.float32)
    for place, image in zip(batch, images, strict=True):
        place[: image.shape[0], : image.shape[1]] = image
    return batch


def _maps(shape):
    """Empty maps of the sizes of P2 … P6, as `make_anchors` wants to see them."""
    return [np.empty((-(-shape[0] // stride), -(-shape[1] // stride), 0)) for stride in STRIDES]


def select_for_training(rpn_logits, rpn_deltas, batch, sampling, config):
    """`sampling.select_for_training`: B times (N, 4), in pixels."""
    config = replace(
        config,
        pre_nms_proposals=sampling.pre_nms_proposals,
        post_nms_proposals=sampling.post_nms_proposals,
    )
    shape = batch.images.shape[1:]
    maps = _maps(shape)
    anchors, counts = make_anchors(shape, maps, config), per_level(maps, config)
    return [
        select_proposals(anchors, logits, deltas, counts, window, config)[0]
        for logits, deltas, window in zip(rpn_logits, rpn_deltas, batch.windows, strict=True)
    ]


def masks_of(sample, rows, truth, sampling, config, shape):
    """The regions that learn a mask, (P, 4), and the masks, (P, 28, 28)."""
    rois, masks = sample.rois[rows], truth.masks[sample.objects[rows]]
    return rois, mask_targets(masks, rois, 2 * config.mask_pool_size)


def mask_targets(masks, rois, size):
    """Return, for each region, its part of the object's mask: RoIAlign with samples at every pixel.

    Parameters
    ----------
    masks : (P, H, W) bool, the mask of each region's object
    rois : (P, 4) float32, pixels of the mask
    size : cells per side

    Returns
    -------
    (P, size, size) float32 in 0 … 1

    Notes
    -----
    A cell is the mean of a grid of bilinear samples, about one per pixel. The mean over a grid is
    the mean over its rows of the mean over its columns, so two small matrices do it.
    """
    targets = np.zeros((len(rois), size, size), np.float32)
    for target, mask, (y1, x1, y2, x2) in zip(targets, masks, rois, strict=True):
        down, across = _means(y1, y2, size, len(mask)), _means(x1, x2, size, mask.shape[1])
        target[:] = down @ mask.astype(np.float32) @ across.T
    return targets


def _means(start, end, size, count):
    """How much each of `count` pixels in a line adds to each of `size` cells: (size, count)."""
    side = max(end - start, np.float32(1)) / np.float32(size)  # of a cell
    samples = int(np.ceil(side))
    within = (np.arange(samples, dtype=np.float32) + np.float32(0.5)) / np.float32(samples)
    places = start + (np.arange(size, dtype=np.float32)[:, None] + within) * side  # (size, samples)
    inside = (places >= -1) & (places <= count)
    places = np.clip(places, 0, count - 1)
    first = places.astype(np.int64)
    after, share = np.minimum(first + 1, count - 1), (places - first) * inside / samples
    matrix, cells = np.zeros((size, count), np.float32), np.arange(size)[:, None]
    np.add.at(matrix, (cells, first), inside / np.float32(samples) - share)
    np.add.at(matrix, (cells, after), share)
    return matrix


def rpn_class_loss(logits, match):
    """`losses.rpn_class_loss` for one logit per anchor: the background's stays as it is."""
    loss, gradient = losses.rpn_class_loss(logits, match)
    gradient[..., 0] = 0
    return loss, gradient


def rpn_box_loss(deltas, match, targets):
    """`losses.rpn_box_loss`, summed, and divided by the number of sampled anchors."""
    loss, gradient = losses.rpn_box_loss(deltas, match, targets, EDGE)
    return _divided(loss, gradient, targets.size, np.count_nonzero(match))


def box_loss(deltas, class_ids, targets):
    """`losses.box_loss`, summed, and divided by the number of sampled regions."""
    loss, gradient = losses.box_loss(deltas, class_ids, targets, EDGE)
    return _divided(loss, gradient, 4 * np.count_nonzero(class_ids), len(class_ids))


def _divided(loss, gradient, averaged, by):
    """A mean over so many numbers becomes their sum divided by another number."""
    factor = averaged / max(by, 1)
    return loss * factor, gradient * gradient.dtype.type(factor)
