"""Figures that move: a box to drag, a threshold to slide.

Idea    A figure is a drawing (SVG), the same with or without scripts, and a script that moves it.
        Both stand in a frame, so that neither styles nor names of the notebook and the figure meet.
        Where scripts do not run, the drawing is shown without the frame. The formulas in the
        scripts are those of the package, and `tests/test_moving.py` holds them equal in a browser.
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

__all__ = [
    "Moving",
    "moving_anchors",
    "moving_boxes",
    "moving_mask",
    "moving_nms",
    "moving_precision",
]
