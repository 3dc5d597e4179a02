"""Make two small datasets to try `minimaskrcnn train` on: drawn ones, and a photograph of coins.

    python docs/training/make_datasets.py mixed DIR   # drawn: thin rods, crowded discs, blobs
    python docs/training/make_datasets.py coins DIR   # needs scikit-image, its photograph
    python docs/training/make_datasets.py outlines DIR   # DIR/coins.json, as the package has it

Each writes DIR/train and DIR/val with pictures and annotations.json. The drawn ones have DIR/test
as well, by which nothing is chosen. The coins are outlined by scikit-image's watershed, as its
tutorial on segmentation does it; `outlines` writes those of the whole photograph for the file
`coins.png` of the package.
"""

import argparse
from pathlib import Path

import numpy as np

from minimaskrcnn.datasets import Example
from minimaskrcnn.datasets.writing import write_dataset

MIXED = ("background", "rod", "disc", "blob")
SIZE = (384, 512)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("mixed", "coins", "outlines"))
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.kind == "mixed":
        write_dataset(given.folder / "train", map(mixed, range(24)), MIXED)
        write_dataset(given.folder / "val", map(mixed, range(100, 106)), MIXED)
        write_dataset(given.folder / "test", map(mixed, range(200, 220)), MIXED)
    elif given.kind == "outlines":
        (whole,) = coins([(0, 384)])
        written = write_dataset(given.folder, [whole], ("background", "coin"))
        text = written.read_text(encoding="utf-8").replace("00001.png", "coins.png")
        (given.folder / "coins.json").write_text(text + "\n", encoding="utf-8")
    else:
        *train, val = coins([(0, 131), (131, 254), (254, 384)])
        write_dataset(given.folder / "train", train, ("background", "coin"))
        write_dataset(given.folder / "val", [val], ("background", "coin"))


def mixed(seed):
    """A drawn picture: two large blobs, a few thin rods, discs in a crowd; later ones on top."""
    rng = np.random.RandomState(seed)
    image = np.full((*SIZE, 3), rng.randint(60, 200, 3), float)
    kinds = [3] * 2 + [1] * rng.randint(4, 9) + [2] * rng.randint(25, 50)
    crowd = rng.uniform(100, np.array(SIZE) - 100)
    masks = []
    for kind in kinds:
        mask = _shape(kind, crowd, rng)
        image[mask] = rng.randint(0, 256, 3)
        masks = [before & ~mask for before in masks] + [mask]
    image += rng.normal(0, 6, image.shape)
    kept = [i for i, mask in enumerate(masks) if mask.sum() >= 20]
    masks = np.array([masks[i] for i in kept])
    return Example(np.clip(image, 0, 255).astype(np.uint8), np.array(kinds)[kept], masks)


def _shape(kind, crowd, rng):
    """(H, W) bool: an ellipse, for all three are such: long and thin, small and round, large."""
    anywhere = rng.uniform(20, np.array(SIZE) - 20)
    middle, length, width = {
        1: (anywhere, rng.uniform(30, 80), rng.uniform(2, 4)),
        2: (rng.normal(crowd, 50), rng.uniform(5, 10), rng.uniform(5, 10)),
        3: (anywhere, rng.uniform(50, 90), rng.uniform(40, 70)),
    }[kind]
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] - middle[:, None, None]
    turn = rng.uniform(0, np.pi)
    along, across = y * np.sin(turn) + x * np.cos(turn), y * np.cos(turn) - x * np.sin(turn)
    return (along / length) ** 2 + (across / width) ** 2 < 1


def coins(columns):
    """The photograph in parts side by side: an Example for each pair of first and last column."""
    from scipy.ndimage import binary_fill_holes
    from skimage import data, filters, measure, segmentation

    grey = data.coins()  # (303, 384) uint8
    markers = np.zeros(grey.shape, int)
    markers[grey < 30], markers[grey > 150] = 1, 2
    inside = binary_fill_holes(segmentation.watershed(filters.sobel(grey), markers) == 2)
    labels = measure.label(inside)
    parts = []
    for first, last in columns:
        part = labels[:, first:last]
        masks = [part == i for i in range(1, labels.max() + 1) if (part == i).sum() > 200]
        image = grey[:, first:last, None].repeat(3, axis=2)
        parts.append(
            Example(np.ascontiguousarray(image), np.ones(len(masks), int), np.array(masks))
        )
    return parts


if __name__ == "__main__":
    main()
