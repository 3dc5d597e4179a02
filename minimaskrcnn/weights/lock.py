"""A lock between processes, and the checksum of a file."""

import hashlib
import os
from contextlib import contextmanager


@contextmanager
def locked_alone(path):
    """Hold the lock file `path`; BlockingIOError or PermissionError if somebody else holds it."""
    with open(path, "a+b") as file:
        _try_to_lock(file)
        try:
            yield
        finally:
            _unlock(file)


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

    def _try_to_lock(file):
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(file):
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file):
        fcntl.flock(file, fcntl.LOCK_EX)

    def _try_to_lock(file):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file):
        fcntl.flock(file, fcntl.LOCK_UN)


def checksum(path, algorithm="sha256"):
    """Return the checksum of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
