"""Finding photographs: files, folders and patterns become distinct files, and what is left out.

Idea    What was asked for is expanded here, once. A folder gives the pictures in it, a pattern what
        it matches (`**` is any depth of folders). A file that several names lead to is taken once.
        Whatever else lies there is counted by reason, so that nothing is passed over in silence.
Shapes  paths and patterns  ->  Found

Notes   A part of a pattern that exists under this very name is that file or folder: brackets in
        "holiday [2024]/*.jpg" are part of the folder's name.
"""

import fnmatch
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from glob import has_magic
from itertools import islice
from pathlib import Path

from minimaskrcnn.errors import ImageError
from minimaskrcnn.photo.endings import ending_of, why_left_out
from minimaskrcnn.photo.opening import why_missing

DETECTIONS, MASKS, CROPS = ".detections.png", ".masks.png", ".crops"  # what `predict` writes
MOST_COUNTED = 10_000  # entries of a subfolder that are looked at only to count its pictures


@dataclass
class Found:
    """The pictures that were found, in order, and what was left out."""

    names: dict[str, str] = field(default_factory=dict)  # path: its name below what was asked for
    seen: dict[tuple, str] = field(default_factory=dict)  # identity of a file: its path
    reasons: Counter = field(default_factory=Counter)  # how many files were left out, by reason
    folders: list[str] = field(default_factory=list)  # those met, but not asked for

    def left_out(self):
        """One sentence on what was left out and why; "" if nothing was."""
        counts = Counter(self.reasons)
        below = [count for folder in self.folders if (count := _pictures_below(folder, self.seen))]
        counts["in a subfolder" if len(below) == 1 else f"in {len(below)} subfolders"] = sum(below)
        total = sum(counts.values())
        listed = ", ".join(f"{count} {reason}" for reason, count in (+counts).most_common())
        return f"left out {total} file{'s' * (total != 1)}: {listed}" if total else ""


def find(path, found):
    """Add the pictures that a path, folder or pattern leads to.

    Parameters
    ----------
    path : str; a single file is taken whatever its name is, and whether or not it is there
    found : Found, which is added to

    Raises
    ------
    ImageError
        If a folder holds no picture or cannot be read, or if a pattern matches no picture.
    """
    pattern = has_magic(path) and not os.path.lexists(path) and not why_missing(path)
    if not pattern and not os.path.isdir(path):
        _add(found, path, os.path.basename(path))
        return
    own = Found(seen=found.seen)
    root, matches = _matches(path) if pattern else (path, _inside(path))
    for match in sorted(matches):
        _sort_in(own, match, root)
    if not own.names and not own.reasons[_AGAIN]:
        raise ImageError(f"{path}: {_nothing(own, pattern)}")
    found.names |= own.names
    found.reasons += own.reasons
    found.folders += own.folders


_AGAIN = "already found under another name"


def _nothing(own, pattern):
    """Why neither a folder nor a pattern gave a picture."""
    if pattern and own.folders and not own.reasons:
        return "matches only folders; end it in /* for the pictures in them"
    if pattern:
        nothing = "matches no picture" if own.reasons else "no file matches this pattern"
    else:
        nothing = "the folder holds no pictures"
    return "; ".join(filter(None, (nothing, own.left_out())))


def _sort_in(found, path, root):
    """Take a path that was met, or count it among those left out."""
    reason = _why_not(path)
    if reason:
        found.reasons[reason] += 1
    elif os.path.isdir(path):
        found.folders.append(path)
    else:
        _add(found, path, os.path.relpath(path, root or os.curdir))


def _add(found, path, name):
    """Take a file, unless it was taken before."""
    first = found.seen.setdefault(_identity(path), path)
    if first == path:
        found.names[path] = name
    else:
        found.reasons[_AGAIN] += 1


def _identity(path):
    """What two names of one file have in common."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return (path,)  # not there: reading it says so
    return (status.st_dev, status.st_ino) if status.st_ino else (os.path.realpath(path),)


def _why_not(path):
    """Why a file that was met is no photograph to predict on; "" if it is one."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return "broken link"
    if stat.S_ISDIR(mode):
        return "linked folder" if os.path.islink(path) else ""
    if not stat.S_ISREG(mode):
        return "pipe or device"
    if _is_hidden(path):
        return "hidden"
    name = os.path.basename(path)
    if name.endswith((DETECTIONS, MASKS)) or os.path.dirname(path).endswith(CROPS):
        return "written by predict"
    return why_left_out(ending_of(name))


def _inside(folder):
    """What lies in a folder; "" is the current one."""
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder or os.curdir))]
    except OSError as error:
        raise ImageError(f"{folder}: the folder cannot be read ({error.strerror})") from error


def _matches(pattern):
    """The folder where a pattern begins, and the paths that match it."""
    parts = list(Path(pattern).parts)
    parts += ["*"] if parts[-1] == "**" else []
    root = ""
    while len(parts) > 1 and os.path.lexists(os.path.join(root, parts[0])):
        root = os.path.join(root, parts.pop(0))
    return root, _below(root, parts)


def _below(folder, parts):
    """The paths below a folder that match the parts of a pattern."""
    if not parts:
        return [folder]
    part, rest = parts[0], parts[1:]
    if part == "**":
        inner_folders = _with_subfolders(folder)
        return [path for inner in inner_folders for path in _below(inner, rest)]
    if os.path.lexists(os.path.join(folder, part)):
        return _below(os.path.join(folder, part), rest)
    if not has_magic(part) or not os.path.isdir(folder or os.curdir):
        return []
    fitting = (path for path in _inside(folder) if fnmatch.fnmatch(os.path.basename(path), part))
    inner = (path for path in fitting if not rest or not _is_hidden(path))
    return [path for fits in inner for path in _below(fits, rest)]


def _with_subfolders(folder):
    """A folder and all below it, each once: links may lead up again."""
    waiting, folders = [folder], {}
    while waiting:
        inner = waiting.pop()
        if folders.setdefault(_identity(inner or os.curdir), inner) == inner:
            paths = _inside(inner)
            waiting += [p for p in reversed(paths) if os.path.isdir(p) and not _is_hidden(p)]
    return list(folders.values())


def _is_hidden(path):
    return os.path.basename(path).startswith(".")


def _pictures_below(folder, seen):
    """How many pictures a subfolder holds, at any depth, that were not taken."""
    walk = os.walk(folder)  # follows no links
    paths = (os.path.join(inner, name) for inner, _, names in walk for name in names)
    looked_at = islice(paths, MOST_COUNTED)
    return sum(1 for path in looked_at if not _why_not(path) and _identity(path) not in seen)
