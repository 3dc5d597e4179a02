"""A result as plain Python, and back: nothing but the photograph itself is left out.

Idea    Every number survives the way there and back, scores to the last bit and masks to the pixel,
        so that results can be kept as text and compared, drawn or joined later.
Shapes  Detections  <->  dict, list, str, int and float, as JSON knows them
"""

import numpy as np

from minimaskrcnn.coco_masks.rle import area, box, decode
from minimaskrcnn.config import COCO_CLASS_NAMES
from minimaskrcnn.errors import DatasetError, ImageError
from minimaskrcnn.photo import read_photo
from minimaskrcnn.results.joining import ragged
from minimaskrcnn.runtime.json_texts import parse_json


def to_dict(result):
    """Everything but the photograph, in types that JSON knows.

    Parameters
    ----------
    result : Detections

    Returns
    -------
    {"source": str, "height": int, "width": int, "seconds": {stage: float}, "class_names": [str,
    …], "objects": [...]}; each object is {"label": str, "class_id": int, "score": float, "box":
    [y1, x1, y2, x2] in pixels, ends excluded, "area": int in pixels, "mask": {"size": [H, W],
    "counts": str}}, where the mask is as `rle.decode` reads it; in torchvision's convention also
    "exact_box", the box before it was rounded
    """
    return {
        "source": result.source,
        "height": result.image.shape[0],
        "width": result.image.shape[1],
        "seconds": {stage: round(seconds, 6) for stage, seconds in result.seconds.items()},
        "class_names": list(result.class_names),
        "objects": [_object(detection) for detection in result],
    }


def _object(detection):
    mask = detection.run_lengths
    values = {
        "label": detection.label,
        "class_id": detection.class_id,
        "score": detection.score,
        "box": detection.box.tolist(),
        "area": area(mask),
        "mask": mask,
    }
    if detection.exact_box is not None:
        values["exact_box"] = detection.exact_box.tolist()
    return values


def fields_of(plain, image=None):
    """What `Detections` is made of, from what `to_dict` gave.

    Parameters
    ----------
    plain : dict, as `to_dict` gives or `json.loads` reads it
    image : the photograph, as `photo.read_photo` takes it; None: the file that "source" names

    Returns
    -------
    dict of the fields of Detections by name

    Raises
    ------
    DatasetError
        If the dict is not such a one, or contradicts itself.
    ImageError
        If the photograph cannot be read, or has another size.
    """
    try:
        objects, shape = list(plain["objects"]), (int(plain["height"]), int(plain["width"]))
        boxes = np.array([one["box"] for one in objects], np.int32).reshape(len(objects), 4)
        class_ids = np.array([one["class_id"] for one in objects], np.int64)
        scores = np.array([one["score"] for one in objects], np.float32)
        pairs = zip(objects, boxes.tolist(), strict=True)
        masks, mask_boxes = _masks([_mask(one["mask"], box, shape) for one, box in pairs])
        exact = [one["exact_box"] for one in objects if "exact_box" in one]
        exact_boxes = np.array(exact, np.float32).reshape(boxes.shape) if exact else None
        fields = {"source": str(plain.get("source", "")), "seconds": dict(plain.get("seconds", {}))}
        fields["class_names"] = _class_names(plain, objects)
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise DatasetError(
            f"this is not a result as `to_dict` writes it: {error!r:.200}"
        ) from error
    photo = read_photo(fields["source"] if image is None else image)
    if photo.shape[:2] != shape:
        raise ImageError(
            f"the result is of a photograph of {shape[0]} x {shape[1]} pixels, this one has "
            f"{photo.shape[0]} x {photo.shape[1]}"
        )
    arrays = {"boxes": boxes, "class_ids": class_ids, "scores": scores, "mask_probs": masks}
    return {
        "image": photo,
        **arrays,
        "mask_boxes": mask_boxes,
        "exact_boxes": exact_boxes,
        **fields,
    }


def _mask(rle, rectangle, shape):
    """The pixels of a mask, (h, w) bool, and the part of the photograph that holds them and box."""
    mask = decode(rle)  # (H, W)
    y1, x1, y2, x2 = rectangle
    if mask.shape != shape or not (0 <= y1 < y2 <= shape[0] and 0 <= x1 < x2 <= shape[1]):
        raise ValueError(f"box {rectangle} and a mask of {mask.shape} in a photograph of {shape}")
    if mask[y1:y2, x1:x2].sum() < mask.sum():  # torchvision's masks leave their boxes a little
        tight = box(rle)
        y1, x1 = np.minimum((y1, x1), tight[:2])
        y2, x2 = np.maximum((y2, x2), tight[2:])
    return mask[y1:y2, x1:x2].copy(), (y1, x1, y2, x2)


def _masks(pairs):
    """`mask_probs` and `mask_boxes` of Detections."""
    mask_boxes = np.array([region for _, region in pairs], np.int32).reshape(-1, 4)
    return ragged([mask for mask, _ in pairs]), mask_boxes


def _class_names(plain, objects):
    """The model's classes; where a dict does not say them, COCO's, or those of its objects."""
    if "class_names" in plain:
        names = tuple(map(str, plain["class_names"]))
        agree = all(one["class_id"] > 0 for one in objects)
        agree = agree and all(names[one["class_id"]] == one["label"] for one in objects)
    else:
        told = {int(one["class_id"]): str(one["label"]) for one in objects}
        names = COCO_CLASS_NAMES
        agree = all(names[i : i + 1] == (label,) for i, label in told.items())
        if not agree:
            count = max(told) + 1
            names = ("background", *(told.get(i, f"class {i}") for i in range(1, count)))
            agree = min(told) > 0
    if not agree:
        raise ValueError("labels and class ids contradict each other")
    return names


def parsed(text):
    """The dict of a JSON text, str or bytes in UTF-8; DatasetError if it is none."""
    try:
        return parse_json(text)
    except (AttributeError, TypeError, ValueError) as error:
        raise DatasetError(f"this is not the JSON of a result: {error}") from error
