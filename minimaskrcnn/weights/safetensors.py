"""The safetensors format: a length, a header of JSON, and raw arrays one after the other.

Idea    The header names every array with its dtype, its shape and its first and last byte, so one
        look at it shows all that a file holds. Nothing in it can be executed. The arrays must fill
        the file without gaps and without overlaps, so no array can claim what is not there.
Source  github.com/huggingface/safetensors, section "Format" of its README
Shapes  file  <->  {name: array}, and metadata {text: text}
"""

import json
from dataclasses import dataclass
from math import prod

import numpy as np

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.claims import (
    MAX_RANK,
    damaged,
    is_size,
    open_blocks,
    read_numbers,
    take,
)
from minimaskrcnn.weights.floats import ITEM_BYTES, KINDS, to_float32

MAX_HEADER = 1 << 20  # bytes; that of a Mask R-CNN has some 50,000
DTYPES = {  # as the format calls them
    **{"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"},
}
NAMES = {KINDS[kind]: name for name, kind in DTYPES.items() if kind in ("float32", "float16")}


@dataclass(frozen=True)
class Part:
    """Where in the file an array's numbers lie."""

    kind: str  # as in `floats`: "float32", …
    shape: tuple[int, ...]
    offset: int  # bytes from the file's beginning

    @property
    def dtype(self) -> np.dtype:
        """Of the bytes as they lie in the file."""
        return np.dtype(KINDS.get(self.kind, self.kind))


def is_safetensors(head):
    """Whether a file that begins so (9 bytes) may be one: JSON stands behind eight bytes."""
    return head[8:9] == b"{" and head[3:8] == bytes(5)


def read_safetensors(path):
    """Return the weights in a safetensors file.

    Parameters
    ----------
    path : of the file

    Returns
    -------
    dict from name to float32 array, C-contiguous; float16, bfloat16 and float64 are converted,
    arrays of whole numbers left out

    Raises
    ------
    WeightsError
        If the file is damaged, of a dtype this package does not know, or holds NaN or infinity.
    """
    with open_blocks(path) as file:
        _, parts = read_header(file)
        floats = {name: part for name, part in parts.items() if part.kind in KINDS}
        return {
            name: to_float32(path, name, read_part(file, part), part.kind)
            for name, part in floats.items()
        }


def read_part(file, part):
    """The numbers of one array, in its own dtype (`floats.KINDS`)."""
    values = read_numbers(file, part.offset, KINDS[part.kind], prod(part.shape))
    return values.reshape(part.shape)


def read_header(file):
    """Return the metadata, {text: text}, and the arrays, {name: Part}, of an open file.

    Raises
    ------
    WeightsError
        If the header is damaged, or the arrays do not fill the file.
    """
    length = int.from_bytes(take(file, 0, 8), "little") if file.size >= 8 else 0
    if not 2 <= length <= MAX_HEADER:
        raise damaged(file, 0, f"its header should have {length:,} bytes")
    header = _json(file, take(file, 8, length))
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or any(type(text) is not str for text in metadata.values()):
        raise damaged(file, 8, "its metadata are not texts")
    parts = {name: _part(file, name, entry, 8 + length) for name, entry in header.items()}
    position = 8 + length
    for name, part in sorted(parts.items(), key=lambda item: item[1].offset):
        if part.offset != position:
            raise damaged(file, position, f"{name} overlaps another array, or leaves a gap")
        position += prod(part.shape) * ITEM_BYTES[part.kind]
    if position != file.size:
        raise damaged(
            file, position, f"its arrays end at byte {position:,}, the file has {file.size:,}"
        )
    return metadata, parts


def _json(file, text):
    """The header as a dict, in which no name stands twice."""

    def once(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a name occurs twice in it")
        return dict(pairs)

    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise damaged(file, 8, f"its header is not the JSON it should be ({error})") from error
    if not isinstance(header, dict):
        raise damaged(file, 8, "its header is JSON, but not an object {…}")
    return header


def _part(file, name, entry, begin):
    """One array of the header; its numbers lie behind byte `begin`."""
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape, place = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not (name.isprintable() and len(name) < 500 and _sizes(shape) and _sizes(place)):
        raise damaged(file, 8, f"its header does not describe the array {ascii(name[:100])}")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        what = ascii(dtype[:40]) if isinstance(dtype, str) else "none"
        raise WeightsError(
            f"{file.path}: the type of {name} is {what}; this package reads F32, F16, BF16 and F64"
        )
    kind = DTYPES[dtype]
    if len(place) != 2 or prod(shape) * ITEM_BYTES[kind] != place[1] - place[0] or 0 in shape:
        raise damaged(file, 8, f"{name} of shape {tuple(shape)} has the bytes {place}")
    return Part(kind, tuple(shape), begin + place[0])


def _sizes(numbers):
    """Whether something is a list of a few whole numbers, none below zero."""
    return (
        isinstance(numbers, list)
        and len(numbers) <= MAX_RANK
        and all(is_size(number) for number in numbers)
    )


def safetensors_bytes(arrays, metadata):
    """Yield the content of a safetensors file in pieces of bytes.

    Parameters
    ----------
    arrays : dict from name to array, little-endian float32 or float16, C-contiguous
    metadata : dict from str to str
    """
    header, position = {"__metadata__": metadata}, 0
    for name, array in arrays.items():
        end = position + array.nbytes
        header[name] = {
            "dtype": NAMES[array.dtype.str],
            "shape": list(array.shape),
            "data_offsets": [position, end],
        }
        position = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the arrays begin at a multiple of 8
    yield len(text).to_bytes(8, "little")
    yield text
    yield from (memoryview(array).cast("B") for array in arrays.values())
