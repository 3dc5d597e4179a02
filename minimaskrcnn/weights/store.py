"""This project's own weight files: names as in the dataclasses, ready to predict, self-explaining.

Idea    A file is all that is needed to predict with it: arrays with batch norm folded, strides and
        paddings, class names and configuration, and where all of it came from. A checksum over the
        contents turns any damage into an error. It is HDF5 in the simple form of `hdf5`, so any
        HDF5 viewer opens it, too.
Shapes  MaskRCNN  <->  /backbone/stages/0/1/reduce, a group with the arrays `kernel` and `bias` and
        the attributes `stride` and `padding`; the rest in the root's attributes
"""

import hashlib
import io
import json
from dataclasses import asdict

import numpy as np

from minimaskrcnn.errors import WeightsError, sentence
from minimaskrcnn.model import MaskRCNN
from minimaskrcnn.runtime.files import written_whole
from minimaskrcnn.weights import tree
from minimaskrcnn.weights.configs import config_from_dict, json_object
from minimaskrcnn.weights.fitting import check_shapes
from minimaskrcnn.weights.hdf5 import Group, arrays_within, read_array

FORMAT = "minimaskrcnn weights"
VERSION = 1  # of the format; raised when an older reader could not read a newer file
STORED = ("<f4", "<f2")
ABOUT = ("format", "format_version", "config", "provenance", "checksum")


def save(model, path, provenance=None, float16=False):
    """Write a model to a file; it appears under its name when it is complete.

    Parameters
    ----------
    model : MaskRCNN
    path : of the file
    provenance : dict of str: where the weights came from
    float16 : store the numbers with half the bits: half the size, each rounded by at most 1/2048;
        benchmarks/float16.py measures what becomes of that

    Raises
    ------
    WeightsError
        If a number does not fit in 16 bits or is not finite, or the file cannot be written.
    """
    leaves = tree.named_leaves(model)
    dtype = np.dtype("<f2" if float16 else "<f4")
    arrays = {n: _stored(path, n, a, dtype) for n, a in tree.named_arrays(model).items()}
    settings = {n: v for n, v in leaves.items() if n not in arrays and not n.startswith("config.")}
    about = {
        "format": FORMAT,
        "format_version": VERSION,
        "config": json.dumps(asdict(model.config)),
        "provenance": json.dumps(provenance or {}),
    }
    digest = _begin_digest(about, settings, arrays)
    for name in sorted(arrays):
        digest.update(arrays[name])
    about["checksum"] = digest.hexdigest()
    image = _file_image(arrays, settings, about)
    try:
        with written_whole(path) as part, open(part, "wb") as file:
            file.write(image.getbuffer())
    except OSError as error:
        raise WeightsError(sentence(error)) from error


def _file_image(arrays, settings, about):
    """The whole file in memory: the HDF5 library can crash when a disk fills up under it."""
    import h5py  # only to write: a quarter of a second that reading does not need

    image = io.BytesIO()
    with h5py.File(image, "w", libver="earliest") as file:
        for name, array in arrays.items():
            file.create_dataset(name.replace(".", "/"), data=array, track_times=False)
        for name, value in settings.items():
            group, _, last = name.rpartition(".")
            file[group.replace(".", "/")].attrs[last] = np.array(value, np.int64)
        for name, value in about.items():
            file.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value
    return image


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


def is_store(root):
    """Whether an open file is one of this project's own."""
    return root.attributes.get("format") == FORMAT


def read_store(file, root, config=None):
    """Return the MaskRCNN of an open file of our own.

    Parameters
    ----------
    file, root : as `hdf5.open_file` yields them
    config : Config in place of the file's

    Raises
    ------
    WeightsError
        If the file is damaged, of a newer format, or its contents are not one network.
    """
    about = about_store(file, root)
    config = config or config_from_dict(file.path, json_object(file.path, about["config"]))
    settings = _settings(file, root)
    arrays = {name.replace("/", "."): array for name, array in arrays_within(root).items()}
    for name, array in arrays.items():
        if array.dtype.str not in STORED or name in settings:
            raise WeightsError(f"{file.path}: {name} is {array.dtype}, not float32 or float16")
    check_shapes(file.path, {name: array.shape for name, array in arrays.items()}, config)

    digest = _begin_digest(about, settings, arrays)
    leaves = {f"config.{name}": value for name, value in vars(config).items()} | settings
    for name in sorted(arrays):
        values = read_array(file, arrays[name])
        digest.update(values)
        leaves[name] = values.astype(np.float32, copy=False)
        if not np.isfinite(values).all():
            raise WeightsError(f"{file.path}: {name} holds NaN or infinity: the file is damaged")
    if digest.hexdigest() != about["checksum"]:
        raise WeightsError(
            f"{file.path}: is damaged: its contents do not match its checksum. Fetch or copy the "
            "file again, or convert the original once more"
        )
    try:
        return tree.build(MaskRCNN, leaves)
    except ValueError as error:
        raise WeightsError(
            f"{file.path}: {error}: it is of another network, or damaged. Convert the original anew"
        ) from error


def about_store(file, root):
    """Return the root's attributes of an open file of our own: {"config": JSON text, …}."""
    about = {name: root.attributes.get(name) for name in ABOUT}
    version = about["format_version"]
    about["format_version"] = int(version) if np.shape(version) == () and version else 0
    if about["format_version"] > VERSION:
        raise WeightsError(
            f"{file.path}: was written by a newer minimaskrcnn (format "
            f"{about['format_version']}, this one reads up to {VERSION}): "
            "`pip install --upgrade minimaskrcnn`"
        )
    texts = [value for name, value in about.items() if name != "format_version"]
    if about["format_version"] < 1 or not all(isinstance(text, str) for text in texts):
        raise WeightsError(
            f"{file.path}: is damaged: it does not say what it holds. Fetch or copy the file "
            "again, or convert the original once more"
        )
    return about


def _settings(file, group, prefix=""):
    """The strides and paddings: attributes of the groups, {"backbone.stem.stride": 2, …}."""
    settings = {}
    for name, value in group.attributes.items() if prefix else ():
        if name == "stride" and np.shape(value) == () and value in (1, 2):
            settings[prefix + name] = int(value)
        elif name == "padding" and np.shape(value) == (2,) and set(value) <= {0, 1, 2, 3}:
            settings[prefix + name] = (int(value[0]), int(value[1]))
        else:
            raise WeightsError(f"{file.path}: {prefix}{name} is {value}, which no layer here has")
    for name, member in group.members.items():
        if isinstance(member, Group):
            settings.update(_settings(file, member, f"{prefix}{name}."))
    return settings
