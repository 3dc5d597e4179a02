"""Opening what holds a picture: a path, or an object with a method `read`, becomes a file of bytes.

Idea    Each way in which this fails has its own sentence: an address of the web, text instead of a
        path, a pipe that would be waited for, an object whose `read` gives something else.
Shapes  path or object with `read`  ->  file open for reading bytes
"""

import inspect
import io
import os
import re
import stat

from minimaskrcnn.errors import ImageError

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # https://…; a drive has one letter
_BASE64 = re.compile(r"[\w+/\s-]+=*\s*", re.ASCII)
_BASE64_BEGINS = ("/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR")  # JPEG, PNG, GIF, WebP
_LONGEST_FILE_NAME = 255


def open_file(path, name):
    """Open a regular file for reading bytes.

    Parameters
    ----------
    path : str or os.PathLike
    name : str, what messages call it

    Raises
    ------
    ImageError
        If there is no such file, if it cannot be opened, or if it is a folder, pipe or device.
    """
    if os.path.isdir(path):
        raise ImageError(f"{name}: is a folder; predict_each reads all pictures of a folder")
    try:
        return open(path, "rb", opener=_open_at_once)
    except FileNotFoundError:
        raise ImageError(f"{name}: {why_missing(os.fsdecode(path)) or 'no such file'}") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        why = why_missing(os.fsdecode(path)) or f"cannot be opened ({error})"
        raise ImageError(f"{name}: {why}") from error


def _open_at_once(path, flags):
    """Open without waiting for somebody to write into a pipe, and refuse what is no file."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has neither
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("it is a pipe or device, not a file; `-` reads standard input")
    return descriptor


def why_missing(path):
    """What a path that does not exist really is: an address, or the picture as text; else ""."""
    if os.path.lexists(path):
        return ""
    if _ADDRESS.match(path):
        return "is an address: fetch it first, and give the file's path or its bytes"
    if path.startswith("data:"):
        return "is a picture as text: decode what follows the comma with base64.b64decode"
    long = len(path) > _LONGEST_FILE_NAME and _BASE64.fullmatch(path)
    if long or path.startswith(_BASE64_BEGINS):
        return "is a picture as text, not a path: decode it with base64.b64decode"
    return ""


def contents_of(stream, name):
    """What an open file has left to read, as a file in memory.

    Raises
    ------
    ImageError
        If it cannot be read, or if its method `read` gives anything but bytes.
    """
    try:
        contents = stream.read()
    except MemoryError:
        raise
    except Exception as error:  # an object of any library: closed, a name is wanted, …
        raise ImageError(f"{name}: cannot be read ({error})") from error
    if isinstance(contents, bytes | bytearray | memoryview):
        return io.BytesIO(contents)
    raise ImageError(f"{name}: {_why_no_bytes(contents)}")


def _why_no_bytes(contents):
    """What to do with what `read` gave instead of bytes."""
    if isinstance(contents, str):
        return "gives text, not bytes; open the file in mode 'rb'"
    if inspect.iscoroutine(contents):
        contents.close()  # else Python warns that it was never awaited
    if inspect.isawaitable(contents):
        return "is read asynchronously: give the bytes, await file.read()"
    if isinstance(contents, tuple):  # OpenCV's VideoCapture: (success, frame)
        return "gives a tuple, not bytes; give the frame in it, an array of RGB: frame[:, :, ::-1]"
    if hasattr(contents, "__array__"):  # rasterio, imageio
        return "gives an array, not bytes; give the array, channels last"
    return f"gives {type(contents).__name__}, not bytes"
