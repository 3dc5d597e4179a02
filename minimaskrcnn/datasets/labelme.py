"""labelme: a JSON file per picture, with the shapes that were drawn on it.

Idea    Shapes of one label that share a `group_id` are one object in several pieces. The picture is
        the one that the file names, or the one with the file's own name. The classes are the
        labels in alphabetical order.
Source  github.com/wkentaro/labelme, the format of its files as they are.
Shapes  {path: JSON of a file}  ->  document of COCO's lists
"""

import base64
import binascii
from glob import escape
from math import hypot

import numpy as np

from minimaskrcnn.coco_masks.rle import encode_in_box
from minimaskrcnn.datasets.problems import noted
from minimaskrcnn.datasets.shapes import Drawn, document_of, ellipse, rectangle
from minimaskrcnn.datasets.values import number, short, text
from minimaskrcnn.errors import DatasetError, ImageError
from minimaskrcnn.photo import photo_size, read_photo
from minimaskrcnn.photo.endings import ending_of, format_of

NO_OBJECTS = {"__ignore__", "_background_"}  # labels that labelme itself leaves out


def is_labelme(document):
    """Whether a JSON document is a file of labelme."""
    return isinstance(document, dict) and isinstance(document.get("shapes"), list)


def read_labelme(documents, folder, problems):
    """Return labelme's files in COCO's form, and remarks on them.

    Parameters
    ----------
    documents : dict from path to what the file holds
    folder : Path of the pictures
    problems : list of str; complaints are appended
    """
    images, drawn, left_out = [], [], 0
    for path, document in documents.items():
        image = {"id": path.stem, "file_name": _picture_name(document, path, folder)}
        image |= {"height": document.get("imageHeight"), "width": document.get("imageWidth")}
        images.append(image)
        groups = {}
        for i, shape in enumerate(document["shapes"]):
            with noted(problems):
                thing = _drawn(shape, f"{path.name}, shape {i}", image, folder)
                key = thing.label, i if shape.get("group_id") is None else f"{shape['group_id']}"
                groups.setdefault(key, []).append(thing)
        kept = [_joined(group, problems) for (label, _), group in groups.items()
                if label not in NO_OBJECTS]  # fmt: skip
        left_out += len(groups) - len(kept)
        drawn += [thing for thing in kept if thing is not None]
    document, told = document_of(images, drawn)
    if left_out:
        told.append(f"labelled {' or '.join(sorted(NO_OBJECTS))}, and left out: {left_out}")
    return document, told


def _picture_name(document, path, folder):
    """The name of the picture: as the file says, or like the file's own."""
    named = str(document.get("imagePath") or "").replace("\\", "/").rsplit("/", 1)[-1].strip()
    if named and (folder / named).is_file():
        return named
    called_alike = sorted(folder.glob(f"{escape(path.stem)}.*"))
    like = [picture for picture in called_alike if format_of(ending_of(picture.name))]
    return like[0].name if len(like) == 1 else str(document.get("imagePath") or named or path.stem)


def _drawn(shape, where, image, folder):
    """The object of a shape."""
    if not isinstance(shape, dict):
        raise DatasetError(f"{where}: has to be a JSON object, not {short(shape)}")
    label, kind = text(shape, "label", where), str(shape.get("shape_type") or "polygon")
    listed = shape.get("points")
    points = [[number(x) for x in point] for point in (listed if isinstance(listed, list) else ())
              if isinstance(point, list)]  # fmt: skip
    if not points or any(len(point) != 2 or None in point for point in points):
        raise DatasetError(f"{where}: 'points' has to be a list of [x, y], not "
                           f"{short(listed)}")  # fmt: skip
    if kind == "mask":
        outline = _brushed(shape, points, where, _size(image, folder, where))
    else:
        outline = [_outline(kind, points, where)]
    return Drawn(where, image["id"], label, outline, kind == "rectangle")


def _outline(kind, points, where):
    """The polygon [x, y, …] of a shape."""
    (x, y), (x2, y2) = points[0], points[-1]
    if kind == "polygon":
        return [coordinate for point in points for coordinate in point]
    if kind == "rectangle" and len(points) > 1:
        xs, ys = zip(*points, strict=True)
        return rectangle(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    if kind == "circle" and len(points) == 2:
        return ellipse(x, y, hypot(x2 - x, y2 - y), hypot(x2 - x, y2 - y))
    raise DatasetError(f"{where}: a {kind[:40]} of {len(points)} points encloses nothing; draw a "
                       "polygon")  # fmt: skip


def _size(image, folder, where):
    """Height and width of the picture, as the file says or the picture itself is."""
    stated = [number(image[key]) for key in ("height", "width")]
    if None not in stated:
        return [int(side) for side in stated]
    try:
        return list(photo_size(folder / image["file_name"]))
    except ImageError as error:
        raise DatasetError(f"{where}: {error}") from None


def _brushed(shape, points, where, size):
    """The run lengths of a mask, which is kept as a PNG of its box."""
    try:
        mask = read_photo(base64.b64decode(shape.get("mask") or "", validate=True))[..., 0] > 0
    except (ImageError, binascii.Error, TypeError) as error:
        raise DatasetError(f"{where}: 'mask' is not a picture ({error})") from None
    x1, y1 = (int(edge) for edge in np.min(points, axis=0))
    y2, x2 = min(y1 + mask.shape[0], size[0]), min(x1 + mask.shape[1], size[1])
    top, left = max(-y1, 0), max(-x1, 0)
    window = y1 + top, x1 + left, y2, x2
    if window[0] >= y2 or window[1] >= x2:
        raise DatasetError(f"{where}: the mask lies outside of the picture")
    return encode_in_box(mask[top : y2 - y1, left : x2 - x1], window, size)


def _joined(group, problems):
    """The shapes of a group as one object; None, and a complaint, if they cannot be joined."""
    first = group[0]
    if len(group) == 1:
        return first
    if any(isinstance(thing.polygons, dict) for thing in group):
        problems.append(f"{first.name}: masks cannot share a group_id; draw one mask, or polygons")
        return None
    polygons = [polygon for thing in group for polygon in thing.polygons]
    return Drawn(first.name, first.image_id, first.label, polygons)
