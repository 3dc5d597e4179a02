"""Shapes that people draw: polygons, rectangles, circles and ellipses become COCO's polygons.

Idea    VIA and labelme keep what was drawn. Circles and ellipses become polygons of many corners. A
        rectangle is ambiguous: where outlines are drawn, too, it is an outline; where nothing else
        is, the dataset is one of boxes.
Shapes  Drawn objects  ->  document of COCO's lists
"""

import math
from dataclasses import dataclass

from minimaskrcnn.errors import DatasetError

CORNERS = 72  # of the polygon that stands for an ellipse: off by 1/1000 of its radius


@dataclass(frozen=True)
class Drawn:
    """An object as it was drawn."""

    name: str  # what to call it in a complaint
    image_id: str
    label: str
    polygons: list  # of [x, y, x, y, …]; or run lengths
    is_rectangle: bool = False


def rectangle(x, y, width, height):
    """The corners [x, y, …] of a rectangle."""
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def ellipse(x, y, across, down, turned=0.0):
    """A polygon [x, y, …] for an ellipse: centre, half its width and height, radians clockwise."""
    if across <= 0 or down <= 0:
        raise DatasetError(f"a circle or ellipse of radius {min(across, down):g} has no area")
    polygon = []
    for i in range(CORNERS):
        angle = 2 * math.pi * i / CORNERS
        dx, dy = across * math.cos(angle), down * math.sin(angle)
        polygon.append(x + dx * math.cos(turned) - dy * math.sin(turned))
        polygon.append(y + dx * math.sin(turned) + dy * math.cos(turned))
    return polygon


def document_of(images, drawn):
    """COCO's lists of what was drawn, and remarks on it.

    Parameters
    ----------
    images : list of dict, as in COCO's `images`
    drawn : list of Drawn

    Returns
    -------
    document : dict; the categories are the labels in alphabetical order
    told : list of str
    """
    labels = sorted({thing.label for thing in drawn})
    rectangles = [thing for thing in drawn if thing.is_rectangle]
    boxes_only = len(rectangles) == len(drawn)
    told = []
    if rectangles and not boxes_only:
        told.append(f"rectangles, taken as outlines: {len(rectangles)} (the first is "
                    f"{rectangles[0].name})")  # fmt: skip
    records = [
        {
            "id": thing.name,
            "image_id": thing.image_id,
            "category_id": 1 + labels.index(thing.label),
            **({"bbox": _box(thing.polygons)} if boxes_only else {"segmentation": thing.polygons}),
        }
        for thing in drawn
    ]
    categories = [{"id": i, "name": label} for i, label in enumerate(labels, start=1)]
    return {"images": images, "categories": categories, "annotations": records}, told


def _box(polygons):
    """[x, y, width, height] of a rectangle's corners."""
    (corners,) = polygons
    x, y = min(corners[::2]), min(corners[1::2])
    return [x, y, max(corners[::2]) - x, max(corners[1::2]) - y]
