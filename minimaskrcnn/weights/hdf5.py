"""HDF5, as much of it as weight files use: arrays in nested groups, read without a library.

Idea    A weight file is a tree of names with plain arrays at its leaves. The format around it can
        do far more, and a hostile file uses that: links out of the file, compressed and virtual
        arrays, sizes that exhaust the memory; some damage makes the HDF5 library crash. This reader
        knows the one simple form that Keras writes, and refuses everything else by name.
Source  The HDF Group, "HDF5 File Format Specification Version 3.0"; its section numbers stand below
Shapes  file  ->  a tree of Group and Array; `read_array` then reads the numbers of one Array
"""

import struct
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import numpy as np

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.claims import claim, damaged, open_blocks, read_numbers, take
from minimaskrcnn.weights.foreign import (
    NEWER,
    REPACK,
    SAVE_AGAIN,
    SIGNATURE,
    check_signature,
    refuse_user_block,
)
from minimaskrcnn.weights.hdf5_links import links_of
from minimaskrcnn.weights.hdf5_values import number_type, read_attribute, shape_of

MAX_PATH = 512  # letters of the names of a group and those around it
MAX_DEPTH = 16  # groups within groups; Keras needs 4

_HARMLESS = {0x00, 0x04, 0x05, 0x0E, 0x12}  # padding, fill values, modification times
_REFUSED = {  # IV.A.2: what no weight file needs
    0x02: "links in a newer form (links to other files, or a newer version of HDF5)",
    0x06: "links in a newer form (links to other files, or a newer version of HDF5)",
    0x07: "an array whose numbers lie in another file",
    0x15: "attributes in a newer form",
}


@dataclass(frozen=True)
class Array:
    """Where in the file an array's numbers lie."""

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int  # bytes from the file's beginning


@dataclass(frozen=True)
class Group:
    """A folder within the file, and its attributes as `read_attribute` returns them."""

    members: dict[str, "Group | Array"]
    attributes: dict[str, object]


@contextmanager
def open_file(path):
    """Open a weight file; a context manager that yields (File, root Group).

    Raises
    ------
    WeightsError
        If the file is missing, is not HDF5, is cut off, is damaged, or holds anything but plain
        arrays in groups: external files, soft links, compression, references, virtual arrays.
    """
    with open_blocks(path) as file:
        yield file, read_tree(file)


def read_tree(file):
    """Return the root Group of an open HDF5 file; errors as in `open_file`."""
    try:
        return _read_root(file)
    except WeightsError:
        raise
    except (struct.error, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise damaged(file, file.handle.tell(), "a part of it makes no sense") from error


def read_array(file, array):
    """Return the numbers of one Array, in its own dtype."""
    values = read_numbers(file, array.offset, array.dtype, prod(array.shape))
    return values.reshape(array.shape)


def _read_root(file):
    """II.A: the superblock, version 0: how long the file is, and where its root group lies."""
    file.handle.seek(0)
    head = file.handle.read(512)
    if not head.startswith(SIGNATURE):
        refuse_user_block(file)
    check_signature(file.path, head)
    block = take(file, 0, 96)
    if block[8:11] != b"\0\0\0" or block[13:15] != b"\x08\x08":
        raise WeightsError(
            f"{file.path}: is in a form of HDF5 that Keras does not write (superblock version "
            f"{block[8]}; written with libver='latest'?). {SAVE_AGAIN}"
        )
    ks = struct.unpack_from("<HH", block, 16)  # how many entries a node of an index has room for
    base, _, end, _, _, header = struct.unpack_from("<6Q", block, 24)
    if base != 0 or end != file.size:
        raise WeightsError(
            f"{file.path}: is damaged or incomplete: it says that it has {end:,} bytes, but it has "
            f"{file.size:,}. Fetch or copy the file again"
        )
    root = _read_object(file, header, ks, depth=0)
    if isinstance(root, Array):
        raise damaged(file, header, "its root is an array")
    return root


def _read_object(file, address, ks, depth, length=0):
    """IV.A: a group or an array, as its messages tell; `length` is that of its path."""
    if depth > MAX_DEPTH or length > MAX_PATH:
        raise damaged(file, address, f"groups are nested more than {MAX_DEPTH} deep, or a path is "
                      f"longer than {MAX_PATH} letters")  # fmt: skip
    messages, attributes = {}, {}
    for kind, body in _messages(file, address):
        if kind == 0x0C:
            name, attributes[name] = read_attribute(file, body)
        elif kind in (0x01, 0x03, 0x08, 0x11) and kind not in messages:
            messages[kind] = body
        elif kind not in _HARMLESS:
            if kind == 0x0B:
                raise WeightsError(
                    f"{file.path}: holds a compressed array, at byte {address:,}: {REPACK}"
                )
            what = _REFUSED.get(kind, f"something other than groups and arrays (type {kind:#x})")
            raise WeightsError(
                f"{file.path}: holds {what}, at byte {address:,}. A weight file needs none of "
                "that: this one is damaged, or was not saved by model.save_weights(…) of Keras"
            )
    if set(messages) == {0x11}:
        links = links_of(file, *struct.unpack_from("<QQ", messages[0x11]), ks)
        members = {
            name: _read_object(file, place, ks, depth + 1, length + 1 + len(name))
            for name, place in links.items()
        }
        return Group(members, attributes)
    if set(messages) == {0x01, 0x03, 0x08}:
        return _array(file, address, messages)
    raise damaged(file, address, "an object is neither a group nor an array")


def _messages(file, address):
    """IV.A.1.a: an object header, version 1: yields the type and the body of each message."""
    header = take(file, address, 16)
    version, size = struct.unpack("<B7xI4x", header)
    if header.startswith(b"OHDR"):  # IV.A.1.b
        raise WeightsError(f"{file.path}: holds {NEWER}, at byte {address:,}. {SAVE_AGAIN}")
    if version != 1:
        raise damaged(file, address, f"an object has version {version}, where Keras writes 1")
    blocks = [(address + 16, size)]
    for start, length in blocks:  # grows as it is walked: a message may name one more block
        block, position = take(file, start, length), 0
        while position < length:
            kind, size, flags = struct.unpack_from("<HHB", block, position)
            body = block[position + 8 : position + 8 + size]
            position += 8 + size
            if position > length or flags & 2:  # 2: the body lies in another object
                raise damaged(file, start, "a message lies outside of its object")
            if kind == 0x10:
                blocks.append(struct.unpack_from("<QQ", body))
            else:
                yield kind, body


def _array(file, address, messages):
    """IV.A.2.b, d, i: shape, number type, and where the numbers lie, which must be in one piece."""
    shape, dtype = shape_of(messages[0x01]), number_type(messages[0x03])
    if dtype is None:
        raise WeightsError(
            f"{file.path}: holds an array of something other than little-endian floating-point "
            f"numbers (references, texts, integers?), at byte {address:,}; weights are float32"
        )
    if messages[0x08][:2] != b"\3\1":  # version; 1: in one piece
        raise WeightsError(
            f"{file.path}: holds an array that is not stored in one piece (chunked or virtual), at "
            f"byte {address:,}: {REPACK}"
        )
    start, length = struct.unpack_from("<QQ", messages[0x08], 2)
    if shape is None or 0 in shape or length != prod(shape) * dtype.itemsize:
        raise damaged(file, address, f"an array of shape {shape} has {length:,} bytes")
    claim(file, start, length)
    return Array(shape, dtype, start)


def arrays_within(group, prefix=""):
    """Return all arrays below a group by their paths: {"conv1/kernel:0": Array}."""
    found = {}
    for name, member in group.members.items():
        if isinstance(member, Array):
            found[prefix + name] = member
        else:
            found.update(arrays_within(member, f"{prefix}{name}/"))
    return found
