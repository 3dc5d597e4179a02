"""PNG: its notes, chunk by chunk, without decoding a pixel.

Idea    A PNG is a row of chunks: length, kind, contents, checksum. Pillow refuses a file whose
        texts or colour profile are long, which says nothing about the picture: such chunks are left
        out before Pillow sees them. To learn which way up a picture is, Pillow decodes all of it:
        it is shown the same notes on a picture of one pixel instead.
Source  PNG specification (W3C, third edition), sections 5.3 and 11.3.
Shapes  open file  ->  open file
"""

import io
import struct
import warnings
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS, _PROFILE = (b"tEXt", b"zTXt", b"iTXt"), b"iCCP"


def without_long_notes(file, name):
    """The file itself, or, if Pillow would refuse it for long notes, a copy without these.

    Parameters
    ----------
    file : open file, at its beginning
    name : str, what a warning calls it when its colour profile is left out

    Returns
    -------
    open file, at its beginning
    """
    from PIL import PngImagePlugin as limits

    total, long = 0, set()
    for start, kind, length in _chunks(file):
        if kind in (*_TEXTS, _PROFILE):
            size = _unpacked_size(_read(file, start + 8, length), kind, limits.MAX_TEXT_CHUNK)
            if size > limits.MAX_TEXT_CHUNK or total + size > limits.MAX_TEXT_MEMORY:
                long.add((start, kind))
            else:
                total += size
    if any(kind == _PROFILE for _, kind in long):
        warnings.warn(f"{name}: its colour profile is too long and is not applied", stacklevel=2)
    return _copy(file, {start for start, _ in long}) if long else _rewound(file)


def notes_alone(file):
    """A PNG of one pixel with the notes of a file, such as its EXIF data, before and after it."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    copy = io.BytesIO(SIGNATURE + header)
    copy.seek(0, io.SEEK_END)
    for start, kind, length in _chunks(file):
        if kind in (*_TEXTS, b"eXIf"):
            copy.write(_read(file, start, length + 12))
    copy.write(_chunk(b"IDAT", zlib.compress(b"\0\0")) + _chunk(b"IEND", b""))
    return _rewound(copy)


def _chunks(file):
    """(where it starts, kind, length of its contents) of each whole chunk."""
    start, end = len(SIGNATURE), file.seek(0, io.SEEK_END)
    while start + 12 <= end:
        length, kind = struct.unpack(">I4s", _read(file, start, 8))
        if start + 12 + length > end:
            return
        yield start, kind, length
        start += length + 12  # with length, kind and checksum


def _unpacked_size(contents, kind, most):
    """Bytes of a chunk when it is unpacked, at most one more than `most`."""
    keyword, _, rest = contents.partition(b"\0")
    if kind == b"iTXt" and rest[:1] == b"\1":  # packed; method, language, keyword translated, text
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    elif kind in (b"tEXt", b"iTXt"):
        return len(rest)
    packed = rest if kind == b"iTXt" else rest[1:]  # after the method
    try:
        return len(zlib.decompressobj().decompress(packed, most + 1))
    except zlib.error:  # damaged: Pillow says so
        return 0


def _copy(file, left_out):
    """The file in memory without the chunks that start at `left_out`."""
    copy = io.BytesIO()
    copy.write(SIGNATURE)
    for start, _, length in _chunks(file):
        if start not in left_out:
            copy.write(_read(file, start, length + 12))
    return _rewound(copy)


def _chunk(kind, contents):
    checksum = zlib.crc32(kind + contents)
    return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", checksum)


def _read(file, start, count):
    file.seek(start)
    return file.read(count)


def _rewound(file):
    file.seek(0)
    return file
