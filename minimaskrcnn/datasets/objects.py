"""One object of a dataset: a record of `annotations`, checked.

Idea    An annotation ties a mask to an image and a category. Its bbox and area repeat what the mask
        says; where the bbox is far from the mask, the mask's own box counts.
Source  COCO's data format, cocodataset.org/#format-data ("object detection").
Shapes  record, its image, the classes  ->  AnnotatedObject
"""

from collections import Counter
from dataclasses import dataclass

from minimaskrcnn.coco_masks.polygons import FARTHEST
from minimaskrcnn.datasets.segmentations import checked_segmentation, is_empty, meets
from minimaskrcnn.datasets.values import flag, found, identity, number, numbers, short
from minimaskrcnn.errors import DatasetError


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """What a file says about one object; its mask is not drawn yet."""

    name: str  # what to call it: its id, or its place in the file
    class_id: int  # 1 … K
    crowd: bool  # a region of many objects, which is neither learned nor judged as one
    mask: list | dict | None  # polygons [x, y, …] or run lengths; None: only a box is known
    box: tuple | None  # y1 x1 y2 x2 in pixels as stated; None: not stated, or far from the mask
    area: float | None  # pixels as stated
    clipped: bool  # a part of it lies beyond the image
    doubtful: bool  # its stated box was far from its mask


def names_of(records):
    """Yield what to call each annotation: its id, where ids tell them apart, else its place."""
    ids = [record.get("id") if isinstance(record, dict) else None for record in records]
    plain = [x if isinstance(x, int | str) and not isinstance(x, bool) else None for x in ids]
    counts = Counter(plain)
    for i, x in enumerate(plain):
        own = x is not None and counts[x] == 1
        yield f"annotation {str(x)[:80]}" if own else f"entry {i} (from 0) of 'annotations'"


def image_of(record, name):
    """The id of the image that an annotation belongs to."""
    if not isinstance(record, dict):
        raise DatasetError(f"{name}: has to be a JSON object, not {short(record)}")
    return identity(record, "image_id", name)


def has_box_only(record):
    """Whether an annotation has a box and nothing that could be a mask."""
    return isinstance(record, dict) and record.get("bbox") and is_empty(record.get("segmentation"))


def checked_object(record, name, image_id, picture, class_id_of, boxes_only=False):
    """Return the AnnotatedObject of a record.

    Parameters
    ----------
    record : dict as it stands in the file
    name : str, what to call it in a complaint
    image_id : of its image
    picture : Picture of its image
    class_id_of : dict from category id to class id
    boxes_only : whether the dataset has no masks at all

    Raises
    ------
    DatasetError
        If anything is missing, contradictory or absurd.
    """
    where, size = f"image {image_id}, {name}", [picture.height, picture.width]
    category = identity(record, "category_id", where)
    if category not in class_id_of:
        raise DatasetError(f"{where}: there is no category {category} in 'categories'")
    crowd, area = flag(record, "iscrowd", where), _area(record, where)
    stated = _checked_box(record, size, where)
    if boxes_only:
        mask, extent = None, stated
    else:
        mask, extent = checked_segmentation(record.get("segmentation"), size, where)
    doubtful = stated is not None and _is_far(stated, extent, size)
    box = None if stated is None or doubtful else (stated[1], stated[0], stated[3], stated[2])
    beyond = _reaches_beyond(extent, size) or (box is not None and _reaches_beyond(stated, size))
    return AnnotatedObject(name, class_id_of[category], crowd, mask, box, area, beyond, doubtful)


def _area(record, where):
    """The stated area in pixels; None where there is none, or 0, which some programs fill in."""
    if record.get("area") is None:
        return None
    area = number(record["area"])
    if area is None or area < 0:
        raise DatasetError(f"{where}: 'area' is a number of pixels, {found(record, 'area')}")
    return area or None


def _checked_box(record, size, where):
    """x1 y1 x2 y2 as stated, or None."""
    if record.get("bbox") in (None, [], ""):
        return None
    box = numbers(record["bbox"])
    if box is None or len(box) != 4:
        raise DatasetError(f"{where}: 'bbox' is [x, y, width, height], {found(record, 'bbox')}")
    x, y, width, height = box
    written = f"the box {short(record['bbox'])} (x, y, width, height)"
    if width <= 0 or height <= 0:
        raise DatasetError(f"{where}: {written} has no area")
    extent = (x, y, x + width, y + height)
    if max(map(abs, extent)) > FARTHEST:
        raise DatasetError(f"{where}: {written} reaches further than {FARTHEST:.0f} pixels")
    if not meets(extent, size):
        raise DatasetError(f"{where}: {written} lies outside the image of {size[0]} x {size[1]} "
                           "(height x width)")  # fmt: skip
    return extent


def _is_far(stated, extent, size):
    """Whether an edge is off by more than a quarter of the side and two pixels (x1 y1 x2 y2)."""
    stated, drawn = _within(stated, size), _within(extent, size)
    sides = (drawn[2] - drawn[0], drawn[3] - drawn[1]) * 2
    return any(abs(a - b) > side / 4 + 2 for a, b, side in zip(stated, drawn, sides, strict=True))


def _within(extent, size):
    """The part of a box that lies in the image."""
    most = (size[1], size[0]) * 2
    return [min(max(edge, 0), end) for edge, end in zip(extent, most, strict=True)]


def _reaches_beyond(extent, size):
    x1, y1, x2, y2 = extent
    return x1 < 0 or y1 < 0 or x2 > size[1] or y2 > size[0]
