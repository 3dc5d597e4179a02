"""The pictures of a dataset: found under the names that a file of annotations gives them.

Idea    Names come with backslashes from Windows, as addresses from the web, with the folders of
        another machine, with a prefix from Label Studio. A picture is looked for under its name as
        it stands, then under what is left of it; a name that fits several files is refused. No
        picture outside of the folder is ever opened.
Shapes  the list `images`, a folder  ->  Picture of each image id
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from minimaskrcnn.coco_masks.checks import check_size
from minimaskrcnn.datasets.problems import noted
from minimaskrcnn.datasets.values import found, identity, number, short, text
from minimaskrcnn.errors import DatasetError, ImageError
from minimaskrcnn.photo import photo_size

NAMES = ("file_name", "filename", "coco_url", "path")  # where files write the name, the first wins
UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")  # Label Studio's names: a1b2c3d4-nut.jpg
FOLDERS = 20  # of a name that are tried
UNKNOWN = (0, -1)  # what programs write for a width that they do not know


@dataclass(frozen=True)
class Picture:
    """The file of one image, and the size that the annotations belong to."""

    path: Path
    height: int  # pixels
    width: int
    loosely: bool  # whether the file has another name than the annotations say


def find_pictures(records, folder, orient, problems):
    """Return {image id: Picture}; complaints are appended to `problems`.

    Parameters
    ----------
    records : list, `images` of the file
    folder : Path that names start from
    orient : whether pictures are turned as their EXIF data ask, where their size is not stated
    problems : list of str

    Returns
    -------
    pictures : dict, of the images that are good
    bad : set of the ids of the others, as far as they have one
    """
    pictures, bad, find, taken = {}, set(), _finder(folder), {}
    for i, record in enumerate(records):
        before = len(problems)
        with noted(problems):
            image_id = _identity(record, i)
            if image_id in taken:
                _check_same(record, taken[image_id], image_id)
                continue
            taken[image_id] = record
            pictures[image_id] = _picture(record, f"image {image_id}", find, orient)
        if len(problems) > before and isinstance(record, dict):
            bad.add(_id_or_none(record))
            pictures.pop(_id_or_none(record), None)  # of two images with one id, both are bad
    _refuse_shared(pictures, bad, problems)
    return pictures, bad


def _identity(record, i):
    where = f"entry {i} (from 0) of 'images'"
    if not isinstance(record, dict):
        raise DatasetError(f"{where}: has to be a JSON object, not {short(record)}")
    return identity(record, "id", where)


def _id_or_none(record):
    try:
        return identity(record, "id", "")
    except DatasetError:
        return None


def _check_same(record, earlier, image_id):
    """The same picture listed twice is no harm; two pictures of one id are."""
    if any(record.get(name) != earlier.get(name) for name in NAMES):
        raise DatasetError(f"image {image_id}: the id is taken by two pictures, so it is unclear "
                           "whose the annotations are")  # fmt: skip


def _picture(record, where, find, orient):
    key = next((key for key in NAMES if record.get(key) not in (None, "")), NAMES[0])
    path, loosely = find(text(record, key, where), where)
    size = [_side(record, key, where) for key in ("height", "width")]
    if None in size:
        try:
            size = photo_size(path, orient)
        except ImageError as error:
            raise DatasetError(f"{where}: {error}") from None
    try:
        check_size(size)
    except ValueError as error:
        raise DatasetError(f"{where}: {error}") from None
    return Picture(path, int(size[0]), int(size[1]), loosely)


def _side(record, key, where):
    """Height or width in pixels; None where the file does not know it."""
    stated = record.get(key)
    value = number(stated)
    if stated in (None, "") or value in UNKNOWN:
        return None
    if value is None or value != int(value):
        raise DatasetError(f"{where}: '{key}' has to be a whole number, {found(record, key)}")
    if value < 1:
        raise DatasetError(f"{where}: '{key}' has to be positive, {found(record, key)}")
    return int(value)


def _finder(folder):
    """The function from a name to (path, whether it is called otherwise)."""
    index = {}  # filled when a name is not found as it stands

    def find(name, where):
        for plain in (name, name.replace("\\", "/")):
            if _is_inside(plain) and os.path.isfile(folder / plain):
                return folder / plain, False
        if not index:
            index.update(_index(folder))
        for key in _loose_names(name):
            files = index.get(key, [])
            if len(files) == 1:
                return files[0], True
            if files:
                raise DatasetError(
                    f"{where}: {len(files)} files in {folder} may be {name[:200]!r}, such as "
                    f"{files[0]} and {files[1]}"
                )
        raise DatasetError(f"{where}: there is no file {name[:200]!r} in {folder}")

    return find


def _is_inside(name, kind=Path):
    """Whether a name stays in the folder; on Windows /x and C:x leave it, though not absolute."""
    path = kind(name)
    return not (path.drive or path.root or ".." in path.parts)


def _index(folder):
    """{"a/b.jpg", and "*/b.jpg" for it in any folder, in lower case: [paths]} of all files."""
    index = {}
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place) / name
            for key in (path.relative_to(folder).as_posix(), f"*/{name}"):
                index.setdefault(key.lower(), []).append(path)
    return index


def _loose_names(name):
    """Keys of `_index` under which a file may be found instead, the likeliest first."""
    try:
        path = unquote(urlsplit(name).path) if "://" in name else name
    except ValueError:  # brackets that are no address
        path = name
    parts = path.replace("\\", "/").lower().split("/")[-FOLDERS:]
    last = parts[-1]
    uploaded = UPLOADED.fullmatch(last)
    own = ["/".join(parts[i:]) for i in range(len(parts))] + [f"*/{last}"]
    return [*own, *((uploaded[1], f"*/{uploaded[1]}") if uploaded else ())]


def _refuse_shared(pictures, bad, problems):
    """Two images that end up at one file cannot both be meant, if a name was read loosely."""
    first = {}
    for image_id, picture in list(pictures.items()):
        other = first.setdefault(picture.path, image_id)
        if other != image_id and (picture.loosely or pictures[other].loosely):
            problems.append(f"image {image_id}: its picture would be {picture.path}, as that of "
                            f"image {other}")  # fmt: skip
            bad.add(image_id)
            del pictures[image_id]
