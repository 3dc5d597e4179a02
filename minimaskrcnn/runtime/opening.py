"""Opening files that others may have put there: only what has an end, and never through a link."""

import os
import stat


def open_regular(path):
    """Open a file to read its bytes, as `open(path, "rb")` does, but only a file with an end.

    A pipe would wait for a writer for ever, a device may never end.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    OSError
        If it cannot be opened, or is a pipe, a socket, a device or a folder.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise OSError(f"it is {kind}, not a file")
    return open(path, "rb")


def open_own(path, mode):
    """Open a file that this program makes for itself; a link in its place is not followed.

    In a folder that several people write to, a link could lead to any file of the user's.

    Parameters
    ----------
    path : str or Path
    mode : as of `open`

    Raises
    ------
    OSError
        If it cannot be opened, or is a link.
    """
    return open(path, mode, opener=_without_following)


def _without_following(path, flags):
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
