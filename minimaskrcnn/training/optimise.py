"""Optimisers and learning rates: how far to move every weight, given its gradient.

Idea    Stochastic gradient descent (SGD) with momentum follows an average of recent gradients, like
        a heavy ball that rolls downhill. Adam divides each step by the usual size of that weight's
        gradient, so that all weights move about equally fast, whatever the scale of their layer.
        AdamW is Adam with weight decay that is not divided in this way. With `cosine`, the learning
        rate rises at first, until the averages have settled (warm-up), and falls afterwards.
Paper   Momentum: Sutskever et al. 2013, equations 1 and 2 as in Keras. Adam: arXiv:1412.6980,
        algorithm 1. AdamW: arXiv:1711.05101, algorithm 2. Cosine: arXiv:1608.03983, equation 5.
        Warm-up: arXiv:1706.02677, section 2.2. Clipping: arXiv:1211.5063, algorithm 1.
Shapes  dicts from a name to an array: weights, gradients, and what the optimiser remembers

Notes   Both optimisers write into the weights; apart from them, only loading a checkpoint does.
        They have the same signature, so that a recipe can name either.
"""

import math

import numpy as np
from numba import njit

from minimaskrcnn.runtime import threads
from minimaskrcnn.runtime.memory import empty

SGD_MOMENTUM = 0.9  # (original)
SGD_DECAY = 1e-4  # of the mean square of each kernel and bias (original: the mean, not the sum)

ADAM_BETAS = (0.9, 0.99)  # memory of the gradient and of its square; the paper has 0.999
ADAM_DECAY = 0.02  # of kernels, multiplied by the learning rate
ADAM_EPSILON = 1e-8


def sgd(weights, gradients, memory, rate, step):
    """Move the weights by one step of gradient descent with momentum.

    velocity = 0.9 · velocity - rate · gradient;  weight = weight + velocity

    Parameters
    ----------
    weights : dict from name to array; the arrays are changed
    gradients : dict from name to array; a weight without a gradient does not move
    memory : dict, empty at first, into which "velocity.NAME" is written
    rate : learning rate
    step : number of this step, from 1 (not used)
    """
    for name, gradient in gradients.items():
        w = weights[name]
        if name.endswith(("kernel", "bias")):
            gradient = gradient + w.dtype.type(2 * SGD_DECAY / w.size) * w
        velocity = memory.setdefault(f"velocity.{name}", np.zeros_like(w))
        velocity *= w.dtype.type(SGD_MOMENTUM)
        velocity -= w.dtype.type(rate) * gradient
        w += velocity


def adamw(weights, gradients, memory, rate, step):
    """Move the weights by one step of AdamW; arguments as in `sgd`.

    mean = b1 · mean + (1 - b1) · gradient;  square = b2 · square + (1 - b2) · gradient²
    move = mean / (1 - b1^step) / (sqrt(square / (1 - b2^step)) + epsilon)
    weight = weight - rate · (move + decay · weight)

    Only kernels decay. Large kernels make the function vary strongly, which leads to overfitting;
    biases and scales do not.
    """
    names, (b1, b2) = list(gradients), ADAM_BETAS
    for name in names:
        memory.setdefault(f"mean.{name}", np.zeros_like(weights[name], order="C"))
        memory.setdefault(f"square.{name}", np.zeros_like(weights[name], order="C"))

    def move(i):
        name, w = names[i], weights[names[i]]
        moved = np.ascontiguousarray(w)  # w itself, unless it lies in memory in another order
        decay = 1 - rate * ADAM_DECAY if name.endswith("kernel") else 1
        numbers = (1 - b1, 1 - b2, 1 - b2**step, ADAM_EPSILON, decay, rate / (1 - b1**step))
        arrays = moved, gradients[name], memory[f"mean.{name}"], memory[f"square.{name}"]
        _move(*(array.reshape(-1) for array in arrays), *map(w.dtype.type, numbers))
        if moved is not w:
            w[...] = moved.reshape(w.shape)

    threads.run(move, len(names))


@njit(cache=True, nogil=True)
def _move(w, gradient, mean, square, new, new_square, settled, epsilon, decay, rate):
    """One pass over a weight's numbers, in place; each array is (N,), the others are numbers."""
    for i in range(len(w)):
        mean[i] += new * (gradient[i] - mean[i])
        square[i] += new_square * (gradient[i] * gradient[i] - square[i])
        size = np.sqrt(square[i] / settled) + epsilon
        w[i] = w[i] * decay - rate * mean[i] / size


def clip_gradients(gradients, limit):
    """Scale all gradients by the same factor, so that their common length is at most `limit`.

    Parameters
    ----------
    gradients : dict from name to array
    limit : positive float

    Returns
    -------
    clipped : dict from name to array
    length : float, before clipping

    Raises
    ------
    FloatingPointError
        If the length is not finite: training has diverged.

    Examples
    --------
    >>> clipped, length = clip_gradients({"a": np.array([3.0]), "b": np.array([4.0])}, 1.0)
    >>> round(clipped["a"].item(), 6), length
    (0.6, 5.0)
    """
    arrays, squares = list(gradients.values()), np.zeros(len(gradients))

    def add_up(i):
        squares[i] = np.square(arrays[i], dtype=np.float64).sum()

    threads.run(add_up, len(arrays))
    length = float(np.sqrt(sum(squares)))
    if not np.isfinite(length):
        raise FloatingPointError(f"the gradient has length {length}")
    if length <= limit:
        return gradients, length
    scale = limit / length
    shorter = [empty(g.shape, g.dtype) for g in arrays]

    def shorten(i):
        np.multiply(arrays[i], arrays[i].dtype.type(scale), out=shorter[i])

    threads.run(shorten, len(arrays))
    return dict(zip(gradients, shorter, strict=True)), length


def cosine(step, steps, peak, warm_up=150, last=0.01):
    """Return the learning rate of a step: a linear rise, then half a cosine wave down.

    Parameters
    ----------
    step : 1 … steps
    steps : number of steps of the whole training
    peak : the highest rate
    warm_up : number of steps until the peak, but at most a tenth of all steps
    last : the rate at the end, as a share of the peak

    Examples
    --------
    >>> [round(cosine(step, 1000, 1.0), 3) for step in (1, 100, 550, 1000)]
    [0.01, 1.0, 0.505, 0.01]
    """
    warm_up = min(warm_up, steps // 10)
    if step <= warm_up:
        return peak * step / warm_up
    done = (step - warm_up) / max(steps - warm_up, 1)
    return peak * (last + (1 - last) * (1 + math.cos(math.pi * done)) / 2)


def stepped(step, steps, peak, falls=(2 / 3, 8 / 9)):
    """Return the learning rate of a step: `peak`, divided by ten after each of `falls`.

    `falls` are shares of all steps.

    Examples
    --------
    >>> [round(stepped(step, 90, 1.0), 3) for step in (1, 60, 61, 80, 81)]
    [1.0, 1.0, 0.1, 0.1, 0.01]
    """
    return peak * 0.1 ** sum(step > fall * steps for fall in falls)
