"""What can be wrong with a file of annotations, and the sentence that says so.

Idea    Each function checks one kind of record and returns it in the form that is needed next.
        The first mistake found is raised as a `DatasetError` that names image and annotation by
        their ids; `load_annotations` puts the file's name before it. No picture is opened, no mask
        unpacked, and nothing is allocated by a size that only the file claims.
"""

import json
import os
import reprlib
from pathlib import Path

from minimaskrcnn.coco_masks.polygons import FARTHEST
from minimaskrcnn.coco_masks.rle import area, check_size
from minimaskrcnn.errors import DatasetError

MAX_FILE = 2**29  # bytes of JSON; the largest of COCO's own files has 450 million
MAX_MASKS = 2**30  # bytes that the masks of one image may take together, a byte a pixel

_short = reprlib.Repr().repr  # writes whatever a file may contain, however long or deep


def read_json(path):
    """Return the JSON object in a file."""
    try:
        size = path.stat().st_size
        text = path.read_bytes() if size <= MAX_FILE else b""
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    if size > MAX_FILE:
        raise DatasetError(f"{path}: has {size} bytes, more than {MAX_FILE}; split the dataset")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: is not JSON ({error})") from error
    if not isinstance(document, dict):
        found = _short(document)
        raise DatasetError(f"{path}: has to be an object with the list 'images', not {found}")
    return document


def records_of(document, key):
    """The list `document[key]`: not empty, of objects, each with an id of its own."""
    records = document.get(key)
    if not isinstance(records, list) or not records:
        raise DatasetError(f"there are no {key}: '{key}' has to be a list of at least one")
    seen = set()
    for number, record in enumerate(records):
        where = f"entry {number} (from 0) of '{key}'"
        if not isinstance(record, dict):
            raise DatasetError(f"{where}: has to be a JSON object, not {_short(record)}")
        record_id = _whole(record, "id", where)
        if record_id in seen:
            raise DatasetError(f"{where}: the id {record_id} is taken by an earlier entry")
        seen.add(record_id)
    return records


def check_categories(records):
    """A dict from category id to name, in the order of ids."""
    names, taken = {}, {"background"}
    for record in sorted(records, key=lambda record: record["id"]):
        where = f"category {record['id']}"
        name = _text(record, "name", where)
        if name != name.strip() or not name.isprintable():
            raise DatasetError(f"{where}: the name {_short(name)} has blanks around it, or "
                               "characters that cannot be printed")  # fmt: skip
        if name in taken:
            raise DatasetError(f"{where}: the name {_short(name)} is taken; names are unique, and "
                               "'background' is class 0 of every dataset")  # fmt: skip
        taken.add(name)
        names[record["id"]] = name
    return names


def check_images(records, folder):
    """A dict from image id to its record; the pictures' files are there."""
    if not folder.is_dir():
        found = "no folder" if folder.exists() else "not there"
        raise DatasetError(f"the folder of pictures, {folder}, is {found}")
    for record in records:
        where = f"image {record['id']}"
        size = [_whole(record, "height", where), _whole(record, "width", where)]
        if min(size) < 1:
            raise DatasetError(f"{where}: height and width have to be positive, not {size}")
        try:
            check_size(size)
        except ValueError as error:
            raise DatasetError(f"{where}: {error}") from None
        name = _text(record, "file_name", where)
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DatasetError(f"{where}: the file {name[:200]!r} has to lie inside {folder}")
        if not os.path.isfile(folder / name):  # unlike Path's, False for any name there can be
            raise DatasetError(f"{where}: there is no file {name[:200]!r} in {folder}")
    return {record["id"]: record for record in records}


def check_masks_fit(image, count):
    """Refuse an image whose `count` masks could not be held in memory together."""
    size = count * image["height"] * image["width"]
    if size > MAX_MASKS:
        raise DatasetError(f"image {image['id']}: the masks of {count} annotations would take "
                           f"{size} bytes, more than {MAX_MASKS}; make the picture and its "
                           "annotations smaller")  # fmt: skip


def check_annotation(record, images, categories):
    """Return whether a part of it lies beyond its image; whether its box is far from its polygons.

    "Far" is an edge that is off by more than a quarter of the side and two pixels, as when the box
    was written as x1 y1 x2 y2.
    """
    where = f"annotation {record['id']}"
    image_id = _whole(record, "image_id", where)
    if image_id not in images:
        raise DatasetError(f"{where}: there is no image {image_id} in 'images'")
    where = f"image {image_id}, {where}"
    category_id = _whole(record, "category_id", where)
    if category_id not in categories:
        raise DatasetError(f"{where}: there is no category {category_id} in 'categories'")
    if record.get("iscrowd", 0) not in (0, 1):
        raise DatasetError(f"{where}: 'iscrowd' is 0 or 1, not {_short(record['iscrowd'])}")
    if "area" in record and not (_is_finite(record["area"]) and record["area"] >= 0):
        raise DatasetError(f"{where}: 'area' is a number of pixels, not {_short(record['area'])}")
    size = images[image_id]["height"], images[image_id]["width"]
    box_beyond = "bbox" in record and _check_box(record["bbox"], size, where)
    if isinstance(record.get("segmentation"), dict):
        _check_rle(record["segmentation"], size, where)
        return box_beyond, False
    extent = _check_polygons(record.get("segmentation"), size, where)
    far = "bbox" in record and _is_far(record["bbox"], extent, size)
    return box_beyond or _reaches_beyond(extent, size), far


def _check_box(box, size, where):
    if not isinstance(box, list) or len(box) != 4 or not all(_is_finite(n) for n in box):
        raise DatasetError(f"{where}: 'bbox' is [x, y, width, height], not {_short(box)}")
    x, y, width, height = box
    if width <= 0 or height <= 0:
        raise DatasetError(f"{where}: the box {_short(box)} (x, y, width, height) has no area")
    extent = (x, y, x + width, y + height)
    if max(map(abs, extent)) > FARTHEST:
        raise DatasetError(f"{where}: the box {_short(box)} reaches further than "
                           f"{FARTHEST:.0f} pixels")  # fmt: skip
    if not _meets(extent, size):
        raise DatasetError(f"{where}: the box {_short(box)} (x, y, width, height) lies outside "
                           f"the image of {size[0]} x {size[1]} (height x width)")  # fmt: skip
    return _reaches_beyond(extent, size)


def _check_rle(rle, size, where):
    if rle.get("size") != list(size):
        raise DatasetError(f"{where}: the run lengths are of size {_short(rle.get('size'))}, "
                           f"the image's [height, width] is {list(size)}")  # fmt: skip
    try:
        pixels = area(rle)
    except ValueError as error:
        raise DatasetError(f"{where}: {error}") from None
    if pixels == 0:
        raise DatasetError(f"{where}: the mask is empty")


def _check_polygons(polygons, size, where):
    """Return the extent of all polygons together."""
    if not isinstance(polygons, list) or not polygons:
        raise DatasetError(f"{where}: there is no mask: 'segmentation' has to be a list of "
                           f"polygons or run lengths, not {_short(polygons)}")  # fmt: skip
    extents = [_extent(polygon, f"{where}, polygon {i}") for i, polygon in enumerate(polygons)]
    if not any(_meets(extent, size) for extent in extents):
        raise DatasetError(f"{where}: every polygon lies outside the image of {size[0]} x {size[1]}"
                           " (height x width) or has no area, so the mask is empty")  # fmt: skip
    left, top, right, bottom = zip(*extents, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _is_far(box, extent, size):
    x, y, width, height = box
    stated, drawn = _within((x, y, x + width, y + height), size), _within(extent, size)
    sides = (drawn[2] - drawn[0], drawn[3] - drawn[1]) * 2
    return any(abs(a - b) > side / 4 + 2 for a, b, side in zip(stated, drawn, sides, strict=True))


def _within(extent, size):
    """The part of a box that lies in the image."""
    most = (size[1], size[0]) * 2
    return [min(max(edge, 0), end) for edge, end in zip(extent, most, strict=True)]


def _extent(polygon, where):
    """x1, y1, x2, y2 of a polygon [x, y, x, y, …]."""
    if not isinstance(polygon, list) or not all(_is_finite(n) for n in polygon):
        raise DatasetError(f"{where}: has to be a list of finite numbers, not {_short(polygon)}")
    if len(polygon) % 2 == 1:
        raise DatasetError(f"{where}: has {len(polygon)} numbers, but x and y come in pairs")
    if len(polygon) < 6:
        raise DatasetError(f"{where}: has {len(polygon) // 2} points; a polygon has at least 3")
    if max(map(abs, polygon)) > FARTHEST:
        raise DatasetError(f"{where}: has a point more than {FARTHEST:.0f} pixels away")
    return min(polygon[::2]), min(polygon[1::2]), max(polygon[::2]), max(polygon[1::2])


def _meets(extent, size):
    """Whether a box that has an area shares some of it with the image."""
    x1, y1, x2, y2 = extent
    return max(x1, 0) < min(x2, size[1]) and max(y1, 0) < min(y2, size[0])


def _reaches_beyond(extent, size):
    x1, y1, x2, y2 = extent
    return x1 < 0 or y1 < 0 or x2 > size[1] or y2 > size[0]


def _whole(record, key, where):
    number = record.get(key)
    if not isinstance(number, int) or isinstance(number, bool):
        raise DatasetError(f"{where}: '{key}' has to be a whole number, {_found(record, key)}")
    return number


def _text(record, key, where):
    text = record.get(key)
    if not isinstance(text, str) or not text.strip():
        raise DatasetError(f"{where}: '{key}' has to be a text, {_found(record, key)}")
    return text


def _found(record, key):
    return f"not {_short(record[key])}" if key in record else "but is missing"


def _is_finite(number):
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return is_number and abs(number) < 1e300  # false for NaN, too
