"""Converting: from the original's file, or our own, to our own."""

from pathlib import Path

from minimaskrcnn.weights.configs import json_object
from minimaskrcnn.weights.hdf5 import open_file
from minimaskrcnn.weights.keras import read_keras
from minimaskrcnn.weights.lock import checksum
from minimaskrcnn.weights.store import about_store, is_store, read_store, save


def load(path, config=None):
    """Read a weight file: the original's (Keras HDF5) or this project's own.

    Parameters
    ----------
    path : of the file
    config : Config in place of the file's own; a Keras file has none, and takes that of the COCO
        model if it has 81 classes

    Returns
    -------
    MaskRCNN, ready to predict, float32

    Raises
    ------
    WeightsError
        If anything in the file is missing, left over, misshapen, not finite or damaged: nothing is
        ever left at a random value.
    """
    with open_file(path) as (file, root):
        read = read_store if is_store(root) else read_keras
        return read(file, root, config)


def convert(source, target, config=None, float16=False, source_name=None):
    """Write the model of one file into another, in our own format.

    Parameters
    ----------
    source, target : paths
    config : as in `load`
    float16 : as in `save`
    source_name : what to call the source in the new file; None: its own name

    Raises
    ------
    WeightsError
        If `source` cannot be read or `target` cannot be written; then there is no target.
    """
    model = load(source, config)
    save(model, target, provenance_of(source, source_name), float16)


def provenance_of(path, name=None):
    """Where the weights in a file come from: what our own file says of itself, or the file.

    Parameters
    ----------
    path : of a weight file
    name : what to call the file; None: its own name

    Returns
    -------
    dict from str to str or int, such as source, source_bytes, source_sha256

    Raises
    ------
    WeightsError
        If it is no weight file.
    """
    with open_file(path) as (file, root):
        if is_store(root):
            return json_object(path, about_store(file, root)["provenance"])
    path = Path(path)
    return {
        "source": name or path.name,
        "source_bytes": path.stat().st_size,
        "source_sha256": checksum(path),
    }
