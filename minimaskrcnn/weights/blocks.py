"""Reading a file in blocks that may not overlap: what keeps a damaged file from doing harm.

Idea    Each byte of an honest file belongs to one block: a header, a list of names, an array. A
        reader that takes every block once, and refuses one that leaves the file or overlaps
        another, needs no other defence: cycles end at their second step, and what is read can
        never be more than the file, whatever sizes it declares.
"""

from bisect import bisect, insort
from dataclasses import dataclass, field
from typing import BinaryIO

from minimaskrcnn.errors import WeightsError

MAX_BLOCKS = 100_000  # the COCO file has some 4,000


@dataclass(frozen=True)
class File:
    """An open file, and which of its bytes have been accounted for."""

    path: str
    handle: BinaryIO
    size: int  # bytes
    blocks: list[tuple[int, int]] = field(default_factory=list)  # (start, end), sorted, disjoint
    heaps: dict[int, bytes] = field(default_factory=dict)  # texts that several attributes share


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


def damaged(file, position, what):
    """A WeightsError for a file that does not hold together."""
    return WeightsError(
        f"{file.path}: is damaged: {what} (at byte {position:,}). Fetch or copy the file again"
    )
