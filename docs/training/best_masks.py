"""How good can a mask of 28 x 28 be? The mean IoU of perfect answers with the true masks.

    python docs/training/best_masks.py

For every shape of scenes 0 … 299: what the mask head is asked to say about the shape's own box,
pasted as `predict` does.
"""

import numpy as np

from minimaskrcnn.boxes import normalise
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.masks import paste_mask
from minimaskrcnn.training.mask_targets import as_pasted, mask_targets

SIZE = 28  # cells a side


def main():
    overlaps = {"as the original asks": [], "as pasted, not rounded": []}
    for seed in range(300):
        example = scene(seed)
        rois, shape = normalise(example.boxes, example.image.shape), example.image.shape
        moved = as_pasted(rois, SIZE, shape)
        asked = (
            mask_targets(example.masks, rois, SIZE),
            mask_targets(example.masks, moved, SIZE, rounded=False),
        )
        for found, targets in zip(overlaps.values(), asked, strict=True):
            for target, box, mask in zip(targets, example.boxes, example.masks, strict=True):
                pasted = paste_mask(target, box, shape)
                found.append((pasted & mask).sum() / (pasted | mask).sum())
    for name, found in overlaps.items():
        print(f"{name:24} {np.mean(found):.3f}")


if __name__ == "__main__":
    main()
