"""Try another network or another recipe: a short training, and its average precision.

    python docs/training/try_recipe.py                          # the recipe as it is, 1,500 steps
    python docs/training/try_recipe.py rate=0.002 box_head=128
    python docs/training/try_recipe.py "inner=(16,32,64,128)" "blocks=(2,2,2,1)" --steps 500

What can be named are the fields of `training.recipe.Recipe` (numbers only) and of
`training.initialise.Widths`. The schedule is drawn out over the steps that there are. Judged on
scenes 20,000 … 20,249, which neither the training nor `minimaskrcnn evaluate` sees.
"""

import argparse
from ast import literal_eval
from dataclasses import replace
from tempfile import TemporaryDirectory

from minimaskrcnn import load_model
from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.evaluate import summary
from minimaskrcnn.training.batches import endless_scenes
from minimaskrcnn.training.initialise import Widths, new_model
from minimaskrcnn.training.recipe import FROM_NOTHING
from minimaskrcnn.training.train import MODEL, train
from minimaskrcnn.training.validation import validate

UNSEEN = range(20_000, 20_250)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("changes", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    named = dict(change.split("=", 1) for change in given.changes)
    changes = {name: literal_eval(value) for name, value in named.items()}
    of_widths = {name: changes.pop(name) for name in Widths.__dataclass_fields__ if name in changes}
    recipe = replace(FROM_NOTHING, steps=given.steps, **changes)
    model = new_model(SHAPES, Widths(**of_widths), given.seed)
    with TemporaryDirectory() as folder:
        train(model, endless_scenes(given.seed), recipe, given.seed, folder)
        learned = load_model(f"{folder}/{MODEL}")
    print(summary(validate(learned, map(scene, UNSEEN), SHAPES.class_names, min_score=0.05)))


if __name__ == "__main__":
    main()
