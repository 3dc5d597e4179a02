"""What few pictures teach, and what augmentation adds: the curves of chapter 17b's section 5.

    python docs/training/few_pictures.py docs/training/few_pictures.csv

Three trainings of the small network of chapter 17 on drawn scenes of 64 x 64 with one class: twelve
as they are, the same twelve changed at random, 96 changed. The validation set is the same
32 other scenes. As in the chapter, the pictures are not enlarged, so that it takes minutes.
The CSV has a row for each look at it.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.annotations import load_annotations
from minimaskrcnn.datasets.augment import NONE, Augmentation
from minimaskrcnn.datasets.crops import random_crops
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.datasets.writing import write_dataset
from minimaskrcnn.training.initialise import Widths, new_model
from minimaskrcnn.training.plan import config_of, make_plan, recipe_of
from minimaskrcnn.training.statistics import statistics_of
from minimaskrcnn.training.train import train
from minimaskrcnn.training.watch import Watch

NAMES = ("background", "shape")
TRAININGS = (
    ("12 as they are", 12, NONE),
    ("12 changed", 12, Augmentation()),
    ("96 changed", 96, Augmentation()),
)
SMALL = Widths(
    stem=16, inner=(8, 16, 32, 64), blocks=(1, 1, 1, 1), pyramid=32, rpn=32, box_head=64,
    mask_head=32, mask_convs=2,
)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="the CSV to write")
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--every", type=int, default=80, help="steps from look to look")
    given = parser.parse_args()
    with TemporaryDirectory() as folder, given.table.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["training", "step", "loss", "mask_ap"])
        val_set = dataset(Path(folder) / "val", range(100, 132))
        for number, (name, count, kind) in enumerate(TRAININGS):
            examples = dataset(
                Path(folder) / f"train {number}", (*range(12), *range(200, 188 + count))
            )
            run = Path(folder) / f"run {number}"
            losses = learn(examples, kind, given, run, Watch(val_set, given.every))
            log = np.genfromtxt(run / "log.csv", delimiter=",", names=True)
            for step in range(given.every, given.steps + 1, given.every):
                loss = losses[step - given.every : step, :5].sum(axis=1).mean()
                rows.writerow([name, step, f"{loss:.3f}", f"{log['mask_ap'][step - 1]:.3f}"])
            file.flush()


def dataset(folder, seeds):
    """Scenes with all shapes in one class, written to files and read again."""
    scenes = (scene(seed, 64) for seed in seeds)
    path = write_dataset(
        folder, (replace(e, class_ids=np.ones_like(e.class_ids)) for e in scenes), NAMES
    )
    return load_annotations(path, folder)


def learn(examples, augmentation, given, run, watch):
    """Train as planned, but with the small network, at the pictures' own size: the losses."""
    every = range(len(examples)), np.ones(len(examples))
    plan = make_plan(statistics_of(examples, every[0]))
    plan = replace(plan, scale=1.0, size=64, anchor_scales=SHAPES.anchor_scales)
    recipe = replace(recipe_of(plan), steps=given.steps)
    crops = random_crops(examples, *every, plan.size, plan.scale, augmentation, seed=0)
    return train(new_model(config_of(plan, NAMES), SMALL), crops, recipe, 0, run, watch=watch)


if __name__ == "__main__":
    main()
