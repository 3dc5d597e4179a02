"""How much memory a training on one's own pictures takes: the whole command, validation and all.

    python benchmarks/training_memory.py [--size 256] [--batch 8] [--steps 12] [--network small]

Draws pictures of 512 x 512 with 25 objects and more each, and trains on them as the command plans
it: three steps to find out the pace, then `--steps` more with two looks at the validation set. What
is printed is the most memory that the command's process took at any time.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory

import numpy as np

from minimaskrcnn.datasets import Example
from minimaskrcnn.datasets.drawing import CLASS_NAMES
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.datasets.writing import write_dataset


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--network", default="small")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        file = write_dataset(Path(folder) / "set", map(mosaic, range(given.pictures)), CLASS_NAMES)
        options = ["--dataset", file, "--images", file.parent, "--val-share", "0.3"]
        options += ["--size", given.size, "--batch", given.batch, "--steps", given.steps]
        options += ["--network", given.network]
        options += ["--val-every", given.steps // 2, "--output", Path(folder) / "run"]
        command = [sys.executable, "-m", "minimaskrcnn", "train", *map(str, options)]
        subprocess.run(command, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    print(f"most memory at any time: {getrusage(RUSAGE_CHILDREN).ru_maxrss * unit / 1e9:.2f} GB")


def mosaic(number):
    """Sixteen scenes of 128 x 128 as one picture."""
    scenes = [scene(16 * number + i) for i in range(16)]
    rows = [np.hstack([s.image for s in scenes[4 * i : 4 * i + 4]]) for i in range(4)]
    masks = []
    for i, one in enumerate(scenes):
        y, x = 128 * (i // 4), 128 * (i % 4)
        canvas = np.zeros((len(one.masks), 512, 512), bool)
        canvas[:, y : y + 128, x : x + 128] = one.masks
        masks.append(canvas)
    class_ids = np.concatenate([one.class_ids for one in scenes])
    return Example(np.vstack(rows), class_ids, np.concatenate(masks))


if __name__ == "__main__":
    main()
