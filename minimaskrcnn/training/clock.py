"""Telling how training goes, how fast, and how long it will take."""

import time

import numpy as np

from minimaskrcnn.training.losses import LOSS_NAMES


class Clock:
    """Reports the first step, every 50th and the last.

    The time left assumes that a step takes as long as the average one since the second, validations
    included. The first also compiles.
    """

    def __init__(self, recipe, step):
        self.recipe, self.step, self.time = recipe, step, time.perf_counter()
        self.first, self.begin = step + 1, self.time

    def tick(self, progress, say):
        """Report the step that was just done, if it is time."""
        step, steps = progress.step, self.recipe.steps
        if step % 50 and step not in (self.first, steps):
            return
        now = time.perf_counter()
        seconds = (now - self.time) / (step - self.step)  # a step
        average = seconds if step == self.first else (now - self.begin) / (step - self.first)
        recent = np.mean(progress.losses[self.step - step :], axis=0)
        losses = ", ".join(f"{name} {x:.3f}" for name, x in zip(LOSS_NAMES, recent, strict=False))
        say(
            f"step {step}/{steps}  loss {recent[:5].sum():.3f} ({losses})  "
            f"{self.recipe.batch_size / seconds:.1f} images/s, "
            f"{(steps - step) * average / 60:.1f} min left"
        )
        self.step, self.time = step, now
        self.begin = now if step == self.first else self.begin
