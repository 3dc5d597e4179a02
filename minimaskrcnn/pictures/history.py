"""Draw how Mask R-CNN came about: what four networks compute once per picture, and once per region.

Paper   R-CNN (arXiv:1311.2524), Fast R-CNN (arXiv:1504.08083), Faster R-CNN (arXiv:1506.01497),
        Mask R-CNN (arXiv:1703.06870).
Shapes  nothing  ->  Picture
"""

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from minimaskrcnn.pictures.panels import WIDTH, Picture, encoded

OUTSIDE, ONCE, REGION = "#e8e8e8", "#fbe3b5", "#c9e2f3"  # another program; per picture; per region
NETWORKS = (  # what each does, in order: (words, who does it)
    ("R-CNN, 2014", (("regions:\nselective search", OUTSIDE), ("a whole\nnetwork", REGION),
                     ("class, box", REGION))),
    ("Fast R-CNN, 2015", (("regions:\nselective search", OUTSIDE), ("backbone", ONCE),
                          ("RoIPool", REGION), ("class, box", REGION))),
    ("Faster R-CNN, 2015", (("backbone", ONCE), ("regions:\nRPN", ONCE), ("RoIPool", REGION),
                            ("class, box", REGION))),
    ("Mask R-CNN, 2017", (("backbone", ONCE), ("regions:\nRPN", ONCE), ("RoIAlign", REGION),
                          ("class, box,\nmask", REGION))),
)  # fmt: skip
LEGEND = (("another program", OUTSIDE), ("once per picture", ONCE), ("once per region", REGION))


def history() -> Picture:
    """Draw the four networks one below the other: Picture."""
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    ax = figure.subplots()
    ax.set_xlim(0, 5.4)
    ax.set_ylim(-len(NETWORKS) - 0.5, 0)
    ax.set_axis_off()
    for row, (name, stages) in enumerate(NETWORKS):
        ax.text(0, -row - 0.5, name, fontsize=9, va="center", weight="bold")
        for column, (words, colour) in enumerate(stages):
            _box(ax, 1.4 + column, -row - 0.9, 0.84, 0.78, words, colour)
            if column:
                start, end = (1.24 + column, -row - 0.5), (1.4 + column, -row - 0.5)
                ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "lw": 0.8})
    for column, (words, colour) in enumerate(LEGEND):
        _box(ax, 1.4 + 1.3 * column, -len(NETWORKS) - 0.42, 0.2, 0.3, "", colour)
        ax.text(1.66 + 1.3 * column, -len(NETWORKS) - 0.27, words, fontsize=8, va="center")
    return encoded(figure, "R-CNN, Fast R-CNN, Faster R-CNN and Mask R-CNN")


def _box(ax, x, y, width, height, words, colour):
    shape = "round,pad=0,rounding_size=0.06"
    ax.add_patch(FancyBboxPatch((x, y), width, height, shape, fc=colour, ec="#808080"))
    ax.text(x + width / 2, y + height / 2, words, fontsize=7.5, ha="center", va="center")
