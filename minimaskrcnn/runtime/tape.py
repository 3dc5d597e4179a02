"""The tape: it remembers the operations of a training step, to walk their gradients back.

Idea    A differentiable operation ends with `return tape.record(y, backward, ...)`. While nobody
        trains that is `return y`. Inside `with recording() as steps:` every call is appended to
        `steps`; `gradients` then walks it from the last to the first and asks each operation what
        its output's gradient means for its inputs (reverse-mode differentiation: the chain rule,
        applied in the order in which no gradient is asked for before it is complete).
Shapes  `backward(grad, ...)` takes d loss / d y, shaped as y, and returns pairs (array, gradient),
        one for each array whose gradient is wanted: inputs, kernels, biases. Arrays are told apart
        by identity, so a reshape between two operations is an operation too (`layers.reshape`).
        An operation with several outputs hands over the list of them; its backward takes a list of
        gradients, None for an output that led nowhere.
"""

import threading
from contextlib import contextmanager

_active = threading.local()  # the tape of the thread that trains, if one does


def record(y, backward, *arguments):
    """Return `y`; while recording, remember that `backward(grad, *arguments)` differentiates it.

    Parameters
    ----------
    y : array, what an operation returns
    backward : function from d loss / d y and `arguments` to pairs (array, gradient)
    arguments : what `backward` needs besides

    Returns
    -------
    y itself
    """
    steps = getattr(_active, "steps", None)
    if steps is not None:
        steps.append((y, backward, arguments))
    return y


@contextmanager
def recording(constants=()):
    """Record the operations of this thread inside the `with` block.

    A recording within a recording is a tape of its own: the outer one does not hear of it.

    Parameters
    ----------
    constants : arrays whose gradient nobody will ask for, such as the images

    Yields
    ------
    list of (y, backward, arguments), which grows
    """
    outer = getattr(_active, "steps", None), getattr(_active, "constants", ())
    _active.steps, _active.constants = [], constants
    try:
        yield _active.steps
    finally:
        _active.steps, _active.constants = outer


def wants(array):
    """Whether anybody wants the gradient of an array: not of a constant of this recording.

    Parameters
    ----------
    array : an argument of the operation that asks, before it records

    Returns
    -------
    bool
    """
    return all(array is not constant for constant in getattr(_active, "constants", ()))


def gradients(steps, seeds):
    """Walk a recording back from the losses to everything that led to them.

    Parameters
    ----------
    steps : list made by `recording`; it is emptied on the way, so that memory is free early
    seeds : list of (array, gradient): where the walk starts, d loss / d array of each

    Returns
    -------
    dict from id(array) to its gradient, for the arrays that no recorded operation made:
    parameters, and inputs that are not named as constants. Gradients of an array used twice add up.

    Notes
    -----
    An id tells arrays apart only while they exist. All that can be asked about here do: parameters
    belong to the model, every output to the step that made it, until that step is done.
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
    """The gradient of y (a list of outputs: a list), or None if nothing came of y."""
    if not isinstance(y, list):
        return found.pop(id(y), None)
    gradients = [found.pop(id(array), None) for array in y]
    return None if all(gradient is None for gradient in gradients) else gradients


def _accumulate(found, array, gradient):
    key = id(array)
    found[key] = gradient if key not in found else found[key] + gradient
