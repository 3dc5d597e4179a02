"""Reading a file in blocks that may not overlap: what keeps a damaged file from doing harm.

Idea    Each byte of an honest file belongs to one block: a header, a list of names, an array. A
        reader that takes every block once, and refuses one that leaves the file or overlaps
        another, needs no other defence: cycles end at their second step, and what is read can
        never be more than the file, whatever sizes it declares.
"""

from bisect import bisect, insort
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.runtime.opening import open_regular

MAX_BLOCKS = 100_000  # the COCO file has some 4,000
MAX_RANK = 8  # axes of an array
LARGEST = 1 << 48  # of a size; no file has more bytes


@dataclass(frozen=True)
class File:
    """An open file, and which of its bytes have been accounted for."""

    path: str
    handle: BinaryIO
    size: int  # bytes
    blocks: list[tuple[int, int]] = field(default_factory=list)  # (start, end), sorted, disjoint
    heaps: dict[int, dict] = field(default_factory=dict)  # texts of attributes, not yet read


@contextmanager
def open_blocks(path):
    """Open a file to be read in blocks; a context manager that yields a File.

    Raises
    ------
    WeightsError
        If it is missing or cannot be read.
    """
    try:
        handle = open_regular(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    with handle:
        size = handle.seek(0, 2)
        handle.seek(0)
        yield File(str(path), handle, size)


def is_size(number):
    """Whether something that a file declares is a whole number from 0 on, within all measure."""
    return type(number) is int and 0 <= number < LARGEST


def claim(file, start, length):
    """Account for a block; refuse it if it is not within the file, or overlaps another."""
    end = start + length
    if end > file.size:
        raise damaged(file, start, f"it points to {length:,} bytes that are not in it")
    place = bisect(file.blocks, (start, end))
    before, after = file.blocks[max(place - 1, 0) : place], file.blocks[place : place + 1]
    if (before and before[0][1] > start) or (after and end > after[0][0]):
        raise damaged(file, start, "two parts of it overlap")
    if len(file.blocks) >= MAX_BLOCKS:
        raise damaged(file, start, f"it has more than {MAX_BLOCKS:,} parts")
    insort(file.blocks, (start, end))


def take(file, start, length):
    """Claim a block and return its bytes."""
    claim(file, start, length)
    file.handle.seek(start)
    block = file.handle.read(length)
    if len(block) != length:
        raise damaged(file, start, "it became shorter while it was read")
    return block


def read_numbers(file, start, dtype, count):
    """Return `count` numbers from a place that is claimed already: (count,), of the dtype."""
    file.handle.seek(start)
    values = np.fromfile(file.handle, dtype, count)
    if values.size != count:
        raise damaged(file, start, "it became shorter while it was read")
    return values


def damaged(file, position, what):
    """A WeightsError for a file that does not hold together."""
    return WeightsError(
        f"{file.path}: is damaged: {what} (at byte {position:,}). Fetch or copy the file again"
    )
