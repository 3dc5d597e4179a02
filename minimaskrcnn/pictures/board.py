"""Draw the board of a reader's own network: which stages are theirs, and what the network finds.

Shapes  tiles, photograph (H, W, 3) uint8  ->  Picture
"""

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from minimaskrcnn.pictures.panels import WIDTH, encoded

FACES = {"yours": "#cdebd9", "slow": "#fbf6d0", "wrong": "#f6cfc0", "missing": "#f2f2f2"}
SAID = {"yours": "yours", "slow": "slow", "wrong": "wrong", "missing": "the package's"}
ACROSS = 6  # tiles in a row


def draw_board(tiles, photo, said):
    """Draw the stages as tiles, and below them a photograph.

    Parameters
    ----------
    tiles : list of (chapter, name, state), the states those of FACES
    photo : (H, W, 3) uint8
    said : str, below the photograph

    Returns
    -------
    Picture
    """
    rows = -(-len(tiles) // ACROSS)
    height = WIDTH / 2 * photo.shape[0] / photo.shape[1]
    figure = Figure(figsize=(WIDTH, 0.75 * rows + height + 0.4), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(0.75 * rows, height))
    above.set_xlim(0, ACROSS)
    above.set_ylim(-rows, 0)
    above.set_axis_off()
    for i, (chapter, name, state) in enumerate(tiles):
        _tile(above, i % ACROSS, -1 - i // ACROSS, f"{chapter} {name}", state)
    below.imshow(photo)
    below.set_axis_off()
    below.set_title(said, fontsize=9)
    return encoded(figure, said)


def _tile(ax, x, y, name, state):
    box = FancyBboxPatch(
        (x + 0.06, y + 0.12), 0.88, 0.76, "round,pad=0,rounding_size=0.06",
        fc=FACES[state], ec="#909090",
    )  # fmt: skip
    ax.add_patch(box)
    size = 6.5 if len(name) < 18 else 5.7
    ax.text(x + 0.5, y + 0.62, name, fontsize=size, ha="center", va="center")
    ax.text(x + 0.5, y + 0.32, SAID[state], fontsize=6.5, ha="center", va="center", color="#404040")
