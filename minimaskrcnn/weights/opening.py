"""Opening a weight file of any format: told apart by its first bytes, never by its name.

Shapes  path  ->  Opened: our own model, the original's layers, or a dict of PyTorch's names
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

from minimaskrcnn.weights.claims import File, open_blocks
from minimaskrcnn.weights.hdf5 import Group, read_tree
from minimaskrcnn.weights.safetensors import is_safetensors, read_header, read_safetensors
from minimaskrcnn.weights.store_hdf5 import hdf5_parts
from minimaskrcnn.weights.store_safetensors import safetensors_parts
from minimaskrcnn.weights.stored import Stored, is_store, stored
from minimaskrcnn.weights.torch_containers import is_torch
from minimaskrcnn.weights.torch_files import read_state_dict


@dataclass(frozen=True)
class Opened:
    """An open weight file, of which only the description has been read. One of three is there."""

    file: File
    stored: Stored | None = None  # our own model
    root: Group | None = None  # the original's layers, in HDF5
    state_dict: Callable | None = None  # function from the path to {PyTorch's name: array}


@contextmanager
def open_weights(path):
    """Open a weight file; a context manager that yields Opened.

    Raises
    ------
    WeightsError
        If the file cannot be read, is damaged, or is of no format that this package knows.
    """
    with open_blocks(path) as file:
        yield _opened(file)


def _opened(file):
    head = file.handle.read(64)
    if is_torch(head):
        return Opened(file, state_dict=read_state_dict)
    if is_safetensors(head):
        metadata, parts = read_header(file)
        if not is_store(metadata):
            return Opened(file, state_dict=read_safetensors)
        return Opened(file, stored=stored(file.path, *safetensors_parts(file, metadata, parts)))
    root = read_tree(file)
    if is_store(root.attributes):
        return Opened(file, stored=stored(file.path, *hdf5_parts(file, root)))
    return Opened(file, root=root)
