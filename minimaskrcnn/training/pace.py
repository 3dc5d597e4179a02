"""How long a training will take, and how much memory: found out by trying three steps.

Idea    The first step compiles and fills the memory that later ones use again; the others are as
        quick as all that follow. They are done on a copy that is thrown away.
Shapes  Config, Widths, Recipe, examples  ->  seconds per step, bytes
"""

import sys
import time

import numpy as np

from minimaskrcnn.runtime import memory
from minimaskrcnn.training.checkpoint import Progress
from minimaskrcnn.training.conventions import rules_of
from minimaskrcnn.training.train import advance, as_cut

TRIED = 3  # steps


def tried(model, example_of, recipe, seed):
    """Do three steps of a training; the model's weights are changed.

    Parameters
    ----------
    model, example_of, recipe, seed : as `train` takes them

    Returns
    -------
    seconds : float, of the quickest step but the first
    peak : int, bytes of memory that the process has taken at most; 0 where this is not told
    """
    progress, seconds, make_batch = Progress(), [], rules_of(model.config).make_batch
    with memory.reuse():
        for step in range(1, TRIED + 1):
            batch = make_batch(example_of, step, recipe, as_cut(model.config), seed)
            start = time.perf_counter()
            advance(model, batch, recipe, progress, np.random.RandomState([seed, step, 1]))
            seconds.append(time.perf_counter() - start)
    return min(seconds[1:]), _peak()


def _peak():
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit
