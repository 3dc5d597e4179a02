"""A reader's own network: the functions that the exercises of the stages ask for, once right.

They are the solutions that the chapters show (`test_chapters.py` holds them equal). Each uses NumPy
and what its exercise says is there to be used; none is fast.
"""

import numpy as np

from minimaskrcnn.boxes import apply_deltas, clip, encode_deltas, iou_matrix
from minimaskrcnn.conv import conv2d
from minimaskrcnn.layers import deconv2d
from minimaskrcnn.nms import nms
from minimaskrcnn.resizing import resize


def my_mold(framed, config):
    mean = np.array(config.mean_pixel, np.float32)
    return (framed.astype(np.float32) - mean) / config.pixel_std


def my_size(shape, config):
    height, width = shape[:2]
    scale = max(1, config.image_min_size / min(height, width))
    if round(max(height, width) * scale) > config.image_max_size:
        scale = config.image_max_size / max(height, width)
    return round(height * scale), round(width * scale)


def my_conv2d(x, conv):
    kh, kw, channels, outputs = conv.kernel.shape
    before, after = conv.padding
    x = np.pad(x, ((before, after), (before, after), (0, 0)))
    height = (x.shape[0] - kh) // conv.stride + 1
    width = (x.shape[1] - kw) // conv.stride + 1
    y = np.zeros((height, width, outputs), np.float32) + conv.bias
    for a in range(kh):
        for b in range(kw):
            rows = x[a : a + conv.stride * height : conv.stride]
            y += rows[:, b : b + conv.stride * width : conv.stride] @ conv.kernel[a, b]
    return y


def my_bottleneck(x, block):
    shortcut = x if block.shortcut is None else conv2d(x, block.shortcut)
    y = conv2d(x, block.reduce, relu=True)
    y = conv2d(y, block.spatial, relu=True)
    return np.maximum(conv2d(y, block.expand) + shortcut, 0)


def my_fold(conv, norm):
    scale = norm.gamma / np.sqrt(norm.variance + 0.001)
    return conv.kernel * scale, (conv.bias - norm.mean) * scale + norm.beta


def my_upsample(x):
    return x.repeat(2, axis=-3).repeat(2, axis=-2)


def my_pyramid(c_maps, fpn):
    level, levels = None, []
    for c_map, lateral, smooth in zip(
        c_maps[::-1], fpn.lateral[::-1], fpn.smooth[::-1], strict=True
    ):
        own = conv2d(c_map, lateral)
        level = own if level is None else own + my_upsample(level)
        levels.insert(0, conv2d(level, smooth))
    return [*levels, levels[-1][::2, ::2]]


def my_iou(a, b):
    iou = np.zeros((len(a), len(b)))
    for i, (y1, x1, y2, x2) in enumerate(a):
        for j, other in enumerate(b):
            down = max(min(y2, other[2]) - max(y1, other[0]), 0)
            across = max(min(x2, other[3]) - max(x1, other[1]), 0)
            both = (y2 - y1) * (x2 - x1) + (other[2] - other[0]) * (other[3] - other[1])
            union = both - down * across
            iou[i, j] = down * across / union if union > 0 else 0
    return iou


def my_encode(boxes, targets):
    size, wanted = boxes[:, 2:] - boxes[:, :2], targets[:, 2:] - targets[:, :2]
    moves = (targets[:, :2] + wanted / 2 - boxes[:, :2] - size / 2) / size
    return np.concatenate([moves, np.log(wanted / size)], axis=1)


def my_apply(boxes, deltas):
    size = boxes[:, 2:] - boxes[:, :2]
    centre = boxes[:, :2] + size / 2 + deltas[:, :2] * size
    size = size * np.exp(deltas[:, 2:])
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1)


def my_anchors(shape, scales, ratios, strides):
    anchors = []
    for scale, stride in zip(scales, strides, strict=True):
        for y in range(0, -(-shape[0] // stride) * stride, stride):
            for x in range(0, -(-shape[1] // stride) * stride, stride):
                for ratio in ratios:
                    half = scale / ratio**0.5 / 2, scale * ratio**0.5 / 2
                    anchors.append([y - half[0], x - half[1], y + half[0], x + half[1]])
    return np.array(anchors, np.float32).reshape(-1, 4)


def my_softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def my_rpn(p_maps, rpn):
    logits, deltas = [], []
    for p_map in p_maps:
        shared = conv2d(p_map, rpn.shared, relu=True)
        logits.append(conv2d(shared, rpn.logits).reshape(-1, 2))
        deltas.append(conv2d(shared, rpn.deltas).reshape(-1, 4))
    return np.concatenate(logits), np.concatenate(deltas)


def my_nms(boxes, scores, iou_threshold):
    overlap, keep = iou_matrix(boxes, boxes), []
    for i in np.argsort(-scores, kind="stable"):
        if all(overlap[i, j] <= np.float32(iou_threshold) for j in keep):
            keep.append(i)
    return np.array(keep, np.int64)


def my_select_proposals(anchors, scores, deltas, config):
    best = np.argsort(-scores, kind="stable")[: config.pre_nms_proposals]
    std = np.array(config.delta_std, np.float32)
    boxes = clip(apply_deltas(anchors[best], deltas[best] * std), (0, 0, 1, 1))
    keep = nms(boxes, scores[best], config.rpn_nms_threshold, config.post_nms_proposals)
    return boxes[keep], scores[best][keep]


def my_crop_and_resize(feature_map, rois, size):
    height, width, channels = feature_map.shape
    patches = np.zeros((len(rois), *size, channels), feature_map.dtype)
    for r, (y1, x1, y2, x2) in enumerate(rois):
        for i, y in enumerate(_points(y1, y2, height, size[0])):
            for j, x in enumerate(_points(x1, x2, width, size[1])):
                if 0 <= y <= height - 1 and 0 <= x <= width - 1:
                    patches[r, i, j] = _between(feature_map, y, x)
    return patches


def _points(start, end, cells, count):
    if count == 1:
        return [(start + end) / 2 * (cells - 1)]
    step = (end - start) * np.float32(cells - 1) / np.float32(count - 1)
    return [start * np.float32(cells - 1) + np.float32(i) * step for i in range(count)]


def _between(feature_map, y, x):
    top, left = int(y), int(x)
    bottom, right = min(top + 1, len(feature_map) - 1), min(left + 1, feature_map.shape[1] - 1)
    above = feature_map[top, left] * (1 - (x - left)) + feature_map[top, right] * (x - left)
    below = feature_map[bottom, left] * (1 - (x - left)) + feature_map[bottom, right] * (x - left)
    return above * (1 - (y - top)) + below * (y - top)


def my_box_head(roi_features, head):
    x = roi_features.reshape(len(roi_features), -1)
    for conv in (head.hidden1, head.hidden2):
        x = np.maximum(x @ conv.kernel.reshape(x.shape[1], -1) + conv.bias, 0)
    logits = x @ head.logits.kernel + head.logits.bias
    deltas = x @ head.deltas.kernel + head.deltas.bias
    return logits, deltas.reshape(*logits.shape, 4)


def my_deconv2d(x, layer):
    height, width, _ = x.shape
    y = np.empty((2 * height, 2 * width, len(layer.bias)), np.float32)
    for a in range(2):
        for b in range(2):
            y[a::2, b::2] = x @ layer.kernel[a, b].T + layer.bias
    return y


def my_mask_head(mask_features, head):
    x = mask_features
    for conv in head.convs:
        x = conv2d(x, conv, relu=True)
    x = deconv2d(x, head.deconv, relu=True)
    return conv2d(x, head.logits)


def my_select_detections(rois, class_probs, box_deltas, window, config):
    classes, found = class_probs.argmax(axis=1), []
    std = np.array(config.delta_std, np.float32)
    for class_id in range(1, class_probs.shape[1]):
        sure = class_probs[:, class_id] >= np.float32(config.min_score)
        own = np.flatnonzero((classes == class_id) & sure)
        boxes = clip(apply_deltas(rois[own], box_deltas[own, class_id] * std), window)
        scores = class_probs[own, class_id]
        for i in nms(boxes, scores, config.detection_nms_threshold):
            found.append((*boxes[i], class_id, scores[i], own[i]))
    found.sort(key=lambda row: (-row[5], row[6]))
    rows = np.array(found[: config.max_detections], np.float64).reshape(-1, 7)
    return rows[:, :6].astype(np.float32), rows[:, 6].astype(int)


def my_paste_mask(mask_probs, box, shape):
    y1, x1, y2, x2 = box
    mask = np.zeros(shape[:2], bool)
    mask[y1:y2, x1:x2] = resize(mask_probs, y2 - y1, x2 - x1) >= 0.5
    return mask


def my_smooth_l1(answers, targets):
    error = answers - targets
    if not error.size:
        return 0.0, error
    small = np.abs(error) < 1
    loss = np.where(small, error**2 / 2, np.abs(error) - 0.5).mean()
    return loss, np.where(small, error, np.sign(error)) / error.size


def my_precision_recall(right, wrong, num_objects):
    hits = np.cumsum(right)
    judged = hits + np.cumsum(wrong)
    return hits / np.maximum(judged, 1), hits / num_objects


def my_interpolate(precision, recall):
    points = np.linspace(0, 1, 101)
    return np.array([max(precision[recall >= point], default=0) for point in points])


def my_roi_targets(proposals, boxes, class_ids, crowd_boxes, count, rng, delta_std):
    overlap = iou_matrix(proposals, boxes)
    best = overlap.max(axis=1, initial=0)
    far = iou_matrix(proposals, crowd_boxes).max(axis=1, initial=0) < 0.001  # from all crowds
    positive = rng.permutation(np.flatnonzero(best >= 0.5))[: int(count * 0.33)]
    others = int(len(positive) / 0.33) - len(positive)
    negative = rng.permutation(np.flatnonzero((best < 0.5) & far))[:others]
    rois = proposals[np.concatenate([positive, negative])]
    labels, deltas = np.zeros(len(rois), int), np.zeros((len(rois), 4), np.float32)
    if len(positive):
        objects = overlap[positive].argmax(axis=1)
        labels[: len(positive)] = class_ids[objects]
        moves = encode_deltas(proposals[positive], boxes[objects])
        deltas[: len(positive)] = moves / np.array(delta_std)
    return rois, labels, deltas
