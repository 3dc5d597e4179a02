"""A very small network that learns: trainings of it, and a checkpoint after two steps."""

from dataclasses import replace

import numpy as np

from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.training.checkpoint import Progress, save_checkpoint
from minimaskrcnn.training.initialise import Widths, new_model
from minimaskrcnn.training.recipe import FROM_NOTHING
from minimaskrcnn.training.train import train
from minimaskrcnn.weights.tree import named_arrays

TINY = replace(SHAPES, image_min_size=64, image_max_size=64, pool_size=3, mask_pool_size=4)
NARROW = Widths(
    stem=4, inner=(2, 2, 2, 2), blocks=(2, 1, 1, 1), pyramid=4, rpn=4, box_head=6, mask_head=4,
    mask_convs=2,
)  # fmt: skip
RUN = {"seed": 0, "steps": 4}


def write_checkpoint(path):
    """Write a checkpoint after two steps of `RUN`; returns the model, and its progress."""
    model = new_model(TINY, NARROW)
    memory = {f"{kind}.{name}": np.ones_like(array) for name, array in named_arrays(model).items()
              for kind in ("mean", "square")}  # fmt: skip
    progress = Progress(2, memory, [[0.5] * 7] * 2, [[2, 0.1, 0.2]])
    save_checkpoint(path, model, progress, RUN)
    return model, progress


def small_scenes(number):
    return scene(1000 + number, 64)


def recipe(**changes):
    return replace(FROM_NOTHING, **{"steps": 4, "batch_size": 2, **changes})


def run(folder, steps=4, stop_after=None, model=None, **changes):
    """Train a tiny network; `stop_after` interrupts the run like Ctrl-C."""
    model = model or new_model(TINY, NARROW)
    said = []

    def example_of(number):
        if stop_after is not None and number >= 2 * stop_after:
            raise KeyboardInterrupt
        return small_scenes(number)

    try:
        train(model, example_of, recipe(steps=steps, **changes), 0, folder, 2, said.append)
    except KeyboardInterrupt:
        assert stop_after is not None
    return model, said
