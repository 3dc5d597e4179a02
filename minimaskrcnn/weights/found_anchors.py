"""From anchors back to the settings that make them: size of the input, scales, ratios.

Idea    Checkpoints of the TensorFlow 2 forks hold the anchors themselves. The first anchors of a
        level stand around the point 0, 0: their middle tells how large the input was, their area
        the scale, their sides the ratios. Whether that was right is tested by making them again.
Shapes  (A, 4) normalised y1 x1 y2 x2  ->  FoundAnchors, or None
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from minimaskrcnn.anchors import make_anchors
from minimaskrcnn.boxes import normalise
from minimaskrcnn.config import STRIDES

TOLERANCE = 2e-6  # of normalised coordinates; float32 rounds them by up to 1e-7


@dataclass(frozen=True)
class FoundAnchors:
    """The settings that reproduce a file's anchors."""

    size: tuple[int, int]  # height and width of the network's input, pixels
    scales: tuple[float, ...]
    ratios: tuple[float, ...]

    def __str__(self):
        scales, ratios = (", ".join(f"{x:g}" for x in xs) for xs in (self.scales, self.ratios))
        return f"size {self.size[0]} x {self.size[1]}, scales {scales}, ratios {ratios}"


def same_anchors(anchors, size, scales, ratios):
    """Whether these settings make these anchors, (A, 4) normalised."""
    made = normalise(make_anchors(size, scales, ratios), size)  # (A, 4)
    return made.shape == anchors.shape and bool(np.abs(made - anchors).max() <= TOLERANCE)


def find_anchors(anchors):
    """Return the FoundAnchors that make these anchors, or None if no plain settings do.

    Parameters
    ----------
    anchors : (A, 4) float32 y1 x1 y2 x2, normalised, in the order of `anchors.make_anchors`
    """
    size = _size(anchors[0])
    if size is None:
        return None
    span = np.array([*size, *size], np.float64) - 1
    boxes = anchors * span + [0, 0, 1, 1]  # (A, 4) pixels, the end excluded
    centres = boxes[:, :2] + boxes[:, 2:]  # (A, 2), doubled
    each = int(np.argmax(np.abs(centres - centres[0]).max(axis=1) > 1)) or 1  # anchors per cell
    cells = [-(-size[0] // stride) * -(-size[1] // stride) for stride in STRIDES]
    if each * sum(cells) != len(anchors):
        return None
    first = np.cumsum([0, *cells[:-1]]) * each  # (levels,), of each level's first anchor
    sides = boxes[:, 2:] - boxes[:, :2]  # (A, 2)
    if not (sides > 0).all():
        return None
    scales = tuple(_plain(float(scale)) for scale in np.sqrt(sides[first].prod(axis=1)))
    largest = sides[first[-1] : first[-1] + each]  # (ratios, 2)
    ratios = tuple(_plain(float(ratio)) for ratio in largest[:, 1] / largest[:, 0])
    if not same_anchors(anchors, size, scales, ratios):
        return None
    return FoundAnchors(size, scales, ratios)


def _size(anchor):
    """Height and width: the first anchor's middle, half a pixel before the first, tells them."""
    middle = (anchor[:2].astype(np.float64) + anchor[2:]) / 2  # (2,)
    if not (middle < -1e-5).all():
        return None
    height, width = np.round(1 - 0.5 / middle).astype(int)
    return int(height), int(width)


def _plain(number):
    """The plainest number near to one that float32 has rounded: 32, 0.5, 1/3, 0.75."""
    for plain in (float(Fraction(number).limit_denominator(16)), round(number, 2)):
        if abs(plain - number) <= 2e-5 * number:
            return plain
    return number
