"""The picture that stands in for a figure where scripts do not run: its drawing as a PNG.

Idea    A page that does not trust a notebook removes frames and scripts, often drawings (SVG) as
        well, and leaves pictures. The drawings of the figures consist of a handful of shapes, which
        matplotlib can draw.
Shapes  SVG  ->  PNG
"""

import io
from xml.etree import ElementTree

from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from minimaskrcnn.pictures.panels import DOTS

WIDTH = 480  # pixels of a drawing at most, as in page.html
FILLS = {"a": "#e69f0033", "b": "#0072b233", "handle": "#0072b2", "dot": "#e69f00"}
LINES = {"a": "#e69f00", "b": "#0072b2", "whole": "#ffffff", "point": "#e69f00"}  # as in page.html


def still(drawing):
    """Return a drawing of rectangles, circles, lines and texts as a picture.

    Parameters
    ----------
    drawing : str, SVG as `page.svg` puts it together

    Returns
    -------
    bytes of a PNG, WIDTH pixels wide
    """
    root = ElementTree.fromstring(drawing)
    _, _, across, high = map(float, root.get("viewBox").split())
    figure = Figure(figsize=(WIDTH / DOTS, WIDTH / DOTS * high / across), dpi=DOTS)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, across), ylim=(high, 0))
    axes.set_axis_off()
    points = 72 / DOTS * WIDTH / across  # in a unit of the drawing
    for shape, shift in _shapes(root):
        _draw(axes, shape, shift, points)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _shapes(element, shift=0.0):
    """(element, how far to the right it is moved), of all shapes."""
    for child in element:
        if child.tag.endswith("}g"):  # a group moves what is in it
            moved = child.get("transform", "translate(0 0)")[10:-1].split()
            yield from _shapes(child, shift + float(moved[0]))
        else:
            yield child, shift


def _draw(axes, shape, shift, points):
    kind = shape.tag.partition("}")[2]
    names = [*shape.get("class", "").split(), None]
    fill = next((FILLS[name] for name in names if name in FILLS), shape.get("fill"))
    line = next((LINES[name] for name in names if name in LINES), shape.get("stroke", "none"))
    style = {"facecolor": fill, "edgecolor": line, "linewidth": 1.5}
    number = {key: float(shape.get(key, 0)) for key in ("x", "y", "cx", "cy", "r")}
    x, y = number["x"] + shift, number["y"]
    if kind == "rect":
        size = float(shape.get("width")), float(shape.get("height"))
        axes.add_patch(Rectangle((x, y), *size, **style))
    elif kind == "circle":
        axes.add_patch(Circle((number["cx"] + shift, number["cy"]), number["r"], **style))
    elif kind == "text":
        given = dict(part.split(":") for part in shape.get("style", "font-size:4px").split(";"))
        size = float(given.get("font-size", "4px").removesuffix("px")) * points
        middle = {"ha": "center"} if shape.get("text-anchor") == "middle" else {}
        axes.text(x, y, shape.text, size=size, color=given.get("fill", "#22262b"), **middle)
    elif kind == "polyline":
        corners = [tuple(map(float, pair.split(","))) for pair in shape.get("points").split()]
        axes.plot(*zip(*corners, strict=True), color=line, linewidth=1.5)
