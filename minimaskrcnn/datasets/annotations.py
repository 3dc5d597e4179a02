"""A dataset of one's own: annotations in COCO's JSON format, checked before anything is learnt.

Idea    The file lists `images`, `categories`, and `annotations`, each of which ties a mask
        (polygons or run lengths) to an image and a category. A mistake should stop a run before it
        starts, not in the middle of the night, so whatever can be checked without opening a
        picture is checked on loading. Pictures and masks are read when an example is asked for.
Source  COCO's data format, cocodataset.org/#format-data ("object detection").
Shapes  instances.json, folder of pictures  ->  a sequence of `Example`

What is broken or ambiguous is refused. Two things are not: a polygon that reaches beyond its image
is clipped by the image's border, and `clipped` names its annotation (as it does for a `bbox`, which
stays as it is stated); an object too small or thin to fill a pixel has an empty mask: training
leaves it out, evaluation counts it as missed. What is learnt is the tight box of the mask; an
annotation's own `bbox` and `area` are handed on as well, since COCO's evaluation goes by them.
Where a `bbox` is far from the polygons, `doubtful` names the annotation.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minimaskrcnn.coco_masks.polygons import polygons_to_mask
from minimaskrcnn.coco_masks.rle import decode
from minimaskrcnn.datasets import Example, boxes_of_masks
from minimaskrcnn.datasets.checks import (
    check_annotation,
    check_categories,
    check_images,
    check_masks_fit,
    read_json,
    records_of,
)
from minimaskrcnn.errors import DatasetError, ImageError
from minimaskrcnn.photo import photo_size, read_photo


@dataclass(frozen=True)
class AnnotatedImage:
    """What the file says about one image; its picture and masks are not read yet."""

    image_id: int
    path: Path
    height: int  # pixels
    width: int
    annotations: tuple[dict, ...]  # as they stand in the file, and in its order

    @property
    def objects(self):
        """The annotations that are not of crowds: what there is to learn."""
        return [record for record in self.annotations if not record.get("iscrowd", 0)]


@dataclass(frozen=True, eq=False)
class Annotations:
    """A checked dataset: `len(dataset)` images, `dataset[i]` reads one of them as an `Example`."""

    path: Path  # of the JSON file
    class_names: tuple[str, ...]  # the background, then the categories in the order of their ids
    class_id_of: dict[int, int]  # from category id to class id
    images: tuple[AnnotatedImage, ...]  # in the file's order; some may have no annotations
    clipped: tuple[int, ...]  # ids of the annotations that reach beyond their image
    doubtful: tuple[int, ...]  # ids of those whose stated box is far from their polygons

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return _read_example(self, self.images[index])


def load_annotations(json_path, images_dir):
    """Load and check a file of annotations in COCO's format.

    Parameters
    ----------
    json_path : path of the JSON file, with `images`, `categories` and `annotations`
    images_dir : path of the folder that each image's `file_name` starts from

    Returns
    -------
    Annotations : class names, the class id of each category id, and a sequence of examples

    Raises
    ------
    DatasetError
        If anything is missing, contradictory or absurd: it names file, image and annotation.
        Reading an example raises it if the picture is not of the stated size.
    """
    path, folder = Path(json_path), Path(images_dir)
    document = read_json(path)
    try:
        categories = check_categories(records_of(document, "categories"))
        images = check_images(records_of(document, "images"), folder)
        annotations = {image_id: [] for image_id in images}  # of each image
        clipped, doubtful = [], []
        for record in records_of(document, "annotations"):
            beyond, far = check_annotation(record, images, categories)
            clipped += [record["id"]] * beyond
            doubtful += [record["id"]] * far
            annotations[record["image_id"]].append(record)
        for image_id, record in images.items():
            check_masks_fit(record, len(annotations[image_id]))
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from None
    return Annotations(
        path,
        class_names=("background", *categories.values()),
        class_id_of={category: i for i, category in enumerate(categories, start=1)},
        images=tuple(
            AnnotatedImage(
                image_id,
                folder / record["file_name"],
                record["height"],
                record["width"],
                tuple(annotations[image_id]),
            )
            for image_id, record in images.items()
        ),
        clipped=tuple(clipped),
        doubtful=tuple(doubtful),
    )


def remarks(dataset):
    """Yield lines that say how much there is, and what looks odd."""
    objects = sum(len(image.objects) for image in dataset.images)
    yield (
        f"{dataset.path}: {len(dataset.images)} images, {objects} objects, "
        f"{len(dataset.class_names) - 1} classes"
    )
    if dataset.clipped:
        first, count = dataset.clipped[0], len(dataset.clipped)
        yield f"  beyond their image, and clipped there: {count} annotations (the first is {first})"
    if dataset.doubtful:
        first, count = dataset.doubtful[0], len(dataset.doubtful)
        yield (
            f"  with a bbox far from their polygons: {count} annotations (the first is {first}); "
            "a bbox is [x, y, width, height]"
        )


def check_pictures(dataset):
    """Look at the beginning of every picture's file: is it a picture, of the size that is stated?

    Raises
    ------
    DatasetError
        Naming file, image and picture.
    """
    for image in dataset.images:
        try:
            _check_size(dataset, image, photo_size(image.path))
        except ImageError as error:
            raise DatasetError(f"{dataset.path}: image {image.image_id}: {error}") from error


def _read_example(dataset, image):
    try:
        picture = read_photo(image.path)
    except ImageError as error:
        raise DatasetError(f"{dataset.path}: image {image.image_id}: {error}") from error
    _check_size(dataset, image, picture.shape[:2])
    masks = np.zeros((len(image.annotations), image.height, image.width), bool)  # (N, H, W)
    class_ids = np.zeros(len(masks), np.int64)
    for i, record in enumerate(image.annotations):
        masks[i] = _mask(record["segmentation"], image)
        sign = -1 if record.get("iscrowd", 0) else 1
        class_ids[i] = sign * dataset.class_id_of[record["category_id"]]
    stated = _stated(image.annotations, masks)
    return Example(picture, class_ids, masks, image.image_id, *stated)


def _check_size(dataset, image, size):
    if size != (image.height, image.width):
        raise DatasetError(
            f"{dataset.path}: image {image.image_id}: the picture {image.path} is {size[0]} x "
            f"{size[1]} pixels (height x width), the file says {image.height} x {image.width}; "
            "annotations belong to the picture as it is shown, turned as its EXIF data say"
        )


def _stated(records, masks):
    """Boxes (N, 4) and areas (N,) as the records state them, else those of the masks."""
    boxes = boxes_of_masks(masks).astype(np.float64)
    areas = masks.sum(axis=(1, 2), dtype=np.float64)
    for i, record in enumerate(records):
        areas[i] = record.get("area", areas[i])
        if "bbox" in record:
            x, y, width, height = record["bbox"]
            boxes[i] = y, x, y + height, x + width
    return boxes, areas


def _mask(segmentation, image):
    if isinstance(segmentation, dict):
        return decode(segmentation)
    return polygons_to_mask(segmentation, image.height, image.width)
