"""Judge a model of shapes on plain and on hard scenes, and count the levels it reads from.

    python docs/training/judge_scenes.py             # the bundled model
    python docs/training/judge_scenes.py run/model.h5

On scenes 20,000 … 20,199 of both kinds, which neither the training nor `minimaskrcnn evaluate`
sees.
"""

import argparse

import numpy as np

from minimaskrcnn import load_model
from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.roi_align import roi_levels
from minimaskrcnn.training.validation import validate

UNSEEN = range(20_000, 20_200)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="?", default="shapes", help="a name or a file")
    model = load_model(parser.parse_args().weights)
    for hard in (False, True):
        examples = (scene(seed, hard=hard) for seed in UNSEEN)
        found = validate(model, examples, SHAPES.class_names, min_score=0.05)
        numbers = f"box AP {found.box.stats[0]:.3f}, mask AP {found.mask.stats[0]:.3f}"
        print(f"{'hard' if hard else 'plain'} scenes: {numbers}", flush=True)
        for what, counts in levels(model, hard).items():
            shares = (f"{counts[k] / counts.sum():.1%} from P{k}" for k in range(2, 6))
            print(f"    {what}: {', '.join(shares)}", flush=True)


def levels(model, hard):
    """How many proposals, and objects found, are read from each level: name to (6,)."""
    proposals, objects = np.zeros((2, 6), int)
    for seed in UNSEEN:
        steps = model.trace(scene(seed, hard=hard).image, min_score=0.5)
        rule = steps["molded"].shape, model.config.level_size
        proposals += np.bincount(roi_levels(steps["proposals"], *rule), minlength=6)
        objects += np.bincount(roi_levels(steps["detections"][:, :4], *rule), minlength=6)
    return {"proposals": proposals, "objects with a score of at least 0.5": objects}


if __name__ == "__main__":
    main()
