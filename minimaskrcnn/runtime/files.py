"""Writing files: beside the final name first, so that a half-written file never bears it."""

import errno
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

FORGOTTEN = 3600  # seconds without a change after which nobody writes to a half-written file


@contextmanager
def written_whole(path):
    """Yield a path beside `path` to write to; renamed on success, removed on any failure.

    Nobody else writes to it, and its name is short. A device or pipe is not replaced: it is given
    the contents. An OSError names `path`.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    Path

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    stream = is_stream(path)
    folder = tempfile.gettempdir() if stream else path.parent
    beside = Path(folder, f".{_mark(path)}{os.urandom(8).hex()}.part")
    try:
        with _naming(path):
            yield beside
            if stream:
                _pour(beside, path)
            else:
                os.replace(beside, path)
    finally:
        with suppress(OSError):  # a read-only disk has no such file, but refuses all the same
            beside.unlink(missing_ok=True)


def leftovers(path):
    """The half-written files that belong to `path`: of processes that write, or were killed."""
    path = Path(path)
    return list(path.parent.glob(f".{_mark(path)}{'?' * 16}.part"))


def _mark(path):
    """Eight digits that stand for a file's name, however long that is."""
    return hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]


def check_writable(path):
    """Raise the OSError that writing a file would end with, before the work that it is for.

    What killed processes left in its folder long ago is removed, here and in `make_folder`.

    Parameters
    ----------
    path : str or Path of a file, there or not
    """
    path = Path(path)
    with _naming(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not is_stream(path):
            tempfile.TemporaryFile(dir=path.parent).close()
            _remove_forgotten(path.parent)


def make_folder(path):
    """Make a folder if it is not there; OSError, naming it, if no files can be written in it."""
    path = Path(path)
    with _naming(path):
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    _remove_forgotten(path)


def _remove_forgotten(folder):
    """Remove the half-written files of processes that were killed an hour ago, or earlier."""
    for path in folder.glob(f".{'[0-9a-f]' * 24}.part"):
        with suppress(OSError):  # another process removes it as well
            if time.time() - path.lstat().st_mtime > FORGOTTEN:
                path.unlink()


def is_stream(path):
    """Whether a path leads to something that is written to but never replaced.

    Devices, pipes and sockets are; so is a link such as /dev/stdout, whatever it leads to.
    """
    path = Path(path)
    if path.is_symlink() and path.absolute().as_posix().startswith(("/dev/", "/proc/")):
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def _naming(path):
    """Let an OSError name the path, not what stands beside it; its subclass goes by the number."""
    try:
        yield
    except OSError as error:
        why = f"cannot be written ({error.strerror or error})"
        raise OSError(error.errno, why, str(path)) from error


def _pour(source, stream):
    with open(source, "rb") as contents, open(stream, "wb") as target:
        shutil.copyfileobj(contents, target)
