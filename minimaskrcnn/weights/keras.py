"""The original's weight files: Keras HDF5 to this project's dataclasses, batch norm folded.

Idea    The file has a group for each layer of the original; `names` says where each belongs. Every
        layer must be there, and none may be left over: a file that loads is loaded completely.
        Files are read by name, not by order, since the published one was saved from the training
        model, in another order.
Shapes  Group  ->  MaskRCNN; kernels (kh, kw, in, out), dense (in, out), deconv (2, 2, out, in)
"""

import warnings

import numpy as np

from minimaskrcnn.conv import BatchNorm, Conv, fold_batch_norm
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.model import MaskRCNN
from minimaskrcnn.weights import tree
from minimaskrcnn.weights.assumed import config_of
from minimaskrcnn.weights.fitting import NORM, check_shapes
from minimaskrcnn.weights.floats import to_float32
from minimaskrcnn.weights.hdf5 import read_array
from minimaskrcnn.weights.keras_layers import keras_layers, our_names
from minimaskrcnn.weights.names import PARTS


def read_keras(file, root, config=None, class_names=None):
    """Return the MaskRCNN of an open Keras file.

    Parameters
    ----------
    file, root : as `hdf5.open_file` yields them
    config, class_names : as in `assumed.config_of`

    Raises
    ------
    WeightsError
        If a layer is missing, left over or misshapen, or holds NaN or infinity; if the file's
        anchors do not fit the Config.

    Warns
    -----
    UserWarning
        If settings had to be assumed, or the Config has another size than the file's anchors; if
        the numbers are not float32, but float64 (which is rounded) or float16.
    """
    layers, anchors = keras_layers(file, root)
    arrays, table = our_names(file, layers)
    shapes = {name: array.shape for name, array in arrays.items()}
    config, remarks = config_of(file, shapes, anchors, config, class_names)
    layer_of = {place.name: f"the layer {place.layer}" for place in table}
    check_shapes(file.path, shapes, config, called=layer_of.get)
    widths = sorted({array.dtype.name for array in arrays.values()} & {"float16", "float64"})
    if widths:
        remarks.append(
            f"{file.path}: holds {' and '.join(widths)}, not float32, the precision of this "
            "package; the numbers were converted"
        )
    leaves = {f"config.{name}": value for name, value in vars(config).items()}
    for place in table:
        leaves.update(_read_place(file, arrays, place))
    for remark in remarks:
        warnings.warn(remark, stacklevel=3)
    return tree.build(MaskRCNN, leaves)


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
                f"{file.path}: the layer {place.norm} has numbers that are too large"
            )
    if place.stride != 1:
        parts["stride"] = place.stride
    if place.padding:
        parts["padding"] = (place.padding, place.padding)
    return {f"{place.name}.{part}": value for part, value in parts.items()}


def _read(file, array, place):
    if array.dtype.kind != "f":
        raise WeightsError(f"{file.path}: the layer {place.layer} is {array.dtype}, not float32")
    values = read_array(file, array)
    return to_float32(file.path, f"the layer {place.layer}", values, array.dtype.name)
