"""Picture files that Pillow cannot write: TIFFs of any tags, PNG chunks, small colour profiles."""

import struct
import zlib

import numpy as np


def tiff(contents, width, height, tags, big_endian=False, strips=1):
    """A TIFF of one picture in strips of equal length.

    Parameters
    ----------
    contents : bytes of the pixels
    tags : {number: int or tuple of ints}; those of width, height and strip are added
    """
    order = ">" if big_endian else "<"
    length = len(contents) // strips
    places = tuple(8 + i * length for i in range(strips))
    tags = {256: width, 257: height, 278: height, 279: (length,) * strips, 273: places, **tags}
    start, long_values, entries = 8 + len(contents), b"", b""
    after = start + 2 + 12 * len(tags) + 4
    for number in sorted(tags):
        values = tags[number] if isinstance(tags[number], tuple) else (tags[number],)
        packed = struct.pack(f"{order}{len(values)}I", *values)  # type 4: 32 bits
        place = packed
        if len(values) > 1:
            place = struct.pack(order + "I", after + len(long_values))
            long_values += packed
        entries += struct.pack(order + "HHI", number, 4, len(values)) + place
    head = (b"MM" if big_endian else b"II") + struct.pack(order + "HI", 42, start)
    directory = struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0"
    return head + contents + directory + long_values


def packed_12_bits(values):
    """Values of 12 bits, (H, W) with W even, two in three bytes."""
    pairs = np.asarray(values, np.uint16).reshape(-1, 2)
    first, second = pairs[:, 0], pairs[:, 1]
    triples = [first >> 4, (first & 15) << 4 | second >> 8, second & 255]
    return np.stack(triples, axis=1).astype(np.uint8).tobytes()


def chunk(kind, contents):
    """One chunk of a PNG."""
    checksum = zlib.crc32(kind + contents)
    return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", checksum)


def with_chunk(png, kind, contents, at_end=False):
    """A PNG file with one chunk more, after its header or before its end."""
    place = len(png) - 12 if at_end else 33
    return png[:place] + chunk(kind, contents) + png[place:]


def matrix_profile(primaries, gamma):
    """An ICC profile of RGB: columns of `primaries` (3, 3) are red, green, blue in XYZ (D50)."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + b"\0\0"
    tags = {name: curve for name in (b"rTRC", b"gTRC", b"bTRC")}
    for name, colour in zip((b"rXYZ", b"gXYZ", b"bXYZ"), np.transpose(primaries), strict=True):
        tags[name] = _xyz(colour)
    return _profile(b"RGB ", b"XYZ ", tags)


def gray_profile(gamma):
    """An ICC profile of gray."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + b"\0\0"
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": curve})


def black_ink_profile():
    """An ICC profile of CMYK whose light depends on black alone: other inks leave no trace."""
    ramp = bytes(range(256))
    black = [index & 1 for index in range(16)]  # the last of the four inks varies fastest
    colours = b"".join(bytes([0 if ink else 255, 128, 128]) for ink in black)  # Lab
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + colours + ramp * 3
    return _profile(b"CMYK", b"Lab ", {b"A2B0": table})


def _profile(space, connection, tags):
    tags = {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"cprt": b"text\0\0\0\0none\0", **tags}
    tags[b"desc"] = b"desc" + struct.pack(">II", 0, 5) + b"test\0" + b"\0" * 78
    start, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, contents in tags.items():
        table += name + struct.pack(">II", start + len(body), len(contents))
        body += contents + b"\0" * (-len(contents) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4sI", start + len(body), b"    ", 0x02100000) + kind + space + connection
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += struct.pack(">3i", *(round(value * 65536) for value in (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + table + body


def _xyz(values):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(v) * 65536) for v in values))
