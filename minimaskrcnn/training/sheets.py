"""Sheets: pictures of examples side by side, to see what a network learns from and what it finds.

Idea    An average precision says how good a network is, not what goes wrong. Pictures show it.
Shapes  rows of (picture, masks)  ->  one picture
"""

import numpy as np

from minimaskrcnn.boxes import areas
from minimaskrcnn.datasets.cutouts import within
from minimaskrcnn.datasets.example import boxes_of_masks
from minimaskrcnn.resizing import resize
from minimaskrcnn.results.colours import object_colours
from minimaskrcnn.results.encoding import write_picture

TILE = 256  # pixels per side of one picture on the sheet
GAP = 6  # pixels between them


def outlined(image, masks):
    """Return the picture with the outline of every mask, in colours that differ from neighbours'.

    Parameters
    ----------
    image : (H, W, 3) uint8
    masks : (N, H, W) bool

    Returns
    -------
    (H, W, 3) uint8
    """
    picture, boxes = image.copy(), boxes_of_masks(masks)
    order = np.argsort(-areas(boxes), kind="stable")
    for i, colour in zip(order, object_colours(boxes[order]), strict=True):
        y1, x1, y2, x2 = boxes[i]
        mask = np.pad(masks[i, y1:y2, x1:x2], 1)
        inner = mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
        picture[y1:y2, x1:x2][mask[1:-1, 1:-1] & ~inner] = colour
    return picture


def middle(picture, side=TILE):
    """Return the middle of Cutouts, at most `side` pixels each way: image, masks (N, h, w)."""
    height, width = picture.image.shape[:2]
    y, x = max(height - side, 0) // 2, max(width - side, 0) // 2
    bottom, right = min(y + side, height), min(x + side, width)
    return picture.image[y:bottom, x:right], within(picture, (y, x, bottom, right))


def write_sheet(path, rows):
    """Write rows of pictures as one picture; each is fitted into TILE x TILE.

    Parameters
    ----------
    path : of a .jpg, .png or .webp, replaced at once when the new one is complete
    rows : list of lists of (H, W, 3) uint8
    """
    side = TILE + GAP
    canvas = np.full((len(rows) * side, max(map(len, rows)) * side, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            scale = min(TILE / max(picture.shape[:2]), 4)
            height, width = (max(round(n * scale), 1) for n in picture.shape[:2])
            tile = resize(picture, height, width).astype(np.uint8)
            canvas[i * side : i * side + height, j * side : j * side + width] = tile
    write_picture(path, canvas)
