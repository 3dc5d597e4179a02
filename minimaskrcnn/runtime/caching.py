"""Find a folder where Numba can keep the machine code of compiled loops.

Idea    Numba looks for a folder when a module with compiled loops is imported. It tries the one
        that the variable NUMBA_CACHE_DIR names, the module's own `__pycache__`, and the user's
        cache folder. If none is writable (in a read-only container), it refuses to import the
        module. Then a folder for this process alone is made here, and removed when the process
        ends; the loops are compiled in every process.
Source  numba.readthedocs.io, "NUMBA_CACHE_DIR" and "On-disk caching".
"""

import os
import sys

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MEMORY = "/dev/shm"  # Linux: memory that looks like a folder; can be written in most containers
_own: list[str] = []  # the folder of this process, if it needed one


def prepare():
    """Make sure that Numba finds a folder; call this before a module with loops is imported.

    Only the environment variable is set: Numba, which is slow to import, reads it later.
    """
    if any(_can_write(folder) for folder in _places()):
        return
    import atexit
    import tempfile

    try:
        home = MEMORY if os.access(MEMORY, os.W_OK) else None
        folder = tempfile.mkdtemp(prefix="minimaskrcnn-", dir=home)
    except OSError:
        return  # Numba says that there is no place
    _own.append(folder)
    atexit.register(_remove, folder, os.getpid())
    os.environ["NUMBA_CACHE_DIR"] = folder
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = folder
    from minimaskrcnn.runtime.terminal import complain

    complain(
        "no folder can be written where compiled loops are kept, so they are compiled in memory, "
        "for this process only; the variable NUMBA_CACHE_DIR names a folder"
    )


def until():
    """Return, in words, how long the loops compiled now will be kept."""
    return "for this process only" if _own else "once; kept for later"


def _places():
    """The folders where Numba looks, in its order."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        yield os.environ["NUMBA_CACHE_DIR"]
    yield os.path.join(PACKAGE, "__pycache__")
    if sys.platform == "darwin":
        yield os.path.expanduser("~/Library/Caches/numba")
    elif os.name != "nt":
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        yield os.path.join(cache, "numba")
    else:
        yield os.environ.get("LOCALAPPDATA") or os.path.expanduser("~")


def _can_write(folder):
    """Whether a file can be made in a folder, or the folder itself, if it is not there yet."""
    folder = os.path.abspath(folder)
    while not os.path.lexists(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def _remove(folder, process):
    if os.getpid() == process:  # not in a forked child
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
