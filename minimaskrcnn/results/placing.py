"""Where labels go: near their box, within the picture, never over one another.

Idea    Better scores choose first. A label tries the places where one looks for it (above its box,
        inside its corner, below), then a grid over the box; the first free one is taken.
Shapes  label sizes (N, 2), boxes (N, 4), all pixels  ->  top left corners, (N, 2) or none
"""

import numpy as np


def place_labels(sizes, boxes, shape, anywhere=False):
    """Choose a place for each label.

    Parameters
    ----------
    sizes : (N, 2) int: height and width of each label
    boxes : (N, 4) int, y1 x1 y2 x2: the objects they belong to, the most important first
    shape : (H, W, ...) of the picture
    anywhere : whether a label may leave its box for the nearest free place of the picture

    Returns
    -------
    list of N: (y, x) of the label's top left corner, or None if it has no place

    Examples
    --------
    >>> place_labels([[10, 40], [10, 40]], [[20, 5, 90, 60], [20, 5, 90, 60]], (100, 100))
    [(10, 5), (20, 5)]
    """
    taken, places = np.zeros((0, 4), np.int64), []
    for (height, width), box in zip(sizes, boxes, strict=True):
        places.append(None)
        if height > shape[0] or width > shape[1]:
            continue
        corners = _near(box, height, width)
        if anywhere:
            corners = np.concatenate([corners, _everywhere(box, height, width, shape)])
        corners = np.clip(corners, 0, [shape[0] - height, shape[1] - width])  # (M, 2)
        free = _free(corners, height, width, taken)
        if free.any():
            y, x = corners[free.argmax()].tolist()
            places[-1] = (y, x)
            taken = np.concatenate([taken, [[y, x, y + height, x + width]]])
    return places


def _near(box, height, width):
    """Corners (M, 2) for a label of a box, the likeliest first."""
    y1, x1, y2, x2 = (int(edge) for edge in box)
    usual = [
        (y1 - height, x1),  # above
        (y1, x1),  # inside its corner
        (y1 - height, x2 - width),
        (y1, x2 - width),
        (y2, x1),  # below
        (y2 - height, x1),
        (y2, x2 - width),
        (y2 - height, x2 - width),
        (y1, x2),  # beside
        (y1, x1 - width),
    ]
    rows = np.arange(y1, max(y2 - height, y1) + 1, max(height // 2, 1))
    columns = np.arange(x1, max(x2 - width, x1) + 1, max(width // 4, 1))
    inside = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.concatenate([np.array(usual), inside])


def _everywhere(box, height, width, shape):
    """Corners (M, 2) all over the picture, the nearest to the box first."""
    rows = np.arange(0, shape[0] - height + 1, max(height // 2, 1))
    columns = np.arange(0, shape[1] - width + 1, max(width // 2, 1))
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    away = grid + np.array([height, width]) / 2 - (np.asarray(box)[:2] + np.asarray(box)[2:]) / 2
    return grid[np.argsort((away**2).sum(axis=1), kind="stable")]


def _free(corners, height, width, taken):
    """Which places (M,) overlap none of the rectangles taken (K, 4)."""
    y1, x1 = corners[:, :1], corners[:, 1:]  # (M, 1)
    apart = (y1 >= taken[:, 2]) | (taken[:, 0] >= y1 + height)  # (M, K)
    apart |= (x1 >= taken[:, 3]) | (taken[:, 1] >= x1 + width)
    return apart.all(axis=1)
