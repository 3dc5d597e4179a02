"""How torchvision's numbers lie, and how they lie here.

Idea    Kernels have their channels first there, a dense layer reads a patch channel by channel,
        deltas begin with x, and the RPN has one logit per anchor where there are two here. Each is
        a change of order, or zeros beside the numbers; no number is computed.
Shapes  weight (out, in, kh, kw) or (out, in), bias (out,)  ->  kernel (kh, kw, in, out), bias
"""

import numpy as np

from minimaskrcnn.config import TORCHVISION
from minimaskrcnn.errors import WeightsError

NORM = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}
YX = [1, 0, 3, 2]  # dx dy dw dh -> dy dx dh dw
DENSE = ("box_head.hidden1", "box_head.hidden2", "box_head.logits", "box_head.deltas")


def layer_arrays(path, arrays, place):
    """The arrays of one layer as they lie here: {"kernel": …, "bias": …, "norm.gamma": …}."""
    weight = _read(path, arrays, f"{place.layer}.weight")
    wanted = 2 if place.name in DENSE else 4
    if weight.ndim != wanted:
        raise WeightsError(
            f"{path}: {place.layer}.weight has the shape {weight.shape}, expected {wanted} "
            "dimensions. The file belongs to another network"
        )
    kernel = weight.transpose(2, 3, 1, 0) if wanted == 4 else weight.T  # inputs, outputs
    if place.norm:
        norm = {
            f"norm.{ours}": _read(path, arrays, f"{place.norm}.{n}") for n, ours in NORM.items()
        }
        return {"kernel": kernel, "bias": np.zeros(kernel.shape[-1], np.float32), **norm}
    bias = _read(path, arrays, f"{place.layer}.bias")
    outputs = kernel.shape[2 if place.name == "mask_head.deconv" else -1]
    if bias.shape != (outputs,):
        raise WeightsError(
            f"{path}: {place.layer}.bias has the shape {bias.shape}, expected ({outputs},). The "
            "file is of another network, or damaged"
        )
    arrange = ARRANGE.get(place.name)
    if arrange:
        kernel, bias = arrange(kernel, bias)
    return {"kernel": kernel, "bias": bias}


def _read(path, arrays, name):
    array = arrays[name]
    if array.dtype.kind != "f":
        raise WeightsError(f"{path}: {name} is {array.dtype}, not of floats")
    if not np.isfinite(array).all():
        raise WeightsError(
            f"{path}: {name} holds numbers that are not finite (NaN or infinity): training "
            "diverged, or the file is damaged"
        )
    return array.astype(np.float32, copy=False)


def _patch(kernel, bias):
    """A dense layer on a patch, channel by channel: (C · 7 · 7, out) -> (7, 7, C, out)."""
    cells = TORCHVISION.pool_size
    if len(kernel) % cells**2:
        return kernel[None, None], bias  # which `check_shapes` will refuse
    return kernel.reshape(-1, cells, cells, kernel.shape[1]).transpose(1, 2, 0, 3), bias


def _dense(kernel, bias):
    """A dense layer as a 1x1 convolution: (in, out) -> (1, 1, in, out)."""
    return kernel[None, None], bias


def _two_logits(kernel, bias):
    """One logit per anchor as (0, logit) for background and object: softmax is the sigmoid."""
    pairs = np.stack([np.zeros_like(kernel), kernel], axis=-1)  # (1, 1, 256, 3, 2)
    return pairs.reshape(*kernel.shape[:3], -1), np.stack([0 * bias, bias], axis=-1).reshape(-1)


def _y_first(kernel, bias):
    """Deltas dx dy dw dh as dy dx dh dw, for each anchor or class."""
    if len(bias) % 4:
        return kernel, bias  # which `check_shapes` will refuse
    order = np.arange(len(bias)).reshape(-1, 4)[:, YX].reshape(-1)
    return kernel[..., order], bias[order]


ARRANGE = {
    "rpn.logits": _two_logits,
    "rpn.deltas": _y_first,
    "box_head.hidden1": _patch,
    "box_head.hidden2": _dense,
    "box_head.deltas": _y_first,
}
