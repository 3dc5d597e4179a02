"""The terminal: everything that the program says goes through here.

Idea    A line is made printable first, since names and server's words come from outside. A process
        may have no streams (pythonw, `>&-`), full ones (`> /dev/full`), or some that do not know
        every letter: none of these may end a run, but output that is lost is an error.
"""

import os
import sys
from contextlib import suppress

from minimaskrcnn.errors import printable


def open_streams():
    """Let unknown letters become escapes, and let a stream that is closed take all and drop it."""
    for name in ("stdin", "stdout", "stderr"):  # in this order they get their numbers 0, 1, 2 back
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  stays open
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(*lines):
    """Print lines on standard output.

    Parameters
    ----------
    lines : str; a line break within one is shown as an escape

    Raises
    ------
    OSError
        Naming standard output, if it cannot be written; BrokenPipeError, if nobody reads it.
    """
    try:
        print(*map(printable, lines), sep="\n", flush=True)
    except OSError as error:
        _drop(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        why = f"cannot be written ({error.strerror or error})"
        raise OSError(error.errno, why, "standard output") from error


def complain(*lines):
    """Print lines on standard error, after the program's name; never an error itself."""
    try:
        for line in lines:
            print(f"minimaskrcnn: {printable(line)}", file=sys.stderr)
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, ValueError):  # full or closed: there is nobody to tell
        _drop(sys.stderr)


def progress_bar(items=None, hidden=False, **given):
    """A bar of tqdm on standard error: shown on terminals only, and never if `hidden`.

    Parameters
    ----------
    items : iterable that is gone through, or None: the caller counts
    hidden : bool
    given : as `tqdm.tqdm` takes them: total, unit, …

    Returns
    -------
    tqdm.tqdm
    """
    from tqdm import tqdm

    disable = True if hidden or sys.stderr is None else None  # None: shown on a terminal only
    return tqdm(items, disable=disable, file=sys.stderr, **given)


def _drop(stream):
    """Send what a stream still holds nowhere: else it fails once more when the interpreter ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
