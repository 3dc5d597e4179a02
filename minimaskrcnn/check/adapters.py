"""Give a reader's function the arguments and results of the package's function.

Idea    An exercise asks for the idea of a stage: `my_nms(boxes, scores, iou_threshold)`. In the
        network the same function has an argument more, refuses wrong arguments in a sentence, and
        returns arrays of one dtype. All that is done around the reader's function here, so that
        whatever a check calls right can stand in the package.
Shapes  function  ->  function
"""

import inspect
from copy import deepcopy
from dataclasses import replace
from functools import wraps

import numpy as np

from minimaskrcnn.boxes import MOST_GROWTH
from minimaskrcnn.conv.folding import EPSILON


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
        core = _within(core, theirs, BEYOND[name])
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


def _within(core, theirs, beyond):
    """The package answers where `beyond` says that the exercise does not ask for this."""
    return lambda *given: theirs(*given) if beyond(*given) else core(*given)


def _one_by_one(core):
    """The exercise has the maps of one picture, the package also those of a batch."""

    def called(maps, weights):
        if maps[0].ndim == 3:
            return core(maps, weights)
        each = [core([p_map[i] for p_map in maps], weights) for i in range(len(maps[0]))]
        return tuple(np.stack(parts) for parts in zip(*each, strict=True))

    return called


def _conv2d(own, theirs):
    """The exercise has one map, without shortcut and ReLU."""

    def conv2d(x, conv, relu, add):
        if not len(x):
            return theirs(x, conv, relu, add)
        y = np.stack([own(one, conv) for one in x.reshape(-1, *x.shape[-3:])])  # (B, H', W', D)
        y = y.reshape(*x.shape[:-3], *y.shape[1:])
        y = y if add is None else y + add
        return np.maximum(y, 0) if relu else y

    return conv2d


def _nms(own, theirs):
    """The exercise keeps all, the package at most `limit`."""
    return lambda boxes, scores, threshold, limit: np.asarray(own(boxes, scores, threshold))[:limit]


def _make_anchors(own, theirs):
    """The exercise has an anchor on every cell, the package on every `step`th."""
    return _within(lambda *given: own(*given[:4]), theirs, lambda *given: given[4] != 1)


def _paste_mask(own, theirs):
    """The exercise draws the line at one half."""
    return _within(lambda *given: own(*given[:3]), theirs, lambda *given: given[3] != 0.5)


def _smooth_l1(own, theirs):
    """The exercise has its edge at 1, and something to learn from."""

    def beyond(answers, targets, edge):
        return edge != 1 or not answers.size

    return _within(lambda *given: own(*given[:2]), theirs, beyond)


def _fold_batch_norm(own, theirs):
    """The exercise knows one epsilon, and returns the kernel and the bias."""

    def fold(conv, norm, epsilon):
        kernel, bias = own(conv, norm)
        return replace(conv, kernel=np.asarray(kernel), bias=np.asarray(bias))

    return _within(fold, theirs, lambda *given: given[2] != EPSILON)


def _narrow(shape, config):
    """Whether a picture is so narrow that nothing would be left of a side."""
    return min(shape[:2]) * config.image_max_size < max(shape[:2]) / 2


FEWER = {  # functions of which the exercise has fewer arguments
    "conv2d": _conv2d,
    "nms": _nms,
    "make_anchors": _make_anchors,
    "paste_mask": _paste_mask,
    "smooth_l1": _smooth_l1,
    "fold_batch_norm": _fold_batch_norm,
}
BEYOND = {  # arguments that the exercise does not speak of
    "scaled_size": lambda shape, config: (
        config.resize_mode != "square" or config.image_min_scale or _narrow(shape, config)
    ),
    "box_head": lambda roi_features, head: not len(roi_features),
    "apply_deltas": lambda boxes, deltas: bool((deltas[:, 2:] > MOST_GROWTH).any()),
    "select_detections": lambda *given: given[4].every_class or given[4].detected_classes,
}
SEVERAL = ("pyramid", "region_proposals")  # functions of lists of maps


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
