"""Charts: curves with common axes, and the strip that shows a chapter's place in the network.

Shapes  numbers, names of stages  ->  Picture
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from minimaskrcnn.pictures.panels import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    WIDTH,
    YELLOW,
    colour_of,
    encoded,
)

FLOW = (  # the stages in the order of the chapters, 02 … 14
    *("image", "conv", "resnet", "fpn", "boxes", "anchors", "rpn", "nms", "proposals"),
    *("roi_align", "heads", "detections", "masks"),
)
AROUND = ("weights", "targets", "training", "evaluate", "speed", "dialects")  # chapters 15 … 20


def curves(lines, across, up, title):
    """Draw curves with common axes.

    Parameters
    ----------
    lines : dict from name to (x, y), each (N,)
    across, up : labels of the axes
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
        style, colour = styles[i % len(styles)], colour_of(order[i % len(order)])
        ax.plot(x, y, style, color=colour, label=name, linewidth=2)
    ax.set_xlabel(across)
    ax.set_ylabel(up)
    ax.set_title(title, fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.3)
    if len(lines) > 1:
        ax.legend(frameon=False)
    return encoded(figure, title)


def counted(counts, names, title):
    """Draw a table of counts, darker where there are more: a confusion matrix.

    Parameters
    ----------
    counts : (N, N) int; rows are what it is, columns what it was found as
    names : N, of rows and columns
    title : str

    Returns
    -------
    Picture
    """
    side = min(max(len(names) * 0.55, 2.5), 2 * WIDTH)
    figure = Figure(figsize=(side + 1.5, side + 1), layout="constrained")
    ax = figure.subplots()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (N, N): of each row
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set_xlabel("found as")
    ax.set_ylabel("is")
    ax.set_title(title, fontsize=9)
    for (i, j), count in np.ndenumerate(counts if len(names) <= 30 else counts[:0]):
        colour = "white" if share[i, j] > 0.5 else "black"
        ax.text(j, i, str(count), ha="center", va="center", fontsize=8, color=colour)
    return encoded(figure, title)


def strip(*lit):
    """Draw all stages in the order of the chapters, those named in `lit` in colour: Picture."""
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
    return encoded(figure, f"the strip of all stages; lit: {named}")


_ARROW = {"arrowstyle": "-|>", "lw": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}


def _stage(ax, x, y, number, name, lit):
    face, edge = (colour_of(YELLOW), "black") if lit else ("#f2f2f2", "#b0b0b0")
    box = FancyBboxPatch((x + 0.06, y + 0.1), 0.78, 0.64, "round,pad=0.02", fc=face, ec=edge)
    ax.add_patch(box)
    weight, shade = ("bold", "black") if lit else ("normal", "#404040")
    centred = {"ha": "center", "va": "center", "color": shade}
    ax.text(x + 0.45, y + 0.57, number, fontsize=7, **centred)
    size = 6 if lit else 7  # bold letters are wider
    ax.text(x + 0.45, y + 0.29, name, fontsize=size, weight=weight, **centred)
