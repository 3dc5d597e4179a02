"""The page of a figure that moves: drawing, controls and script in one HTML text.

Shapes  SVG, HTML, numbers  ->  Moving
"""

import json
from base64 import b64encode
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template

from minimaskrcnn.pictures.moving.still import WIDTH, still

FOCUS = 'tabindex="0" role="button" aria-label="{}: arrow keys move it"'  # of what can be dragged


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
        """A picture, and the page in a frame, which hides the picture once its script runs."""
        style = f"width:100%;max-width:36rem;height:{self.height}px;border:0"
        frame = (
            f'<iframe srcdoc="{escape(self.page)}" title="{escape(self.title)}" style="{style}">'
        )
        shown = b64encode(still(self.drawing)).decode("ascii")
        picture = f'<img src="data:image/png;base64,{shown}" alt="{escape(self.title)}">'
        return f'<div style="max-width:30rem">{picture}</div>{frame}</iframe>'


def put_together(scripts, drawing, controls, data, title, height):
    """Put a figure's page together; `height` is that of its frame in pixels."""
    folder = files("minimaskrcnn.pictures.moving")
    texts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in scripts]
    page = Template((folder / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        drawing=drawing,
        controls=controls,
        data=json.dumps(data),
        script="".join(texts),
    )
    return Moving(drawing, page, title, height)


def tall(size):
    """Pixels that a drawing of this (height, width) is high at most."""
    return round(WIDTH * size[0] / size[1])


def svg(size, words, *shapes):
    """A drawing of a sheet of `size` (height, width), described in words."""
    return (
        f'<svg viewBox="0 0 {size[1]} {size[0]}" role="img" aria-label="{escape(words)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(shapes)}</svg>'
    )


def rect(box, kind, more=""):
    """A box as an SVG rectangle of a class of page.html; `more` are further attributes."""
    y1, x1, y2, x2 = (round(float(edge), 2) for edge in box)
    size = f'height="{round(y2 - y1, 2)}" width="{round(x2 - x1, 2)}"'
    plain = 'fill="none" stroke="#888"'  # where there are no styles
    return f'<rect class="{kind}" y="{y1}" x="{x1}" {size} {plain} {more}/>'


def square(y, x, side, value):
    """A cell of a map as an SVG square, from black for 0 to white for 1."""
    grey = f"{round(255 * float(value)):02x}"
    return f'<rect y="{y}" x="{x}" width="{side}" height="{side}" fill="#{3 * grey}"/>'


def slider(name, text, low, high, step, value):
    """A slider with its text, and the place where its value is shown."""
    return (
        f'<label>{text} <output name="{name}"></output><input type="range" min="{low}" '
        f'max="{high}" step="{step}" value="{value}" autocomplete="off"></label>'
    )
