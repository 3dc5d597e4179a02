"""The members of an HDF5 group: an index of nodes, whose lowest ones list names and addresses.

Source  "HDF5 File Format Specification Version 3.0", III.A.1 (index), III.C (lowest nodes), III.D
        (the names).
Shapes  addresses of index and names  ->  {name: address of the member}
"""

import struct

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.claims import damaged, take

MAX_DEPTH = 16  # levels of an index; Keras needs 2
MAX_NAME = 255  # letters; many names may lie in one another, as "b" does in "ab"


def links_of(file, btree, heap, ks):
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
            name = names[offset : offset + MAX_NAME + 1].partition(b"\0")[0].decode("ascii")
            if kind not in (0, 1):
                raise WeightsError(f"{file.path}: holds a soft link, {name!r}; weights need none")
            odd = not name.isprintable() or name in ("", ".") or "/" in name
            if odd or len(name) > MAX_NAME or name in links:
                raise damaged(file, start, f"a group has a member called {name!r:.80}")
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
