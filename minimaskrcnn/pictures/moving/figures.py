"""The figures that move: what each shows, as a drawing, its controls and the numbers of its script.

Shapes  arrays  ->  Moving
"""

import json
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template

import numpy as np

WIDTH = 480  # pixels of a drawing at most, as in page.html


@dataclass(frozen=True, repr=False)
class Moving:
    """A figure that moves; the last line of a notebook's cell shows it."""

    drawing: str  # SVG
    page: str  # the whole HTML page: drawing, controls, script
    title: str
    height: int  # pixels of the frame

    def __repr__(self):
        return f"<figure that moves: {self.title}>"

    def _repr_html_(self):
        """The drawing, and the page in a frame, which hides the drawing once its script runs."""
        style = f"width:100%;max-width:36rem;height:{self.height}px;border:0"
        frame = (
            f'<iframe srcdoc="{escape(self.page)}" title="{escape(self.title)}" style="{style}">'
        )
        return f'<div style="max-width:30rem">{self.drawing}</div>{frame}</iframe>'


def _moving(name, drawing, controls, data, title, height):
    """Put a figure's page together; `height` is that of its frame in pixels."""
    folder = files("minimaskrcnn.pictures.moving")
    page = Template((folder / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        drawing=drawing,
        controls=controls,
        data=json.dumps(data),
        script=(folder / f"{name}.js").read_text(encoding="utf-8"),
    )
    return Moving(drawing, page, title, height)


def _tall(size):
    """Pixels that a drawing of this (height, width) is high at most."""
    return round(WIDTH * size[0] / size[1])


def _svg(size, words, *shapes):
    """A drawing of a sheet of `size` (height, width), described in words."""
    return (
        f'<svg viewBox="0 0 {size[1]} {size[0]}" role="img" aria-label="{escape(words)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(shapes)}</svg>'
    )


def _rect(box, kind, more=""):
    y1, x1, y2, x2 = (round(float(edge), 2) for edge in box)
    size = f'height="{round(y2 - y1, 2)}" width="{round(x2 - x1, 2)}"'
    plain = 'fill="none" stroke="#888"'  # where there are no styles
    return f'<rect class="{kind}" y="{y1}" x="{x1}" {size} {plain} {more}/>'


def _slider(name, text, low, high, step, value):
    return (
        f'<label>{text} <output name="{name}"></output><input type="range" min="{low}" '
        f'max="{high}" step="{step}" value="{value}" autocomplete="off"></label>'
    )


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
    focus = 'tabindex="0" role="button" aria-label="{}: arrow keys move it"'
    handle = f'<circle class="handle" cy="{b[2]}" cx="{b[3]}" r="{max(size) / 40}" '
    drawing = _svg(
        size,
        words,
        _rect(a, "a"),
        _rect(b, "b moves", focus.format("box b")),
        f'{handle} fill="#888" {focus.format("corner of box b")}/>',
    )
    controls = (
        '<p>box b: <output name="box"></output></p><p>IoU <output name="iou"></output></p>'
        '<p>deltas dy, dx, log dh, log dw: <output name="deltas"></output></p>'
    )
    data = {"a": a, "b": b, "size": list(size)}
    return _moving("boxes", drawing, controls, data, "drag a box", _tall(size) + 120)


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
    drawing = _svg(size, words, *(_rect(box, "one b") for box in ordered))
    controls = _slider("threshold", "allowed overlap (IoU)", 0, 1, 0.05, 0.5)
    controls += (
        f'<p><output name="count"></output> of {len(ordered)} boxes stay; counted from the best: '
        '<output name="kept"></output></p>'
    )
    return _moving(
        "nms", drawing, controls, {"boxes": ordered.tolist()}, "the threshold of NMS", 580
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
    cells = [
        f'<rect y="{i}" x="{j}" width="1" height="1" fill="#{3 * f"{g:02x}"}"/>'
        for (i, j), g in np.ndenumerate((255 * probs).round().astype(int))
    ]
    cells = ['<g stroke="#e69f00" stroke-width=".12" stroke-opacity="0">', *cells, "</g>"]
    words = "Probabilities from black to white; cells of the object have a frame."
    controls = _slider("threshold", "threshold", 0, 1, 0.01, 0.5)
    controls += f'<p><output name="count"></output> of {probs.size} cells belong to the object.</p>'
    data, drawing = {"probs": probs.ravel().tolist()}, _svg(probs.shape, words, *cells)
    height = _tall(probs.shape) + 120
    return _moving("mask", drawing, controls, data, "a mask's threshold", height)


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
    counts = [-(-size[0] // s) * -(-size[1] // s) * len(ratios) for s in strides]
    data = {
        "size": list(size),
        "scales": list(scales),
        "ratios": list(ratios),
        "strides": list(strides),
        "before": [0, *np.cumsum(counts).tolist()],
    }
    words = "The anchors of one cell, on the network's input."
    drawing = _svg(size, words, *(_rect((0, 0, 1, 1), "one b") for _ in ratios))
    controls = "".join(
        f'<label>{name} <input type="range" name="{name}" min="{low}" max="{high}" step="1" '
        f'value="{value}" autocomplete="off"></label>'
        for name, low, high, value in (("level", 2, 6, 4), ("row", 0, 8, 2), ("column", 0, 8, 3))
    )
    controls += (
        '<p><output name="where"></output></p><p>first anchor: <output name="first"></output>, '
        'number <output name="index"></output> of all</p>'
    )
    return _moving("anchors", drawing, controls, data, "the anchors of one cell", _tall(size) + 310)


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
    axes = '<path d="M10 10V90H90" fill="none" stroke="#888"/>'
    texts = (
        '<text x="42" y="98" fill="#888">recall</text>'
        '<text x="12" y="8" fill="#888">precision</text>'
    )
    line = '<polyline points="" fill="none" stroke="#0072b2"/>'
    drawing = _svg((100, 100), "Precision over recall.", axes, texts, line)
    controls = '<p>average precision <output name="ap"></output></p><table><tbody></tbody></table>'
    height = _tall((1, 1)) + 80 + 40 * len(data["right"])
    return _moving("precision", drawing, controls, data, "average precision", height)
