"""Random crops: what a network of one frame learns from pictures of any size.

Idea    A picture of 1000 pixels, shrunk to 128, loses its small objects. So a window is
        cut out of it, at the scale at which the network will look at whole pictures later, and a
        little above and below that (scale jitter). The window holds a point of a random object, so
        that no crop is empty.
Source  The rule for objects that a crop cuts: Detectron2 and torchvision's references keep what is
        visible of them. A sliver says nothing about its object, so it is asked about neither as
        an object nor as background: it becomes a crowd (see `training.targets`).
Shapes  Cutouts (H, W), scale  ->  Example (S, S)
"""

import numpy as np

from minimaskrcnn.datasets.augment import colour_table, recoloured, turned
from minimaskrcnn.datasets.cutouts import cutouts_of
from minimaskrcnn.datasets.example import Example
from minimaskrcnn.resizing import resize

LEAST_PIXELS = 8  # a cut object with fewer pixels in the crop is a sliver
LEAST_SHARE = 0.1  # so is one of which less than this is in the crop
IN_MEMORY = 2**30  # bytes of pictures that are kept for the next time


def random_crops(examples, indices, weights, side, scale, augmentation, seed):
    """Return the function from 0, 1, 2, … to random crops, always the same for the same number.

    Parameters
    ----------
    examples : sequence of Example
    indices : which of them, N
    weights : (N,) how often each is taken, relative to the others
    side : of a crop, pixels
    scale : pixels of a crop per pixel of a picture, before it is changed at random
    augmentation : Augmentation
    seed : int

    Returns
    -------
    function from int to Example of side x side
    """
    picture_of = _remembered(lambda index: cutouts_of(examples, index))
    shares = np.asarray(weights) / np.sum(weights)

    def example_of(number):
        rng = np.random.RandomState([seed, number, 2])
        picture = picture_of(int(indices[rng.choice(len(indices), p=shares)]))
        return random_crop(picture, side, scale, augmentation, rng)

    return example_of


def random_crop(picture, side, scale, augmentation, rng):
    """Return one crop of a picture, changed at random: an Example of side x side."""
    scale = scale * np.exp(rng.uniform(-augmentation.scale, augmentation.scale))
    window = random_window(picture, side / scale, rng)
    table = colour_table(picture.image.mean(), augmentation, rng)
    return turned(cut(picture, window, scale, side, table), augmentation, rng)


def _remembered(read):
    """The function `read` that keeps its pictures until they take IN_MEMORY bytes."""
    kept, sizes = {}, []

    def picture_of(index):
        if index in kept:
            return kept[index]
        picture = read(index)
        size = picture.image.nbytes + sum(mask.nbytes for mask in picture.masks)
        if sum(sizes) + size < IN_MEMORY:
            kept[index] = picture
            sizes.append(size)
        return picture

    return picture_of


def random_window(picture, side, rng):
    """Draw a square window that holds a point of a random object.

    Parameters
    ----------
    picture : Cutouts
    side : float, pixels of the picture; it may be larger than the picture
    rng : np.random.RandomState

    Returns
    -------
    (4,) int64, y1 x1 y2 x2 in pixels of the picture, end excluded, within the picture
    """
    height, width = picture.image.shape[:2]
    objects = np.flatnonzero(picture.class_ids > 0)
    if len(objects):
        i = objects[rng.randint(len(objects))]
        points = np.argwhere(picture.masks[i])
        y, x = points[rng.randint(len(points))] + picture.boxes[i, :2]
    else:
        y, x = rng.randint(height), rng.randint(width)
    y1, y2 = _span(y, height, side, rng)
    x1, x2 = _span(x, width, side, rng)
    return np.array([y1, x1, y2, x2])


def _span(point, size, side, rng):
    """Begin and end of a stretch of `side` pixels of 0 … size that holds the point."""
    start = point + 0.5 - rng.uniform(0, side)
    start = min(max(start, 0), max(size - side, 0))
    first = int(start)
    return first, min(max(int(np.ceil(start + side)), first + 1), size)


def cut(picture, window, scale, side, table=None):
    """Cut a window out, resize it and put it in the middle of a square.

    Parameters
    ----------
    picture : Cutouts
    window : (4,) y1 x1 y2 x2, pixels of the picture, end excluded
    scale : pixels of the crop per pixel of the picture
    side : of the crop, pixels; what exceeds it is resized to it
    table : (256, 3) uint8, see `colour_table`, or None: what becomes of the pixels' values

    Returns
    -------
    Example of side x side; zeros, as in `image.letterbox`, surround a window that does not fill it.
    A sliver has the class -c of a crowd.
    """
    y1, x1, y2, x2 = (int(edge) for edge in window)
    height, width = (min(max(round(n * scale), 1), side) for n in (y2 - y1, x2 - x1))
    top, left = (side - height) // 2, (side - width) // 2
    image = np.zeros((side, side, 3), np.uint8)
    pixels = resize(picture.image[y1:y2, x1:x2], height, width).astype(np.uint8)
    pixels = pixels if table is None else recoloured(pixels, table)
    image[top : top + height, left : left + width] = pixels
    rows = y1 + ((np.arange(height) + 0.5) * ((y2 - y1) / height)).astype(np.int64)  # (height,)
    columns = x1 + ((np.arange(width) + 0.5) * ((x2 - x1) / width)).astype(np.int64)
    masks, class_ids = [], []
    for i in _within(picture.boxes, window):
        mask = np.zeros((side, side), bool)
        _draw(picture.masks[i], picture.boxes[i], rows, columns, mask[top:, left:])
        pixels = np.count_nonzero(mask)
        if pixels:
            whole = np.count_nonzero(picture.masks[i]) * (height / (y2 - y1)) ** 2
            sliver = pixels < min(LEAST_PIXELS, 0.9 * whole) or pixels < LEAST_SHARE * whole
            class_ids.append(-abs(picture.class_ids[i]) if sliver else picture.class_ids[i])
            masks.append(mask)
    return Example(
        image,
        np.array(class_ids, np.int64),
        np.stack(masks) if masks else np.zeros((0, side, side), bool),
    )


def _within(boxes, window):
    """Which boxes share an area with the window: indices."""
    y1, x1, y2, x2 = window
    meets = (boxes[:, 0] < y2) & (boxes[:, 2] > y1) & (boxes[:, 1] < x2) & (boxes[:, 3] > x1)
    return np.flatnonzero(meets)


def _draw(mask, box, rows, columns, canvas):
    """Draw a mask over its box as the picture's rows and columns that the crop reads see it."""
    top, bottom = np.searchsorted(rows, box[[0, 2]])
    left, right = np.searchsorted(columns, box[[1, 3]])
    inside = mask[rows[top:bottom, None] - box[0], columns[left:right] - box[1]]
    canvas[top:bottom, left:right] = inside
