"""A lock between processes, and the checksum of a file."""

import errno
import hashlib
import os
import time
from contextlib import contextmanager

from minimaskrcnn.runtime.opening import open_own, open_regular
from minimaskrcnn.runtime.terminal import complain


@contextmanager
def locked_alone(path):
    """Hold the lock file `path`; BlockingIOError if somebody else holds it."""
    with open(path, "a+b") as file:
        if not _try_to_lock(file):
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path))
        try:
            yield
        finally:
            _unlock(file)


@contextmanager
def locked(path):
    """Hold the lock file `path`; waits while another process, or another thread, holds it.

    A process that waits says so, after two seconds and then every half minute.
    """
    with open_own(path, "a+b") as file:
        began = spoke = time.monotonic()
        while not _try_to_lock(file):
            time.sleep(0.1)
            now = time.monotonic()
            if now > spoke + (30 if spoke > began else 2):
                complain(f"another process is using {path}: waiting until it has finished")
                spoke = now
        try:
            yield
        finally:
            _unlock(file)


if os.name == "nt":
    import msvcrt

    def _try_to_lock(file):
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file):
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_to_lock(file):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file):
        fcntl.flock(file, fcntl.LOCK_UN)


def checksum(path, algorithm="sha256"):
    """Return the checksum of a file, in hexadecimal digits."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
