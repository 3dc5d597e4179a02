"""The files that `minimaskrcnn predict` writes: for each photograph its own, and COCO's for all.

Idea    NAME is the photograph's own name without its suffix. NAME.detections.png is the picture,
        NAME.detections.json the list, NAME.masks.png the objects' numbers (16 bit; 0 is nothing,
        else 1 + number), NAME.crops/ has each object cut out. None of them is the photograph's own
        name, so none is written over. detections.coco.json is a dataset of all photographs.
Shapes  Detections  ->  files
"""

import json
import re
from itertools import chain, count
from pathlib import Path

from minimaskrcnn.coco_masks.rle import area
from minimaskrcnn.photo.finding import DETECTIONS, MASKS
from minimaskrcnn.results.exports import category_ids
from minimaskrcnn.results.picture import write_picture
from minimaskrcnn.runtime.files import written_whole


def file_names(photos):
    """NAME of each photograph: {path: name}; a name that is taken gets a number.

    Examples
    --------
    >>> list(file_names(["a/dog.jpg", "b/dog.png", "cat.jpg"]).values())
    ['dog', 'dog-2', 'cat']
    """
    names, taken = {}, set()
    for path in photos:
        stem = Path(path).stem
        tries = chain([stem], (f"{stem}-{i}" for i in count(2)))
        names[path] = next(name for name in tries if name.casefold() not in taken)
        taken.add(names[path].casefold())
    return names


def image_ids(photos):
    """COCO's ids: the numbers that the files are called by (000000000139.jpg), else 1, 2, 3 …

    Examples
    --------
    >>> list(image_ids(["000139.jpg", "000285.jpg"]).values())
    [139, 285]
    """
    stems = [Path(path).stem for path in photos]
    if all(stem.isdecimal() for stem in stems) and len(set(map(int, stems))) == len(stems):
        return {path: int(stem) for path, stem in zip(photos, stems, strict=True)}
    return {path: i for i, path in enumerate(photos, start=1)}


def write_result(result, name, folder, formats):
    """Write what was found in one photograph.

    Parameters
    ----------
    result : Detections
    name : str, what the files' names begin with
    folder : Path; made if it is not there
    formats : any of "png", "json", "masks", "crops"
    """
    folder.mkdir(parents=True, exist_ok=True)
    if "png" in formats:
        result.save(folder / f"{name}{DETECTIONS}")
    if "json" in formats:
        write_text(folder / f"{name}.detections.json", result.to_json(indent=1))
    if "masks" in formats:
        write_picture(folder / f"{name}{MASKS}", result.label_map().astype("uint16"))
    if "crops" in formats:
        _write_crops(result, folder / f"{name}.crops")


def _write_crops(result, folder):
    for i, detection in enumerate(result):
        folder.mkdir(exist_ok=True)
        label = re.sub(r"[^\w-]+", "_", detection.label)
        write_picture(folder / f"{i:02d}_{label}.png", detection.crop)


def write_text(path, text):
    """Write a text of JSON, UTF-8; of a file name that is none, bytes become escapes: \\udce9."""
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")


def new_dataset(class_names):
    """A dataset in COCO's format without images: what `COCO(file)` of pycocotools reads."""
    named = zip(category_ids(class_names), class_names, strict=True)
    categories = [{"id": i, "name": name} for i, name in named][1:]  # without the background
    return {"images": [], "annotations": [], "categories": categories}


def add_to_dataset(dataset, result, image_id):
    """Append one photograph and its objects to a dataset; objects keep their "score"."""
    height, width = result.image.shape[:2]
    name = Path(result.source).name
    image = {"id": image_id, "file_name": name, "height": height, "width": width}
    dataset["images"].append(image)
    for record in result.to_coco(image_id):
        own = {"id": len(dataset["annotations"]) + 1, "iscrowd": 0}
        own["area"] = area(record["segmentation"])
        dataset["annotations"].append(own | record)


def write_dataset(dataset, folder):
    """Write detections.coco.json."""
    write_text(folder / "detections.coco.json", json.dumps(dataset))
