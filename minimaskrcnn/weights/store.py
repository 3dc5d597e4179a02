"""This project's own weight files: names as in the dataclasses, ready to predict, self-explaining.

Idea    A file is all that is needed to predict with it: arrays with batch norm folded, strides and
        paddings, class names and configuration, and where all of it came from. A checksum over the
        contents turns any damage into an error. The same contents go into HDF5 (`store_hdf5`) or
        safetensors (`store_safetensors`); the checksum does not depend on which.
Shapes  MaskRCNN  <->  {"backbone.stages.0.1.reduce.kernel": array, …}, settings, words
"""

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from minimaskrcnn.conv import folded, has_norms
from minimaskrcnn.errors import WeightsError, sentence
from minimaskrcnn.model import MaskRCNN
from minimaskrcnn.runtime.files import written_whole
from minimaskrcnn.weights import tree
from minimaskrcnn.weights.fitting import check_shapes
from minimaskrcnn.weights.store_hdf5 import hdf5_bytes
from minimaskrcnn.weights.store_safetensors import own_safetensors_bytes
from minimaskrcnn.weights.stored import FORMAT, VERSION

MOST_BYTES = 60_000  # of a text in a file: an attribute of HDF5 holds 64 kB with its name


def save(model, path, provenance=None, float16=False):
    """Write a model to a file; it appears under its name when it is complete.

    Parameters
    ----------
    model : MaskRCNN; batch normalisation, if it still has any, is folded into its convolutions
    path : of the file; one that ends in .safetensors is written in that format, any other in HDF5
    provenance : dict of str: where the weights came from
    float16 : store the numbers with half the bits: half the size, each rounded to 11 significant
        bits, numbers below 6e-5 to fewer; benchmarks/float16.py measures what becomes of that

    Raises
    ------
    WeightsError
        If a number does not fit in 16 bits or is not finite, or the file cannot be written.
    """
    leaves = tree.named_leaves(folded(model))
    dtype = np.dtype("<f2" if float16 else "<f4")
    arrays = {n: _stored(path, n, a, dtype) for n, a in leaves.items() if isinstance(a, np.ndarray)}
    settings = {n: v for n, v in leaves.items() if n not in arrays and not n.startswith("config.")}
    about = {
        "format": FORMAT,
        "format_version": VERSION,
        "config": json.dumps(asdict(model.config)),
        "provenance": json.dumps(provenance or {}),
    }
    check_words_fit(path, about)
    digest = _begin_digest(about, settings, arrays)
    for name in sorted(arrays):
        digest.update(arrays[name])
    about["checksum"] = digest.hexdigest()
    write = own_safetensors_bytes if Path(path).suffix == ".safetensors" else hdf5_bytes
    pieces = write(about, settings, arrays)
    try:
        with written_whole(path) as part, open(part, "wb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise WeightsError(sentence(error)) from error


def check_words_fit(path, about):
    """Refuse words about a model, {name: str or int}, that are too long for an attribute of HDF5.

    Parameters
    ----------
    path : of the file that they are for
    about : dict from name to str or int

    Raises
    ------
    WeightsError
        If one of the texts is too long.
    """
    for name, words in about.items():
        if len(str(words).encode()) > MOST_BYTES:
            raise WeightsError(
                f"{path}: cannot hold a {name} of {len(str(words)):,} letters, {MOST_BYTES:,} at "
                "most: name fewer classes, or by shorter names"
            )


def _stored(path, name, array, dtype):
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(array, dtype)
    if not np.isfinite(stored).all():
        hint = "" if dtype.itemsize == 4 else "; store it without float16"
        raise WeightsError(f"{path}: {name} has numbers that {dtype.name} cannot hold{hint}")
    return stored


def _begin_digest(about, settings, arrays):
    """SHA-256 over everything but the arrays' numbers, which follow in the order of their names."""
    described = {name: [array.shape, array.dtype.str] for name, array in arrays.items()}
    about = {name: value for name, value in about.items() if name != "checksum"}
    text = json.dumps([about, settings, described], sort_keys=True)
    return hashlib.sha256(text.encode())


def read_store(opened, config=None, class_names=None):
    """Return the MaskRCNN of a file of our own.

    Parameters
    ----------
    opened : Stored
    config, class_names : Config, and names of the classes, in place of the file's

    Raises
    ------
    WeightsError
        If the file is damaged, or its contents are not one network.
    """
    path, arrays = opened.path, opened.arrays
    config = config or opened.config
    config = replace(config, class_names=class_names) if class_names else config
    check_shapes(path, {name: array.shape for name, array in arrays.items()}, config)
    digest = _begin_digest(opened.about, opened.settings, arrays)
    leaves = {f"config.{name}": value for name, value in vars(config).items()} | opened.settings
    for name in sorted(arrays):
        values = opened.read(arrays[name])
        digest.update(values)
        leaves[name] = values.astype(np.float32, copy=False)
        if not np.isfinite(values).all():
            raise WeightsError(f"{path}: {name} holds NaN or infinity: the file is damaged")
    if digest.hexdigest() != opened.about["checksum"]:
        raise WeightsError(
            f"{path}: is damaged: its contents do not match its checksum. Fetch or copy the "
            "file again, or convert the original once more"
        )
    try:
        model = tree.build(MaskRCNN, leaves)
    except ValueError as error:
        raise WeightsError(
            f"{path}: {error}: it belongs to another network, or is damaged. Convert the original "
            "anew"
        ) from error
    return _ready_to_predict(path, model)


def _ready_to_predict(path, model):
    """The model with every batch normalisation folded: a file may hold one that was learning."""
    if not has_norms(model):
        return model
    with np.errstate(over="ignore", invalid="ignore"):
        model = folded(model)
    for name, array in tree.named_arrays(model).items():
        if not np.isfinite(array).all():
            raise WeightsError(
                f"{path}: the batch normalisation of {name.rpartition('.')[0]} cannot be "
                "folded: a variance is below zero, or a number is too large. The file is "
                "damaged, or its training diverged"
            )
    return model
