"""Give a reader's function the arguments and results of the package's function.

Idea    An exercise asks for the idea of a stage: `my_nms(boxes, scores, iou_threshold)`. In the
        network the same function has one more argument, refuses wrong arguments in a sentence, and
        returns arrays of one dtype. All that is done around the reader's function here, so that
        whatever a check calls right can stand in the package.
Shapes  function  ->  function
"""

import inspect
from copy import deepcopy
from functools import wraps

import numpy as np

from minimaskrcnn.check.exercises import BEYOND, FEWER, SEVERAL, within


def adapted(name, own, theirs, settle=lambda answer, wanted: answer):
    """Return a function to be called as `theirs`, which answers with what `own` computes.

    Parameters
    ----------
    name : of the package's function
    own : the reader's function, with the arguments of the exercise or all of the package's
    theirs : the package's function; it is called first, so that it refuses what is to be refused
    settle : function from both answers to the one that is given; by default the reader's
    """
    core = core_of(name, own, theirs)

    @wraps(theirs)
    def called(*arguments, **named):
        given = all_arguments(theirs, arguments, named)
        copied = deepcopy(given)  # a generator of random numbers is in the same state for both
        wanted = theirs(*given)
        return settle(like(core(*copied), wanted), wanted)

    called.__name__ = getattr(own, "__name__", name)  # for messages
    return called


def core_of(name, own, theirs):
    """Return `own` as a function of all arguments of the package's, in their order."""
    core = own
    if name in FEWER and not _takes_all(own, theirs):
        core = FEWER[name](own, theirs)
    if name in BEYOND:
        core = within(core, theirs, BEYOND[name])
    if name in SEVERAL:
        core = _one_by_one(core)
    return core


def all_arguments(theirs, arguments, named):
    """The arguments of a call in the order of the package's function, defaults included."""
    given = inspect.signature(theirs).bind(*arguments, **named)
    given.apply_defaults()
    return tuple(given.arguments.values())


def _takes_all(own, theirs):
    """Whether a function can be called with every argument of the package's."""
    try:
        inspect.signature(own).bind(*inspect.signature(theirs).parameters)
    except (TypeError, ValueError):  # too few; a function without a signature
        return False
    return True


def _one_by_one(core):
    """The exercise has the maps of one picture, the package also those of a batch."""

    def called(maps, weights):
        if maps[0].ndim == 3:
            return core(maps, weights)
        each = [core([p_map[i] for p_map in maps], weights) for i in range(len(maps[0]))]
        return tuple(np.stack(parts) for parts in zip(*each, strict=True))

    return called


def like(answer, wanted):
    """An answer as the package gives it: tuples, lists, arrays of the same dtype."""
    if answer is None or answer is Ellipsis:  # not written yet
        return answer
    if isinstance(wanted, tuple | list) and isinstance(answer, tuple | list):
        parts = [like(a, w) for a, w in zip(answer, wanted, strict=False)]
        return type(wanted)(parts) if len(answer) == len(wanted) else answer
    if isinstance(wanted, np.ndarray):
        array = np.asarray(answer)
        number = array.dtype.kind in "fiu" and array.dtype.kind == wanted.dtype.kind
        whole = wanted.dtype.kind == "i" and array.dtype.kind == "u"
        return (
            array.astype(wanted.dtype, copy=False) if number or whole or not array.size else array
        )
    return answer
