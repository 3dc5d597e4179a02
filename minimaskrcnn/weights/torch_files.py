"""PyTorch's weight files (.pth, .pt), read without PyTorch.

Idea    A file of `torch.save` describes tensors: views of storages, which are runs of numbers. A
        training checkpoint wraps the weights in a dict, beside the optimiser's state, which is not
        read. Where each number lies, and how many there are, is checked before memory is taken.
Source  `torch/serialization.py`; `torch_containers` has the two forms of the file
Shapes  file  ->  {name: array}, float32, C-contiguous

Notes   Transposed tensors, and several in one storage, become arrays of their own. Refused are
        views in which one number appears twice (expanded tensors), tensors without a number,
        storages within storages (torch before 0.4), sparse and quantized tensors, and big-endian
        files.
"""

import struct
from math import prod

import numpy as np

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.claims import damaged, open_blocks
from minimaskrcnn.weights.floats import ITEM_BYTES, KINDS, to_float32
from minimaskrcnn.weights.pickled_names import Tensor
from minimaskrcnn.weights.torch_containers import OLDER, ZIP, is_torch, read_older, read_zip
from minimaskrcnn.weights.zip_entries import read_entry

WRAPPERS = (
    *("model", "state_dict", "model_state_dict", "model_state", "net", "weights"),
    *("model_ema", "ema_state_dict"),  # averages over the training, where they stand alone
)
PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile, Lightning


def read_state_dict(path):
    """Return the weights in a file of `torch.save`: a state dict, bare or within a checkpoint.

    Parameters
    ----------
    path : of the file

    Returns
    -------
    dict from name to float32 array, C-contiguous; float16, bfloat16 and float64 are converted,
    tensors of whole numbers (`num_batches_tracked`) left out

    Raises
    ------
    WeightsError
        If the file is damaged, asks for anything that weights do not need, holds no state dict, or
        holds NaN or infinity.
    """
    with open_blocks(path) as file:
        head = file.handle.read(len(OLDER))
        if not is_torch(head):
            raise WeightsError(f"{path}: is not a file that PyTorch's torch.save wrote")
        try:
            value, entries = read_zip(file) if head.startswith(ZIP) else read_older(file)
        except (struct.error, UnicodeDecodeError) as error:
            raise damaged(file, file.handle.tell(), "a part of it makes no sense") from error
        tensors = _state_dict(file.path, value)
        return _arrays(file, tensors, entries)


def _state_dict(path, value):
    """The tensors of floating-point numbers by their names, taken out of what wraps them."""
    for wrapper in WRAPPERS:
        inner = value.get(wrapper) if isinstance(value, dict) else None
        if isinstance(inner, dict) and any(isinstance(part, Tensor) for part in inner.values()):
            value = inner
            break
    parts = value if isinstance(value, dict) else {}
    tensors = {name: part for name, part in parts.items() if isinstance(part, Tensor)}
    tensors = {name: part for name, part in tensors.items() if part.storage.kind in KINDS}
    if not tensors or not all(name.isprintable() and len(name) < 500 for name in tensors):
        held = ascii(", ".join(parts)[:100])[1:-1] or type(value).__name__
        raise WeightsError(
            f"{path}: holds no state dict, but {held}. Save the weights alone: "
            'torch.save(model.state_dict(), "weights.pth")'
        )
    return {name[len(_prefix(tensors)) :]: part for name, part in tensors.items()}


def _prefix(names):
    """What all names begin with that is none of the network's: "module._orig_mod.", say."""
    found = ""
    while more := [p for p in PREFIXES if all(name.startswith(found + p) for name in names)]:
        found += more[0]
    return found


def _arrays(file, tensors, entries):
    """Read the storages of the tensors, each once, and make each tensor an array."""
    views = set(tensors.values())
    storages = {view.storage for view in views}
    for name, tensor in tensors.items():
        _check_view(file, name, tensor)
    wanted, held = sum(prod(view.shape) for view in views), sum(s.count for s in storages)
    if wanted > 2 * held:  # a few views more than storages are weights that layers share
        raise damaged(file, 0, f"its tensors have {wanted:,} numbers, its storages {held:,}")
    numbers = {storage: _numbers(file, storage, entries.get(storage.key)) for storage in storages}
    arrays = {}
    for name, tensor in tensors.items():
        values, size = numbers[tensor.storage], ITEM_BYTES[tensor.storage.kind]
        strides = [stride * size for stride in tensor.strides]
        view = np.ndarray(tensor.shape, values.dtype, values, tensor.offset * size, strides)
        arrays[name] = to_float32(file.path, name, view, tensor.storage.kind)
    return arrays


def _check_view(file, name, tensor):
    """Refuse a tensor that leaves its storage, has no number, or has one of them twice."""
    reach = 1  # numbers from the first to the last of the axes so far, the innermost first
    for stride, size in sorted(zip(tensor.strides, tensor.shape, strict=True)):
        if size == 0 or (size > 1 and stride < reach):
            what = "has no number" if size == 0 else "has one number in several places"
            raise WeightsError(
                f"{file.path}: {name}, of shape {tensor.shape} and strides {tensor.strides}, "
                f"{what}; save tensor.contiguous(), or leave it out"
            )
        reach += stride * (size - 1)
    if tensor.offset + reach > tensor.storage.count:
        raise damaged(file, 0, f"{name} has more numbers than its storage")


def _numbers(file, storage, entry):
    """The numbers of a storage, (count,), of its own kind."""
    size = storage.count * ITEM_BYTES[storage.kind]
    if entry is None or (entry.size != size and not entry.compressed):
        held = "is missing" if entry is None else f"has {entry.size:,} bytes in place of {size:,}"
        raise damaged(file, 0, f"a storage of its tensors {held}")
    return read_entry(file, f"data/{storage.key}", entry, KINDS[storage.kind])
