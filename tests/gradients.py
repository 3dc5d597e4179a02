"""Gradients checked against the definition of a derivative, (f(x + h) - f(x - h)) / 2h."""

import numpy as np

from minimaskrcnn.runtime.tape import gradients, recording

STEP = 1e-5  # in float64 both errors of the central difference, h² and 1e-16 / h, are then 1e-10


def gradient_error(function, arrays, seed=0):
    """How far the tape's gradients lie from finite differences, relative to the largest of each.

    Parameters
    ----------
    function : of the arrays, to one array or a tuple of arrays; made of operations that record.
        It must not have a kink (a tie of a maximum, a zero before ReLU) within STEP of the arrays.
    arrays : list of float64 arrays, each of which gets a gradient; they are left as they were
    seed : of the weights, by which the outputs are summed to the one number that is differentiated

    Returns
    -------
    float, the largest over the arrays; an array that the tape forgot counts as gradient 0
    """
    outputs = _outputs(function, arrays)
    random = np.random.RandomState(seed)
    weights = [random.uniform(0.5, 1.5, np.shape(y)) for y in outputs]
    found = tape_gradients(function, arrays, weights)
    errors = []
    for i, array in enumerate(arrays):
        expected = finite_differences(function, arrays, i, weights)
        assert found[i].shape == array.shape and found[i].dtype == array.dtype == np.float64
        errors.append(np.abs(found[i] - expected).max() / np.abs(expected).max())
    return max(errors)


def tape_gradients(function, arrays, weights):
    """d sum(weights · outputs) / d array of each array, as the tape finds it."""
    with recording() as steps:
        outputs = _outputs(function, arrays)
    found = gradients(steps, list(zip(outputs, weights, strict=True)))
    return [found.get(id(array), np.zeros_like(array)) for array in arrays]


def finite_differences(function, arrays, i, weights):
    """d sum(weights · outputs) / d arrays[i], one element after the other."""
    moved = [array.copy() for array in arrays]
    gradient = np.zeros_like(moved[i])
    for place in np.ndindex(gradient.shape):
        value = arrays[i][place]
        sums = []
        for moved[i][place] in (value + STEP, value - STEP):
            sums.append(_weighted_sum(function, moved, weights))
        moved[i][place] = value
        gradient[place] = (sums[0] - sums[1]) / (2 * STEP)
    return gradient


def _weighted_sum(function, arrays, weights):
    outputs = _outputs(function, arrays)
    return sum((w * y).sum() for w, y in zip(weights, outputs, strict=True))


def _outputs(function, arrays):
    outputs = function(*arrays)
    return outputs if isinstance(outputs, tuple) else (outputs,)
