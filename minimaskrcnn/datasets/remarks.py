"""Remarks: how much there is in a dataset, and what looks odd in it, for the user to read.

Idea    Whatever is read differently from how it is written, clipped, or left out is mentioned.
Shapes  Annotations  ->  lines
"""

import numpy as np

from minimaskrcnn.coco_masks import rle
from minimaskrcnn.datasets.problems import SHOWN
from minimaskrcnn.image import scaled_size


def remarks(dataset):
    """Yield lines that say how much there is, and what looks odd."""
    objects = sum(len(image.objects) for image in dataset.images)
    yield (
        f"{dataset.path}: {len(dataset.images)} images, {objects} objects, "
        f"{len(dataset.class_names) - 1} classes"
    )
    yield from (f"  {line}" for line in dataset.told)
    if dataset.boxes_only:
        yield "  boxes and no masks: boxes can be judged, masks neither learned nor judged"
    annotations = [a for image in dataset.images for a in image.annotations]
    yield from _counted(
        "beyond their image, and clipped there", [a.name for a in annotations if a.clipped]
    )
    yield from _counted(
        "with a bbox far from their mask, whose own box counts",
        [a.name for a in annotations if a.doubtful],
        "; a bbox is [x, y, width, height]",
    )
    yield from _crowds(annotations)
    if dataset.left_out:
        yield f"  left out, for they are wrong: {len(dataset.left_out)}"
        yield from (f"    {problem}" for problem in dataset.left_out[:SHOWN])


def too_small(dataset, config):
    """Yield a line about objects that may have no pixel left in the network's frame.

    Parameters
    ----------
    dataset : Annotations, with masks
    config : Config of the network that learns from whole pictures
    """
    lost, least = 0, np.inf
    for image in dataset.images:
        height, width = scaled_size((image.height, image.width), config)
        for annotation in image.objects:
            tall, wide = _sides(annotation.mask)
            least = min(least, tall, wide)
            lost += tall * height < image.height or wide * width < image.width
    if lost:
        yield (
            f"  smaller than a pixel of the network's frame of {config.image_max_size} pixels, and "
            f"perhaps not learned: {lost} objects (the thinnest has {least:.3g} pixels)"
        )


def _sides(mask):
    """Height and width of a mask in pixels."""
    if isinstance(mask, dict):
        y1, x1, y2, x2 = rle.box(mask).tolist()
        return y2 - y1, x2 - x1
    xs = [x for polygon in mask for x in polygon[::2]]
    ys = [y for polygon in mask for y in polygon[1::2]]
    return max(ys) - min(ys), max(xs) - min(xs)


def _counted(what, names, hint=""):
    if names:
        first = names[0].removeprefix("annotation ")
        yield f"  {what}: {len(names)} annotations (the first is {first}){hint}"


def _crowds(annotations):
    count = sum(annotation.crowd for annotation in annotations)
    if count:
        yield (
            f"  of crowds (iscrowd 1), neither learned nor judged: {count} of {len(annotations)} "
            "annotations; a brush such as CVAT's writes single objects so, too: "
            "--crowds-are-objects takes them as such"
        )
