"""Files that appear complete or not at all, and a lock between processes."""

import hashlib
import os
from contextlib import contextmanager
from pathlib import Path

from minimaskrcnn.errors import WeightsError


@contextmanager
def replacing(path):
    """Yield a path beside `path` to write to; on success it takes the place of `path` at once.

    If anything goes wrong, Ctrl-C included, it is removed, and `path` is as it was.

    Raises
    ------
    WeightsError
        If the file cannot be written: no space, no permission, no such folder.
    """
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def locked(path):
    """Hold the lock file `path`; waits while another process, or another thread, holds it."""
    with open(path, "a+b") as file:
        _lock(file)
        try:
            yield
        finally:
            _unlock(file)


if os.name == "nt":
    import msvcrt
    import time

    def _lock(file):
        while True:
            try:
                file.seek(0)
                return msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError:
                time.sleep(0.2)

    def _unlock(file):
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file):
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file):
        fcntl.flock(file, fcntl.LOCK_UN)


def checksum(path, algorithm="sha256"):
    """Return the checksum of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
