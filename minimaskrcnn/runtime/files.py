"""Writing files: beside the final name first, so that a half-written file never bears it."""

import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path):
    """Yield a path beside `path` to write to; renamed on success, removed on any failure.

    Nobody else writes to it, and its name is short. An OSError names `path`.
    """
    path = Path(path)
    beside = path.with_name(f".{os.urandom(8).hex()}.part")
    try:
        yield beside
        os.replace(beside, path)
    except OSError as error:
        why = f"cannot be written ({error.strerror or error})"
        raise OSError(error.errno, why, str(path)) from error  # of the subclass for its number
    finally:
        beside.unlink(missing_ok=True)
