"""The small print of HDF5: shapes, number types, attributes, as an object's messages spell them.

Source  "HDF5 File Format Specification Version 3.0", IV.A.2.b (dataspace), d (datatype), m
        (attribute), and III.E (global heap: texts of any length).
"""

import struct
from math import prod

import numpy as np

from minimaskrcnn.weights.claims import damaged, take

MAX_RANK = 8  # axes of an array

# The number types that a weight file may hold; the first byte, a version, left out.
_NUMBERS = {
    bytes.fromhex("200f0002000000000010000a05000a0f000000"): np.dtype("<f2"),
    bytes.fromhex("201f000400000000002000170800177f000000"): np.dtype("<f4"),
    bytes.fromhex("203f000800000000004000340b0034ff030000"): np.dtype("<f8"),
    bytes.fromhex("08000008000000000040 00"): np.dtype("<i8"),
}


def shape_of(dataspace):
    """The shape that a dataspace message declares; () is a single value, None nothing at all."""
    version, rank, _, kind = struct.unpack_from("<4B", dataspace)
    if version not in (1, 2) or rank > MAX_RANK or (version, kind) == (2, 2):
        return None
    return struct.unpack_from(f"<{rank}Q", dataspace, 8 if version == 1 else 4)


def number_type(datatype):
    """The NumPy dtype that a datatype message means, None if it is none of the known ones."""
    for spelled, dtype in _NUMBERS.items():
        if datatype[1 : 1 + len(spelled)] == spelled and not any(datatype[1 + len(spelled) :]):
            return dtype
    return None


def read_attribute(file, body):
    """Return the name and the value of an attribute message.

    The value is a str, a list of str, a NumPy array, or None for a type that no weight file uses.
    """
    version, _, name_size, type_size, space_size = struct.unpack_from("<BBHHH", body)
    position = 8 if version < 3 else 9
    parts = []
    for size in (name_size, type_size, space_size):
        parts.append(body[position : position + size])
        position += -(-size // 8) * 8 if version == 1 else size  # version 1 pads to 8 bytes
    name, datatype, dataspace = parts
    return name.rstrip(b"\0").decode("utf-8"), _value(file, datatype, dataspace, body[position:])


def _value(file, datatype, dataspace, raw):
    shape, dtype = shape_of(dataspace), number_type(datatype)
    class_and_version, size = struct.unpack_from("<B3xI", datatype)
    kind = class_and_version & 15
    if shape is None or 0 in shape or size == 0:
        return None
    if prod(shape) * size > len(raw):
        raise damaged(file, file.handle.tell(), "an attribute is larger than its object")
    if dtype is not None:
        return np.frombuffer(raw, dtype, prod(shape)).reshape(shape)
    items = [raw[i * size : (i + 1) * size] for i in range(prod(shape))]
    if kind == 9 and size == 16 and datatype[1] & 15 == 1:  # texts kept elsewhere
        items = [_shared_text(file, *struct.unpack("<IQI", item)) for item in items]
    elif kind != 3:  # texts of one length
        return None
    texts = [item.rstrip(b"\0").decode("utf-8") for item in items]
    return texts[0] if shape == () else texts


def _shared_text(file, length, address, wanted):
    """III.E: a text in a heap of texts, by its number there."""
    if address not in file.heaps:
        file.heaps[address] = _texts(file, address)
    text = file.heaps[address].pop(wanted, b"")  # a text that is read again and again adds up
    if length > len(text):
        raise damaged(file, address, "a text is missing, or belongs to two attributes")
    return text[:length]


def _texts(file, address):
    """All texts of a heap, {number: text}."""
    signature, version, size = struct.unpack("<4sB3xQ", take(file, address, 16))
    if (signature, version) != (b"GCOL", 1) or size < 16:
        raise damaged(file, address, "a text is not where it should be")
    heap, position, texts = take(file, address + 16, size - 16), 0, {}
    while position + 16 <= len(heap):
        index, size = struct.unpack_from("<H6xQ", heap, position)
        if index == 0:  # the rest is free
            break
        texts[index] = heap[position + 16 : position + 16 + size]
        position += 16 + -(-size // 8) * 8
    return texts
