"""Tiles: a large photograph looked at piece by piece, and the pieces' detections joined.

Idea    A network that was trained at a certain scale must look at every photograph at that scale,
        but the memory for its maps grows with the photograph. So a large one is cut into tiles that
        overlap, each is predicted by itself, and what two tiles have both seen is kept once. An
        object that a tile's border cuts is seen whole in the next tile, if it is smaller than the
        overlap: so the whole ones come first.
Shapes  photograph (H, W, 3)  ->  tiles (T, 4) in pixels; T Detections  ->  Detections

Notes   Away from the borders of the tiles the answer is that of the whole photograph, because tiles
        start where cells of the coarsest map do. Near a border the network sees zeros beyond it.
"""

import numpy as np

from minimaskrcnn.boxes import iou_matrix
from minimaskrcnn.image import SIDE
from minimaskrcnn.results import Detections

OVERLAP = 256  # pixels of the network's input that neighbouring tiles share, at least
SAME = 0.5  # masks of two tiles that overlap by more are one object's


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
    number = np.concatenate([np.full(len(piece), t) for t, piece in enumerate(pieces)])
    offsets = np.tile(np.asarray(tiles)[number.astype(int), :2], 2).astype(np.int32)  # (N, 4)

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
    cut = _cut(everything.boxes, np.asarray(tiles)[number.astype(int)], photo.shape)
    order = np.lexsort((-everything.scores, cut))  # the whole ones first, then by score
    keep = _once(everything[order], number[order])
    found = everything[order[keep]]
    return found[np.argsort(-found.scores, kind="stable")[:limit]]


def _cut(boxes, tiles, shape):
    """(N,) bool: which boxes end at a border of their tile that is not one of the photograph."""
    height, width = shape[:2]
    ends = np.array([0, 0, height, width])
    return ((boxes == tiles) & (tiles != ends)).any(axis=1)


def _once(found, number):
    """Indices of the detections that show nothing which an earlier one of another tile shows."""
    overlapping = iou_matrix(found.boxes.astype(np.float64), found.boxes.astype(np.float64)) > 0
    keep = []
    for i in range(len(found)):
        others = (j for j in keep if overlapping[i, j] and number[i] != number[j])
        if not any(_is_same(found[i], found[j]) for j in others):
            keep.append(i)
    return np.array(keep, np.int64)


def _is_same(one, other):
    """Whether two masks of a class share more than SAME of their union, or of the smaller one."""
    if one.class_id != other.class_id:
        return False
    start = np.maximum(one.box[:2], other.box[:2])
    end = np.minimum(one.box[2:], other.box[2:])
    shared = np.count_nonzero(_part(one, start, end) & _part(other, start, end))
    return shared > SAME * min(one.area, other.area)


def _part(detection, start, end):
    (y1, x1), (y2, x2) = start - detection.box[:2], end - detection.box[:2]
    return detection.mask_in_box[y1:y2, x1:x2]
