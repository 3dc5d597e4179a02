"""Results in other forms: a table, plain Python, COCO's JSON, the arrays of other tools.

Idea    One function a form, from Detections to plain data. Masks go out as run lengths, pasted one
        at a time.
Shapes  Detections  ->  str, dict, list of dict
"""

from minimaskrcnn.coco_masks.rle import area, encode_in_box
from minimaskrcnn.config import COCO_CATEGORY_IDS, COCO_CLASS_NAMES
from minimaskrcnn.errors import printable, shortened

LONGEST = 40  # letters of a class name in the table


def table(result):
    """The objects as a table for the terminal: number, label, score and box of each.

    Returns
    -------
    str, without a line break at its end
    """
    height, width = result.image.shape[:2]
    where = f" in {printable(result.source)}" if result.source else ""
    count = f"{len(result) or 'no'} object{'' if len(result) == 1 else 's'}"
    time = f", {sum(result.seconds.values()):.2f} s" if result.seconds else ""
    lines = [f"{count}{where} ({height} x {width} pixels{time})"]
    if len(result):
        labels = [shortened(label, LONGEST) for label in result.labels]
        longest = max(map(len, labels))
        lines.append(f"  #  {'label':{longest}}  score     y1     x1     y2     x2")
    for i, detection in enumerate(result):
        label = f"{labels[i]:{longest}}"
        box = " ".join(f"{edge:6d}" for edge in detection.box)
        lines.append(f"{i:3d}  {label}  {detection.score:5.3f} {box}")
    return "\n".join(lines)


def to_dict(result):
    """Everything but the photograph, in types that JSON knows.

    Returns
    -------
    {"source": str, "height": int, "width": int, "seconds": {stage: float}, "objects": [...]};
    each object is {"label": str, "class_id": int, "score": float, "box": [y1, x1, y2, x2] in
    pixels, ends excluded, "area": int in pixels, "mask": {"size": [H, W], "counts": str}}, where
    the mask is as `rle.decode` reads it
    """
    return {
        "source": result.source,
        "height": result.image.shape[0],
        "width": result.image.shape[1],
        "seconds": {stage: round(seconds, 6) for stage, seconds in result.seconds.items()},
        "objects": [_object(detection) for detection in result],
    }


def run_lengths(detection):
    """The mask of one object as COCO's run lengths, {"size": [H, W], "counts": str}."""
    return encode_in_box(detection.mask_in_region, detection.region, detection.image.shape)


def _object(detection):
    mask = run_lengths(detection)
    return {
        "label": detection.label,
        "class_id": detection.class_id,
        "score": round(detection.score, 6),
        "box": detection.box.tolist(),
        "area": area(mask),
        "mask": mask,
    }


def to_coco(result, image_id):
    """COCO's results format: what `COCO.loadRes` of pycocotools reads, once for each object.

    Parameters
    ----------
    result : Detections
    image_id : int, the image's id in the COCO annotations

    Returns
    -------
    list of {"image_id", "category_id", "bbox": [x, y, width, height], "score", "segmentation":
    {"size": [H, W], "counts": str}}. The category is COCO's own (1 … 90) if the model's classes are
    COCO's, else the class id.
    """
    ids = category_ids(result.class_names)
    return [
        {
            "image_id": image_id,
            "category_id": ids[detection.class_id],
            "bbox": _xywh(detection),
            "score": round(detection.score, 6),
            "segmentation": run_lengths(detection),
        }
        for detection in result
    ]


def category_ids(class_names):
    """The category of each class, K ints: COCO's sparse ids if the classes are COCO's, else 0, 1 …

    Examples
    --------
    >>> category_ids(("background", "circle", "square"))
    (0, 1, 2)
    """
    if tuple(class_names) == COCO_CLASS_NAMES:
        return (0, *COCO_CATEGORY_IDS)
    return tuple(range(len(class_names)))


def _xywh(detection):
    """The box as COCO writes it: whole pixels, or exact ones where the convention has them."""
    y1, x1, y2, x2 = detection.box.tolist()
    if detection.exact_box is not None:
        y1, x1, y2, x2 = (round(edge, 3) for edge in detection.exact_box.tolist())
    return [x1, y1, x2 - x1, y2 - y1]


def to_arrays(result):
    """Arrays under the names that other tools' detections are built from.

    Returns
    -------
    {"xyxy": (N, 4) float32 pixels, "mask": (N, H, W) bool, "confidence": (N,) float32, "class_id":
    (N,) int64, "class_name": list of N str}. The masks need N times the photograph's pixels.

    Examples
    --------
    For the `supervision` library:

    >>> arrays = result.to_arrays()  # doctest: +SKIP
    >>> names = {"class_name": np.array(arrays.pop("class_name"))}  # doctest: +SKIP
    >>> supervision.Detections(**arrays, data=names)  # doctest: +SKIP
    """
    return {
        "xyxy": result.boxes_xyxy.astype("float32"),
        "mask": result.masks,
        "confidence": result.scores,
        "class_id": result.class_ids,
        "class_name": result.labels,
    }
