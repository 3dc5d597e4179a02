"""The network on one page: Mask R-CNN, from a folded weight file to boxes and masks, in NumPy.

    python chapters/whole_network.py photo.png [weights.h5]

Nothing here is fast and nothing is checked; everything is written out once. The package computes
the same numbers, as tests/test_whole_network.py shows. The weight file is one of the package's own,
in which every batch normalization is already folded into the convolution before it.
Boxes are y1 x1 y2 x2, normalised: 0 is the centre of the first pixel, 1 that of the last.
"""

import json
import sys
from importlib.util import find_spec

import h5py
import numpy as np
from PIL import Image

BUNDLED = find_spec("minimaskrcnn").submodule_search_locations[0] + "/weights/shapes.h5"


def load(path):
    """The weights, as dictionaries within dictionaries, and the configuration."""

    def tree(item):
        if isinstance(item, h5py.Dataset):
            return item[()].astype(np.float32)
        return {name: tree(child) for name, child in item.items()}

    with h5py.File(path) as file:
        return tree(file), json.loads(file.attrs["config"])


# ------------------------------------------------------------------ layers
def conv(x, layer, stride=1, padding=0):
    """(..., H, W, C) -> (..., H', W', D): for each of the kernel's cells one matrix product."""
    kernel, (tall, wide) = layer["kernel"], layer["kernel"].shape[:2]
    x = np.pad(x, [(0, 0)] * (x.ndim - 3) + [(padding, padding)] * 2 + [(0, 0)])
    h, w = (x.shape[-3] - tall) // stride + 1, (x.shape[-2] - wide) // stride + 1
    y = layer["bias"]
    for a, b in np.ndindex(tall, wide):
        under = x[
            ..., a : a + (h - 1) * stride + 1 : stride, b : b + (w - 1) * stride + 1 : stride, :
        ]
        y = y + under @ kernel[a, b]
    return y


def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def each(parts):  # "0", "1", …, "10"
    return [parts[str(i)] for i in range(len(parts))]


# ------------------------------------------------------------------ frame: photograph -> input
def resize(array, height, width):
    """Bilinear, half-pixel centres, zeros around the array, no smoothing: (h, w, ...)."""

    def along(x, m):  # the first axis: n rows become m
        position = (np.arange(m) + 0.5) * (len(x) / m) - 0.5
        first = np.floor(position).astype(int)
        part = (position - first).reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype)
        padded = np.pad(x, [(1, 1)] + [(0, 0)] * (x.ndim - 1))
        return padded[first + 1] * (1 - part) + padded[first + 2] * part

    x = array.astype(np.float32 if array.dtype == np.float32 else np.float64)
    x = along(along(x.swapaxes(0, 1), width).swapaxes(0, 1), height)
    return np.clip(x, array.min(), array.max())


def frame(photo, config):
    """The photograph in the network's square frame (H, W, 3), and where it lies (4,), in pixels."""
    (h, w), side = photo.shape[:2], config["image_max_size"]
    scale = max(1, config["image_min_size"] / min(h, w))
    scale = side / max(h, w) if round(max(h, w) * scale) > side else scale
    h, w = round(h * scale), round(w * scale)
    top, left = (side - h) // 2, (side - w) // 2
    framed = np.zeros((side, side, 3), np.uint8)
    framed[top : top + h, left : left + w] = resize(photo, h, w)
    molded = (framed - np.array(config["mean_pixel"])) / config["pixel_std"]
    return molded.astype(np.float32), np.array([top, left, top + h, left + w])


# ------------------------------------------------------------------ look: input -> P2 … P6
def bottleneck(x, block, stride):
    shortcut = conv(x, block["shortcut"], stride) if "shortcut" in block else x
    y = relu(conv(x, block["reduce"], stride))
    y = relu(conv(y, block["spatial"], padding=1))
    return relu(conv(y, block["expand"]) + shortcut)


def look(molded, net):
    x = relu(conv(molded, net["backbone"]["stem"], stride=2, padding=3))
    x = np.pad(x, [(0, 1), (0, 1), (0, 0)])  # max-pool 3 x 3, every second cell
    h, w, c_maps = x.shape[0] // 2, x.shape[1] // 2, []
    x = np.max([x[a:, b:][: 2 * h : 2, : 2 * w : 2] for a, b in np.ndindex(3, 3)], axis=0)
    for i, blocks in enumerate(each(net["backbone"]["stages"])):
        for b, block in enumerate(each(blocks)):
            x = bottleneck(x, block, stride=2 if i > 0 and b == 0 else 1)
        c_maps.append(x)
    sums, p_maps = None, []  # from C5 down to C2: double what is above, add what is beside
    for level in reversed(range(4)):
        across = conv(c_maps[level], net["fpn"]["lateral"][str(level)])
        sums = across if sums is None else across + sums.repeat(2, axis=0).repeat(2, axis=1)
        p_maps.insert(0, conv(sums, net["fpn"]["smooth"][str(level)], padding=1))
    return [*p_maps, p_maps[-1][::2, ::2]]


# ------------------------------------------------------------------ boxes
def span(shape):
    return np.tile(np.array(shape[:2]) - 1.0, 2)


def normalise(pixels, shape):
    return ((pixels - np.array([0, 0, 1, 1])) / span(shape)).astype(np.float32)


def moved(boxes, deltas):
    """Centre plus delta times size; size times exp(delta)."""
    size = boxes[:, 2:] - boxes[:, :2]
    centre = boxes[:, :2] + size / 2 + deltas[:, :2] * size
    size = size * np.exp(deltas[:, 2:])
    return np.concatenate([centre - size / 2, centre - size / 2 + size], axis=1)


def iou(box, boxes):
    start, end = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.maximum(end - start, 0).prod(axis=1)
    area, areas = (box[2:] - box[:2]).prod(), (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.divide(shared, area + areas - shared, out=np.zeros_like(shared), where=shared > 0)


def nms(boxes, scores, threshold, limit):
    keep = []
    for i in np.argsort(-scores, kind="stable"):  # best first
        if len(keep) < limit and (iou(boxes[i], boxes[keep]) <= np.float32(threshold)).all():
            keep.append(i)
    return np.array(keep, int)


# ------------------------------------------------------------------ propose: P2 … P6 -> regions
def propose(p_maps, shape, net, config):
    logits, deltas, anchors = [], [], []
    root = np.sqrt(config["anchor_ratios"])
    for p_map, scale in zip(p_maps, config["anchor_scales"], strict=True):
        shared = relu(conv(p_map, net["rpn"]["shared"], padding=1))
        logits.append(conv(shared, net["rpn"]["logits"]).reshape(-1, 2))
        deltas.append(conv(shared, net["rpn"]["deltas"]).reshape(-1, 4))
        stride = shape[0] // len(p_map)
        centre = np.stack(np.indices(p_map.shape[:2]), axis=2)[:, :, None] * stride  # (H, W, 1, 2)
        half = np.stack([scale / root, scale * root], axis=1) / 2  # (3, 2)
        anchors.append(np.concatenate([centre - half, centre + half], axis=3).reshape(-1, 4))
    scores = softmax(np.concatenate(logits))[:, 1]  # of "object"
    best = np.argsort(-scores, kind="stable")[: config["pre_nms_proposals"]]
    deltas = np.concatenate(deltas)[best] * np.array(config["delta_std"], np.float32)
    boxes = np.clip(moved(normalise(np.concatenate(anchors)[best], shape), deltas), 0, 1)
    keep = nms(boxes, scores[best], config["rpn_nms_threshold"], config["post_nms_proposals"])
    return boxes[keep]


# ------------------------------------------------------------------ classify: regions -> detections
def crop(p_map, box, cells):
    """Read a map at cells x cells points, the outermost on the box's corners; 0 beyond the map."""
    points = []
    for start, end, n in zip(box[:2], box[2:], p_map.shape[:2], strict=True):
        last, steps = np.float32(n - 1), np.arange(cells, dtype=np.float32)
        at = start * last + steps * ((end - start) * last / np.float32(cells - 1))
        points.append(np.where((at >= 0) & (at <= last), at, -1))
    (y, x), padded = (np.floor(at).astype(int) + 1 for at in points), np.pad(p_map, 1)[:, :, 1:-1]
    dy, dx = (points[0] % 1)[:, None, None], (points[1] % 1)[None, :, None]
    above = padded[y][:, x] * (1 - dx) + padded[y][:, x + 1] * dx
    below = padded[y + 1][:, x] * (1 - dx) + padded[y + 1][:, x + 1] * dx
    return above * (1 - dy) + below * dy


def roi_align(p_maps, boxes, cells, shape, config):
    """(N, cells, cells, C): each box is read from the level of P2 … P5 that suits its size."""
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-20)
    octaves = np.round(np.log2(np.sqrt(area * shape[0] * shape[1]) / config.get("level_size", 224)))
    levels = np.clip(4 + octaves, 2, 5).astype(int)
    patches = [crop(p_maps[k - 2], box, cells) for k, box in zip(levels, boxes, strict=True)]
    return np.array(patches).reshape(len(boxes), cells, cells, p_maps[0].shape[2])


def classify(p_maps, proposals, shape, window, net, config):
    head, rows = net["box_head"], np.arange(len(proposals))
    x = roi_align(p_maps, proposals, config["pool_size"], shape, config)
    x = relu(conv(relu(conv(x, head["hidden1"])), head["hidden2"]))[:, 0, 0]
    probs = softmax(x @ head["logits"]["kernel"] + head["logits"]["bias"])  # (R, K)
    deltas = (x @ head["deltas"]["kernel"] + head["deltas"]["bias"]).reshape(len(x), -1, 4)
    class_ids, scores = probs.argmax(axis=1), probs.max(axis=1)
    boxes = moved(proposals, deltas[rows, class_ids] * np.float32(config["delta_std"]))
    boxes = np.clip(boxes, *np.tile(window.reshape(2, 2), 2))  # cut off at the photograph
    keep = []
    limits = config["detection_nms_threshold"], config["max_detections"]
    for k in range(1, probs.shape[1]):  # NMS within each class
        own = rows[(class_ids == k) & (scores >= np.float32(config["min_score"]))]
        keep += list(own[nms(boxes[own], scores[own], *limits)])
    keep = np.array(sorted(keep, key=lambda i: (-scores[i], i)), int)[: config["max_detections"]]
    return boxes[keep], class_ids[keep], scores[keep]


# ------------------------------------------------------------------ outline: detections -> masks
def mask_head(x, head):
    for layer in each(head["convs"]):
        x = relu(conv(x, layer, padding=1))
    n, h, w, _ = x.shape
    x = np.einsum("nijc,aboc->niajbo", x, head["deconv"]["kernel"])  # each cell paints 2 x 2
    x = relu(x.reshape(n, 2 * h, 2 * w, -1) + head["deconv"]["bias"])
    return 1 / (1 + np.exp(-conv(x, head["logits"])))  # (N, 28, 28, K)


def outline(p_maps, boxes, class_ids, shape, window, photo_shape, net, config):
    """Boxes (N, 4) in pixels of the photograph, ends excluded, and masks (N, H, W)."""
    start, size = np.tile(window[:2], 2), np.tile(window[2:] - window[:2], 2)
    pixels = np.around((boxes - start) / size * span(photo_shape) + [0, 0, 1, 1]).astype(int)
    if config["masks_in_whole_pixels"]:
        boxes = (start + normalise(pixels, photo_shape) * size).astype(np.float32)
    features = roi_align(p_maps, boxes, config["mask_pool_size"], shape, config)
    probs = mask_head(features, net["mask_head"])
    masks = np.zeros((len(boxes), *photo_shape[:2]), bool)
    for mask, (y1, x1, y2, x2), k, own in zip(masks, pixels, class_ids, probs, strict=True):
        if min(y2 - y1, x2 - x1) > 0:
            mask[y1:y2, x1:x2] = resize(own[:, :, k], y2 - y1, x2 - x1) >= 0.5
    return pixels, masks


def predict(photo, net, config):
    molded, window_pixels = frame(photo, config)
    window = normalise(window_pixels, molded.shape)
    p_maps = look(molded, net)
    proposals = propose(p_maps, molded.shape, net, config)
    boxes, ids, scores = classify(p_maps, proposals, molded.shape, window, net, config)
    boxes, masks = outline(p_maps, boxes, ids, molded.shape, window, photo.shape, net, config)
    seen = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)  # the others have no area in whole pixels
    return boxes[seen], ids[seen], scores[seen], masks[seen]


if __name__ == "__main__":
    network, settings = load(*sys.argv[2:3] or [BUNDLED])
    picture = np.asarray(Image.open(sys.argv[1]).convert("RGB"))
    for found, class_id, score, drawn in zip(*predict(picture, network, settings), strict=True):
        print(settings["class_names"][class_id], f"{score:.3f}", found, f"{drawn.sum()} pixels")
