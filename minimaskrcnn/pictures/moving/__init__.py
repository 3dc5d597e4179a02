"""Figures that move: a box to drag, a threshold to slide.

Idea    A figure is a drawing (SVG) and a script that moves it. Both stand in a frame, so that
        neither styles nor names of the notebook and the figure meet. Where scripts do not run, a
        picture of the drawing is shown in its place. The formulas in the scripts are those of the
        package, and `tests/test_moving.py` holds them equal in a browser.
Shapes  arrays  ->  Moving, which a notebook shows
"""

from minimaskrcnn.pictures.moving.figures import (
    moving_anchors,
    moving_boxes,
    moving_mask,
    moving_nms,
    moving_precision,
)
from minimaskrcnn.pictures.moving.page import Moving
from minimaskrcnn.pictures.moving.regions import moving_regions

__all__ = [
    "Moving",
    "moving_anchors",
    "moving_boxes",
    "moving_mask",
    "moving_nms",
    "moving_precision",
    "moving_regions",
]
