"""The figures that move: what each shows, as a drawing, its controls and the numbers of its script.

Shapes  arrays  ->  Moving
"""

import numpy as np

from minimaskrcnn.anchors import make_anchors
from minimaskrcnn.pictures.moving.page import FOCUS, put_together, rect, slider, square, svg, tall


def moving_boxes(a, b, size):
    """Drag box b about box a: their IoU, and the deltas that move a onto b.

    Parameters
    ----------
    a, b : (4,) int y1 x1 y2 x2, pixels of the sheet, end excluded
    size : (height, width) of the sheet

    Returns
    -------
    Moving
    """
    a, b = ([int(edge) for edge in box] for box in (a, b))
    words = "Box a stays; box b can be dragged, and its lower right corner changes its size."
    handle = f'<circle class="handle" cy="{b[2]}" cx="{b[3]}" r="{max(size) / 40}" '
    drawing = svg(
        size,
        words,
        rect(a, "a"),
        rect(b, "b moves", FOCUS.format("box b")),
        f'{handle} fill="#888" {FOCUS.format("corner of box b")}/>',
    )
    controls = (
        '<p>box b: <output name="box"></output></p><p>IoU <output name="iou"></output></p>'
        '<p>deltas dy, dx, log dh, log dw: <output name="deltas"></output></p>'
    )
    data = {"a": a, "b": b, "size": list(size)}
    return put_together(
        ("drag", "iou", "boxes"), drawing, controls, data, "drag a box", tall(size) + 120
    )


def moving_nms(boxes, scores, size):
    """Slide the threshold of non-maximum suppression.

    Parameters
    ----------
    boxes : (N, 4) y1 x1 y2 x2, pixels of the sheet
    scores : (N,)
    size : (height, width) of the sheet

    Returns
    -------
    Moving
    """
    best = np.argsort(-np.asarray(scores), kind="stable")
    ordered = np.asarray(boxes, np.float64)[best].round(2)
    words = f"{len(ordered)} boxes; those that the threshold removes are faint."
    drawing = svg(size, words, *(rect(box, "one b") for box in ordered))
    controls = slider("threshold", "allowed overlap (IoU)", 0, 1, 0.05, 0.5)
    controls += (
        f'<p><output name="count"></output> of {len(ordered)} boxes stay; counted from the best: '
        '<output name="kept"></output></p>'
    )
    return put_together(
        ("iou", "nms"), drawing, controls, {"boxes": ordered.tolist()}, "the threshold of NMS", 580
    )


def moving_mask(probs):
    """Slide the threshold of a mask.

    Parameters
    ----------
    probs : (h, w) probabilities

    Returns
    -------
    Moving
    """
    probs = np.asarray(probs, np.float64).round(4)
    cells = [square(i, j, 1, prob) for (i, j), prob in np.ndenumerate(probs)]
    cells = ['<g stroke="#e69f00" stroke-width=".12" stroke-opacity="0">', *cells, "</g>"]
    words = "Probabilities from black to white; cells of the object have a frame."
    controls = slider("threshold", "threshold", 0, 1, 0.01, 0.5)
    controls += f'<p><output name="count"></output> of {probs.size} cells belong to the object.</p>'
    data, drawing = {"probs": probs.ravel().tolist()}, svg(probs.shape, words, *cells)
    height = tall(probs.shape) + 120
    return put_together(("mask",), drawing, controls, data, "a mask's threshold", height)


def moving_anchors(size, scales, ratios, strides):
    """Slide through the levels of the pyramid and the cells of each.

    Parameters
    ----------
    size : (height, width) of the network's input in pixels
    scales, strides : of the five levels
    ratios : width / height

    Returns
    -------
    Moving
    """
    level, row, column = 4, 2, 3  # to begin with
    rows, columns = (-(-side // strides[level - 2]) for side in size)
    row, column = min(row, rows - 1), min(column, columns - 1)
    counts = [-(-size[0] // s) * -(-size[1] // s) * len(ratios) for s in strides]
    data = {
        "size": list(size),
        "scales": list(scales),
        "ratios": list(ratios),
        "strides": list(strides),
        "before": [0, *np.cumsum(counts).tolist()],
    }
    place = data["before"][level - 2] + (row * columns + column) * len(ratios)
    first = make_anchors(size, scales, ratios, strides)[place : place + len(ratios)]
    words = "The anchors of one cell, on the network's input."
    drawing = svg(size, words, *(rect(box, "one b") for box in first))
    controls = "".join(
        f'<label>{name} <input type="range" name="{name}" min="{low}" max="{high}" step="1" '
        f'value="{value}" autocomplete="off"></label>'
        for name, low, high, value in (
            ("level", 2, 6, level),
            ("row", 0, rows - 1, row),
            ("column", 0, columns - 1, column),
        )
    )
    controls += (
        '<p><output name="where"></output></p><p>first anchor: <output name="first"></output>, '
        'number <output name="index"></output> of all</p>'
    )
    return put_together(
        ("anchors",), drawing, controls, data, "the anchors of one cell", tall(size) + 310
    )


def moving_precision(right, num_objects):
    """Move detections up and down the list, and see the average precision.

    Parameters
    ----------
    right : (D,) bool, best score first: whether a detection has found an object
    num_objects : int, how many there are to be found

    Returns
    -------
    Moving
    """
    data = {"right": [bool(r) for r in right], "objects": int(num_objects)}
    hits, ranks = np.cumsum(right), np.arange(1, len(right) + 1)
    corners = " ".join(
        f"{10 + 80 * recall:.1f},{90 - 80 * precision:.1f}"
        for recall, precision in zip(hits / num_objects, hits / ranks, strict=True)
    )
    axes = '<polyline points="10,10 10,90 90,90" fill="none" stroke="#888"/>'
    texts = (
        '<text x="42" y="98" fill="#888">recall</text>'
        '<text x="12" y="8" fill="#888">precision</text>'
    )
    line = f'<polyline class="curve" points="{corners}" fill="none" stroke="#0072b2"/>'
    drawing = svg((100, 100), "Precision over recall.", axes, texts, line)
    controls = '<p>average precision <output name="ap"></output></p><table><tbody></tbody></table>'
    height = tall((1, 1)) + 80 + 40 * len(data["right"])
    return put_together(("precision",), drawing, controls, data, "average precision", height)
