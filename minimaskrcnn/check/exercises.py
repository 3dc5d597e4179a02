"""What is added around a reader's function where an exercise asks for less than the package does.

Idea    `my_nms(boxes, scores, iou_threshold)` has no `limit`, `my_conv2d(x, conv)` no ReLU and no
        batch. This module says, for each such function, what is done around the reader's, and for
        which arguments the package answers instead.
Shapes  the reader's function  ->  a function of all arguments of the package's
"""

from dataclasses import replace

import numpy as np

from minimaskrcnn.boxes import MOST_GROWTH, iou_matrix
from minimaskrcnn.conv.folding import EPSILON
from minimaskrcnn.training.targets import ROI_POSITIVE_SHARE, RoiTargets


def within(core, theirs, beyond):
    """The package answers where `beyond` says that the exercise does not ask for this."""
    return lambda *given: theirs(*given) if beyond(*given) else core(*given)


def _conv2d(own, theirs):
    """The exercise has one map, without shortcut and ReLU."""

    def conv2d(x, conv, relu, add):
        if not len(x):
            return theirs(x, conv, relu, add)
        y = _map_by_map(own, x, conv)
        y = y if add is None else y + add
        return np.maximum(y, 0) if relu else y

    return conv2d


def _deconv2d(own, theirs):
    """The exercise has one map, without ReLU."""

    def deconv2d(x, layer, relu):
        if not len(x):
            return theirs(x, layer, relu)
        y = _map_by_map(own, x, layer)
        return np.maximum(y, 0) if relu else y

    return deconv2d


def _map_by_map(own, x, layer):
    """A layer on each map of a batch, (..., H, W, C) -> (..., H', W', D)."""
    y = np.stack([own(one, layer) for one in x.reshape(-1, *x.shape[-3:])])
    return y.reshape(*x.shape[:-3], *y.shape[1:])


def _roi_targets(own, theirs):
    """The exercise returns three things, and knows one way to draw."""

    def roi_targets(proposals, boxes, class_ids, crowd_boxes, count, rng, delta_std, *_):
        answer = own(proposals, boxes, class_ids, crowd_boxes, count, rng, delta_std)
        if isinstance(answer, RoiTargets):
            return answer
        rois, labels, deltas = map(np.asarray, answer)
        objects = iou_matrix(rois[labels > 0], boxes)  # (P, M)
        objects = objects.argmax(axis=1) if objects.size else np.zeros(0, np.int64)
        return RoiTargets(
            rois.astype(np.float32).reshape(-1, 4),
            labels.astype(np.int64),
            deltas.astype(np.float32).reshape(-1, 4),
            objects,
        )

    def beyond(*given):
        return given[7] != ROI_POSITIVE_SHARE or given[8]

    return within(roi_targets, theirs, beyond)


def _nms(own, theirs):
    """The exercise keeps all, the package at most `limit`."""
    return lambda boxes, scores, threshold, limit: np.asarray(own(boxes, scores, threshold))[:limit]


def _make_anchors(own, theirs):
    """The exercise has an anchor on every cell, the package on every `step`th."""
    return within(lambda *given: own(*given[:4]), theirs, lambda *given: given[4] != 1)


def _paste_mask(own, theirs):
    """The exercise draws the line at one half."""
    return within(lambda *given: own(*given[:3]), theirs, lambda *given: given[3] != 0.5)


def _smooth_l1(own, theirs):
    """The exercise has its edge at 1, and something to learn from."""

    def beyond(answers, targets, edge):
        return edge != 1 or not answers.size

    return within(lambda *given: own(*given[:2]), theirs, beyond)


def _fold_batch_norm(own, theirs):
    """The exercise knows one epsilon, and returns the kernel and the bias."""

    def fold(conv, norm, epsilon):
        kernel, bias = own(conv, norm)
        return replace(conv, kernel=np.asarray(kernel), bias=np.asarray(bias), norm=None)

    return within(fold, theirs, lambda *given: given[2] != EPSILON)


def _narrow(shape, config):
    """Whether a picture is so narrow that nothing would be left of a side."""
    return min(shape[:2]) * config.image_max_size < max(shape[:2]) / 2


FEWER = {  # functions of which the exercise has fewer arguments
    "conv2d": _conv2d,
    "deconv2d": _deconv2d,
    "nms": _nms,
    "make_anchors": _make_anchors,
    "paste_mask": _paste_mask,
    "roi_targets": _roi_targets,
    "smooth_l1": _smooth_l1,
    "fold_batch_norm": _fold_batch_norm,
}
BEYOND = {  # arguments that the exercise does not speak of
    "scaled_size": lambda shape, config: (
        config.resize_mode != "square" or config.image_min_scale or _narrow(shape, config)
    ),
    "box_head": lambda roi_features, head: not len(roi_features),
    "apply_deltas": lambda boxes, deltas: bool((deltas[:, 2:] > MOST_GROWTH).any()),
    "select_detections": lambda *given: given[4].every_class or given[4].detected_classes,
}
SEVERAL = ("pyramid", "region_proposals")  # functions of lists of maps
