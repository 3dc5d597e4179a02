"""Writing a dataset: pictures and COCO's JSON, from examples of any source.

Idea    What `annotations` reads, written: to hand drawn scenes to another program, or to learn from
        them as if they were somebody's own pictures.
Source  COCO's data format, cocodataset.org/#format-data ("object detection").
Shapes  examples  ->  folder with annotations.json and one PNG per example
"""

import json
from pathlib import Path

from minimaskrcnn.coco_masks import rle
from minimaskrcnn.results.encoding import write_picture
from minimaskrcnn.runtime.files import written_whole

ANNOTATIONS = "annotations.json"


def write_dataset(folder, examples, class_names):
    """Write examples as a dataset.

    Parameters
    ----------
    folder : path, made if need be
    examples : iterable of Example; one is in memory at a time
    class_names : of their class ids, the background first

    Returns
    -------
    Path of the JSON file
    """
    folder, images, annotations = Path(folder), [], []
    folder.mkdir(parents=True, exist_ok=True)
    for number, example in enumerate(examples, start=1):
        name = f"{number:05}.png"
        write_picture(folder / name, example.image)
        height, width = example.image.shape[:2]
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for record in _records(example):
            annotations.append({"id": len(annotations) + 1, "image_id": number, **record})
    names = [{"id": i, "name": name} for i, name in enumerate(class_names) if i]
    document = {"images": images, "annotations": annotations, "categories": names}
    with written_whole(folder / ANNOTATIONS) as beside:
        beside.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return folder / ANNOTATIONS


def _records(example):
    """An annotation for each object, without ids."""
    for class_id, mask, box in zip(example.class_ids, example.masks, example.boxes, strict=True):
        y1, x1, y2, x2 = box.tolist()
        yield {
            "category_id": abs(int(class_id)),
            "iscrowd": int(class_id < 0),
            "area": int(mask.sum()),
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "segmentation": rle.encode(mask),
        }
