"""Draw the figure of the network: its functions and what they return, by their names in the code.

Idea    Four columns show the five steps of `model.run`: frame the picture and look at it, propose
        regions, classify them, outline the objects. Each box is one call within a step, with the
        arrays it returns and their shapes for one photograph.
Paper   Mask R-CNN (arXiv:1703.06870), figure 1, with the pyramid of FPN (arXiv:1612.03144).
Shapes  what `MaskRCNN.trace` returns  ->  Picture
"""

import io
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from minimaskrcnn.pictures.panels import DOTS, Picture
from minimaskrcnn.results.picture import draw


@dataclass(frozen=True)
class Node:
    """A box of the figure."""

    functions: str  # as the steps of `model` call them
    chapters: str
    column: int
    row: int  # from the top
    returns: tuple[str, ...]  # names in the trace


NODES = (
    Node("pyramid", "05", 0, 0, ("p2", "p3", "p4", "p5", "p6")),
    Node("backbone", "03, 04", 0, 1, ("c1", "c2", "c3", "c4", "c5")),
    Node("letterbox, mold", "02", 0, 2, ("molded", "window_pixels", "window")),
    Node("region_proposals, softmax", "08", 1, 0, ("rpn_logits", "rpn_probs", "rpn_deltas")),
    Node("normalised_anchors", "07", 1, 1, ("anchors",)),
    Node("select_proposals", "06, 09, 10", 1, 2, ("proposals", "proposal_scores")),
    Node("pyramid_roi_align", "11", 2, 0, ("roi_features",)),
    Node("box_head, softmax", "12", 2, 1, ("class_logits", "class_probs", "box_deltas")),
    Node("select_detections", "13", 2, 2, ("detections", "detection_proposals")),
    Node("pyramid_roi_align", "11", 3, 0, ("mask_features",)),
    Node("mask_head, of_class, sigmoid", "12, 14", 3, 1, ("mask_probs",)),
    Node("make_detections", "14", 3, 2, ("result",)),
)
HEADINGS = ("frame, look", "propose", "classify", "outline")  # the steps of `model.run`
LEGEND = (
    "bold: the functions, as in model.py\n"
    "below: what they return, by its name in the trace, and its shape\n"
    "in the corner: the chapters about it"
)
BETWEEN, DOWN = 2.3, 1.16  # inches from column to column, from row to row
WIDE, HIGH = 2.0, 0.94  # inches of a box
TOP = 4.45  # inches from the lowest row's middle to the line along which P2 … P6 travel


def diagram(steps):
    """Draw the network with the shapes of one trace.

    Parameters
    ----------
    steps : dict, from `MaskRCNN.trace`

    Returns
    -------
    Picture
    """
    figure = Figure(figsize=(4 * BETWEEN, 5.25))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_xlim(-BETWEEN / 2, 3.5 * BETWEEN)
    ax.set_ylim(-0.52, 4.73)
    ax.set_axis_off()
    for column, heading in enumerate(HEADINGS):
        ax.text(
            column * BETWEEN, 4.58, heading, fontsize=10, style="italic", ha="center", va="center"
        )
    for node in NODES:
        _draw_node(ax, node, steps)
    _draw_arrows(ax)
    _draw_photo(ax, 0, steps["result"].image)
    _draw_photo(ax, 3, draw(steps["result"], legend=False))
    ax.text(1.5 * BETWEEN, 0, LEGEND, fontsize=8.5, ha="center", va="center", linespacing=1.6)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DOTS, metadata={"Software": None})
    return Picture(stream.getvalue(), "the network, from photograph to masks")


def _centre(column, row):
    return column * BETWEEN, (3 - row) * DOWN


def _draw_node(ax, node, steps):
    x, y = _centre(node.column, node.row)
    left, top = x - WIDE / 2 + 0.08, y + HIGH / 2 - 0.06
    box = FancyBboxPatch(
        (x - WIDE / 2, y - HIGH / 2), WIDE, HIGH, "round,pad=0,rounding_size=0.08",
        fc="#fbf6d0", ec="#606060", zorder=2,
    )  # fmt: skip
    ax.add_patch(box)
    ax.text(left, top, node.functions, fontsize=8, weight="bold", va="top", zorder=3)
    right = {"fontsize": 7, "ha": "right", "color": "#606060", "zorder": 3}
    ax.text(x + WIDE / 2 - 0.08, y - HIGH / 2 + 0.06, node.chapters, va="bottom", **right)
    told = "\n".join(f"{name}  {_shape(steps[name])}" for name in node.returns)
    ax.text(left, top - 0.17, told, fontsize=7.5, va="top", linespacing=1.15, zorder=3)


def _shape(value):
    if hasattr(value, "shape"):
        return " × ".join(map(str, value.shape))
    return f"{len(value)} objects"


def _draw_photo(ax, column, pixels):
    x, y = _centre(column, 3)
    height, width = pixels.shape[:2]
    half_y = 0.5 * min(HIGH, WIDE * height / width)
    half_x = half_y * width / height
    ax.imshow(pixels, extent=(x - half_x, x + half_x, y - half_y, y + half_y), aspect="auto")


def _draw_arrows(ax):
    for row in (1, 2, 3):  # up to the pyramid
        _arrow(ax, _edge(0, row, 0, 1), _edge(0, row - 1, 0, -1))
    for column, row in ((1, 1), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)):  # down
        _arrow(ax, _edge(column, row, 0, -1), _edge(column, row + 1, 0, 1))
    gap = (BETWEEN - WIDE) / 2
    (x, y), (_, low) = _edge(1, 0, -1, 0), _edge(1, 2, -1, 0)  # the RPN's answers pass the anchors
    _arrow(ax, (x, y), (x - gap, y), (x - gap, low), (x, low))
    for column in (2, 3):  # from the bottom of a column to the top of the next
        (x, y), (_, low) = _edge(column, 0, -1, 0), _edge(column - 1, 2, 1, 0)
        _arrow(ax, (x - 2 * gap, low), (x - gap, low), (x - gap, y), (x, y))
    start = _edge(0, 0, 0, 1)
    for column in (1, 2, 3):  # the feature maps along the top
        end = _edge(column, 0, 0, 1)
        _arrow(ax, start, (start[0], TOP - 0.3), (end[0], TOP - 0.3), end)
    place = (BETWEEN / 2, TOP - 0.28)
    ax.text(*place, "p2 … p6", fontsize=7.5, ha="center", va="bottom")
    ax.text(place[0] + BETWEEN, place[1], "p2 … p5", fontsize=7.5, ha="center", va="bottom")


def _edge(column, row, right, up):
    """The middle of a side of a box."""
    x, y = _centre(column, row)
    return x + right * WIDE / 2, y + up * HIGH / 2


def _arrow(ax, *corners):
    for start, end in zip(corners[:-2], corners[1:-1], strict=True):
        ax.plot(*zip(start, end, strict=True), color="#404040", lw=1, zorder=1)
    shape = {"arrowstyle": "-|>", "color": "#404040", "lw": 1, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", corners[-1], corners[-2], arrowprops=shape)
