"""ZIP, as much of it as `torch.save` writes: entries stored as they are, none over another.

Idea    The list at the file's end names every entry and says where it lies. ZIP can do far more,
        and a hostile file uses that: compressed entries that unpack to terabytes, many entries over
        the same bytes. This reader only reads entries that lie in the file as they are, once each.
Source  PKWARE, ".ZIP File Format Specification" 6.3.10; its section numbers stand below
Shapes  File  ->  {name: Entry}
"""

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.claims import claim, damaged, read_numbers, take

MAX_ENTRIES = 20_000  # a checkpoint with the state of its optimiser has some 1,500
FULL = 0xFFFFFFFF  # where a number does not fit into 32 bits: it stands in the 64-bit form


@dataclass(frozen=True)
class Entry:
    """Where in the file an entry's bytes lie."""

    offset: int  # bytes from the file's beginning
    size: int  # bytes in the file
    crc: int | None  # the checksum of what they hold, CRC-32, where there is one
    compressed: bool = False


def read_entries(file):
    """Return the entries of an archive, {name: Entry}.

    Parameters
    ----------
    file : blocks.File

    Raises
    ------
    WeightsError
        If the archive is cut off, damaged or encrypted.
    """
    count, size, start = _end(file)
    if count > MAX_ENTRIES:
        raise damaged(file, start, f"it is a ZIP archive of more than {MAX_ENTRIES:,} entries")
    listed, position, entries = take(file, start, size), 0, {}
    for _ in range(count):
        name, entry, position = _entry(file, listed, position)
        if name in entries:
            raise damaged(file, start, f"two entries are called {ascii(name[:80])}")
        entries[name] = entry
    if position != size:
        raise damaged(file, start, "the list of its entries is longer than it says")
    return entries


def _end(file):
    """4.3.14 to 4.3.16: how many entries there are, and where the list of them lies."""
    place = file.size - 22
    end = take(file, place, 22) if place >= 0 else b""
    if end[:4] != b"PK\5\6" or end[20:] != b"\0\0":
        raise WeightsError(
            f"{file.path}: begins as a ZIP archive, but does not end as one: it is cut off or "
            "damaged. Fetch or copy the file again"
        )
    count, size, start = struct.unpack_from("<HII", end, 10)
    if place >= 76:
        file.handle.seek(place - 20)
        locator = file.handle.read(20)
        if locator[:4] == b"PK\6\7":  # torch writes the 64-bit form, too
            (place,) = struct.unpack_from("<Q", locator, 8)
            record = take(file, place, 56)
            if record[:4] != b"PK\6\6":
                raise damaged(file, place, "the end of the ZIP archive is not where it should be")
            count, size, start = struct.unpack_from("<QQQ", record, 32)
    return count, size, start


def _entry(file, listed, position):
    """4.3.12: the entry listed at a position: its name, the Entry, and the next position."""
    signature, flags, method, crc, packed, size, *lengths, offset = struct.unpack_from(
        "<4s4xHH4xIIIHHH8xI", listed, position
    )
    end = position + 46 + sum(lengths)
    if signature != b"PK\1\2" or end > len(listed):
        raise damaged(file, position, "the list of its entries is broken")
    name = listed[position + 46 : position + 46 + lengths[0]].decode("utf-8")
    if flags & 0x2041:  # 4.4.4: encrypted in one way or another
        raise WeightsError(f"{file.path}: is an encrypted ZIP archive: unpack it first")
    extra = listed[position + 46 + lengths[0] : position + 46 + lengths[0] + lengths[1]]
    size, packed, offset = _long_numbers(extra, size, packed, offset)
    if method == 0 and packed != size:
        raise damaged(file, offset, f"the entry {ascii(name[:80])} has two sizes")
    begin = _begin(file, offset, name, packed)
    return name, Entry(begin, packed, crc, compressed=method != 0), end


def _long_numbers(extra, *numbers):
    """4.5.3: replace the numbers that do not fit into 32 bits by those of the 64-bit form."""
    position, long = 0, b""
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if kind == 1:
            long = extra[position + 4 : position + 4 + length]
        position += 4 + length
    found = iter(struct.unpack(f"<{len(long) // 8}Q", long[: len(long) // 8 * 8]))
    return [next(found, n) if n == FULL else n for n in numbers]


def _begin(file, offset, name, size):
    """4.3.7: where an entry's bytes begin: after a header that must bear the same name."""
    header = take(file, offset, 30)
    name_length, extra_length = struct.unpack_from("<HH", header, 26)
    claim(file, offset + 30, name_length + extra_length + size)
    if header[:4] != b"PK\3\4" or file.handle.read(name_length) != name.encode():
        raise damaged(file, offset, f"the entry {ascii(name[:80])} is not where it should be")
    return offset + 30 + name_length + extra_length


def read_entry(file, name, entry, dtype):
    """Return the numbers of an entry, (size / size of one,), after comparing its checksum."""
    if entry.compressed:
        raise WeightsError(
            f"{file.path}: holds a compressed entry, {ascii(name[:80])}; torch.save compresses "
            "nothing. If somebody packed the file once more, unpack it first"
        )
    values = read_numbers(file, entry.offset, dtype, entry.size // np.dtype(dtype).itemsize)
    if entry.crc is not None and zlib.crc32(values) != entry.crc:
        raise damaged(
            file,
            entry.offset,
            "numbers do not match their checksum (unless torch saved it without checksums: "
            "torch.serialization.set_crc32_options)",
        )
    return values
