"""What a Keras file holds: its layers and their arrays, and our name for each.

Idea    The file lists its layers and each layer lists its arrays. Every layer must have a place in
        our network, every place a layer, and each list must be true. Two things lie deeper: the
        RPN's three layers in one group, and the whole network in a group of a parallel model.
Shapes  Group  ->  {"res2a_branch2a": {"kernel": Array, …}, …}  ->  {our name: Array}

Notes   The forks for TensorFlow 2 keep the anchors as an array of a layer of that name.
"""

import re

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.hdf5 import Group, arrays_within
from minimaskrcnn.weights.names import PARTS, places

ANCHORS = ("anchors", "Variable")  # layer and part


def keras_layers(file, root):
    """Return the layers with weights, {layer: {"kernel": Array, …}}, and the Array of anchors.

    Parameters
    ----------
    file, root : as `hdf5.open_file` yields them

    Returns
    -------
    layers : by their names in a model of its own: rpn_conv_shared, although it lies in `rpn_model`,
        and although in a model that was built second in a session it is rpn_conv_shared_1
    anchors : Array (batch, A, 4), or None where the file has none

    Raises
    ------
    WeightsError
        If the file lists what it does not hold, or holds what no layer has.
    """
    layers, anchors = {}, None
    root = _weights_of_model(file, root)
    for group_name in root.attributes["layer_names"]:
        group = root.members.get(group_name)
        if not isinstance(group, Group):
            raise WeightsError(f"{file.path}: names a layer {group_name!r} but does not hold it")
        weights = _weights(file, group_name, group)
        paths = [[group_name, *weight.split(":")[0].split("/")][-2:] for weight in weights]
        several = group_name == "rpn_model" or len({layer for layer, _ in paths}) > 1
        for (layer, part), array in zip(paths, weights.values(), strict=True):
            layer = re.sub(r"_\d+$", "", layer) if several else group_name
            if (layer, part) == ANCHORS and anchors is None:
                anchors = array
            elif part in PARTS and part not in layers.setdefault(layer, {}):
                layers[layer][part] = array
            else:
                raise WeightsError(f"{file.path}: the layer {layer} has an unknown array {part!r}")
    return layers, anchors


def _weights_of_model(file, root):
    """The group that lists the layers: the root, or `model_weights` of a model saved whole."""
    if "layer_names" not in root.attributes and "model_weights" in root.members:
        root = root.members["model_weights"]
    if isinstance(root, Group) and isinstance(root.attributes.get("layer_names"), list):
        return root
    if isinstance(root, Group) and {"layers", "_layer_checkpoint_dependencies"} & set(root.members):
        raise WeightsError(
            f"{file.path}: is a .weights.h5 file of Keras 3, which does not keep the names of the "
            "layers, so that nothing can find its place. Load the model in Keras 3 and save it "
            'whole, in the older form: model.save("model.h5")'
        )
    raise WeightsError(
        f"{file.path}: is HDF5, but not weights as Keras saves them (the list layer_names is "
        "missing). Save them with model.save_weights(…), or fetch the file again"
    )


def _weights(file, group_name, group):
    """The arrays of a layer's group by their paths in it, which must be those it says it has."""
    listed = group.attributes.get("weight_names")
    listed = listed if isinstance(listed, list) else []  # for none, Keras writes an empty array
    held = arrays_within(group)
    if sorted(listed) != sorted(held):
        odd = sorted(set(listed) ^ set(held)) or listed
        raise WeightsError(
            f"{file.path}: the layer {group_name} is damaged: the arrays it lists are not the "
            f"arrays it holds ({odd[0]}). Fetch or copy the file again"
        )
    return {name: held[name] for name in listed}


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
            + ". The file belongs to another network than Mask R-CNN with a ResNet and a pyramid"
        )
    for place in table:
        for layer in (place.layer, place.norm):
            if layer is not None and layer not in layers:
                raise WeightsError(
                    f"{file.path}: has no layer {layer}. It belongs to another network than Mask "
                    "R-CNN with a ResNet and a pyramid, or incomplete"
                )
    return arrays, table
