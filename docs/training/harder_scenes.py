"""Go on training the bundled model on harder scenes, with regions on several levels of the pyramid.

    python docs/training/harder_scenes.py run                       # train, 6,000 steps, and judge
    python docs/training/harder_scenes.py run --steps 500 --level-size 112
    python docs/training/harder_scenes.py --judge shapes            # only judge some weights

Every second scene is a hard one, and a region of `level_size` pixels is read from P4. Interrupted,
the same command goes on where it was. Judged on plain and on hard scenes 20,000 … 20,199, which
neither the training nor `minimaskrcnn evaluate` sees. README.md tells what came out.
"""

import argparse
from dataclasses import replace

import numpy as np

from minimaskrcnn import load_model
from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.roi_align import roi_levels
from minimaskrcnn.training.batches import mixed_scenes
from minimaskrcnn.training.recipe import FROM_NOTHING
from minimaskrcnn.training.train import MODEL, train
from minimaskrcnn.training.validation import validate

UNSEEN = range(20_000, 20_200)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="the run's folder")
    parser.add_argument("--judge", metavar="WEIGHTS", help="do not train")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--rate", type=float, default=0.001)
    parser.add_argument("--level-size", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if not given.judge and not given.folder:
        parser.error("give the run's folder, or --judge and some weights")
    if not given.judge:
        go_on(given)
    judge(given.judge or f"{given.folder}/{MODEL}")


def go_on(given):
    """Train: the late sampling of the recipe all the time, since boxes are good from the start."""
    model = load_model("shapes")
    model = replace(model, config=replace(model.config, level_size=given.level_size))
    late = FROM_NOTHING.late_sampling
    recipe = replace(FROM_NOTHING, steps=given.steps, rate=given.rate, sampling=late)
    recipe = replace(recipe, late_sampling=None)
    train(model, mixed_scenes(given.seed), recipe, given.seed, given.folder, checkpoint_every=250)


def judge(weights):
    """Print average precision, and the levels of what is found, on plain and on hard scenes."""
    model = load_model(weights)
    for hard in (False, True):
        examples = (scene(seed, hard=hard) for seed in UNSEEN)
        found = validate(model, examples, SHAPES.class_names, min_score=0.05)
        numbers = f"box AP {found.box.stats[0]:.3f}, mask AP {found.mask.stats[0]:.3f}"
        print(f"{'hard' if hard else 'plain'} scenes: {numbers}; {levels(model, hard)}", flush=True)


def levels(model, hard):
    """How many of the objects found (score at least 0.5) are read from which level, in words."""
    counts = np.zeros(6, int)
    for seed in UNSEEN:
        steps = model.trace(scene(seed, hard=hard).image, min_score=0.5)
        boxes, shape = steps["detections"][:, :4], steps["molded"].shape
        counts += np.bincount(roi_levels(boxes, shape, model.config.level_size), minlength=6)
    return ", ".join(f"{counts[k] / counts.sum():.0%} from P{k}" for k in range(2, 6))


if __name__ == "__main__":
    main()
