"""Run-length encoding (RLE): COCO's format that stores a mask in a few hundred bytes.

Idea    Read the mask column by column, from top to bottom, and write down how long each run of
        equal pixels is: zeros, ones, zeros, ones … The first number counts zeros, so it is 0 if the
        mask begins with a one. In JSON the numbers are a list, or packed into a string
        ("compressed"). Area and box are computed from the runs, without unpacking the mask.
Source  The code of the COCO API (pycocotools); there is no other definition of the format.
Shapes  mask (H, W) bool  <->  {"size": [H, W], "counts": [n0, n1, …] or "packed string"}
"""

from collections.abc import Mapping

import numpy as np

from minimaskrcnn.coco_masks.checks import add_up_to, check_size, listed
from minimaskrcnn.coco_masks.packing import pack, unpack


def encode(mask, compressed=True):
    """Convert a mask to COCO's run lengths.

    Parameters
    ----------
    mask : (H, W) bool
    compressed : whether the counts are packed into a string (ASCII, for JSON); if not, a list

    Returns
    -------
    dict : {"size": [H, W], "counts": str or list of int}

    Examples
    --------
    >>> encode(np.array([[False, True], [False, True], [True, True]]), compressed=False)
    {'size': [3, 2], 'counts': [2, 4]}
    """
    counts = _counts(mask)
    packed = pack(counts) if compressed else counts.tolist()
    return {"size": list(np.shape(mask)), "counts": packed}


def encode_in_box(mask, box, shape):
    """Convert a mask that is given over its box only; the whole mask is never built.

    Parameters
    ----------
    mask : (h, w) bool, over the box
    box : (4,) int, y1 x1 y2 x2 in pixels, end excluded, within the image
    shape : (H, W, ...) of the image

    Returns
    -------
    dict of COCO's run lengths, for the whole image, as `encode` returns it

    Examples
    --------
    >>> encode_in_box(np.array([[True]]), (0, 1, 1, 2), (2, 3)) == encode(
    ...     np.array([[False, True, False], [False, False, False]])
    ... )
    True
    """
    y1, x1, y2, x2 = (int(edge) for edge in box)
    height, width = (int(n) for n in shape[:2])
    columns = np.zeros((height, x2 - x1), bool)  # those of the box, from top to bottom
    columns[y1:y2] = mask
    counts = _counts(columns)
    if len(counts) % 2 == 0:  # ends with a run of ones
        counts = np.append(counts, 0)
    counts[0] += x1 * height
    counts[-1] += (width - x2) * height
    return {"size": [height, width], "counts": pack(counts if counts[-1] else counts[:-1])}


def _counts(mask):
    """Run lengths (N,) int64 of a mask (H, W), column by column, zeros first."""
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f"encode wants a mask (H, W) of bool, got {mask.shape} of {mask.dtype}")
    pixels = mask.ravel(order="F")  # (H*W,), column by column
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    first = [0] if len(pixels) and pixels[0] else []  # a run of no zeros
    return np.diff(np.concatenate([[0], first, changes, [len(pixels)]])).astype(np.int64)


def decode(rle):
    """Convert run lengths to a mask; the errors are those of `run_lengths`.

    Parameters
    ----------
    rle : dict of COCO's run lengths

    Returns
    -------
    (H, W) bool

    Examples
    --------
    >>> decode({"size": [2, 3], "counts": [1, 2, 3]}).astype(int)
    array([[0, 1, 0],
           [1, 0, 0]])
    """
    counts = run_lengths(rle)
    height, width = rle["size"]
    pixels = np.repeat(np.arange(len(counts)) % 2 == 1, counts)  # (H*W,)
    return np.ascontiguousarray(pixels.reshape(width, height).T)  # (H, W)


def decode_in_box(rle, box):
    """Convert the part of the run lengths that lies in a box; the whole mask is never built.

    Parameters
    ----------
    rle : dict of COCO's run lengths
    box : (4,) int, y1 x1 y2 x2 in pixels, end excluded, within the image

    Returns
    -------
    (h, w) bool, over the box

    Examples
    --------
    >>> decode_in_box({"size": [2, 3], "counts": [1, 2, 3]}, (0, 1, 2, 3)).astype(int)
    array([[1, 0],
           [0, 0]])
    """
    y1, x1, y2, x2 = (int(edge) for edge in box)
    height, ends = rle["size"][0], np.cumsum(run_lengths(rle))
    places = np.arange(x1, x2) * height + np.arange(y1, y2)[:, None]  # (h, w), column by column
    return np.searchsorted(ends, places, side="right") % 2 == 1  # as many runs end before it


def run_lengths(rle):
    """Return the counts of an RLE, packed or listed, as an array, after checking them.

    Parameters
    ----------
    rle : mapping with "size" [H, W] and "counts": list of int, str or bytes

    Returns
    -------
    counts : (N,) int64, zeros first; their sum is H * W

    Raises
    ------
    ValueError
        If the sum is a different one, a count is negative or not whole, a string does not contain
        packed numbers, or the size is not two numbers or has more than `MAX_PIXELS` pixels.
    """
    if not isinstance(rle, Mapping) or "size" not in rle or "counts" not in rle:
        raise ValueError(f"an RLE is a dict with 'size' and 'counts', got {str(rle)[:80]}")
    total = check_size(rle["size"])
    counts = rle["counts"]
    counts = unpack(counts) if isinstance(counts, str | bytes) else listed(counts)
    if not add_up_to(counts, total):
        if counts.min(initial=0) < 0:
            raise ValueError(f"RLE counts are run lengths, got the negative count {counts.min()}")
        found = sum(counts.tolist())
        raise ValueError(f"RLE counts of size {rle['size']} add up to {total}, got {found}")
    return counts


def area(rle):
    """Return the number of pixels of a mask.

    Parameters
    ----------
    rle : dict of COCO's run lengths

    Returns
    -------
    int
    """
    return int(run_lengths(rle)[1::2].sum())


def box(rle):
    """Return the tight box of a mask.

    Parameters
    ----------
    rle : dict of COCO's run lengths

    Returns
    -------
    (4,) int32, y1 x1 y2 x2 in pixels, ends excluded; zeros for an empty mask

    Examples
    --------
    >>> box({"size": [2, 3], "counts": [1, 2, 3]}).tolist()
    [0, 0, 2, 2]
    """
    counts, height = run_lengths(rle), rle["size"][0]
    ends = np.cumsum(counts)  # one past each run
    inside = (np.arange(len(counts)) % 2 == 1) & (counts > 0)
    if not inside.any():
        return np.zeros(4, np.int32)
    first, last = (ends - counts)[inside], ends[inside] - 1  # first and last pixel of each run
    x1, x2 = first[0] // height, last[-1] // height + 1
    if (first // height < last // height).any():  # a run over a column's end has bottom and top
        return np.array([0, x1, height, x2], np.int32)
    return np.array([(first % height).min(), x1, (last % height).max() + 1, x2], np.int32)
