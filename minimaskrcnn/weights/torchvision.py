"""torchvision's weights: a state dict to this project's dataclasses, batch norm folded.

Idea    The numbers are the same; how they lie differs. Kernels have their channels first, a dense
        layer reads a patch channel by channel, deltas begin with x, and the RPN has one logit per
        anchor where there are two here. All of that is undone once, here, so that the network's
        own functions run on what comes out. Every array must have a place, and every place one.
Length  Each layer of two versions, its place and how its numbers lie, once.
Source  torchvision 0.29; `torchvision_names` lists the files
Shapes  {"backbone.body.conv1.weight": (64, 3, 7, 7), …}  ->  MaskRCNN
"""

from dataclasses import replace

import numpy as np

from minimaskrcnn.config import TORCHVISION, Config
from minimaskrcnn.conv import BatchNorm, Conv, fold_batch_norm
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.model import MaskRCNN
from minimaskrcnn.weights import tree
from minimaskrcnn.weights.fitting import check_shapes, class_count
from minimaskrcnn.weights.torchvision_arrays import NORM, layer_arrays
from minimaskrcnn.weights.torchvision_config import numbered
from minimaskrcnn.weights.torchvision_names import current_names, torchvision_places
from minimaskrcnn.weights.torchvision_others import one_of_several, other_network

EPSILON = 1e-5  # added to variances, as PyTorch does; the published first version, the file
EPSILON_OF_PUBLISHED = 0.0  # itself, is loaded by torchvision with none (`overwrite_eps`)


def read_torchvision(path, arrays, config=None, class_names=None, epsilon=EPSILON):
    """Return the MaskRCNN of torchvision's state dict.

    Parameters
    ----------
    path : of the file, for messages
    arrays : dict from torchvision's name to array, as `read_state_dict` gives
    config, class_names : as in `config_for`
    epsilon : added to the variances of the batch norms

    Returns
    -------
    MaskRCNN

    Raises
    ------
    WeightsError
        If an array is missing, left over, misshapen, not of floats, or holds NaN or infinity.
    """
    table, layers = torchvision_layers(path, arrays)
    shapes = shapes_of(layers)
    config = config_for(path, class_count(shapes), config, class_names)
    layer_of = {place.name: f"the layer {place.layer}" for place in table}
    check_shapes(path, shapes, config, called=layer_of.get)
    leaves = {f"config.{name}": value for name, value in vars(config).items()}
    for place in table:
        leaves.update(_leaves(path, place, layers[place.name], epsilon))
    return tree.build(MaskRCNN, leaves)


def torchvision_layers(path, arrays):
    """Return the table of Places, and {our name: {"kernel": …, "bias": …, "norm.gamma": …}}.

    The arrays lie as they do in our dataclasses; batch norms are not folded yet.
    """
    arrays = current_names(arrays)
    table = torchvision_places(arrays)
    _check_complete(path, arrays, table)
    return table, {place.name: layer_arrays(path, arrays, place) for place in table}


def shapes_of(layers):
    """{our name: shape} of `torchvision_layers`."""
    return {
        f"{name}.{n}": part.shape for name, parts in layers.items() for n, part in parts.items()
    }


def config_for(path, classes, config=None, class_names=None):
    """The Config of torchvision's network with so many classes.

    Parameters
    ----------
    path : of the file, for messages
    classes : how many outputs it has, the background included
    config : Config of torchvision's convention; or one that is the default but for its class
        names, which are taken; None for that of torchvision's COCO weights
    class_names : tuple of str, the background first; None for the Config's. If they are COCO's,
        and there are not 91, they become "class 1", "class 2", …: the file has no names

    Raises
    ------
    WeightsError
        If the configuration is of another convention.
    """
    if config is not None and config == replace(Config(), class_names=config.class_names):
        config, class_names = None, class_names or config.class_names
    if config is None or config.class_names == TORCHVISION.class_names:
        class_names = class_names or numbered(classes)
    if config is None:
        return replace(TORCHVISION, class_names=class_names)
    if config.convention != TORCHVISION.convention:
        raise WeightsError(
            f"{path}: is of torchvision's convention, the configuration given is of "
            f"{config.convention}'s: begin with minimaskrcnn.config.TORCHVISION and change what "
            "you need by dataclasses.replace"
        )
    return replace(config, class_names=class_names) if class_names else config


def _check_complete(path, arrays, table):
    wanted = set()
    for place in table:
        wanted.add(f"{place.layer}.weight")
        wanted |= {f"{place.norm}.{part}" for part in NORM} if place.norm else set()
        wanted |= set() if place.norm else {f"{place.layer}.bias"}
    missing = [name for name in wanted if name not in arrays]
    unused = [name for name in arrays if name not in wanted]
    other = other_network(arrays) or (missing and one_of_several(path))
    if other:
        raise WeightsError(f"{path}: {other}")
    if missing or unused:
        what = f"has no {min(missing)}" if missing else f"holds {unused[0]}"
        also = f" (but {unused[0]})" if missing and unused else ""
        raise WeightsError(
            f"{path}: {what}{also}, so it is not a Mask R-CNN of torchvision with a ResNet of "
            "bottleneck blocks and a feature pyramid, or is incomplete"
        )


def _leaves(path, place, parts, epsilon):
    """The leaves of one layer by name: its arrays, folded, and how a convolution moves."""
    parts = {part: np.ascontiguousarray(array) for part, array in parts.items()}
    norm = {part.split(".")[1]: parts.pop(part) for part in list(parts) if "." in part}
    if norm:
        parts = _folded(path, place, parts, BatchNorm(**norm), epsilon)
    if place.stride != 1:
        parts["stride"] = place.stride
    if place.padding:
        parts["padding"] = (place.padding, place.padding)
    return {f"{place.name}.{part}": value for part, value in parts.items()}


def _folded(path, place, parts, norm, epsilon):
    if (norm.variance < 0).any():
        raise WeightsError(f"{path}: {place.norm}.running_var is below zero")
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        conv = fold_batch_norm(Conv(parts["kernel"], parts["bias"]), norm, epsilon)
    if not (np.isfinite(conv.kernel).all() and np.isfinite(conv.bias).all()):
        raise WeightsError(
            f"{path}: {place.norm} has numbers that make {place.layer} infinite: the file is "
            "damaged, or belongs to another network"
        )
    return {"kernel": conv.kernel, "bias": conv.bias}
