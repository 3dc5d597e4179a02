"""Label pictures: masks painted as pictures, one with numbers or one per object.

Idea    A label picture has the size of its photograph; 0 is the background, every other value (or
        colour) one object. Or there is a picture per object, not 0 where it is. Which masks belong
        to which photograph follows from the names: those in a folder of its name, or files whose
        names begin with its name. All objects are of the class "object".
Source  The second is how the Data Science Bowl 2018 (BBBC038) came: ID/images, ID/masks.
Shapes  folder of masks, folder of pictures  ->  document of COCO's lists
"""

import numpy as np

from minimaskrcnn.coco_masks.rle import encode_in_box
from minimaskrcnn.datasets.problems import noted
from minimaskrcnn.errors import DatasetError, ImageError
from minimaskrcnn.photo.endings import ending_of, format_of
from minimaskrcnn.photo.labels import read_labels

SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif")  # without loss; of others labels cannot be
MARKS = ("_masks", "_mask", "_labels", "_label", "_seg", "_gt", "-mask", ".masks", "_instances")
MOST = 10_000  # values in a label picture; a photograph has more
VOID = 255  # in pictures with a palette the seams between objects (PASCAL VOC)


def read_label_pictures(path, folder, problems):
    """Return the masks of a folder in COCO's form, and remarks on them.

    Parameters
    ----------
    path : Path of the folder of masks
    folder : Path of the folder of pictures; the same if they lie side by side
    problems : list of str; complaints are appended

    Raises
    ------
    DatasetError
        If there are no masks that belong to pictures.
    """
    groups, told = _groups(path, folder)
    images, records, single = [], [], True
    for picture, masks in groups.items():
        name = picture.relative_to(folder).as_posix()
        with noted(problems):
            found, size = _objects(masks, name)
            images.append({"id": name, "file_name": name, "height": size[0], "width": size[1]})
            single = single and len(masks) == 1 and len(found) < 2
            records += [_record(f"{name}, object {i}", name, r) for i, r in enumerate(found)]
    if single and records:
        told.append("every label picture has one value, so one object per picture; if there are "
                    "several, each needs a number of its own")  # fmt: skip
    categories = [{"id": 1, "name": "object"}]
    return {"images": images, "categories": categories, "annotations": records}, told


def _objects(masks, name):
    """The run lengths of all objects of a picture, and its size."""
    pictures = [_labels(mask, len(masks) > 1) for mask in masks]
    if len({labels.shape for labels in pictures}) > 1:
        raise DatasetError(f"image {name}: its masks are of different sizes")
    return [runs for labels in pictures for runs in _runs_of(labels)], pictures[0].shape


def _record(name, image_id, runs):
    return {"id": name, "image_id": image_id, "category_id": 1, "segmentation": runs}


def _groups(path, folder):
    """{picture: [masks]}, and remarks."""
    bowl = {}
    for masks in sorted(path.glob("*/masks")):
        pictures = [p for p in sorted((masks.parent / "images").glob("*")) if _is_picture(p)]
        if len(pictures) == 1:
            bowl[pictures[0]] = _files(masks)
    if bowl and all(picture.is_relative_to(folder) for picture in bowl):
        return bowl, []
    files, places = _files(path), [p for p in sorted(path.iterdir()) if p.is_dir()]
    if path.resolve() == folder.resolve():
        files = [file for file in files if _unmarked(file.stem) != file.stem]
    pictures = {p.stem: p for p in sorted(folder.glob("*")) if _is_picture(p) and p not in files}
    groups = {picture: [] for picture in pictures.values()}
    for place in places:
        if place.name in pictures:
            groups[pictures[place.name]] += _files(place)
    lost = [file for file in files if not _assigned(file, pictures, groups)]
    found = {picture: masks for picture, masks in groups.items() if masks}
    if not found:
        raise DatasetError(
            f"is a folder without JSON files, and without masks for the pictures in {folder}: the "
            "masks of a.jpg are a.png or a_mask.png, or are all in the folder a/"
        )
    return found, list(_left_over(groups, found, lost))


def _left_over(groups, found, lost):
    if len(found) < len(groups):
        first = next(picture for picture in groups if picture not in found)
        yield f"pictures without masks, left out: {len(groups) - len(found)} (such as {first.name})"
    if lost:
        yield f"masks without a picture, left out: {len(lost)} (such as {lost[0].name})"


def _is_picture(path):
    return bool(format_of(ending_of(path.name)))


def _files(folder):
    return [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES]


def _unmarked(stem):
    """A mask's name without the ending that says that it is one."""
    for mark in MARKS:
        if stem.endswith(mark):
            return stem.removesuffix(mark)
    return stem


def _assigned(file, pictures, groups):
    """Add a mask to the picture with the longest name that its own begins with."""
    stem = _unmarked(file.stem)
    for length in range(len(stem), 0, -1):
        ends = length == len(stem) or not stem[length].isalnum()
        if ends and stem[:length] in pictures:
            groups[pictures[stem[:length]]].append(file)
            return True
    return False


def _labels(path, one_object):
    """(H, W) int64: 0 is nothing, each other value an object."""
    try:
        labels, has_palette = read_labels(path)
    except ImageError as error:
        raise DatasetError(str(error)) from None
    if one_object:
        return (labels != 0).astype(np.int64)
    if has_palette and len(np.unique(labels)) > 2:
        labels = np.where(labels == VOID, 0, labels)
    return labels


def _runs_of(labels):
    """The run lengths of every value but 0, in the order of the values."""
    pixels = np.flatnonzero(labels)
    values = labels.ravel()[pixels]
    order = np.argsort(values, kind="stable")
    found, starts = np.unique(values[order], return_index=True)
    if len(found) > MOST:
        raise DatasetError(f"a label picture has {len(found)} values; it is a photograph, or was "
                           "compressed with loss")  # fmt: skip
    runs = []
    for own in np.split(pixels[order], starts[1:]) if len(found) else ():
        rows, columns = np.divmod(own, labels.shape[1])
        box = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
        mask = np.zeros((box[2] - box[0], box[3] - box[1]), bool)
        mask[rows - box[0], columns - box[1]] = True
        runs.append(encode_in_box(mask, box, labels.shape))
    return runs
