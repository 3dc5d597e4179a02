"""The endings of file names: which of them are pictures, and what helps with the others.

Idea    A folder is searched by the names in it. What a picture really is, its first bytes say
        (`kinds`). Pillow knows the endings of all formats that it reads; plug-ins for Pillow that
        are installed, such as pillow-heif, are taken in when a file of theirs is met.
Shapes  name  ->  "", or why a folder's search leaves it out
"""

import os
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec

# Formats that Pillow has a reader for, which then runs another program, needs another library, or
# recognises the file without being able to decode it.
NEVER = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}

MORE_ENDINGS = {  # of formats that Pillow reads, but does not know by these
    **dict.fromkeys((".mpo", ".jps", ".jif", ".jfi", ".pjp", ".pjpeg"), "JPEG"),
    **dict.fromkeys((".btf", ".tf8"), "TIFF"),
}

# Ending: the plug-in for Pillow that reads it, as it is installed and as it is imported.
PLUGINS = {
    ".avif": ("pillow-avif-plugin", "pillow_avif"),
    ".heic": ("pillow-heif", "pillow_heif"),
    ".heif": ("pillow-heif", "pillow_heif"),
    ".hif": ("pillow-heif", "pillow_heif"),
    ".jxl": ("pillow-jxl-plugin", "pillow_jxl"),
}

RAW = {  # of cameras: values of single sensor elements, with a small preview beside them
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc"),
    *(".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl"),
    *(".sr2", ".srf", ".srw", ".x3f"),
}
RAW_ADVICE = "raw camera file: develop it with rawpy"


def ending_of(name):
    """The ending of a file name with its dot, in small letters; "" if it has none."""
    return os.path.splitext(name)[1].lower()


def why_left_out(ending):
    """Why a folder's file with this ending is not read; "" if it is."""
    if format_of(ending):
        return ""
    if ending in PLUGINS:
        return f"{ending} (pip install {PLUGINS[ending][0]})"
    if ending in RAW:
        return f"{ending} ({RAW_ADVICE})"
    return ending or "without an ending"


def format_of(ending):
    """Pillow's name of the format with this ending, "PNG" for ".png"; None if it is not read."""
    from PIL import Image

    if ending not in Image.registered_extensions():  # Pillow's own and those of plug-ins
        take_in_plugin(ending)
    kind = MORE_ENDINGS.get(ending) or Image.registered_extensions().get(ending)
    return kind if kind in Image.OPEN and kind not in NEVER and ending not in RAW else None


@cache
def take_in_plugin(ending):
    """Register the plug-in for files with this ending, if it is installed."""
    _, module = PLUGINS.get(ending, ("", ""))
    if not module or not find_spec(module):
        return
    with suppress(ImportError, OSError):  # installed, but broken
        plugin = import_module(module)
        if module == "pillow_heif":  # the others register themselves when they are imported
            plugin.register_heif_opener()
