"""Which kind of file is this: its first bytes say it, never its name alone.

Idea    The readers of Pillow are tried one by one: those of the common formats and of plug-ins on
        any file, a rare one on files with its ending only, since some recognise nearly anything.
        If none fits, the first bytes tell what the file is instead, and the message says so.
Shapes  open file  ->  PIL image, of which only the beginning has been read
"""

import re

from minimaskrcnn.errors import ImageError
from minimaskrcnn.photo import png, tiff
from minimaskrcnn.photo.endings import PLUGINS, RAW_ADVICE, format_of, take_in_plugin

COMMON = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "PPM", "AVIF", "JPEG2000")

_CONVERT, _FRAMES = "convert it to PNG", "give its frames, as arrays"
_RAW = RAW_ADVICE.split(": ")
# Where, which bytes, what the file is, what to do; text is compared without regard to case.
SIGNATURES = (
    (0, b"%PDF", "a PDF document", "convert its pages to pictures"),
    (0, b"%!PS", "PostScript, a program", _CONVERT),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript, a program", _CONVERT),
    (0, b"<!DOCTYPE html", "a web page", "fetch the picture itself"),
    (0, b"<html", "a web page", "fetch the picture itself"),
    (0, b"<?xml", "an XML text, such as SVG", _CONVERT),
    (0, b"<svg", "a drawing (SVG)", _CONVERT),
    (0, b"version https://git-lfs", "a pointer of Git LFS", "fetch the file: git lfs pull"),
    (0, b"/9j/", "a picture as text", "decode it with base64.b64decode"),
    (0, b"iVBORw0KGgo", "a picture as text", "decode it with base64.b64decode"),
    (0, b"data:image/", "a picture as text", "decode what follows the comma: base64.b64decode"),
    (
        0,
        b"\0\5\x16\7",
        "what macOS notes about another file",
        "take the file without ._ in its name",
    ),
    (0, b"\x1aE\xdf\xa3", "a video", _FRAMES),
    (8, b"AVI ", "a video", _FRAMES),
    (0, b"\x93NUMPY", "an array of NumPy", "give the array: numpy.load(path)"),
    (0, b"PK\3\4", "a ZIP archive", "unpack it"),
    (0, b"\x1f\x8b", "a file compressed by gzip", "unpack it"),
    (0, b"\x89HDF", "an HDF5 file", "read it with h5py and give the array"),
    (128, b"DICM", "a DICOM file", "read it with pydicom and give the array, scaled to 0 … 1"),
    (0, b"v/1\1", "an OpenEXR file", _CONVERT),
    (0, b"#?R", "a Radiance file", _CONVERT),
    (0, b"FUJIFILMCCD-RAW", *_RAW),
    (0, b"IIRO", *_RAW),
    (0, b"IIRS", *_RAW),
    (0, b"MMOR", *_RAW),
    (0, b"IIU\0", *_RAW),
    (6, b"HEAPCCDR", *_RAW),
    (0, b"FOVb", *_RAW),
    (0, b"\0MRM", *_RAW),
    (4, b"ftypcrx", *_RAW),
)
_HEIF = re.compile(b"....ftyp(hei|hev|mif|msf)", re.DOTALL)
_AVIF = re.compile(b"....ftypavi", re.DOTALL)
_VIDEO = re.compile(b"....ftyp", re.DOTALL)
_JPEG_XL = re.compile(b"\xff\x0a|\0\0\0\x0cJXL ")
_UNUSUAL = re.compile("(?i)unknown|unsupported|cannot handle|not (implemented|supported)")


def open_picture(file, name, ending):
    """Open a picture; only the beginning of its file is read.

    Parameters
    ----------
    file : open file that can be rewound
    name : str, what messages call it
    ending : str, of the file's name, ".png"; "" if it has none

    Returns
    -------
    PIL image, not yet decoded

    Raises
    ------
    ImageError
        If the file is empty, no picture, of a kind that is not read, or damaged at its beginning.
    """
    file.seek(0)
    head = file.read(512)
    if not head:
        raise ImageError(f"{name}: is empty")
    file = png.without_long_notes(file, name) if head.startswith(png.SIGNATURE) else file
    tags = _tiff_tags(file, head, ending)
    if tags and tiff.why_refused(tags):
        raise ImageError(f"{name}: {tiff.why_refused(tags)}")
    errors = {}
    for kind, factory in _readers(head, ending):
        file.seek(0)
        try:
            return factory(file, "")
        except MemoryError:
            raise
        except Exception as error:  # Pillow's readers raise nearly anything at damaged files
            errors |= {kind: error} if kind else {}
    if tags and _UNUSUAL.search(str(errors.get("TIFF"))):
        raise ImageError(f"{name}: {tiff.described(tags)}, which Pillow does not read; {_CONVERT}")
    raise ImageError(f"{name}: {_why_not(head, errors)}")


def what_is_wrong(error):
    """What a reader's error says of a file: that it is damaged, or of a kind that is not known."""
    unknown, damaged = "of a kind that Pillow does not read", "damaged or cut off"
    if _UNUSUAL.search(str(error)):
        return unknown
    return f"{damaged}, or {unknown}" if "decoder error" in str(error) else damaged


def _readers(head, ending):
    """(format, function from an open file to a PIL image) of each reader that may fit.

    The format is None where the reader does not look at the first bytes, and so fits anything.
    """
    from PIL import Image

    Image.init()
    take_in_plugin(_plugin_for(head))
    own = [kind for kind in Image.OPEN if not Image.OPEN[kind][0].__module__.startswith("PIL.")]
    start = head[:16].ljust(16, b"\0")  # Pillow before 12 fails on files of one byte
    for kind in dict.fromkeys((*COMMON, *own, format_of(ending))):
        factory, accepts = Image.OPEN.get(kind, (None, None))
        if factory and (accepts is None or accepts(start) is True):
            yield (kind if accepts else None), factory


def _plugin_for(head):
    """The ending of the files that need a plug-in and begin like this one; "" if it needs none."""
    kinds = {".heic": _HEIF, ".avif": _AVIF, ".jxl": _JPEG_XL}
    return next((ending for ending, begins in kinds.items() if begins.match(head)), "")


def _tiff_tags(file, head, ending):
    """The tags of a TIFF; None if the file is none, or so damaged that they cannot be read."""
    if not head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return None
    try:
        return tiff.tags_of(file, ending)
    except MemoryError:
        raise
    except Exception:  # Pillow says how it is damaged
        return None


def _why_not(head, errors):
    """What a file is that no reader takes; `errors` are those of the readers that recognised it."""
    for start, begins, what, advice in SIGNATURES:
        text = head.lstrip(b"\xef\xbb\xbf \t\r\n") if begins[:1] in b"<v" else head
        if text[start:].lower().startswith(begins.lower()):
            return f"is {what}, not a picture in a known format; {advice}"
    needed = _plugin_for(head)
    if needed and not format_of(needed):
        return f"is a picture of the kind {needed[1:].upper()}: pip install {PLUGINS[needed][0]}"
    if _VIDEO.match(head):
        return f"is a video, not a picture in a known format; {_FRAMES}"
    for kind, error in errors.items():
        if head[:4] == b"\xff\xd8\xff\xf7":
            return "is a JPEG-LS, which Pillow does not read; convert it to PNG"
        return f"is a picture in the format {kind}, but {what_is_wrong(error)} ({error})"
    return f"is damaged or not a picture in a known format ({', '.join(COMMON)})"
