"""COCO's forms: a list of results, and a dataset with images and categories.

Idea    Scores keep every bit: rounded, sure ones tie, and average precision moves. `COCO.loadRes`
        of pycocotools takes an object's area from its box where it has one, so that masks are to be
        judged without boxes beside them. A mask is run lengths, or polygons that enclose the same.
Source  cocodataset.org: "Data format" and "Results format".
Shapes  Detections  ->  list of dict
"""

import operator

from minimaskrcnn.coco_masks.rle import area
from minimaskrcnn.config import COCO_CATEGORY_IDS, COCO_CLASS_NAMES
from minimaskrcnn.errors import SettingError


def to_coco(result, image_id, boxes=True, masks=True, polygons=False, categories=None):
    """The results of one photograph, one record for each object.

    Parameters
    ----------
    result : Detections
    image_id : integer, the image's id in the COCO annotations
    boxes : whether a record has a "bbox". To judge masks by `COCOeval(…, "segm")` leave it out:
        pycocotools takes areas from the boxes where both are there
    masks : whether it has a "segmentation"
    polygons : whether that is polygons [[x1, y1, x2, …], …] rather than run lengths
    categories : K ints, the category of each class; None: see `category_ids`

    Returns
    -------
    list of {"image_id", "category_id", "score", "bbox": [x, y, width, height], "segmentation":
    {"size": [H, W], "counts": str} or polygons}

    Raises
    ------
    SettingError
        If `image_id` is no whole number.
    """
    categories = category_ids(result.class_names) if categories is None else categories
    try:
        image_id = operator.index(image_id)
    except TypeError as error:
        raise SettingError(f"image_id must be a whole number, got {image_id!r:.80}") from error
    records = []
    for detection in result:
        record = {"image_id": image_id, "category_id": int(categories[detection.class_id])}
        if boxes:
            record["bbox"] = _xywh(detection)
        record["score"] = detection.score
        if masks:
            record["segmentation"] = _segmentation(detection, polygons)
        records.append(record)
    return records


def category_ids(class_names):
    """The category of each class, K ints: COCO's sparse ids if the classes are COCO's, else 0, 1 …

    Parameters
    ----------
    class_names : K of them, the background first

    Returns
    -------
    tuple of K ints

    Examples
    --------
    >>> category_ids(("background", "circle", "square"))
    (0, 1, 2)
    """
    if tuple(class_names) == COCO_CLASS_NAMES:
        return (0, *COCO_CATEGORY_IDS)
    return tuple(range(len(class_names)))


def annotations(result, image_id, first_id, polygons=False, categories=None):
    """The objects of one photograph as annotations of a dataset; they keep their "score".

    Parameters
    ----------
    result, image_id, polygons, categories : as in `to_coco`
    first_id : int, the first object's own id; the others follow

    Returns
    -------
    list of dict
    """
    records = to_coco(result, image_id, polygons=polygons, categories=categories)
    for i, (record, detection) in enumerate(zip(records, result, strict=True)):
        record |= {"id": first_id + i, "iscrowd": 0, "area": area(detection.run_lengths)}
    return records


def _segmentation(detection, polygons):
    """Polygons, or run lengths: also for an object without pixels, which has no outline."""
    rings = detection.polygons if polygons else []
    return [ring.ravel().tolist() for ring in rings] or detection.run_lengths


def _xywh(detection):
    """The box as COCO writes it: whole pixels, or exact ones where the convention has them."""
    box = detection.box if detection.exact_box is None else detection.exact_box
    y1, x1, y2, x2 = box.tolist()
    return [x1, y1, x2 - x1, y2 - y1]
