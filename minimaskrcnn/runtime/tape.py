"""The tape for backpropagation: it records the operations of a training step.

Idea    A differentiable operation ends with `return tape.record(y, backward, ...)`. Outside of
        training, this is just `return y`. Inside `with recording() as steps:` every call is
        appended to `steps`. Then `gradients` goes through `steps` from the last operation to the
        first; each operation turns the gradient of its output into gradients of its inputs. This
        is backpropagation (reverse-mode differentiation): the chain rule, applied in an order in
        which every gradient is complete before it is used.
Shapes  `backward(grad, ...)` takes d loss / d y, with the shape of y, and returns pairs (array,
        gradient), one for each array whose gradient is wanted: inputs, kernels, biases. Arrays are
        recognised by their identity, so a reshape between two operations must be an operation, too
        (`layers.reshape`). An operation with several outputs records a list of them; its backward
        takes a list of gradients, with None for an output that does not affect the loss.
"""

import threading
from contextlib import contextmanager

import numpy as np

from minimaskrcnn.runtime import memory

_active = threading.local()  # the tape of this thread, if it is recording


def record(y, backward, *arguments):
    """Return `y`; while recording, remember that `backward(grad, *arguments)` differentiates it.

    Parameters
    ----------
    y : array, what an operation returns
    backward : function from d loss / d y and `arguments` to pairs (array, gradient)
    arguments : what `backward` needs besides the gradient

    Returns
    -------
    y itself
    """
    steps = getattr(_active, "steps", None)
    if steps is not None:
        steps.append((y, backward, arguments))
    return y


def is_recording():
    """Return whether this thread is inside a `with recording()` block."""
    return getattr(_active, "steps", None) is not None


@contextmanager
def recording(constants=()):
    """Record the operations of this thread inside the `with` block.

    A recording inside another is a separate tape: the outer one does not record its operations.

    Parameters
    ----------
    constants : arrays whose gradient is not needed, such as the images

    Yields
    ------
    list of (y, backward, arguments), to which every operation appends
    """
    outer = getattr(_active, "steps", None), getattr(_active, "constants", ())
    _active.steps, _active.constants = [], constants
    try:
        yield _active.steps
    finally:
        _active.steps, _active.constants = outer


def wants(array):
    """Return whether the gradient of an array is needed: yes, unless it is one of the constants.

    Parameters
    ----------
    array : an input of the operation that asks before it records

    Returns
    -------
    bool
    """
    return all(array is not constant for constant in getattr(_active, "constants", ()))


def gradients(steps, seeds):
    """Return the gradients of the losses for everything that led to them (backpropagation).

    Parameters
    ----------
    steps : list made by `recording`; it is emptied on the way, so that memory is freed early
    seeds : list of (array, gradient) from which to start: for each array, d loss / d array

    Returns
    -------
    dict from id(array) to its gradient, for the arrays that no recorded operation made: parameters,
    and inputs that are not constants. If an array is used twice, its gradients are added.

    Notes
    -----
    An id identifies an array only while the array exists. All arrays here do: parameters belong to
    the model, and every output to the step that made it, until that step is done.
    """
    found = {}
    for array, gradient in seeds:
        _accumulate(found, array, gradient)
    while steps:
        y, backward, arguments = steps.pop()
        gradient = _take(found, y)
        if gradient is not None:
            for array, part in backward(gradient, *arguments):
                _accumulate(found, array, part)
    return found


def _take(found, y):
    """The gradient of y, or None if y does not affect the loss; for a list of outputs, a list."""
    if not isinstance(y, list):
        return found.pop(id(y), None)
    gradients = [found.pop(id(array), None) for array in y]
    return None if all(gradient is None for gradient in gradients) else gradients


def _accumulate(found, array, gradient):
    key = id(array)
    found[key] = memory.filled(np.add, found[key], gradient) if key in found else gradient
