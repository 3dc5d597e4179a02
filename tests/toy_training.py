"""A very small network that learns, and a checkpoint of it after two steps."""

from dataclasses import replace

import numpy as np

from minimaskrcnn.config import SHAPES
from minimaskrcnn.training.checkpoint import Progress, save_checkpoint
from minimaskrcnn.training.initialise import Widths, new_model
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
