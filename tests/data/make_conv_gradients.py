"""Compute convolutions, batch normalisations and their gradients with PyTorch.

    pip install torch==2.13.0 && python tests/data/make_conv_gradients.py

Written beside this script is `conv_gradients.npz`. Of each case NAME: `NAME_args` (stride, padding
before, padding after, whether ReLU follows), `x`, `kernel`, `bias`, `add` and, where the
normalisation with the batch's statistics comes between, `gamma` and `beta`; `y`; `grad`, the
gradient of the loss by y; and `dNAME` for each of the inputs. Computed in float64 from numbers
that are exact in float32, stored as float32.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

random = np.random.RandomState(3)
CASES = {  # x, kernel, (stride, before, after, relu), with batch normalisation
    "same3x3": ((2, 9, 11, 5), (3, 3, 5, 7), (1, 1, 1, True), False),
    "valid3x3": ((10, 7, 6), (3, 3, 6, 4), (1, 0, 0, False), False),
    "uneven3x3": ((2, 8, 6, 3), (3, 3, 3, 5), (2, 0, 1, True), False),
    "pointwise": ((2, 6, 5, 8), (1, 1, 8, 3), (1, 0, 0, True), False),
    "pointwise_stride2": ((2, 7, 6, 4), (1, 1, 4, 6), (2, 0, 0, False), False),
    "stem": ((2, 16, 18, 3), (7, 7, 3, 6), (2, 3, 3, True), False),
    "whole_map": ((5, 4, 4, 3), (4, 4, 3, 8), (1, 0, 0, True), False),
    "five_wide": ((1, 9, 9, 2), (3, 5, 2, 3), (1, 1, 1, False), False),
    "normalised": ((3, 8, 7, 4), (3, 3, 4, 6), (1, 1, 1, True), True),
}


def draw(*shape):
    return random.uniform(-1, 1, shape).astype(np.float32)


def leaf(array):
    return torch.tensor(array.astype(np.float64), requires_grad=True)


def convolve(x, kernel, bias, stride, before, after):
    maps = x.reshape(-1, *x.shape[-3:]).permute(0, 3, 1, 2)  # (B, C, H, W)
    padded = F.pad(maps, (before, after, before, after))
    return F.conv2d(padded, kernel.permute(3, 2, 0, 1), bias, stride=stride)


def case(x_shape, kernel_shape, args, normalised):
    outputs = kernel_shape[3]
    leaves = {"x": leaf(draw(*x_shape)), "kernel": leaf(draw(*kernel_shape))}
    leaves["bias"] = leaf(draw(outputs))
    y = convolve(leaves["x"], leaves["kernel"], leaves["bias"], *args[:3])
    if normalised:
        leaves["gamma"], leaves["beta"] = leaf(draw(outputs)), leaf(draw(outputs))
        y = F.batch_norm(y, None, None, leaves["gamma"], leaves["beta"], training=True, eps=0.001)
    y = y.permute(0, 2, 3, 1)
    y = y.reshape(*x_shape[:-3], *y.shape[1:])
    leaves["add"] = leaf(draw(*y.shape))
    y = y + leaves["add"]
    y = torch.relu(y) if args[3] else y
    grad = draw(*y.shape)
    y.backward(torch.tensor(grad.astype(np.float64)))
    arrays = {"args": np.array(args, np.int64), "y": y, "grad": grad}
    for name, tensor in leaves.items():
        arrays[name], arrays["d" + name] = tensor, tensor.grad
    return arrays


def store(value):
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy().astype(np.float32)
    return value


if __name__ == "__main__":
    arrays = {
        f"{name}_{key}": store(value)
        for name, setting in CASES.items()
        for key, value in case(*setting).items()
    }
    np.savez_compressed(Path(__file__).parent / "conv_gradients.npz", **arrays)
