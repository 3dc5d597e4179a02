"""Segmentations: the forms in which programs write a mask, as polygons or run lengths.

Idea    COCO's polygons are lists in a list, [[x, y, x, y, …], …]. VIA leaves the outer list away,
        others write points as pairs, or the whole as text. All mean the same. Checked is what can
        be checked without drawing: nothing is allocated by a size that only the file claims.
Source  COCO's data format, cocodataset.org/#format-data ("object detection").
Shapes  whatever stands there  ->  list of [x, y, x, y, …], or {"size", "counts"}
"""

from array import array

from minimaskrcnn.coco_masks import rle
from minimaskrcnn.coco_masks.polygons import FARTHEST, check_work
from minimaskrcnn.datasets.values import number, numbers, short
from minimaskrcnn.errors import DatasetError
from minimaskrcnn.runtime.json_texts import parse_json


def is_empty(segmentation):
    """Whether there is no mask at all: nothing, or lists of nothing."""
    if isinstance(segmentation, list):
        return all(part == [] for part in segmentation)
    return segmentation in (None, "", {})


def checked_segmentation(segmentation, size, where):
    """Return a mask in COCO's own form, and the box around it.

    Parameters
    ----------
    segmentation : polygons or run lengths as they stand in the file; not empty
    size : [height, width] of the image, pixels
    where : str, what a complaint begins with

    Returns
    -------
    mask : list of polygons, each an array [x, y, x, y, …], or a dict of run lengths
    extent : x1, y1, x2, y2 in pixels, of what may lie partly beyond the image

    Raises
    ------
    DatasetError
        If it is neither, is broken, or covers no part of the image.
    """
    if isinstance(segmentation, str):
        segmentation = _written(segmentation, where)
    if isinstance(segmentation, dict):
        return _checked_runs(segmentation, size, where)
    if not isinstance(segmentation, list) or is_empty(segmentation):
        raise DatasetError(f"{where}: there is no mask: 'segmentation' has to be a list of "
                           f"polygons or run lengths, not {short(segmentation)}")  # fmt: skip
    polygons = [
        _polygon(part, f"{where}, polygon {i}")
        for i, part in enumerate(_parts(segmentation))
        if part != []
    ]
    try:
        check_work(polygons, *size)
    except ValueError as error:
        raise DatasetError(f"{where}: {error}") from None
    extents = [(min(p[::2]), min(p[1::2]), max(p[::2]), max(p[1::2])) for p in polygons]
    if not any(meets(extent, size) for extent in extents):
        raise DatasetError(f"{where}: every polygon lies outside the image of {size[0]} x {size[1]}"
                           " (height x width) or has no area, so the mask is empty")  # fmt: skip
    left, top, right, bottom = zip(*extents, strict=True)
    return polygons, (min(left), min(top), max(right), max(bottom))


def meets(extent, size):
    """Whether a box x1 y1 x2 y2 that has an area shares some of it with the image."""
    x1, y1, x2, y2 = extent
    return max(x1, 0) < min(x2, size[1]) and max(y1, 0) < min(y2, size[0])


def _written(text, where):
    """A segmentation that stands as text, as tables write it."""
    try:
        return parse_json(text)
    except ValueError:
        raise DatasetError(f"{where}: there is no mask: 'segmentation' has to be a list of "
                           f"polygons or run lengths, not {short(text)}") from None  # fmt: skip


def _parts(segmentation):
    """The polygons of a list: the list itself if it is numbers, or points, of one polygon."""
    if not any(isinstance(part, list) for part in segmentation):
        return [segmentation]
    if len(segmentation) > 2 and all(_is_point(part) for part in segmentation):
        return [segmentation]
    return segmentation


def _is_point(part):
    return isinstance(part, list) and len(part) == 2 and number(part[0]) is not None


def _polygon(part, where):
    """[x, y, x, y, …] of at least three points."""
    if isinstance(part, list) and part and all(_is_point(point) for point in part):
        part = [coordinate for point in part for coordinate in point]
    polygon = numbers(part)
    if polygon is None:
        raise DatasetError(f"{where}: has to be a list of finite numbers, not {short(part)}")
    if len(polygon) % 2 == 1:
        raise DatasetError(f"{where}: has {len(polygon)} numbers, but x and y come in pairs")
    if len(polygon) < 6:
        raise DatasetError(f"{where}: has {len(polygon) // 2} points; a polygon has at least 3")
    if max(map(abs, polygon)) > FARTHEST:
        raise DatasetError(f"{where}: has a point more than {FARTHEST:.0f} pixels away")
    return array("d", polygon)  # a quarter of a list's memory


def _checked_runs(runs, size, where):
    sides = numbers(runs.get("size"))
    if sides != [float(side) for side in size]:
        turned = "; the two are swapped" if sides == [float(n) for n in size[::-1]] else ""
        raise DatasetError(f"{where}: the run lengths are of size {short(runs.get('size'))}, "
                           f"the image's [height, width] is {list(size)}{turned}")  # fmt: skip
    runs = {"size": list(size), "counts": runs.get("counts")}
    try:
        pixels = rle.area(runs)
    except ValueError as error:
        raise DatasetError(f"{where}: {error}") from None
    if pixels == 0:
        raise DatasetError(f"{where}: the mask is empty")
    y1, x1, y2, x2 = rle.box(runs).tolist()
    return runs, (x1, y1, x2, y2)
