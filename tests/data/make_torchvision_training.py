"""One step of training in torchvision: the five losses of two pictures, and every gradient.

    oracle/bin/python tests/data/make_torchvision_training.py     # see make_torchvision.py

Nothing is drawn by lot: the samples are so large that all anchors and regions are in them. Batch
normalization keeps its averages, as in fine-tuning here. Computed in float64, stored in float32.
Written: torchvision_training.npz.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from make_torchvision import narrow
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from torchvision_lesson import CLASSES, SIZES, pictures  # noqa: E402

ALL = 10**6
NAMES = {
    "loss_objectness": "rpn_class",
    "loss_rpn_box_reg": "rpn_box",
    "loss_classifier": "class",
    "loss_box_reg": "box",
    "loss_mask": "mask",
}


def target(masks, labels):
    """Boxes, labels and masks as torchvision's tutorial makes them, the boxes' ends excluded."""
    boxes = []
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float64),
        "labels": torch.from_numpy(labels),
        "masks": torch.from_numpy(masks.astype(np.uint8)),
    }


def step(version):
    """{"loss_…": float, torchvision's names: gradients}."""
    model = narrow(version, CLASSES, **SIZES).train().double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    for sampler in (model.rpn.fg_bg_sampler, model.roi_heads.fg_bg_sampler):
        sampler.batch_size_per_image = ALL
    images, targets = [], []
    for photo, masks, labels in pictures():
        images.append(torch.from_numpy(photo.transpose(2, 0, 1) / 255.0))
        targets.append(target(masks, labels))
    losses = model(images, targets)
    sum(losses.values()).backward()
    arrays = {f"loss_{NAMES[name]}": loss.item() for name, loss in losses.items()}
    for name, parameter in model.named_parameters():
        arrays[name] = parameter.grad.numpy().astype(np.float32)
    return arrays


def main():
    arrays = {}
    for version in (1, 2):
        arrays |= {f"v{version}_{name}": array for name, array in step(version).items()}
    np.savez_compressed(HERE / "torchvision_training.npz", **arrays)


if __name__ == "__main__":
    main()
