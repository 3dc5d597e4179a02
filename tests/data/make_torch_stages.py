"""Compute the pyramid, the RPN and the heads with PyTorch, for weights and inputs drawn at random.

    pip install torch==2.13.0 && python tests/data/make_torch_stages.py

Written beside this script is `torch_stages.npz`: for each stage its inputs, its weights as this
project stores them, and what PyTorch makes of them in float64. All numbers are exact float32.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

HERE = Path(__file__).parent
random = np.random.RandomState(20)


def draw(*shape):
    return random.uniform(-1, 1, shape).astype(np.float32)


def tensor(array):
    return torch.tensor(array.astype(np.float64))


def conv(x, kernel, bias, padding=0):
    """x (B, C, H, W) with a kernel (kh, kw, in, out)."""
    return F.conv2d(x, tensor(kernel).permute(3, 2, 0, 1), tensor(bias), padding=padding)


def maps(array):
    """(H, W, C) -> (1, C, H, W)."""
    return tensor(array).permute(2, 0, 1)[None]


def channels_last(x):
    return x.permute(0, 2, 3, 1).numpy().astype(np.float32)


def pyramid(kept):
    channels, sizes = (2, 3, 4, 5), ((16, 24), (8, 12), (4, 6), (2, 3))
    for level, (c, size) in enumerate(zip(channels, sizes, strict=True), start=2):
        kept[f"fpn_c{level}"] = draw(*size, c)
        kept[f"fpn_lateral{level}_kernel"] = draw(1, 1, c, 6)
        kept[f"fpn_lateral{level}_bias"] = draw(6)
        kept[f"fpn_smooth{level}_kernel"] = draw(3, 3, 6, 6)
        kept[f"fpn_smooth{level}_bias"] = draw(6)
    below = None
    for level in (5, 4, 3, 2):
        lateral = kept[f"fpn_lateral{level}_kernel"], kept[f"fpn_lateral{level}_bias"]
        smooth = kept[f"fpn_smooth{level}_kernel"], kept[f"fpn_smooth{level}_bias"]
        total = conv(maps(kept[f"fpn_c{level}"]), *lateral)
        if below is not None:
            total = total + F.interpolate(below, scale_factor=2, mode="nearest")
        below = total
        p_map = conv(total, *smooth, padding=1)
        kept[f"fpn_p{level}"] = channels_last(p_map)[0]
        if level == 5:
            kept["fpn_p6"] = channels_last(F.max_pool2d(p_map, 1, stride=2))[0]


def rpn(kept):
    for name, shape in (
        ("shared", (3, 3, 5, 7)),
        ("logits", (1, 1, 7, 6)),
        ("deltas", (1, 1, 7, 12)),
    ):
        kept[f"rpn_{name}_kernel"], kept[f"rpn_{name}_bias"] = draw(*shape), draw(shape[3])
    weights = {n: (kept[f"rpn_{n}_kernel"], kept[f"rpn_{n}_bias"]) for n in ("logits", "deltas")}
    found = {"logits": [], "deltas": []}
    for level, size in ((2, (4, 6)), (3, (2, 3))):
        kept[f"rpn_p{level}"] = draw(*size, 5)
        x = conv(maps(kept[f"rpn_p{level}"]), kept["rpn_shared_kernel"], kept["rpn_shared_bias"], 1)
        for name, width in (("logits", 2), ("deltas", 4)):
            y = channels_last(conv(F.relu(x), *weights[name]))
            found[name].append(y.reshape(-1, width))
    kept["rpn_logits"] = np.concatenate(found["logits"])
    kept["rpn_deltas"] = np.concatenate(found["deltas"])


def box_head(kept):
    kept["box_features"] = x = draw(5, 3, 3, 4)
    shapes = {"hidden1": (3, 3, 4, 8), "hidden2": (1, 1, 8, 8), "logits": (8, 3), "deltas": (8, 12)}
    for name, shape in shapes.items():
        kept[f"box_{name}_kernel"], kept[f"box_{name}_bias"] = draw(*shape), draw(shape[-1])
    weight = {name: tensor(kept[f"box_{name}_kernel"]) for name in shapes}
    bias = {name: tensor(kept[f"box_{name}_bias"]) for name in shapes}
    x = F.relu(tensor(x).reshape(5, -1) @ weight["hidden1"].reshape(-1, 8) + bias["hidden1"])
    x = F.relu(x @ weight["hidden2"].reshape(8, 8) + bias["hidden2"])
    logits, deltas = (F.linear(x, weight[n].T, bias[n]) for n in ("logits", "deltas"))
    kept["box_class_logits"] = logits.numpy().astype(np.float32)
    kept["box_deltas"] = deltas.numpy().astype(np.float32).reshape(5, 3, 4)


def mask_head(kept):
    kept["mask_features"] = draw(2, 4, 4, 5)
    x = tensor(kept["mask_features"]).permute(0, 3, 1, 2)
    for i in range(2):
        kept[f"mask_conv{i}_kernel"], kept[f"mask_conv{i}_bias"] = draw(3, 3, 5, 5), draw(5)
        x = F.relu(conv(x, kept[f"mask_conv{i}_kernel"], kept[f"mask_conv{i}_bias"], padding=1))
    kept["mask_deconv_kernel"], kept["mask_deconv_bias"] = draw(2, 2, 6, 5), draw(6)
    kernel = tensor(kept["mask_deconv_kernel"]).permute(3, 2, 0, 1)  # (in, out, 2, 2)
    x = F.relu(F.conv_transpose2d(x, kernel, tensor(kept["mask_deconv_bias"]), stride=2))
    kept["mask_logits_kernel"], kept["mask_logits_bias"] = draw(1, 1, 6, 3), draw(3)
    kept["mask_logits"] = channels_last(
        conv(x, kept["mask_logits_kernel"], kept["mask_logits_bias"])
    )


def main():
    kept = {}
    for stage in (pyramid, rpn, box_head, mask_head):
        stage(kept)
    np.savez_compressed(HERE / "torch_stages.npz", **kept)


if __name__ == "__main__":
    main()
