"""Panels: images and feature maps side by side, with boxes drawn on them.

Idea    A picture is a row of panels; a panel is a photograph or a map, with boxes on it.
Source  Colours: Okabe and Ito, as in `results.picture`; colour-blind people can distinguish them.
Shapes  arrays  ->  Picture: an encoded drawing, which a notebook shows
"""

import io
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, withStroke
from matplotlib.ticker import MaxNLocator

from minimaskrcnn.results.colours import COLOURS
from minimaskrcnn.runtime.files import written_whole

ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = range(len(COLOURS))  # what `colours` refers to
GREY = -1  # drawn thin and dashed: boxes that were removed, or are less important

WIDTH = 9.0  # inches of a full row
WIDEST = 3.4  # inches of a panel
DOTS = 100  # per inch
LARGE = 60_000  # bytes: a larger PNG holds photographs, which are a fifth as large as JPEG


@dataclass(frozen=True, repr=False)
class Picture:
    """A drawing, PNG or JPEG. The last line of a notebook's cell shows it."""

    encoded: bytes
    title: str  # what it shows, in words

    def __repr__(self):
        return f"<picture: {self.title}>"

    def _repr_png_(self):
        return None if self._is_jpeg() else self.encoded

    def _repr_jpeg_(self):
        return self.encoded if self._is_jpeg() else None

    def _is_jpeg(self):
        return self.encoded.startswith(b"\xff\xd8")

    def save(self, path):
        """Write the file as it is, whatever the name ends in."""
        with written_whole(path) as beside:
            beside.write_bytes(self.encoded)


@dataclass(frozen=True, eq=False)
class Panel:
    """One image of a row, and what is drawn on it."""

    title: str
    image: np.ndarray  # (H, W, 3) uint8, or (H, W) numbers, drawn from dark to bright
    boxes: np.ndarray | tuple = ()  # (N, 4) y1 x1 y2 x2, pixels of the image, ends excluded
    labels: tuple[str, ...] = ()  # N, or none: written into the boxes' corners
    colours: tuple[int, ...] = ()  # N of ORANGE … PURPLE or GREY, or none: all ORANGE
    points: np.ndarray | tuple = ()  # (M, 2) y x, drawn as dots
    mask: np.ndarray | None = None  # (H, W) bool, tinted
    ruler: bool = False  # whether the edges have numbers, to read coordinates off
    margin: float = 0.0  # pixels shown around the image
    limits: tuple[float, float] | None = None  # of numbers: the darkest, the brightest


def panels(*row, columns=None):
    """Draw panels side by side.

    Parameters
    ----------
    row : Panels
    columns : number of panels per row; None puts all into one row

    Returns
    -------
    Picture
    """
    columns = columns or len(row)
    rows = -(-len(row) // columns)
    width = min(WIDTH / columns, WIDEST)  # inches of a panel
    height, across = row[0].image.shape[:2]
    margin = 2 * row[0].margin
    tall = width * (height + margin) / (across + margin) + (0.65 if row[0].ruler else 0.35)
    figure = Figure(figsize=(width * columns, tall * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(row) :]:
        ax.set_axis_off()
    for ax, panel in zip(axes, row, strict=False):
        _draw_panel(ax, panel)
    return encoded(figure, " | ".join(panel.title for panel in row))


def _draw_panel(ax, panel):
    height, width = panel.image.shape[:2]
    low, high = panel.limits or (None, None)
    spread = {"extent": (0, width, height, 0), "interpolation": "nearest"}  # a pixel is 1 x 1
    ax.imshow(panel.image, cmap="gray", vmin=low, vmax=high, **spread)
    if panel.mask is not None:
        tint = np.zeros((height, width, 4))
        tint[panel.mask] = (*colour_of(ORANGE), 0.55)
        ax.imshow(tint, **spread)
    if panel.margin:
        ax.add_patch(Rectangle((0, 0), width, height, fill=False, lw=0.8, ec="#808080"))
    for y, x in panel.points:
        ax.plot(x, y, "o", markersize=3, color=colour_of(SKY), mec="black", mew=0.4)
    _draw_boxes(ax, panel)
    ax.set_xlim(-panel.margin, width + panel.margin)
    ax.set_ylim(height + panel.margin, -panel.margin)
    ax.set_title(panel.title, fontsize=9)
    if panel.ruler:
        _draw_ruler(ax)
    else:
        ax.set_axis_off()


def _draw_ruler(ax):
    ax.tick_params(labelsize=8)
    ax.set_xlabel("x", fontsize=8)
    ax.set_ylabel("y", fontsize=8, rotation=0, labelpad=8)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.25)


def _draw_boxes(ax, panel):
    colours = panel.colours or (ORANGE,) * len(panel.boxes)
    thick = 2.0 if len(panel.boxes) <= 20 else 1.0
    for (y1, x1, y2, x2), number in zip(panel.boxes, colours, strict=True):
        gone = number == GREY
        line, style, colour = (1.0, "--", "#606060") if gone else (thick, "-", colour_of(number))
        box = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=line, ls=style, ec=colour)
        seam = "white" if gone else "black"  # so that it is seen on any ground
        box.set_path_effects([withStroke(linewidth=line + 1.2, foreground=seam), Normal()])
        ax.add_patch(box)
    for i, text in enumerate(panel.labels):
        y1, x1 = panel.boxes[i][:2]
        ground = "#d0d0d0" if colours[i] == GREY else colour_of(colours[i])
        letters = "white" if colours[i] in (BLUE, RED) else "black"
        plate = {"facecolor": ground, "edgecolor": "none", "pad": 1.5}
        ax.text(x1, y1, text, fontsize=8, ha="left", va="top", color=letters, bbox=plate)


def colour_of(number):
    """Red, green and blue in 0 … 1 of one of ORANGE … PURPLE."""
    return tuple(COLOURS[number] / 255)


def encoded(figure, title):
    """A drawn figure as a Picture: PNG, or JPEG where that is much smaller."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DOTS, metadata={"Software": None})
    if stream.tell() > LARGE:
        stream = io.BytesIO()
        figure.savefig(stream, format="jpeg", dpi=DOTS, pil_kwargs={"quality": 82})
    return Picture(stream.getvalue(), title)
