"""Pictures of the stages: what a photograph looks like on its way through the network.

Idea    A picture is a row of panels; a panel is a photograph or a map, with boxes on it. With a
        strip that says where in the network we are, and curves, that is all a chapter draws.
Source  Colours: Okabe and Ito, as in `visualize`: told apart by colour-blind people, too.
Shapes  arrays  ->  Picture: an encoded drawing, which a notebook shows
"""

import io
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.patheffects import Normal, withStroke
from matplotlib.ticker import MaxNLocator

from minimaskrcnn.files import written_whole
from minimaskrcnn.visualize import COLOURS

FLOW = (  # the stages in the order of the chapters, 02 … 14
    *("image", "conv", "resnet", "fpn", "anchors", "rpn", "boxes", "nms", "proposals"),
    *("roi_align", "heads", "detections", "masks"),
)
AROUND = ("weights", "targets", "training", "evaluate", "speed")  # chapters 15 … 19

ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = range(len(COLOURS))  # what `colours` refers to
GREY = -1  # drawn thin and dashed: boxes that are gone, or stand in the background

WIDTH = 9.0  # inches of a full row
WIDEST = 3.4  # inches of a panel
DOTS = 100  # an inch
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
    columns : panels in a row before the next begins; None puts all into one

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
    return _encoded(figure, " | ".join(panel.title for panel in row))


def curves(lines, across, up, title):
    """Draw lines over common axes.

    Parameters
    ----------
    lines : dict from name to (x, y), each (N,)
    across, up : what the axes count
    title : str

    Returns
    -------
    Picture
    """
    figure = Figure(figsize=(WIDTH * 2 / 3, WIDTH / 3), layout="constrained")
    ax = figure.subplots()
    order = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED, YELLOW)
    styles = ("-", "--", "-.", ":")
    for i, (name, (x, y)) in enumerate(lines.items()):
        style, colour = styles[i % len(styles)], _colour(order[i % len(order)])
        ax.plot(x, y, style, color=colour, label=name, linewidth=2)
    ax.set_xlabel(across)
    ax.set_ylabel(up)
    ax.set_title(title, fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.3)
    if len(lines) > 1:
        ax.legend(frameon=False)
    return _encoded(figure, title)


def strip(*lit):
    """Draw all stages in the order of the chapters, those named `lit` in colour: Picture."""
    unknown = set(lit) - {*FLOW, *AROUND, "tour"}
    if unknown:
        raise ValueError(f"strip knows {FLOW + AROUND}, not {sorted(unknown)}")
    figure = Figure(figsize=(WIDTH, 1.15), layout="constrained")
    ax = figure.subplots()
    ax.set_xlim(-0.05, len(FLOW) + 0.02)
    ax.set_ylim(-1.05, 1)
    ax.set_axis_off()
    for i, name in enumerate(FLOW):
        _stage(ax, i, 0, f"{i + 2:02}", name, name in lit or "tour" in lit)
        if i:
            ax.annotate("", (i + 0.02, 0.42), (i - 0.1, 0.42), arrowprops=_ARROW)
    for i, name in enumerate(AROUND):
        _stage(ax, i + 4, -1.05, f"{i + 15}", name, name in lit)
    ax.text(3.85, -0.63, "around the network:", fontsize=8, ha="right", va="center")
    named = "all stages" if "tour" in lit else ", ".join(lit)
    return _encoded(figure, f"the strip of all stages; lit: {named}")


_ARROW = {"arrowstyle": "-|>", "lw": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}


def _stage(ax, x, y, number, name, lit):
    face, edge = (_colour(YELLOW), "black") if lit else ("#f2f2f2", "#b0b0b0")
    box = FancyBboxPatch((x + 0.06, y + 0.1), 0.78, 0.64, "round,pad=0.02", fc=face, ec=edge)
    ax.add_patch(box)
    weight, shade = ("bold", "black") if lit else ("normal", "#404040")
    centred = {"ha": "center", "va": "center", "color": shade}
    ax.text(x + 0.45, y + 0.57, number, fontsize=7, **centred)
    size = 6 if lit else 7  # bold letters are wider
    ax.text(x + 0.45, y + 0.29, name, fontsize=size, weight=weight, **centred)


def _draw_panel(ax, panel):
    height, width = panel.image.shape[:2]
    low, high = panel.limits or (None, None)
    spread = {"extent": (0, width, height, 0), "interpolation": "nearest"}  # a pixel is 1 x 1
    ax.imshow(panel.image, cmap="gray", vmin=low, vmax=high, **spread)
    if panel.mask is not None:
        tint = np.zeros((height, width, 4))
        tint[panel.mask] = (*_colour(ORANGE), 0.55)
        ax.imshow(tint, **spread)
    if panel.margin:
        ax.add_patch(Rectangle((0, 0), width, height, fill=False, lw=0.8, ec="#808080"))
    for y, x in panel.points:
        ax.plot(x, y, "o", markersize=3, color=_colour(SKY), mec="black", mew=0.4)
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
        line, style, colour = (1.0, "--", "#606060") if gone else (thick, "-", _colour(number))
        box = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=line, ls=style, ec=colour)
        seam = "white" if gone else "black"  # so that it is seen on any ground
        box.set_path_effects([withStroke(linewidth=line + 1.2, foreground=seam), Normal()])
        ax.add_patch(box)
    for i, text in enumerate(panel.labels):
        y1, x1 = panel.boxes[i][:2]
        ground = "#d0d0d0" if colours[i] == GREY else _colour(colours[i])
        letters = "white" if colours[i] in (BLUE, RED) else "black"
        plate = {"facecolor": ground, "edgecolor": "none", "pad": 1.5}
        ax.text(x1, y1, text, fontsize=8, ha="left", va="top", color=letters, bbox=plate)


def _colour(number):
    return tuple(COLOURS[number] / 255)


def _encoded(figure, title):
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DOTS, metadata={"Software": None})
    if stream.tell() > LARGE:
        stream = io.BytesIO()
        figure.savefig(stream, format="jpeg", dpi=DOTS, pil_kwargs={"quality": 82})
    return Picture(stream.getvalue(), title)
