"""The drawings of the chapters.

`panels` shows images and maps, `charts` draws curves and the strip of stages, `diagram` draws the
whole network from a trace, and `moving` has the figures that a reader can move.
"""

from minimaskrcnn.pictures.charts import AROUND, FLOW, curves, strip
from minimaskrcnn.pictures.panels import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    YELLOW,
    Panel,
    Picture,
    panels,
)

__all__ = [
    "AROUND",
    "BLUE",
    "FLOW",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "RED",
    "SKY",
    "YELLOW",
    "Panel",
    "Picture",
    "curves",
    "panels",
    "strip",
]
