"""The original's weight files: Keras HDF5 to this project's dataclasses, batch norm folded.

Idea    The file has a group for each layer of the original; `names` says where each belongs. Every
        layer must be there, and none may be left over: a file that loads is loaded completely.
        Files are read by name, not by order, since the published one was saved from the training
        model, in another order.
Shapes  Group  ->  MaskRCNN; kernels (kh, kw, in, out), dense (in, out), deconv (2, 2, out, in)
"""

import re

import numpy as np

from minimaskrcnn.config import COCO
from minimaskrcnn.conv import BatchNorm, Conv, fold_batch_norm
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.model import MaskRCNN
from minimaskrcnn.weights import tree
from minimaskrcnn.weights.fitting import NORM, check_shapes, class_count
from minimaskrcnn.weights.hdf5 import Group, arrays_within, read_array
from minimaskrcnn.weights.names import PARTS, places


def read_keras(file, root, config=None):
    """Return the MaskRCNN of an open Keras file.

    Parameters
    ----------
    file, root : as `hdf5.open_file` yields them
    config : Config; None for that of the COCO model, which fits files of 81 classes

    Raises
    ------
    WeightsError
        If a layer is missing, left over, misshapen, not float32, or holds NaN or infinity.
    """
    arrays, table = our_names(file, keras_layers(file, root))
    shapes = {name: array.shape for name, array in arrays.items()}
    layer_of = {place.name: f"the layer {place.layer}" for place in table}
    if config is None:
        config = _coco(file, shapes)
    check_shapes(file.path, shapes, config, called=layer_of.get)

    leaves = {f"config.{name}": value for name, value in vars(config).items()}
    for place in table:
        leaves.update(_read_place(file, arrays, place))
    return tree.build(MaskRCNN, leaves)


def keras_layers(file, root):
    """Return {layer: {"kernel": Array, …}} of all layers with weights.

    The three layers of the RPN lie together in one group; they are listed one by one. In a model
    that was built second in a session they are called rpn_conv_shared_1 and the like.
    """
    if "layer_names" not in root.attributes and "model_weights" in root.members:
        root = root.members["model_weights"]  # the file of a whole model
    names = root.attributes.get("layer_names") if isinstance(root, Group) else None
    if not isinstance(names, list):
        raise WeightsError(
            f"{file.path}: is HDF5, but not weights as Keras saves them (the list layer_names is "
            "missing). Save them with model.save_weights(…), or fetch the file again"
        )
    layers = {}
    for group_name in names:
        group = root.members.get(group_name)
        if not isinstance(group, Group):
            raise WeightsError(f"{file.path}: names a layer {group_name!r} but does not hold it")
        for weight, array in _weights(file, group_name, group).items():
            path, part = weight.split(":")[0].split("/")[-2:]
            layer = re.sub(r"_\d+$", "", path) if group_name == "rpn_model" else group_name
            if part not in PARTS or part in layers.setdefault(layer, {}):
                raise WeightsError(f"{file.path}: the layer {layer} has an unknown array {part!r}")
            layers[layer][part] = array
    return layers


def _weights(file, group_name, group):
    """The arrays of a layer's group by their paths in it, which must be those it says it has."""
    listed = group.attributes.get("weight_names")
    listed = listed if isinstance(listed, list) else []  # for none, Keras writes an empty array
    held = arrays_within(group)
    if sorted(listed) != sorted(held) or not all("/" in name for name in listed):
        odd = sorted(set(listed) ^ set(held)) or listed
        raise WeightsError(
            f"{file.path}: the layer {group_name} is damaged: the arrays it lists are not the "
            f"arrays it holds ({odd[0]}). Fetch or copy the file again"
        )
    return held


def _blocks(layers):
    """How many residual blocks the stages have: res4a, res4b, … until one is not there."""
    counts = []
    for stage in (2, 3, 4, 5):
        count = 1  # at least: what is missing of it is reported later
        while f"res{stage}{chr(ord('a') + count)}_branch2a" in layers:
            count += 1
        counts.append(count)
    return counts


def our_names(file, layers):
    """Return {our name: Array} and the table of places; every layer must have one, and no other."""
    table, arrays, used = places(_blocks(layers)), {}, set()
    for place in table:
        for layer in (place.layer, place.norm):
            for part, array in layers.get(layer, {}).items():
                arrays[f"{place.name}.{PARTS[part]}"] = array
            used.add(layer)
    unused = [layer for layer in layers if layer not in used]
    if unused:
        missing = [place.layer for place in table if place.layer not in layers]
        raise WeightsError(
            f"{file.path}: holds the layer {unused[0]}, which this network has no place for"
            + (f", and lacks {missing[0]}" if missing else "")
            + ". The file is of another network than Mask R-CNN with a ResNet and a pyramid"
        )
    for place in table:
        for layer in (place.layer, place.norm):
            if layer is not None and layer not in layers:
                raise WeightsError(
                    f"{file.path}: has no layer {layer}. The file is of another network than Mask "
                    "R-CNN with a ResNet and a pyramid, or incomplete"
                )
    return arrays, table


def _coco(file, shapes):
    found = class_count(shapes)
    if found not in (None, COCO.num_classes):
        raise WeightsError(
            f"{file.path}: is of {found} classes, the background included, and does not say what "
            f"they are called. Name them: `minimaskrcnn weights convert {file.path} OUT.h5 "
            "--class-names one,two,…`, or config=Config(class_names=(…))"
        )
    return COCO


def _read_place(file, arrays, place):
    """The leaves of one layer: its arrays, folded, and how a convolution moves."""
    parts = {
        part: _read(file, arrays[f"{place.name}.{part}"], place)
        for part in PARTS.values()
        if f"{place.name}.{part}" in arrays
    }
    norm = {part: parts.pop(f"norm.{part}") for part in NORM if f"norm.{part}" in parts}
    if norm:
        if (norm["variance"] < 0).any():
            raise WeightsError(f"{file.path}: the layer {place.norm} has a variance below zero")
        with np.errstate(over="ignore"):
            conv = fold_batch_norm(Conv(parts["kernel"], parts["bias"]), BatchNorm(**norm))
        parts = {"kernel": conv.kernel, "bias": conv.bias}
        if not all(np.isfinite(array).all() for array in parts.values()):
            raise WeightsError(
                f"{file.path}: the layer {place.norm} has numbers beyond all measure"
            )
    if place.stride != 1:
        parts["stride"] = place.stride
    if place.padding:
        parts["padding"] = (place.padding, place.padding)
    return {f"{place.name}.{part}": value for part, value in parts.items()}


def _read(file, array, place):
    if array.dtype != np.float32:
        raise WeightsError(f"{file.path}: the layer {place.layer} is {array.dtype}, not float32")
    values = read_array(file, array)
    if not np.isfinite(values).all():
        raise WeightsError(
            f"{file.path}: the layer {place.layer} holds numbers that are not finite (NaN or "
            "infinity): training diverged, or the file is damaged"
        )
    return values
