"""Packed counts: run lengths as a short string of letters, as COCO's files have them.

Idea    A number is cut into groups of five bits, lowest first. A group becomes the character
        48 + group, plus 32 if another group follows; the highest bit of the last group is the sign.
        From the fourth number on, what is written is the difference to the number two places
        before: neighbouring columns have runs of about the same length, so the differences are
        small.
Source  The COCO API (pycocotools), where the format is defined by what the code does.
Shapes  counts (N,) int64  <->  str
"""

import numpy as np
from numba import njit


def pack(counts):
    """Return the packed text of counts, (N,) int64."""
    return _pack(counts).tobytes().decode("ascii")


def unpack(text):
    """Return the counts, (N,) int64, of a packed text; ValueError if it is no packed numbers."""
    text = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    counts, sensible = _unpack(np.frombuffer(text, np.uint8))
    if not sensible:
        raise ValueError(f"RLE counts are not packed numbers: {text[:40]!r} …")
    return counts


@njit(cache=True, nogil=True)
def _pack(counts):  # (N,) int64 -> (characters,) uint8
    codes, used = np.empty(7 * len(counts), np.uint8), 0  # 7 groups hold 35 bits
    for i in range(len(counts)):
        number = counts[i] - counts[i - 2] if i > 2 else counts[i]
        more = True
        while more:
            group = number & 31
            number >>= 5
            more = number != (-1 if group & 16 else 0)
            codes[used] = 48 + group + (32 if more else 0)
            used += 1
    return codes[:used]


@njit(cache=True, nogil=True)
def _unpack(characters):  # (characters,) uint8 -> (N,) int64, whether the text makes sense
    counts, used = np.empty(len(characters), np.int64), 0
    number, bits = 0, 0
    for character in characters:
        code = np.int64(character) - 48
        if code < 0 or code > 63:
            return counts[:0], False
        number |= (code & 31) << bits
        bits += 5
        if code & 32:  # another group follows
            if bits >= 35:
                return counts[:0], False
            continue
        if code & 16:
            number -= 1 << bits
        counts[used] = number + (counts[used - 2] if used > 2 else 0)
        used += 1
        number, bits = 0, 0
    return counts[:used], bits == 0
