"""The checks behind the "your turn" cells: right passes, unwritten is said, mistakes are named."""

import sys
import time

import numpy as np
import pytest

from minimaskrcnn import (
    anchors,
    boxes,
    check,
    conv,
    detections,
    fpn,
    heads,
    image,
    layers,
    masks,
    proposals,
    resizing,
    resnet,
    roi_align,
    rpn,
)
from minimaskrcnn import nms as nms_module
from minimaskrcnn.check import (
    calling,
    detections_cases,
    fpn_cases,
    heads_cases,
    image_cases,
    layers_cases,
    losses_cases,
    resnet_cases,
    rpn_cases,
)
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.check.words import shown
from minimaskrcnn.config import Config
from minimaskrcnn.conv import Conv, conv2d_direct
from minimaskrcnn.evaluate import average_precision
from minimaskrcnn.resizing import resize
from minimaskrcnn.training import losses, targets

HOMES = {
    "apply_deltas": boxes,
    "bottleneck": resnet,
    "box_head": heads,
    "conv2d": conv,
    "crop_and_resize": roi_align,
    "deconv2d": layers,
    "encode_deltas": boxes,
    "fold_batch_norm": conv,
    "interpolate": average_precision,
    "iou_matrix": boxes,
    "make_anchors": anchors,
    "mask_head": heads,
    "mask_loss": losses,
    "mold": image,
    "nms": nms_module,
    "paste_mask": masks,
    "precision_recall": average_precision,
    "pyramid": fpn,
    "region_proposals": rpn,
    "roi_targets": targets,
    "scaled_size": image,
    "select_detections": detections,
    "select_proposals": proposals,
    "smooth_l1": losses,
    "softmax": layers,
    "upsample": resizing,
}
CHECKS = [name for name in check.__all__ if name != "mine"]  # that one runs the network
each_check = pytest.mark.parametrize("name", CHECKS)


def of_package(name):
    return getattr(HOMES[name], name)


def raises_not_implemented(*arguments):
    raise NotImplementedError


@each_check
def test_the_packages_own_function_agrees(name):
    verdict = getattr(check, name)(of_package(name))
    assert verdict.agrees and repr(verdict).startswith("all agree: ")


@each_check
@pytest.mark.parametrize(
    "unwritten", [lambda *a: None, lambda *a: ..., raises_not_implemented], ids=["None", "...", "!"]
)
def test_an_untouched_cell_is_not_written_yet(name, unwritten):
    verdict = getattr(check, name)(unwritten)
    assert not verdict.agrees and str(verdict) == "not written yet"


def works_and_forgets_to_return(logits):
    powers = np.exp(logits)
    powers /= powers.sum(axis=-1, keepdims=True)


def works_in_place_and_forgets_to_return(*arguments, **named):
    print(arguments)


def adds_and_forgets_to_return(logits):
    total = logits + 1  # noqa: F841


@pytest.mark.parametrize(
    "forgetful",
    [
        works_and_forgets_to_return,
        works_in_place_and_forgets_to_return,
        adds_and_forgets_to_return,
    ],
)
def test_a_function_that_does_something_but_returns_nothing_is_not_called_unwritten(forgetful):
    said = str(check.softmax(forgetful))
    assert "case 1 of 6" in said and "is there a `return` in every branch?" in said


def test_plain_and_fast_forms_of_one_stage_both_agree():
    assert check.nms(nms_module.nms_plain).agrees
    assert check.conv2d(conv.conv2d_direct).agrees and check.conv2d(conv.conv2d_im2col).agrees


# Wrong versions, each with one typical mistake, and words of the sentence that must name it.


def iou(plus=0, cut=True, whole="union", swap=False, turned=False):
    def function(a, b):
        if swap:
            b = b[:, [1, 0, 3, 2]]
        end = np.minimum(a[:, None, 2:], b[None, :, 2:])
        sides = end - np.maximum(a[:, None, :2], b[None, :, :2]) + plus
        inter = (np.maximum(sides, 0) if cut else sides).prod(axis=2)
        area_a, area_b = ((x[:, 2:] - x[:, :2] + plus).prod(axis=1) for x in (a, b))
        union = area_a[:, None] + area_b - inter
        if whole == "areas":
            union = area_a[:, None] + area_b
        elif whole == "smaller":
            union = np.minimum(area_a[:, None], area_b)
        with np.errstate(invalid="ignore", divide="ignore"):
            iou = inter / union if whole == "nan" else inter / np.where(union, union, 1)
        return iou.T if turned else iou

    return function


def suppress(keeps=np.less_equal, overlap=boxes.iou_matrix, order=None, against_all=False):
    def function(found, scores, threshold):
        matrix, keep, seen = overlap(found, found), [], []
        ranks = np.argsort(-scores, kind="stable") if order is None else order(scores)
        for i in ranks:
            others = seen if against_all else keep
            if all(keeps(matrix[i, j], np.float32(threshold)) for j in others):
                keep.append(i)
            seen.append(i)
        return np.array(keep, np.int64)

    return function


def encode(change):
    def function(found, wanted):
        size, goal = found[:, 2:] - found[:, :2], wanted[:, 2:] - wanted[:, :2]
        move = wanted[:, :2] + goal / 2 - found[:, :2] - size / 2
        return np.concatenate(change(move, size, goal, wanted[:, :2] - found[:, :2]), axis=1)

    return function


def apply(change):
    def function(found, deltas):
        size = found[:, 2:] - found[:, :2]
        return np.concatenate(change(found[:, :2], size, deltas[:, :2], deltas[:, 2:]), axis=1)

    return function


def about(centre, size):
    return centre - size / 2, centre + size / 2


def grid(shift=0.0, root=np.sqrt, turned=False, by_column=False, ratio_first=True, cells=np.ceil):
    def function(shape, scales, ratios, strides):
        rows = []
        for scale, stride in zip(scales, strides, strict=True):
            ys, xs = (stride * (np.arange(cells(side / stride)) + shift) for side in shape[:2])
            places = (
                [(y, x) for x in xs for y in ys] if by_column else [(y, x) for y in ys for x in xs]
            )
            sizes = [(scale / root(r), scale * root(r)) for r in ratios]
            sizes = [size[::-1] for size in sizes] if turned else sizes
            pairs = [(p, s) for p in places for s in sizes]
            if not ratio_first:
                pairs = [(p, s) for s in sizes for p in places]
            rows += [[y - h / 2, x - w / 2, y + h / 2, x + w / 2] for (y, x), (h, w) in pairs]
        return np.array(rows)

    return function


def changed_conv(change):
    return lambda x, c: conv2d_direct(x, change(c))


def sampled(place=None, read=None, outside=0.0):
    """crop_and_resize in plain Python; `place(start, end, cells, count, i)` in cells."""

    def corner(start, end, cells, count, i):
        if count == 1:
            return (start + end) / 2 * (cells - 1)
        return (start + (end - start) * i / (count - 1)) * (cells - 1)

    def between(m, y, x):
        top, left = int(y), int(x)
        bottom, right = min(top + 1, m.shape[0] - 1), min(left + 1, m.shape[1] - 1)
        dy, dx = y - top, x - left
        above = m[top, left] * (1 - dx) + m[top, right] * dx
        return above * (1 - dy) + (m[bottom, left] * (1 - dx) + m[bottom, right] * dx) * dy

    place, read = place or corner, read or between

    def function(m, rois, size):
        patches = np.zeros((len(rois), *size, m.shape[2]))
        for r, (y1, x1, y2, x2) in enumerate(rois.astype(float)):
            for i, j in np.ndindex(*size):
                y = place(y1, y2, m.shape[0], size[0], i)
                x = place(x1, x2, m.shape[1], size[1], j)
                if outside is None:
                    y, x = min(max(y, 0), m.shape[0] - 1), min(max(x, 0), m.shape[1] - 1)
                if 0 <= y <= m.shape[0] - 1 and 0 <= x <= m.shape[1] - 1:
                    patches[r, i, j] = read(m, y, x)
        return patches

    return function


def propose(*, std=True, cut="before", first=True, last=True, rank=None, suppressed=True):
    def function(found, scores, deltas, config):
        order = np.argsort(-scores, kind="stable") if rank is None else rank(scores)
        order = order[: config.pre_nms_proposals] if first else order
        unit = np.array(config.delta_std, np.float32) if std else 1
        moved = boxes.apply_deltas(found[order], (deltas[order] * unit).astype(np.float32))
        moved = boxes.clip(moved, (0, 0, 1, 1)) if cut == "before" else moved
        keep = np.arange(len(order))
        if suppressed:
            keep = nms_module.nms(moved, scores[order], config.rpn_nms_threshold)
        keep = keep[: config.post_nms_proposals] if last else keep
        moved = boxes.clip(moved, (0, 0, 1, 1)) if cut == "after" else moved
        return moved[keep], scores[order[keep]]

    return function


def draw_rois(reach=np.greater_equal, nearest=True, unit=np.divide, third=True, crowds=True):
    def function(found, objects, class_ids, crowd_boxes, count, rng, delta_std):
        matrix = boxes.iou_matrix(found, objects)
        near = boxes.iou_matrix(found, crowd_boxes).max(axis=1, initial=0) >= 0.001
        positive = reach(matrix.max(axis=1, initial=0), np.float32(0.5))
        negative = np.flatnonzero(~positive & ~(near & crowds))
        positive = np.flatnonzero(positive)[: int(count * 0.33) if third else None]
        negative = negative[: int(len(positive) / 0.33) - len(positive)]
        rois = found[np.concatenate([positive, negative])]
        enough = matrix[positive] >= 0.5
        which = positive
        if len(positive):
            which = matrix[positive].argmax(axis=1) if nearest else enough.argmax(axis=1)
        labels, deltas = np.zeros(len(rois), np.int64), np.zeros((len(rois), 4), np.float32)
        labels[: len(positive)] = class_ids[which]
        if len(positive):
            moves = boxes.encode_deltas(found[positive], objects[which])
            deltas[: len(positive)] = unit(moves, np.float32(delta_std))
        return rois, labels, deltas

    return function


def loss_of(loss, slope, mean=np.mean):
    def function(answers, wanted):
        d = answers - wanted
        return (mean(loss(d)) if d.size else 0.0), slope(d) / max(d.size, 1)

    return function


def squared(d):
    return np.where(np.abs(d) < 1, d * d / 2, np.abs(d) - 0.5)


def clipped(d):
    return np.clip(d, -1, 1)


def paste(stretch, threshold=np.greater_equal, swap=False, end=0):
    def function(probs, box, shape):
        y1, x1, y2, x2 = box[[1, 0, 3, 2]] if swap else box
        mask = np.zeros(shape[:2], bool)
        target = mask[y1 : y2 + end, x1 : x2 + end]
        target[:] = threshold(stretch(probs, *target.shape), 0.5)
        return mask

    return function


def stretched(place, clamp):
    """Bilinear stretching whose pixel i reads the cells at place(i, cells, pixels)."""

    def read(cells, pixels):
        weights = np.zeros((pixels, cells + 2))
        for i in range(pixels):
            position = place(i, cells, pixels) + 1
            first = int(np.floor(position))
            weights[i, first] += 1 - (position - first)
            weights[i, min(first + 1, cells + 1)] += position - first
        return weights

    def function(probs, height, width):
        framed = np.pad(probs, 1, mode="edge" if clamp else "constant")
        return read(probs.shape[0], height) @ framed @ read(probs.shape[1], width).T

    return function


def half_pixel(i, cells, pixels):
    return (i + 0.5) * cells / pixels - 0.5


def on_corners(i, cells, pixels):
    return i * (cells - 1) / max(pixels - 1, 1)


def nearest_cell(probs, height, width):
    rows, columns = (
        np.arange(m) * n // m for n, m in zip(probs.shape, (height, width), strict=True)
    )
    return probs[rows][:, columns]


def read_off(precision, recall, points=101, side="left", fill=True, backwards=True, beyond=0.0):
    best = precision
    if fill:
        turned = precision[::-1] if backwards else precision
        best = np.maximum.accumulate(turned)
        best = best[::-1] if backwards else best
    first = np.searchsorted(recall, np.linspace(0, 1, points), side=side)
    last = best[-1] if beyond is None and len(best) else 0.0
    return np.append(best, last)[first]


def curve(right, wrong, count, divide_by="counted", recall_of="objects"):
    rights, wrongs = np.cumsum(right), np.cumsum(wrong)
    counted = np.arange(1, len(right) + 1) if divide_by == "place" else rights + wrongs
    whole = {"objects": count, "detections": max(len(right), 1), "right": max(right.sum(), 1)}
    return rights / np.maximum(counted, 1), rights / whole[recall_of]


def undefined_at_first(right, wrong, count):
    with np.errstate(invalid="ignore"):
        rights, wrongs = np.cumsum(right), np.cumsum(wrong)
        return rights / (rights + wrongs), rights / count


def positives_alone(*arguments):
    rois, class_ids, deltas = draw_rois()(*arguments)
    return rois[class_ids > 0], class_ids[class_ids > 0], deltas[class_ids > 0]


def turned_kernel(c):
    return Conv(c.kernel[::-1, ::-1], c.bias, c.stride, c.padding)


def same(x, *_):
    return x


WRONG = [
    ("iou_matrix", iou(plus=1), "quarter further right", "without + 1"),
    ("iou_matrix", iou(cut=False), "apart both ways", "cut both off at 0"),
    ("iou_matrix", iou(whole="areas"), "a box and itself", "counts the shared part once"),
    ("iou_matrix", iou(whole="smaller"), "quarter further right", "not by one of the areas"),
    ("iou_matrix", iou(swap=True), "a wide box", "y and x mixed up"),
    ("iou_matrix", iou(turned=True), "two boxes with three", "the other way round"),
    ("iou_matrix", iou(whole="nan"), "a box without area", "0 / 0"),
    ("nms", suppress(keeps=np.less), "exactly the threshold", "with >, not >="),
    ("nms", suppress(order=np.argsort), "far apart", "argsort sorts upwards"),
    ("nms", suppress(order=lambda s: np.argsort(s, kind="stable")[::-1]), "equal", "stable"),
    ("nms", suppress(against_all=True), "a chain", "suppresses nothing"),
    ("nms", suppress(overlap=iou(plus=1)), "a third of an overlap", "without + 1"),
    ("nms", suppress(overlap=iou(cut=False)), "far apart", "cut both off at 0"),
    ("nms", suppress(overlap=iou(whole="smaller")), "inside a large", "the union"),
    ("nms", lambda b, s, t: list(range(len(b))), "best score comes last", "has to go"),
    ("encode_deltas", encode(lambda m, s, g, c: ((m / s)[:, ::-1], np.log(g / s))), "right", "dy"),
    ("encode_deltas", encode(lambda m, s, g, c: (m, np.log(g / s))), "right", "widths of the box"),
    ("encode_deltas", encode(lambda m, s, g, c: (-m / s, np.log(s / g))), "right", "to the target"),
    (
        "encode_deltas",
        encode(lambda m, s, g, c: (c / s, np.log(g / s))),
        "corner",
        "the centre, not",
    ),
    (
        "encode_deltas",
        encode(lambda m, s, g, c: (m / g, np.log(g / s))),
        "corner",
        "size of the box",
    ),
    ("encode_deltas", encode(lambda m, s, g, c: (m / s, np.log2(g / s))), "corner", "natural"),
    ("encode_deltas", encode(lambda m, s, g, c: (m / s, g / s)), "itself", "logarithms"),
    ("encode_deltas", encode(lambda m, s, g, c: (m / s, g / s - 1)), "corner", "logarithm"),
    (
        "apply_deltas",
        apply(lambda c, s, d, e: about(c + s / 2 + d[:, ::-1] * s, s * np.exp(e))),
        "half a height down",
        "the first delta is dy",
    ),
    (
        "apply_deltas",
        apply(lambda c, s, d, e: about(c + s / 2 + d, s * np.exp(e))),
        "half a height down",
        "multiply by it",
    ),
    (
        "apply_deltas",
        apply(lambda c, s, d, e: (c + d * s, c + d * s + s * np.exp(e))),
        "twice as high",
        "about its centre",
    ),
    ("apply_deltas", apply(lambda c, s, d, e: about(c + s / 2 + d * s, s * e)), "no change", "exp"),
    (
        "apply_deltas",
        apply(lambda c, s, d, e: about(c + s / 2 + d * s, s * np.exp(np.minimum(e, 2)))),
        "30 times as large",
        "may be up to",
    ),
    (
        "apply_deltas",
        apply(lambda c, s, d, e: about(c + s / 2 + d * s * np.exp(e), s * np.exp(e))),
        "moved and shrunk",
        "the old width",
    ),
    ("make_anchors", grid(shift=0.5), "one square", "half a stride"),
    ("make_anchors", grid(turned=True), "a wide one", "width / height"),
    ("make_anchors", grid(root=lambda r: r), "a wide one", "root is missing"),
    ("make_anchors", grid(by_column=True), "three beside", "row by row"),
    ("make_anchors", grid(ratio_first=False), "two ratios", "ratio changes first"),
    ("make_anchors", grid(cells=np.floor), "not a multiple", "round up"),
    (
        "conv2d",
        changed_conv(lambda c: Conv(c.kernel, 0 * c.bias, c.stride, c.padding)),
        "a bias",
        "bias is missing",
    ),
    ("conv2d", changed_conv(turned_kernel), "to the right", "not turned over"),
    (
        "conv2d",
        changed_conv(lambda c: Conv(c.kernel.swapaxes(0, 1), c.bias, c.stride, c.padding)),
        "to the right",
        "rows first",
    ),
    (
        "conv2d",
        changed_conv(lambda c: Conv(c.kernel, c.bias, 1, c.padding)),
        "stride 2",
        "stride is not",
    ),
    (
        "conv2d",
        changed_conv(lambda c: Conv(c.kernel, c.bias, c.stride)),
        "frame of zeros",
        "padding is not",
    ),
    (
        "conv2d",
        lambda x, c: conv2d_direct(x, Conv(c.kernel.swapaxes(2, 3), c.bias, c.stride, c.padding)),
        "two channels",
        "in before out",
    ),
    (
        "crop_and_resize",
        sampled(place=lambda s, e, n, p, i: (s + (e - s) * (i + 0.5) / p) * n - 0.5),
        "between four cells",
        "half a cell",
    ),
    (
        "crop_and_resize",
        sampled(
            place=lambda s, e, n, p, i: (s + (e - s) * (i / max(p - 1, 1) if p > 1 else 0.5)) * n
        ),
        "in the middle",
        "H - 1",
    ),
    (
        "crop_and_resize",
        sampled(read=lambda m, y, x: m[int(y), int(x)]),
        "between four",
        "not rounded",
    ),
    (
        "crop_and_resize",
        sampled(read=lambda m, y, x: m[round(y + 0.01), round(x + 0.01)]),
        "between four",
        "not rounded",
    ),
    ("crop_and_resize", sampled(outside=None), "leaves the map", "not the border's value"),
    (
        "crop_and_resize",
        lambda m, rois, size: roi_align.crop_and_resize(m, rois[:, [1, 0, 3, 2]].copy(), size),
        "nearer to one row",
        "exchanged",
    ),
    (
        "crop_and_resize",
        lambda m, rois, size: (
            roi_align.crop_and_resize(m, rois, size)
            if size == (1, 1)
            else roi_align.roi_align_paper(m, rois, size)
        ),
        "two by two",
        "corners",
    ),
    ("select_proposals", propose(std=False), "a delta of 1", "config.delta_std"),
    ("select_proposals", propose(cut=None), "leaves the picture", "cut the boxes off"),
    ("select_proposals", propose(cut="after"), "only within the picture", "before NMS"),
    ("select_proposals", propose(first=False), "best two enter", "the third never enters"),
    ("select_proposals", propose(last=False), "of which two are wanted", "post_nms_proposals"),
    ("select_proposals", propose(suppressed=False), "nearly coincide", "NMS is missing"),
    (
        "select_proposals",
        propose(rank=np.argsort, suppressed=False),
        "two anchors apart",
        "downwards",
    ),
    (
        "select_proposals",
        propose(rank=lambda s: np.argsort(s, kind="stable")[::-1]),
        "equal scores",
        "the lower first",
    ),
    ("roi_targets", draw_rois(reach=np.greater), "exactly 0.5", ">=, not >"),
    ("roi_targets", draw_rois(nearest=False), "the second nearer", "overlaps most"),
    ("roi_targets", draw_rois(unit=lambda m, s: m), "too far to the left", "delta_std"),
    ("roi_targets", draw_rois(third=False), "a sample of ten", "a third"),
    ("roi_targets", draw_rois(crowds=False), "touches a crowd", "crowd_boxes"),
    (
        "smooth_l1",
        loss_of(lambda d: np.where(abs(d) < 1, d * d, abs(d) - 0.5), clipped),
        "a half",
        "half of the square",
    ),
    ("smooth_l1", loss_of(squared, clipped, mean=np.sum), "a half", "not the sum"),
    ("smooth_l1", loss_of(lambda d: d * d / 2, same), "three", "not d² / 2"),
    (
        "smooth_l1",
        loss_of(lambda d: np.where(abs(d) < 1, d * d / 2, abs(d)), clipped),
        "three",
        "meet at 1",
    ),
    ("smooth_l1", loss_of(squared, lambda d: -clipped(d)), "a half", "answer - target"),
    ("smooth_l1", loss_of(squared, lambda d: abs(clipped(d))), "minus three", "-1 for a negative"),
    ("paste_mask", paste(resize, threshold=np.greater), "exactly one half", ">=, not >"),
    ("paste_mask", paste(resize, swap=True), "all object", "rows first"),
    ("paste_mask", paste(stretched(half_pixel, True), end=1), "all object", "excludes its end"),
    ("paste_mask", paste(stretched(on_corners, True)), "stretched over four pixels", "half a cell"),
    ("paste_mask", paste(nearest_cell), "hardly object", "the nearest one"),
    ("paste_mask", paste(stretched(half_pixel, True)), "hardly object", "repeats the border"),
    (
        "precision_recall",
        lambda r, w, n: curve(r, w, n, divide_by="place"),
        "neither",
        "place in the list",
    ),
    (
        "precision_recall",
        lambda r, w, n: curve(r, w, n, recall_of="detections"),
        "of four",
        "not by the detections",
    ),
    (
        "precision_recall",
        lambda r, w, n: curve(r, w, n, recall_of="right"),
        "of four",
        "not by the right ones",
    ),
    (
        "precision_recall",
        lambda r, w, n: (r / np.maximum(r + 0 + w, 1), r / n),
        "both right|of four",
        "so far|1/2",
    ),
    ("interpolate", lambda p, r: read_off(p, r, points=11), "everything found", "101"),
    ("interpolate", lambda p, r: read_off(p, r, side="right"), "everything", "exactly reached"),
    ("interpolate", lambda p, r: read_off(p, r, fill=False), "a dip|first wrong", "best"),
    ("interpolate", lambda p, r: read_off(p, r, backwards=False), "a dip", "from the right"),
    (
        "interpolate",
        lambda p, r: read_off(p, r, beyond=None),
        "half of it found",
        "beyond the last",
    ),
    ("interpolate", lambda p, r: read_off(p, r, points=100), "everything found", "both among"),
    ("precision_recall", undefined_at_first, "the first is neither", "0 / 0"),
    ("precision_recall", lambda r, w, n: curve(r, w, n)[::-1], "both right", "recall 1/2"),
    ("roi_targets", positives_alone, "two of background", "belongs to the sample"),
]


@pytest.mark.parametrize("name, wrong, case, words", WRONG, ids=[f"{w[0]}: {w[3]}" for w in WRONG])
def test_a_typical_mistake_is_named(name, wrong, case, words):
    verdict = getattr(check, name)(wrong)
    text = str(verdict)
    assert not verdict.agrees
    assert any(part in text.splitlines()[0] for part in case.split("|")), text
    assert any(part in text.splitlines()[-1] for part in words.split("|")), text


def test_each_check_has_six_wrong_versions_and_tells_most_of_them_apart():
    for name in {n for n, _, _, _ in WRONG}:
        verdicts = [str(getattr(check, name)(wrong)) for n, wrong, _, _ in WRONG if n == name]
        said = {verdict.splitlines()[-1] for verdict in verdicts}
        assert len(verdicts) >= 6 and len(said) >= 4, (name, said)


# Checks that know wrong functions, and name the mistake that a reader's function shares with one.

KNOWN = {
    "bottleneck": resnet_cases.BLOCKS,
    "box_head": heads_cases.BOX_HEADS_WRONG,
    "deconv2d": layers_cases.DECONVS_WRONG,
    "fold_batch_norm": resnet_cases.FOLDS,
    "mask_head": heads_cases.MASK_HEADS_WRONG,
    "mask_loss": losses_cases.MASKS_WRONG,
    "mold": image_cases.MOLDS,
    "pyramid": fpn_cases.PYRAMIDS,
    "region_proposals": rpn_cases.NETWORKS,
    "scaled_size": image_cases.SCALED,
    "select_detections": detections_cases.WRONG,
    "softmax": layers_cases.SOFTMAXES,
    "upsample": fpn_cases.UPSAMPLES,
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of logarithms and roots of wrong numbers
@pytest.mark.parametrize("name", KNOWN)
def test_a_known_mistake_is_told_from_the_others(name):
    for wrong, sentence in KNOWN[name]:
        verdict = getattr(check, name)(wrong)
        assert not verdict.agrees and str(verdict).splitlines()[-1] == sentence
    assert len({sentence for _, sentence in KNOWN[name]}) >= 7


def test_every_check_has_wrong_versions():
    assert {n for n, _, _, _ in WRONG} | set(KNOWN) == set(CHECKS)


def test_a_mistake_that_would_show_in_an_earlier_case_is_not_named():
    def right_but_for_the_last(x):
        return 2 * x if x.ndim < 3 else x

    cases = [
        Case("a row", (np.ones(2),), 2 * np.ones(2), ""),
        Case("a map", (ONE,), 2 * ONE, "hint"),
    ]
    wrong = [(lambda x: x, "wrong in both"), (right_but_for_the_last, "wrong in the last alone")]
    for pairs, said in ((wrong, "wrong in the last alone"), (wrong[:1], "hint")):
        verdict = check_function(right_but_for_the_last, lambda x: 2 * x, cases, wrong=pairs)
        assert str(verdict).splitlines()[-1] == said


def test_what_is_right_in_a_case_is_not_the_mistake_in_it():
    cases = [Case("a map", (ONE,), 2 * ONE, "hint")]
    wrong = [(lambda x: 2 * x, "wrong elsewhere")]
    verdict = check_function(lambda x: 2.001 * x, lambda x: 2 * x, cases, wrong=wrong)
    assert not verdict.agrees and str(verdict).endswith("hint")


def test_a_wrong_function_that_cannot_answer_a_case_is_passed_over():
    cases = [Case("a map", (ONE,), 2 * ONE, "hint")]
    wrong = [
        (lambda x: x[:, 9], "another"),
        (lambda x: x.reshape(7), "another"),
        (lambda x: x, "this"),
    ]
    assert str(check_function(lambda x: x, lambda x: 2 * x, cases, wrong=wrong)).endswith("this")


ONE = np.ones((1, 1, 1))


def test_the_harness_of_wrong_versions_is_right_without_a_mistake():
    assert check.iou_matrix(iou()).agrees and check.nms(suppress()).agrees
    assert check.make_anchors(grid()).agrees and check.crop_and_resize(sampled()).agrees
    assert check.select_proposals(propose()).agrees and check.roi_targets(draw_rois()).agrees
    assert check.smooth_l1(loss_of(squared, clipped)).agrees
    assert check.paste_mask(paste(stretched(half_pixel, False))).agrees
    assert check.precision_recall(curve).agrees and check.interpolate(read_off).agrees
    good = encode(lambda m, s, g, c: (m / s, np.log(g / s)))
    assert check.encode_deltas(good).agrees
    good = apply(lambda c, s, d, e: about(c + s / 2 + d * s, s * np.exp(e)))
    assert check.apply_deltas(good).agrees


# Whatever else a reader's function may do, the check says so and does not raise.


def writes_into_its_argument(found, scores, threshold):
    found += 1
    return [0, 1]


def prints_for_ever(*arguments):
    while True:
        print("again")


def yields_for_ever(*arguments):
    while True:
        yield 1


def leaves(*arguments):
    sys.exit("enough")


def calls_itself(*arguments):
    return calls_itself(*arguments)


def fails_in_a_helper(*arguments):
    return of_the_reader(*arguments)


def of_the_reader(*arguments):
    raise KeyError("in the helper")


class Sulking(Exception):
    def __str__(self):
        raise RuntimeError


def sulks(*arguments):
    raise Sulking


class Broken:
    def __array__(self, *arguments, **settings):
        raise SystemExit

    def __repr__(self):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "function, words",
    [
        (writes_into_its_argument, "writes into its argument `boxes`"),
        (prints_for_ever, "prints without end"),
        (yields_for_ever, "should be an array of numbers"),
        (leaves, "raises SystemExit"),
        (calls_itself, "raises RecursionError"),
        (sulks, "raises Sulking"),
        (fails_in_a_helper, 'in the line: raise KeyError("in the helper")'),
        (lambda *a: Broken(), "should be an array of numbers"),
        (lambda *a: "0 1", "should be an array of numbers"),
        (lambda *a: [[0], [1, 2]], "should be an array of numbers"),
        (lambda *a: {0, 1}, "should be an array of numbers"),
        (lambda *a: np.array([0.0, 1.0]), "dtype is float64; wanted whole numbers"),
        (lambda *a: np.array([np.nan, 1]), "got [nan, 1]"),
        (lambda found, scores: None, "raises TypeError"),
        (lambda found, scores, t: found[99], "raises IndexError"),
        (42, "this is not a function"),
        (np.array([0, 1]), "this is not a function"),
    ],
)
def test_whatever_the_function_does_the_check_says_it_and_does_not_raise(function, words, capsys):
    assert words in str(check.nms(function))


@pytest.mark.parametrize("count", [1, 3])
def test_too_few_and_too_many_answers_are_told(count):
    said = str(check.precision_recall(lambda r, w, n: (r,) * count))
    assert said.endswith(f"wanted 2 things, precision, recall; got {count}")


def test_several_numbers_may_come_in_one_array():
    assert check.scaled_size(lambda *a: np.array(image.scaled_size(*a))).agrees
    said = str(check.scaled_size(lambda *a: np.array([*image.scaled_size(*a), 1])))
    assert "wanted 2 things" in said and "got 3" in said


def test_heads_keep_the_axis_of_a_single_region():
    def squeezed(patches, head):
        return tuple(np.squeeze(part) for part in heads.box_head(patches, head))

    assert "(1, K) and (1, K, 4)" in str(check.box_head(squeezed))
    single = check.mask_head(lambda x, head: np.squeeze(heads.mask_head(x, head)))
    assert "(1, 2P, 2P, K)" in str(single)


def test_an_endless_loop_is_given_up(monkeypatch):
    monkeypatch.setattr(calling, "SECONDS", 0.2)
    stopped = []

    def loops(*arguments):
        try:
            while True:
                time.sleep(0.01)
        finally:
            stopped.append(True)

    assert "does not come to an end" in str(check.nms(loops))
    assert stopped


def test_standard_output_is_as_before_and_a_few_prints_are_passed_on(capsys):
    before = sys.stdout

    def talks(found, scores, threshold):
        print("boxes:", len(found))
        return nms_module.nms(found, scores, threshold)

    assert check.nms(talks).agrees and sys.stdout is before
    assert capsys.readouterr().out.startswith("boxes: 2\n")


def test_a_function_that_is_right_at_first_and_then_returns_nothing_is_not_called_unwritten():
    def forgets(found, scores, threshold):
        if scores[0] > 0.8:
            return nms_module.nms(found, scores, threshold)

    assert "is there a `return` in every branch" in str(check.nms(forgets))


def test_the_cases_survive_a_function_that_writes_into_its_arguments():
    check.nms(writes_into_its_argument)
    assert check.nms(nms_module.nms).agrees


def test_the_verdict_shows_what_was_asked_wanted_and_returned():
    text = str(check.nms(suppress(keeps=np.less)))
    assert text.splitlines()[1:6] == [
        "    boxes = [[0, 0, 10, 10], [0, 0, 5, 10]]",
        "    scores = [0.9, 0.8]",
        "    iou_threshold = 0.5",
        "the answer: wanted [0, 1]",
        "               got [0]",
    ]


@pytest.mark.parametrize(
    "value, words",
    [
        (np.arange(3), "[0, 1, 2]"),
        (np.ones((1, 1, 2)), "[[[1, 1]]] of shape (1, 1, 2)"),
        (np.ones((0, 4)), "[] of shape (0, 4)"),
        (np.ones((7, 7)), "an array of shape (7, 7)"),
        ([np.ones(1), np.ones(2)], "[[1]; [1, 1]]"),
        (Conv(np.ones((1, 1, 1, 1)), np.zeros(1)), "Conv(kernel=[[[[1]]]] of shape (1, 1, 1, 1), "),
        (Config(min_score=0.5), "Config(min_score=0.5)"),
    ],
)
def test_a_value_is_shown_in_few_words(value, words):
    assert shown(value).startswith(words)


def test_a_long_value_is_cut_off():
    assert shown("a" * 500) == "'" + "a" * 199 + "…"
