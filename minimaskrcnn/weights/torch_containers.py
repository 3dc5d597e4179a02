"""The two forms of a file of `torch.save`: what its pickle describes, and where the numbers lie.

Idea    Since torch 1.6 the file is a ZIP archive: `data.pkl`, and one entry for each storage.
        Before that it was five pickles (a magic number, a version, sizes of types, the object, the
        list of storages), then the storages, each behind its count of numbers.
Source  `torch/serialization.py`: `_load` and `_legacy_load`
Shapes  File  ->  what the pickle describes, {key of a storage: Entry}
"""

import io
import struct

import numpy as np

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.claims import claim, damaged, take
from minimaskrcnn.weights.floats import ITEM_BYTES
from minimaskrcnn.weights.pickles import read_pickle
from minimaskrcnn.weights.zip_entries import Entry, read_entries, read_entry

ZIP = b"PK\3\4"
OLDER = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the magic number, pickled
MAX_PICKLE = 1 << 26  # bytes


def is_torch(head):
    """Whether a file that begins so may be one of `torch.save`; a ZIP archive may be another's."""
    return head.startswith((ZIP, OLDER))


def read_zip(file):
    """Since torch 1.6; returns the value and {key: Entry}."""
    entries = read_entries(file)
    pickles = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise WeightsError(
            f"{file.path}: is a ZIP archive that torch.save did not write (it has no data.pkl): "
            "a Keras 3 model, NumPy arrays, or a folder that was packed? Unpack it, or save the "
            "weights in another form"
        )
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in entries:
        raise WeightsError(
            f"{file.path}: is a TorchScript program, not weights alone. Save them with PyTorch: "
            'torch.save(torch.jit.load("…").state_dict(), "weights.pth")'
        )
    if _content(file, entries.get(f"{folder}byteorder")) not in (b"", b"little"):
        raise _big_endian(file)
    value, storages = read_pickle(file.path, io.BytesIO(_content(file, entries[pickles[0]])))
    found = {key: entries.get(f"{folder}data/{key}") for key in storages}
    return value, {key: entry for key, entry in found.items() if entry is not None}


def _content(file, entry):
    """The bytes of a small entry; none for an entry that is not there."""
    if entry is None:
        return b""
    if entry.size > MAX_PICKLE:
        raise damaged(file, entry.offset, f"its pickle has {entry.size:,} bytes")
    return read_entry(file, "data.pkl", entry, np.uint8).tobytes()


def read_older(file):
    """Before torch 1.6; returns the value and {key: Entry}."""
    file.handle.seek(0)
    stream = io.BytesIO(file.handle.read(MAX_PICKLE))
    _, _, about, (value, storages), (keys, _) = (read_pickle(file.path, stream) for _ in range(5))
    if not isinstance(about[0], dict) or about[0].get("little_endian") is not True:
        raise _big_endian(file)
    listed = isinstance(keys, list) and all(type(key) is str for key in keys)
    if not listed or sorted(keys) != sorted(storages):
        raise damaged(file, stream.tell(), "the storages it lists are not those of its tensors")
    claim(file, 0, stream.tell())
    position, found = stream.tell(), {}
    for key in keys:
        size = storages[key].count * ITEM_BYTES[storages[key].kind]
        (count,) = struct.unpack("<Q", take(file, position, 8))
        if count != storages[key].count:
            raise damaged(file, position, f"a storage has {count:,} numbers in place of "
                          f"{storages[key].count:,}")  # fmt: skip
        claim(file, position + 8, size)
        found[key] = Entry(position + 8, size, crc=None)
        position += 8 + size
    if position != file.size:
        raise damaged(file, position, "more follows than it says")
    return value, found


def _big_endian(file):
    return WeightsError(
        f"{file.path}: was written on a big-endian machine; save it on a little-endian one "
        "(torch.load, then torch.save)"
    )
