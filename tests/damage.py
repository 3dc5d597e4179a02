"""What becomes of a damaged weight file; for the tests of hostile and of corrupted ones."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from toy_weights import write_toy

from minimaskrcnn import weights
from minimaskrcnn.config import COCO
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights import tree

FORMATS = ("keras", "own")  # in HDF5
OWN = ("own", "safetensors")


@cache
def toys():
    """The same small model in each format: ({format: bytes}, what `load` makes of them)."""
    with TemporaryDirectory() as folder:
        keras, own = Path(folder) / "keras", Path(folder) / "own"
        write_toy(keras, blocks=(1, 1, 1, 1))
        weights.convert(keras, own, COCO)
        weights.convert(keras, own.with_suffix(".safetensors"), COCO)
        contents = {
            path.suffix[1:] or path.name: path.read_bytes() for path in Path(folder).iterdir()
        }
        return contents, tree.named_leaves(weights.load(keras, COCO))


def toy(kind):
    """The bytes of the whole file in a format."""
    return toys()[0][kind]


def outcome(path, content):
    """'refused', 'same' or 'numbers' (changed): what becomes of a file with this content."""
    leaves, changed = toys()[1], False
    path.write_bytes(content)
    try:
        found = tree.named_leaves(weights.load(path))
    except WeightsError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return "refused"
    assert list(found) == list(leaves)
    for name, leaf in found.items():
        assert type(leaf) is type(leaves[name]) and np.shape(leaf) == np.shape(leaves[name])
        if isinstance(leaf, np.ndarray):
            changed = changed or not np.array_equal(leaf, leaves[name])
        else:
            assert leaf == leaves[name]
    return "numbers" if changed else "same"
