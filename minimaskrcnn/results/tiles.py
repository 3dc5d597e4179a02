"""Tiles: a large photograph looked at piece by piece, and the pieces' detections joined.

Idea    A network that was trained at a certain scale must look at every photograph at that scale,
        but the memory for its maps grows with the photograph. So a large one is cut into tiles that
        overlap, each is predicted by itself, and what two tiles have both seen is kept once. An
        object that a tile's border cuts is seen whole in the next tile, if it is smaller than the
        overlap: so the whole ones come first. A larger one comes out in pieces; those that show the
        same where their tiles overlap become one object.
Shapes  photograph (H, W, 3)  ->  tiles (T, 4) in pixels; T Detections  ->  Detections

Notes   Away from the borders of the tiles the answer is that of the whole photograph, because tiles
        start where cells of the coarsest map do. Near a border the network sees zeros beyond it.
"""

from dataclasses import replace

import numpy as np

from minimaskrcnn.boxes import iou_matrix
from minimaskrcnn.image import SIDE
from minimaskrcnn.results import Detections
from minimaskrcnn.results.joining import ragged

OVERLAP = 256  # pixels of the network's input that neighbouring tiles share, at least
SAME = 0.5  # masks of two tiles that share more of the smaller one are one object's


def tiles_of(shape, config):
    """Return the tiles that a photograph is looked at in.

    Parameters
    ----------
    shape : (H, W, ...) of the photograph in pixels
    config : Config; read are `resize_mode`, `image_scale` and `image_max_size`

    Returns
    -------
    (T, 4) int64, y1 x1 y2 x2 in pixels of the photograph, end excluded; one for all of it, if the
    mode is not "scale" or the photograph fits into `image_max_size`

    Examples
    --------
    >>> from minimaskrcnn.config import Config
    >>> config = Config(resize_mode="scale", image_scale=1.0, image_max_size=512)
    >>> tiles_of((300, 600), config).tolist()
    [[0, 0, 300, 512], [0, 128, 300, 600]]
    """
    if config.resize_mode != "scale":
        return np.array([[0, 0, *shape[:2]]])
    rows, columns = (_spans(size, config) for size in shape[:2])
    return np.array([[y1, x1, y2, x2] for y1, y2 in rows for x1, x2 in columns])


def _spans(size, config):
    """Begin and end of each tile along one side of the photograph, in its pixels."""
    scale, side = config.image_scale, config.image_max_size
    if round(size * scale) <= side:
        return [(0, size)]
    most = max(side - OVERLAP, side // 2) // SIDE * SIDE or SIDE  # from a tile to the next
    count = int(np.ceil((size * scale - side) / most)) + 1
    last = int(np.ceil((size * scale - side) / SIDE)) * SIDE  # where the last one starts
    starts = [round(i * last / (count - 1) / SIDE) * SIDE for i in range(count)]
    spans = [(round(start / scale), round((start + side) / scale)) for start in starts]
    return [(start, min(end, size)) for start, end in spans]


def join(pieces, tiles, photo, limit):
    """Return the Detections of all tiles as those of the photograph, each object once.

    Parameters
    ----------
    pieces : list of T Detections
    tiles : (T, 4) int64 pixels
    photo : (H, W, 3) uint8
    limit : how many to keep, the best

    Returns
    -------
    Detections, best score first
    """
    number = np.concatenate([np.full(len(piece), t, int) for t, piece in enumerate(pieces)])
    of_each = np.asarray(tiles)[number]  # (N, 4) the tile that each was found in
    offsets = np.tile(of_each[:, :2], 2).astype(np.int32)  # (N, 4)

    def joined(name):
        return np.concatenate([getattr(piece, name) for piece in pieces])

    everything = Detections(
        image=photo,
        boxes=joined("boxes") + offsets,
        class_ids=joined("class_ids"),
        scores=joined("scores"),
        mask_probs=joined("mask_probs"),
        class_names=pieces[0].class_names,
    )
    cut = _cut(everything.boxes, of_each, photo.shape)
    order = np.lexsort((-everything.scores, cut))  # the whole ones first, then by score
    groups = _groups(everything[order], number[order], cut[order], of_each[order])
    found = _united(everything[order], groups)
    return found[np.argsort(-found.scores, kind="stable")[:limit]]


def _cut(boxes, tiles, shape):
    """(N,) bool: which boxes end at a border of their tile that is not one of the photograph."""
    height, width = shape[:2]
    ends = np.array([0, 0, height, width])
    return ((boxes == tiles) & (tiles != ends)).any(axis=1)


def _groups(found, number, cut, tiles):
    """Which detections are one object: lists of their indices, lowest first.

    What shows the same as an earlier one of another tile is left out, or joined to it if the
    borders of their tiles cut both.
    """
    overlapping = iou_matrix(found.boxes.astype(np.float64), found.boxes.astype(np.float64)) > 0
    groups = []
    for i in range(len(found)):
        near = [g for g in groups if any(overlapping[i, j] and number[i] != number[j] for j in g)]
        if any(_is_same(found[i], found[g[0]]) for g in near if not (cut[i] and cut[g[0]])):
            continue
        same = [g for g in near if cut[i] and cut[g[0]] and _continues(found, tiles, g, i)]
        groups = [g for g in groups if g not in same] + [sorted(sum(same, [i]))]
    return groups


def _continues(found, tiles, group, i):
    """Whether a piece shows, where its tile overlaps another's, what a piece of the group does."""
    for j in group:
        start = np.maximum(tiles[i, :2], tiles[j, :2])
        end = np.minimum(tiles[i, 2:], tiles[j, 2:])
        if (start < end).all() and _is_same(found[i], found[j], start, end):
            return True
    return False


def _is_same(one, other, start=(0, 0), end=(np.inf, np.inf)):
    """Whether masks of a class share more than SAME of the smaller, counting what is in a window.

    The window is `start` to `end`, y and x in pixels; the whole photograph if it is not given.
    """
    if one.class_id != other.class_id:
        return False
    first, second = (_within(detection, start, end) for detection in (one, other))
    begin = np.maximum(first[:2], second[:2])
    stop = np.maximum(np.minimum(first[2:], second[2:]), begin)
    shared = np.count_nonzero(_part(one, begin, stop) & _part(other, begin, stop))
    areas = [np.count_nonzero(_part(d, w[:2], w[2:])) for d, w in ((one, first), (other, second))]
    return shared > SAME * min(areas)


def _within(detection, start, end):
    """The part of a detection's box in a window: (4,) int64, y1 x1 y2 x2; empty if x2 <= x1."""
    begin = np.maximum(detection.box[:2], start)
    stop = np.maximum(np.minimum(detection.box[2:], end), begin)
    return np.concatenate([begin, stop]).astype(int)


def _part(detection, start, end):
    (y1, x1), (y2, x2) = start - detection.box[:2], end - detection.box[:2]
    return detection.mask_in_box[y1:y2, x1:x2]


def _united(found, groups):
    """The Detections of groups of indices: a group's first one, or all its pieces as one object."""
    first = found[[group[0] for group in groups]]
    if all(len(group) == 1 for group in groups):
        return first
    boxes, masks = first.boxes.copy(), ragged([*first.mask_probs])
    for row, group in enumerate(groups):
        if len(group) > 1:
            pieces = found[group]
            boxes[row, :2], boxes[row, 2:] = pieces.boxes[:, :2].min(0), pieces.boxes[:, 2:].max(0)
            masks[row] = _one_mask(pieces, boxes[row])
    return replace(first, boxes=boxes, mask_probs=masks)


def _one_mask(pieces, box):
    """(h, w) bool over the box: the pixels of any of the pieces."""
    mask = np.zeros(box[2:] - box[:2], bool)
    for piece in pieces:
        (y1, x1), (y2, x2) = piece.box[:2] - box[:2], piece.box[2:] - box[:2]
        mask[y1:y2, x1:x2] |= piece.mask_in_box
    return mask
