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
from minimaskrcnn.weights.foreign import check_signature
from minimaskrcnn.weights.hdf5_values import number_type, read_attribute, shape_of

MAX_DEPTH = 16  # groups within groups, and levels of an index; Keras needs 4 and 2

_HARMLESS = {0x00, 0x04, 0x05, 0x0E, 0x12}  # padding, fill values, modification times
_REFUSED = {  # IV.A.2: what no weight file needs
    0x02: "links in a newer form (links to other files, or a newer version of HDF5)",
    0x06: "links in a newer form (links to other files, or a newer version of HDF5)",
    0x07: "an array whose numbers lie in another file",
    0x0B: "a compressed array",
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
    except (struct.error, UnicodeDecodeError) as error:
        raise damaged(file, file.handle.tell(), "a part of it makes no sense") from error


def read_array(file, array):
    """Return the numbers of one Array, in its own dtype."""
    values = read_numbers(file, array.offset, array.dtype, prod(array.shape))
    return values.reshape(array.shape)


def _read_root(file):
    """II.A: the superblock, version 0: how long the file is, and where its root group lies."""
    file.handle.seek(0)
    check_signature(file.path, file.handle.read(512))
    block = take(file, 0, 96)
    if block[8:11] != b"\0\0\0" or block[13:15] != b"\x08\x08":
        raise WeightsError(
            f"{file.path}: is in a form of HDF5 that Keras does not write (superblock version "
            f"{block[8]}). Save the model again with Keras: model.save_weights(…)"
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


def _read_object(file, address, ks, depth):
    """IV.A: a group or an array, as its messages tell."""
    if depth > MAX_DEPTH:
        raise damaged(file, address, f"groups are nested more than {MAX_DEPTH} deep")
    messages, attributes = {}, {}
    for kind, body in _messages(file, address):
        if kind == 0x0C:
            name, attributes[name] = read_attribute(file, body)
        elif kind in (0x01, 0x03, 0x08, 0x11) and kind not in messages:
            messages[kind] = body
        elif kind not in _HARMLESS:
            what = _REFUSED.get(kind, f"something else than groups and arrays (type {kind:#x})")
            raise WeightsError(
                f"{file.path}: holds {what}, at byte {address:,}. A weight file needs none of "
                "that: this one is damaged, or was not saved by model.save_weights(…) of Keras"
            )
    if set(messages) == {0x11}:
        links = _links(file, *struct.unpack_from("<QQ", messages[0x11]), ks)
        members = {n: _read_object(file, a, ks, depth + 1) for n, a in links.items()}
        return Group(members, attributes)
    if set(messages) == {0x01, 0x03, 0x08}:
        return _array(file, address, messages)
    raise damaged(file, address, "an object is neither a group nor an array")


def _messages(file, address):
    """IV.A.1.a: an object header, version 1: yields the type and the body of each message."""
    version, size = struct.unpack("<B7xI4x", take(file, address, 16))
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
            f"{file.path}: holds an array of something else than little-endian floating-point "
            f"numbers (references, texts, integers?), at byte {address:,}; weights are float32"
        )
    if messages[0x08][:2] != b"\3\1":  # version; 1: in one piece
        raise WeightsError(
            f"{file.path}: holds an array that does not lie in one piece (chunked, virtual, or in "
            f"a newer form), at byte {address:,}. Save it again with model.save_weights(…) of Keras"
        )
    start, length = struct.unpack_from("<QQ", messages[0x08], 2)
    if shape is None or 0 in shape or length != prod(shape) * dtype.itemsize:
        raise damaged(file, address, f"an array of shape {shape} has {length:,} bytes")
    claim(file, start, length)
    return Array(shape, dtype, start)


def _links(file, btree, heap, ks):
    """III.A.1, III.C, III.D: the members of a group: {name: address}."""
    signature, version, length, _, start = struct.unpack("<4sB3xQQQ", take(file, heap, 32))
    if (signature, version) != (b"HEAP", 0):
        raise damaged(file, heap, "the names of a group are not where they should be")
    names, links = take(file, start, length), {}
    for leaf in _leaves(file, btree, ks, level=None):
        signature, version, count = struct.unpack_from("<4sBxH", leaf)
        if (signature, version) != (b"SNOD", 1) or count > 2 * ks[0]:
            raise damaged(file, btree, "the members of a group are not where they should be")
        for entry in range(8, 8 + 40 * count, 40):
            offset, address, kind = struct.unpack_from("<QQI", leaf, entry)
            name = names[offset : names.find(b"\0", offset)].decode("ascii")
            if kind not in (0, 1):
                raise WeightsError(f"{file.path}: holds a soft link, {name!r}; weights need none")
            if name in links or not name.isprintable() or name in ("", ".") or "/" in name:
                raise damaged(file, start, f"a group has a member called {name!r}")
            links[name] = address
    return links


def _leaves(file, address, ks, level):
    """The nodes at the bottom of a group's index: lists of links."""
    block = take(file, address, 24 + 8 + 2 * ks[1] * 16)
    signature, kind, found, count = struct.unpack_from("<4sBBH", block)
    level = min(found, MAX_DEPTH) if level is None else level
    if (signature, kind, found) != (b"TREE", 0, level) or count > 2 * ks[1]:
        raise damaged(file, address, "the index of a group is not where it should be")
    for child in struct.unpack_from("<" + "8xQ" * count, block, 24):
        if found == 0:
            yield take(file, child, 8 + 2 * ks[0] * 40)
        else:
            yield from _leaves(file, child, ks, level - 1)


def arrays_within(group, prefix=""):
    """Return all arrays below a group by their paths: {"conv1/kernel:0": Array}."""
    found = {}
    for name, member in group.members.items():
        if isinstance(member, Array):
            found[prefix + name] = member
        else:
            found.update(arrays_within(member, f"{prefix}{name}/"))
    return found
