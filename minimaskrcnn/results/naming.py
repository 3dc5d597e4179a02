"""Names: what the files of a photograph's result are called, and the photograph in lists.

Idea    A photograph is called by its path below the folder that was asked for, so that two of one
        name in two folders stay apart. Files that were asked for one by one are called by their own
        names, or, where these are the same, by their paths below the folder they share.
Shapes  {path: name}  ->  {path: name}
"""

import hashlib
import os
from collections import Counter
from contextlib import suppress
from itertools import chain, count
from pathlib import PurePath

LONGEST = 200  # bytes of a file name that suffixes are added to; file systems allow 255


def list_names(photos):
    """The name of each photograph in lists, with "/" between folders; no two are the same.

    Parameters
    ----------
    photos : {path: its name below what was asked for}

    Returns
    -------
    {path: name}

    Examples
    --------
    >>> list_names({"a/dog.jpg": "dog.jpg", "b/dog.jpg": "dog.jpg", "c/cat.jpg": "cat.jpg"})
    {'a/dog.jpg': 'a/dog.jpg', 'b/dog.jpg': 'b/dog.jpg', 'c/cat.jpg': 'cat.jpg'}
    """
    names = {path: PurePath(name).as_posix() for path, name in photos.items()}
    taken = Counter(name.casefold() for name in names.values())
    same = [path for path, name in names.items() if taken[name.casefold()] > 1]
    if same:
        shared = _shared_folder(same)
        below = {path: os.path.relpath(os.path.abspath(path), shared) for path in same}
        names |= {path: PurePath(name).as_posix() for path, name in below.items()}
    return names


def _shared_folder(paths):
    try:
        return os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
    except ValueError:  # on several drives of Windows
        return os.curdir


def file_names(names, is_free=lambda name, path: True):
    """What the files of each photograph begin with: its name without suffix; numbered if taken.

    Parameters
    ----------
    names : {path: name}, from `list_names`
    is_free : function of such a beginning and a path, whether the photograph may have it

    Returns
    -------
    {path: beginning}

    Examples
    --------
    >>> list(file_names({"a/dog.jpg": "dog.jpg", "a/dog.png": "dog.png"}).values())
    ['dog', 'dog-2']
    """
    chosen, taken, numbers = {}, set(), {}
    for path, name in names.items():
        stem = _fitting(PurePath(name).with_suffix("").as_posix())
        first = numbers.get(stem.casefold(), 2)
        tries = chain(
            [(first - 1, stem)] if first == 2 else [], ((i, f"{stem}-{i}") for i in count(first))
        )
        number, own = next(
            (i, own) for i, own in tries if own.casefold() not in taken and is_free(own, path)
        )
        chosen[path] = own
        taken.add(own.casefold())
        numbers[stem.casefold()] = number + 1
    return chosen


def _fitting(stem):
    """A beginning whose last part leaves room for suffixes; a long one is cut and made unique."""
    folder, _, last = stem.rpartition("/")
    encoded = os.fsencode(last)
    if len(encoded) > LONGEST:
        mark = hashlib.sha256(encoded).hexdigest()[:8]
        last = f"{encoded[: LONGEST - 9].decode('utf-8', 'ignore')}-{mark}"
    return f"{folder}/{last}" if folder else last


def image_ids(names):
    """COCO's ids: the numbers that the files are called by (000000000139.jpg), else 1, 2, 3 …

    Parameters
    ----------
    names : {path: name}, from `list_names`

    Returns
    -------
    {path: int}

    Examples
    --------
    >>> list(image_ids({"a": "000139.jpg", "b": "000285.jpg"}).values())
    [139, 285]
    """
    stems = [PurePath(name).stem for name in names.values()]
    numbers = [int(stem) if stem.isdecimal() and len(stem) < 18 else None for stem in stems]
    if None not in numbers and len(set(numbers)) == len(numbers):
        return dict(zip(names, numbers, strict=True))
    return {path: i for i, path in enumerate(names, start=1)}


def mark(photo, folder):
    """How a file in a folder names the photograph that it belongs to: the path from there."""
    photo, folder = os.path.realpath(photo), os.path.realpath(folder)
    with suppress(ValueError):  # on another drive of Windows
        photo = os.path.relpath(photo, folder)
    return os.fsencode(PurePath(photo).as_posix()).decode("utf-8", "backslashreplace")
