"""Reading the examples of a dataset: pictures from their files, masks from polygons or run lengths.

Idea    A picture is opened when its example is asked for, and must have the size that the
        annotations belong to. Masks are drawn within their boxes and kept as run lengths: a
        thousand objects in a large picture take a few megabytes. Only what learns from whole masks
        unpacks them.
Shapes  AnnotatedImage  ->  Example, masks as N run lengths or (N, H, W) bool
"""

from dataclasses import replace

import numpy as np

from minimaskrcnn.coco_masks import rle
from minimaskrcnn.coco_masks.polygons import polygons_in_window, window_around
from minimaskrcnn.datasets.example import Example
from minimaskrcnn.datasets.problems import noted, refuse
from minimaskrcnn.datasets.sizes import check_size
from minimaskrcnn.errors import DatasetError, ImageError
from minimaskrcnn.photo import photo_size, read_photo

MAX_MASKS = 2**30  # bytes that the unpacked masks of one example may take, a byte per pixel


def packed_example(dataset, image):
    """Read an example; its masks are run lengths, or None in a dataset of boxes only."""
    try:
        picture = read_photo(image.path, dataset.orient)
    except ImageError as error:
        raise DatasetError(f"{dataset.path}: image {image.image_id}: {error}") from error
    try:
        _check_size(image, picture.shape[:2], dataset.orient)
    except DatasetError as error:
        raise DatasetError(f"{dataset.path}: {error}") from None
    signs = [-1 if annotation.crowd else 1 for annotation in image.annotations]
    class_ids = [annotation.class_id for annotation in image.annotations]
    masks = [run_lengths_of(a.mask, image.height, image.width) for a in image.annotations if a.mask]
    return Example(
        picture,
        np.array(class_ids, np.int64) * np.array(signs, np.int64),
        None if dataset.boxes_only else masks,
        image.image_id,
        *_stated(image.annotations, masks),
    )


def unpacked_example(dataset, image):
    """Read an example; its masks are (N, H, W) bool."""
    check_memory(dataset, [image])
    example = packed_example(dataset, image)
    if example.masks is None:
        raise DatasetError(f"{dataset.path}: has boxes and no masks")
    masks = np.zeros((len(example.masks), image.height, image.width), bool)  # (N, H, W)
    for mask, packed in zip(masks, example.masks, strict=True):
        mask[...] = rle.decode(packed)
    return replace(example, masks=masks)


def run_lengths_of(mask, height, width):
    """The run lengths of an object's polygons, drawn within their box; or those it has."""
    if isinstance(mask, dict):
        return mask
    window = window_around(mask, height, width)
    return rle.encode_in_box(polygons_in_window(mask, window), window, (height, width))


def check_memory(dataset, images):
    """Refuse images whose masks could not be held in memory unpacked.

    Parameters
    ----------
    dataset : Annotations
    images : iterable of AnnotatedImage
    """
    for image in images:
        count = len(image.annotations)
        size = count * image.height * image.width
        if size > MAX_MASKS:
            raise DatasetError(
                f"{dataset.path}: image {image.image_id}: the masks of {count} annotations would "
                f"take {size} bytes, more than {MAX_MASKS}; make the picture and its annotations "
                "smaller"
            )


def check_objects(dataset, to_learn=False):
    """Refuse a dataset that has nothing to judge by, or to learn from.

    Parameters
    ----------
    dataset : Annotations
    to_learn : whether there must be masks, not only boxes
    """
    if to_learn and dataset.boxes_only:
        raise DatasetError(f"{dataset.path}: has boxes and no masks, which Mask R-CNN learns from; "
                           "export polygons or masks with it")  # fmt: skip
    if not any(image.objects for image in dataset.images):
        raise DatasetError(
            f"{dataset.path}: no image has an object, there is nothing to learn or judge: every "
            "annotation is of a crowd (iscrowd 1); if they are single objects, as of CVAT's brush, "
            "give --crowds-are-objects"
        )


def check_pictures(dataset, whole=False, skip_bad=False):
    """Look at the pictures' files before a run: are they pictures, of the size that is stated?

    Parameters
    ----------
    dataset : Annotations
    whole : whether the pictures are read to their ends, so that damage anywhere is found; else
        only the beginning of each file is
    skip_bad : whether to go on without the pictures that are no good

    Returns
    -------
    Annotations without those

    Raises
    ------
    DatasetError
        Naming file, images and pictures.
    """
    problems, good = [], []
    for image in dataset.images:
        with noted(problems):
            _check_picture(image, dataset.orient, whole)
            good.append(image)
    refuse(dataset.path, problems, skip_bad, left=bool(good))
    return replace(dataset, images=tuple(good), left_out=(*dataset.left_out, *problems))


def _check_picture(image, orient, whole):
    try:
        read = read_photo(image.path, orient) if whole else None
        size = photo_size(image.path, orient) if read is None else read.shape[:2]
    except ImageError as error:
        raise DatasetError(f"image {image.image_id}: {error}") from None
    _check_size(image, size, orient)


def _check_size(image, size, orient):
    check_size(image.image_id, image.path, (image.height, image.width), size, orient)


def _stated(annotations, masks):
    """Boxes (N, 4) and areas (N,) as the annotations state them, else those of the masks."""
    boxes, areas = np.zeros((len(annotations), 4)), np.zeros(len(annotations))
    for i, annotation in enumerate(annotations):
        boxes[i] = rle.box(masks[i]) if annotation.box is None else annotation.box
        if annotation.area is not None:
            areas[i] = annotation.area
        elif masks:
            areas[i] = rle.area(masks[i])
        else:
            areas[i] = np.prod(boxes[i, 2:] - boxes[i, :2])
    return boxes, areas
