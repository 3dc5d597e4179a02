"""Writing files: beside the final name first, so that a half-written file never bears it."""

import os
import threading
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path):
    """Yield a path beside `path` to write to; renamed on success, removed on any failure.

    No other process and no other thread writes to it. An OSError names `path`.
    """
    path = Path(path)
    beside = path.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield beside
        os.replace(beside, path)
    except OSError as error:
        why = f"cannot be written ({error.strerror or error})"
        raise type(error)(error.errno, why, str(path)) from error
    finally:
        beside.unlink(missing_ok=True)
