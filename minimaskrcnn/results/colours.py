"""Colours of objects: neighbours differ, or every class has its own.

Source  Okabe and Ito, "Color Universal Design": seven colours that colour-blind people, too, tell
        apart.
Shapes  boxes (N, 4) or class ids (N,)  ->  (N, 3) uint8
"""

import numpy as np

from minimaskrcnn.boxes import iou_matrix

COLOURS = np.array(
    [
        (230, 159, 0),  # orange
        (86, 180, 233),  # sky blue
        (0, 158, 115),  # bluish green
        (240, 228, 66),  # yellow
        (0, 114, 178),  # blue
        (213, 94, 0),  # vermillion
        (204, 121, 167),  # reddish purple
    ],
    np.uint8,
)


def object_colours(boxes):
    """Give each object a colour that those its box overlaps do not have, while there are enough.

    Parameters
    ----------
    boxes : (N, 4), any unit

    Returns
    -------
    (N, 3) uint8
    """
    near = iou_matrix(boxes.astype(np.float64), boxes.astype(np.float64)) > 0  # (N, N)
    chosen = np.zeros(len(boxes), np.int64)
    for i in range(len(boxes)):
        beside = np.bincount(chosen[:i][near[i, :i]], minlength=len(COLOURS))
        overall = np.bincount(chosen[:i], minlength=len(COLOURS))
        chosen[i] = np.lexsort([overall, beside])[0]  # least used beside, then least used at all
    return COLOURS[chosen]


def class_colours(class_ids):
    """The colour of each object's class: always the same one; beyond seven classes they repeat.

    Parameters
    ----------
    class_ids : (N,) int, from 1 on

    Returns
    -------
    (N, 3) uint8
    """
    return COLOURS[(np.asarray(class_ids, np.int64) - 1) % len(COLOURS)]
