"""The figure of a region that is dragged over a map, and three ways to cut it out.

Shapes  map (S, S), region (4,)  ->  Moving
"""

import numpy as np

from minimaskrcnn.pictures.moving.page import FOCUS, put_together, rect, square, svg, tall
from minimaskrcnn.roi_align import crop_and_resize, roi_align_paper, roi_pool

CELL = 10  # units of the drawing: positions are whole tenths of a cell
GRID = (3, 3)  # bins of a patch


def moving_regions(feature_map, region):
    """Drag a region over a map: its patches by RoIPool, RoIAlign and `crop_and_resize`.

    Parameters
    ----------
    feature_map : (S, S) numbers from 0 to 1, S at least 5
    region : (4,) y1 x1 y2 x2 in cells, counted from the map's outer edge; whole tenths

    Returns
    -------
    Moving
    """
    cells = np.asarray(feature_map, np.float64).round(2)  # (S, S)
    side, region = len(cells), np.asarray(region, np.float32)
    tenths = [round(CELL * float(edge)) for edge in region]
    left, top = (3 * 3 + 2) * CELL // 2 - CELL * side // 2, CELL * (side + 1)
    shown = [square(CELL * i, CELL * j, CELL, value) for (i, j), value in np.ndenumerate(cells)]
    parts = [
        *shown,
        rect(tenths, "b moves", FOCUS.format("region")),
        rect((0, 0, 0, 0), "whole"),
        *('<circle class="dot" cy="-9" cx="-9" r=".8" fill="#e69f00"/>' for _ in range(36)),
        *('<circle class="point" cy="-9" cx="-9" r="1.6" fill="none"/>' for _ in range(9)),
        f'<circle class="handle" cy="{tenths[2]}" cx="{tenths[3]}" r="3" fill="#888" '
        f"{FOCUS.format('corner of the region')}/>",
    ]
    drawing = [f'<g transform="translate({left} 0)">', *parts, "</g>"]
    for k, (name, patch) in enumerate(_patches(cells, region).items()):
        place = f'y="{top - 2}" x="{4 * CELL * k}" style="font-size:3.5px"'
        drawing.append(f'<text {place} fill="#888">{name}</text>')
        for (i, j), value in np.ndenumerate(patch):
            y, x = top + CELL * i, CELL * (4 * k + j)
            drawing += [square(y, x, CELL, value), _number(y, x, value)]
    size = (top + 3 * CELL, 11 * CELL)
    words = "A map, a region on it, and the three patches that are cut out."
    controls = (
        '<p>region: <output name="region"></output>, in cells of the map</p><p>Dashed: the cells '
        "that RoIPool takes the largest values of. Dots: where RoIAlign reads, four for each "
        "number. Rings: where crop_and_resize reads, one for each.</p>"
    )
    data = {"map": cells.tolist(), "region": tenths, "size": size}
    title = "a region, cut out in three ways"
    return put_together(
        ("drag", "regions"), svg(size, words, *drawing), controls, data, title, tall(size) + 170
    )


def _patches(cells, region):
    """The patches of a region by name, (3, 3) each."""
    maps, side = cells.astype(np.float32)[:, :, None], len(cells)
    edges, centres = region[None] / side, (region[None] - np.float32(0.5)) / (side - 1)
    ways = {
        "RoIPool": (roi_pool, edges),
        "RoIAlign": (roi_align_paper, edges),
        "crop_and_resize": (crop_and_resize, centres),
    }
    return {name: way(maps, rois, GRID)[0, :, :, 0] for name, (way, rois) in ways.items()}


def _number(y, x, value):
    """A cell's number, in its middle."""
    ink = "#fff" if value < 0.5 else "#000"
    return (
        f'<text class="cell" y="{y + 6.5}" x="{x + CELL / 2}" text-anchor="middle" '
        f'style="fill:{ink}">{value:.2f}</text>'
    )
