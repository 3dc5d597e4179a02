"""Your own dataset: annotations in COCO's JSON format or another, checked before a run.

Idea    The file lists `images`, `categories`, and `annotations`, each of which ties a mask
        (polygons or run lengths) to an image and a category. A mistake should stop a run before it
        starts, not in the middle of the night, so whatever can be checked without opening a
        picture is checked on loading. Pictures and masks are read when an example is asked for.
Source  COCO's data format, cocodataset.org/#format-data ("object detection").
Shapes  a file or folder of annotations, a folder of pictures  ->  a sequence of `Example`

What can mean one thing only is taken as meant (`docs/annotations.md` lists it); everything that is
wrong is reported in one list. A polygon that reaches beyond its image is clipped at the border.
An object too small or thin to fill a pixel has an empty mask: training leaves it out, evaluation
counts it as missed. What is learnt is the tight box of the mask; an annotation's own `bbox` and
`area` are handed on for COCO's evaluation, unless the `bbox` is far from it. `remarks` tells of it.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from minimaskrcnn.datasets.categories import read_categories
from minimaskrcnn.datasets.forms import read_document
from minimaskrcnn.datasets.objects import (
    AnnotatedObject,
    checked_object,
    has_box_only,
    image_of,
    names_of,
)
from minimaskrcnn.datasets.pictures import find_pictures
from minimaskrcnn.datasets.problems import noted, refuse
from minimaskrcnn.datasets.reading import packed_example, unpacked_example
from minimaskrcnn.datasets.sizes import size_problem
from minimaskrcnn.datasets.values import identity, short
from minimaskrcnn.errors import DatasetError


@dataclass(frozen=True)
class AnnotatedImage:
    """What the file says about one image; its picture and masks are not read yet."""

    image_id: int | str
    path: Path
    height: int  # pixels
    width: int
    annotations: tuple[AnnotatedObject, ...]  # in the file's order

    @property
    def objects(self):
        """The annotations that are not of crowds: what there is to learn."""
        return [annotation for annotation in self.annotations if not annotation.crowd]


@dataclass(frozen=True, eq=False)
class Annotations:
    """A checked dataset: `len(dataset)` images, `dataset[i]` reads one of them as an `Example`."""

    path: Path  # of the file or folder of annotations
    class_names: tuple[str, ...]  # the background, then the categories in the order of their ids
    class_id_of: dict[int | str, int]  # from category id to class id
    images: tuple[AnnotatedImage, ...]  # in the file's order; some may have no annotations
    boxes_only: bool = False  # whether there are no masks at all
    orient: bool = True  # whether pictures are turned as their EXIF data ask
    told: tuple[str, ...] = ()  # what was read differently from how it is written in the file
    left_out: tuple[str, ...] = ()  # what is wrong, and was skipped

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return unpacked_example(self, self.images[index])

    def packed(self, index):
        """The example of an index with its masks as run lengths, which take little memory."""
        return packed_example(self, self.images[index])


def load_annotations(
    path, images_dir=None, *, skip_bad=False, crowds_are_objects=False, orient=True
):
    """Load and check a dataset of annotations.

    Parameters
    ----------
    path : path of a JSON file in COCO's format, or of another form that `forms` knows
    images_dir : path of the folder that each image's `file_name` starts from; None: where the
        annotations are
    skip_bad : whether to go on without what is wrong; else all of it is reported in one error
    crowds_are_objects : whether `iscrowd` 1 means nothing, as in the masks of CVAT's brush
    orient : whether pictures are turned as their EXIF data ask

    Returns
    -------
    Annotations : class names, the class id of each category id, and a sequence of examples

    Raises
    ------
    DatasetError
        If anything is missing, contradictory or absurd: it names file, image and annotation.
        Reading an example raises it if the picture is not of the stated size.
    """
    path, problems = Path(path), []
    document, folder, told = read_document(path, images_dir, problems)
    try:
        classes, pictures, objects, boxes_only = _checked(document, folder, orient, problems)
    except DatasetError as error:
        refuse(path, problems, left=False)  # they are the cause
        raise DatasetError(f"{path}: {error}") from None
    images = _joined(pictures, objects, crowds_are_objects)
    refuse(path, problems, skip_bad, left=any(image.annotations for image in images))
    loosely = [picture.path for picture in pictures.values() if picture.loosely]
    return Annotations(
        path,
        classes.names,
        classes.class_id_of,
        images,
        boxes_only,
        orient,
        (*told, *classes.told, *_loose_names(loosely)),
        tuple(problems),
    )


def _checked(document, folder, orient, problems):
    """Classes, pictures, the objects of each image, and whether there are boxes only."""
    images, categories, records = (
        _list_of(document, key) for key in ("images", "categories", "annotations")
    )
    used = {_id_or_none(record) for record in records if isinstance(record, dict)}
    classes = read_categories(categories, used, problems)
    pictures, bad = find_pictures(images, folder, orient, problems)
    boxes_only = all(has_box_only(record) for record in records)
    objects, complaints = ({image_id: [] for image_id in pictures} for _ in range(2))
    for i, name in enumerate(names_of(records)):
        record, records[i] = records[i], None  # which may be millions: none stays in memory
        with noted(problems):
            image_id = image_of(record, name)
            if image_id in bad or _id_or_none(record) in classes.bad:
                continue  # the image or the category was complained about
            if image_id not in pictures:
                raise DatasetError(f"{name}: there is no image {image_id} in 'images'")
            given = record, name, image_id, pictures[image_id], classes.class_id_of, boxes_only
            with noted(complaints[image_id]):
                objects[image_id].append(checked_object(*given))
    problems += _causes(complaints, pictures, orient)
    _refuse_shares(objects)
    return classes, pictures, objects, boxes_only


def _causes(complaints, pictures, orient):
    """The complaints about annotations; where the size of the picture is wrong, that instead."""
    causes = []
    for image_id, own in complaints.items():
        cause = size_problem(image_id, pictures[image_id], orient) if own else None
        if cause:
            del pictures[image_id]
        causes += [cause] if cause else own
    return causes


def _refuse_shares(objects):
    """Refuse polygons that are written in shares of the picture's width and height."""
    masks = [annotation.mask for found in objects.values() for annotation in found]
    polygons = [polygon for mask in masks if isinstance(mask, list) for polygon in mask]
    if polygons and max(map(max, polygons)) <= 1:
        raise DatasetError("all polygons lie within 0 … 1, as shares of width and height; COCO's "
                           "are in pixels: multiply x by the width, y by the height")  # fmt: skip


def _list_of(document, key):
    """The list `document[key]`, which is not empty."""
    records = document.get(key)
    if isinstance(records, list) and records:
        return records
    near = [other for other in document if str(other).lower().rstrip("s") == key.rstrip("s")]
    called = f"; the file has {short(near[0])}: rename it" if near and near[0] != key else ""
    raise DatasetError(f"there are no {key}: '{key}' has to be a list of at least one{called}")


def _id_or_none(record):
    try:
        return identity(record, "category_id", "")
    except DatasetError:
        return None


def _loose_names(paths):
    if paths:
        count = f"{len(paths)} pictures (the first is {paths[0]})"
        yield f"found under other names than the file says: {count}"


def _joined(pictures, objects, crowds_are_objects):
    images = []
    for image_id, picture in pictures.items():
        found = objects[image_id]
        if crowds_are_objects:
            found = [replace(annotation, crowd=False) for annotation in found]
        size = picture.height, picture.width
        images.append(AnnotatedImage(image_id, picture.path, *size, tuple(found)))
    return tuple(images)
