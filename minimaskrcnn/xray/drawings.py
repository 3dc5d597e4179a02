"""Drawings: SVG on top of the photograph, which the report contains only once.

Idea    All drawings use the pixels of the network's input. A picture is a view of the input (the
        whole frame, the photograph, or one object) with layers on top. Lines keep their width at
        any size.
Shapes  boxes (N, 4) y1 x1 y2 x2, pixels of the input  ->  SVG text
"""

from dataclasses import dataclass
from html import escape

import numpy as np

from minimaskrcnn.results.placing import place_labels

LETTER = 0.027  # of the view's longer side: the height of a label's letters
WIDE = 0.62  # of the height: the average width of a letter
THINNEST = 8  # a photograph that is longer than this times its width is shown with its padding


@dataclass(frozen=True)
class View:
    """The part of the input that a picture shows, in pixels."""

    top: float
    left: float
    height: float
    width: float

    @property
    def letter(self) -> float:
        """Height of letters in a label."""
        return LETTER * max(self.height, self.width)


def view_of(window, shape):
    """Return the view of the photograph without padding or, if it is very narrow, of the frame."""
    y1, x1, y2, x2 = (int(edge) for edge in window)
    if THINNEST * min(y2 - y1, x2 - x1) < max(y2 - y1, x2 - x1):
        return View(0, 0, *shape[:2])
    return View(y1, x1, y2 - y1, x2 - x1)


def view_around(box, margin=0.08):
    """Return the view of a box and a little of its surroundings."""
    y1, x1, y2, x2 = (float(edge) for edge in box)
    more = max(margin * max(y2 - y1, x2 - x1), 1)
    height, width = y2 - y1 + 2 * more, x2 - x1 + 2 * more
    if THINNEST * width < height:  # a sliver: show what is beside it
        return View(y1 - more, (x1 + x2) / 2 - height / 4, height, height / 2)
    if THINNEST * height < width:
        return View((y1 + y2) / 2 - width / 4, x1 - more, width / 2, width)
    return View(y1 - more, x1 - more, height, width)


def picture(view, layers, words, dim=False):
    """Return an SVG picture: the photograph with layers (SVG text) on top.

    `words` describes it for people who cannot see it.
    """
    ratio = view.width / view.height
    kind = ' class="dim"' if dim else ""
    return (
        f'<svg role="img" aria-label="{escape(words)}" viewBox="{_numbers(view)}" '
        f'style="aspect-ratio:{ratio:.4f};max-width:calc(var(--tallest)*{ratio:.4f})">'
        f'<use href="#photo"{kind}/>{"".join(layers)}</svg>'
    )


def framed_image(uri, top, left, height, width):
    """Return a raster that covers a part of the input; its pixels stay visible (SVG)."""
    return (
        f'<image class="cells" href="{uri}" x="{left:g}" y="{top:g}" width="{width:g}" '
        f'height="{height:g}" preserveAspectRatio="none"/>'
    )


def outlines(boxes, colour, kind=""):
    """Return boxes of one colour as SVG; `kind` is a class of the style sheet, such as "faint"."""
    path = "".join(_box_path(box) for box in boxes)
    return _seamed(path, colour, kind) if path else ""


def _seamed(path, colour, kind=""):
    """A line with a dark seam, so that it is visible on any background."""
    named = f" {kind}" if kind else ""
    return (
        f'<path class="seam{named}" d="{path}"/>'
        f'<path class="line{named}" stroke="{hex_colour(colour)}" d="{path}"/>'
    )


def _box_path(box):
    y1, x1, y2, x2 = (float(edge) for edge in box)
    return f"M{x1:.5g} {y1:.5g}h{x2 - x1:.5g}v{y2 - y1:.5g}h{x1 - x2:.5g}z"


def dots(points):
    """Return points (N, 2), y x, as SVG dots of the same size at any scale."""
    path = "".join(f"M{x:.5g} {y:.5g}h0" for y, x in points)
    return f'<path class="dots seam" d="{path}"/><path class="dots line" d="{path}"/>'


def shape_of(mask_probs, box, colour):
    """Return a mask of probabilities (h, w) as SVG: stretched to its box, at least one half."""
    path = "".join(
        "M" + "L".join(f"{x:.4g} {y:.4g}" for y, x in points) + "z"
        for points in mask_outlines(mask_probs, box)
    )
    chosen = hex_colour(colour)
    return f'<path class="tint" fill="{chosen}" stroke="{chosen}" d="{path}"/>' if path else ""


def mask_outlines(mask_probs, box):
    """Return the lines where stretched probabilities are one half: [(M, 2) y x, …].

    They are in the unit of the box. As in `masks.stretch_mask`, zeros surround the grid; between a
    zero and a probability of at most 1, one half never lies outside the box.
    """
    from matplotlib.figure import Figure

    if mask_probs.max() < 0.5:
        return []
    height, width = mask_probs.shape
    y1, x1, y2, x2 = (float(edge) for edge in box)
    rows = y1 + (np.arange(-1, height + 1) + 0.5) * (y2 - y1) / height  # the middles of the cells
    columns = x1 + (np.arange(-1, width + 1) + 0.5) * (x2 - x1) / width
    axes = Figure().subplots()
    lines = axes.contour(columns, rows, np.pad(mask_probs, 1), levels=[0.5]).get_paths()[0]
    paths = lines.to_polygons(closed_only=False)
    return [path[:, ::-1] for path in paths]


def labelled(texts, boxes, colours, view):
    """Return a label for each box, wherever there is room for it, as SVG."""
    size = view.letter
    start = np.array([view.top, view.left] * 2)
    sizes = [(round(1.25 * size) + 1, round(WIDE * size * (len(text) + 1))) for text in texts]
    inside = np.around(np.asarray(boxes) - start).astype(np.int64).reshape(-1, 4)
    places = place_labels(sizes, inside, (int(view.height), int(view.width)))
    return "".join(
        _plate(text, place[0] + view.top, place[1] + view.left, size_of, colour, size)
        for text, place, size_of, colour in zip(texts, places, sizes, colours, strict=True)
        if place is not None
    )


def _plate(text, y, x, size_of, colour, size):
    height, width = size_of
    ink = "black" if colour @ np.array([0.299, 0.587, 0.114]) > 100 else "white"  # luma
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width}" height="{height}" fill="{hex_colour(colour)}"/>'
        f'<text x="{x + width / 2:g}" y="{y + 0.74 * height:g}" font-size="{size:.4g}" '
        f'text-anchor="middle" fill="{ink}">{escape(text)}</text>'
    )


def switched(candidates, names, colours, view, shown):
    """Return boxes that the sliders show and hide, as SVG.

    Each box has its score, and the list of thresholds that keep it.
    """
    size, parts = view.letter, []
    for i in reversed(range(len(candidates.boxes))):  # the best on top
        y1, x1 = (float(edge) for edge in candidates.boxes[i, :2])
        score, kept = candidates.scores[i], "".join("01"[int(k)] for k in candidates.kept[:, i])
        text = f"{escape(names[i])} {score:.2f}" if names else ""
        label = (
            f'<text class="halo" x="{x1 + 0.3 * size:.5g}" y="{y1 + 1.1 * size:.5g}" '
            f'font-size="{size:.4g}">{text}</text>'
        )
        parts.append(
            f'<g class="box{"" if shown[i] else " gone"}" data-score="{score}" data-kept="{kept}">'
            f"{_seamed(_box_path(candidates.boxes[i]), colours[i])}{label if text else ''}</g>"
        )
    return "".join(parts)


def hex_colour(colour):
    """Return a colour, (3,) uint8, as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*(int(value) for value in colour))


def _numbers(view):
    return f"{view.left:.6g} {view.top:.6g} {view.width:.6g} {view.height:.6g}"
