"""Cases for the box head and the mask head."""

import numpy as np

from minimaskrcnn import heads as package
from minimaskrcnn import layers
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.heads import BoxHead, MaskHead
from minimaskrcnn.layers import Deconv, Dense, sigmoid, softmax

_RNG = np.random.RandomState(0)


def _normal(*shape):
    return _RNG.standard_normal(shape).astype(np.float32)


def _conv(size, channels, outputs, pad=0):
    return Conv(_normal(size, size, channels, outputs), _normal(outputs), padding=(pad, pad))


_HIDDEN = ("hidden1", "hidden2")
_LAYERS = (*_HIDDEN, "logits", "deltas")
_PATCHES = _normal(2, 2, 2, 3)  # (R, P, P, C)
_ENDS = Dense(_normal(5, 3), _normal(3)), Dense(_normal(5, 12), _normal(12))
_BOX_HEAD = BoxHead(_conv(2, 3, 5), _conv(1, 5, 5), *_ENDS)


def _patches(name, patches, hint):
    return Case(name, (patches, _BOX_HEAD), package.box_head(patches, _BOX_HEAD), hint)


BOX_HEADS = [
    _patches(
        "two patches of 2 x 2 cells",
        _PATCHES,
        "two hidden layers with ReLU; logits without softmax; deltas (R, K, 4), four per class",
    ),
    _patches("one patch", _PATCHES[:1], "a single region keeps its axis: (1, K) and (1, K, 4)"),
]


def _box_head(relu=_HIDDEN, biases=_LAYERS, hidden=_HIDDEN, turned=False):
    """The box head with mistakes: only these layers have a ReLU, only these a bias, …"""

    def layer(x, head, name):
        own = getattr(head, name)
        y = x @ own.kernel.reshape(x.shape[1], -1) + (own.bias if name in biases else 0)
        return np.maximum(y, 0) if name in relu else y

    def box_head(patches, head):
        x = (patches.swapaxes(1, 2) if turned else patches).reshape(len(patches), -1)
        for name in hidden:
            x = layer(x, head, name)
        logits = layer(x, head, "logits")
        return logits, layer(x, head, "deltas").reshape(*logits.shape, 4)

    return box_head


def _change(change):
    """The box head, and a change to its two answers."""
    return lambda patches, head: change(*_box_head()(patches, head))


def _without(name):
    return _box_head(biases=[other for other in _LAYERS if other != name])


BOX_HEADS_WRONG = (
    (_box_head(relu=()), "ReLU follows both hidden layers; yours has none"),
    (_box_head(relu=("hidden2",)), "ReLU after hidden1 is missing"),
    (_box_head(relu=("hidden1",)), "ReLU after hidden2 is missing"),
    (_box_head(relu=_LAYERS), "no ReLU after logits and deltas: they may be negative"),
    (_box_head(biases=_LAYERS[2:]), "the biases of the hidden layers are missing"),
    (_box_head(biases=()), "the biases are missing: each of the four layers has one"),
    *((_without(name), f"the bias of {name} is missing") for name in _LAYERS),
    (_box_head(hidden=("hidden1",)), "hidden2 is missing: there are two hidden layers"),
    (
        _change(lambda logits, deltas: (logits, deltas.reshape(len(deltas), -1))),
        "the deltas have the shape (R, K, 4), one row per class",
    ),
    (
        _change(
            lambda logits, deltas: (
                logits,
                deltas.reshape(len(deltas), 4, logits.shape[1]).swapaxes(1, 2),
            )
        ),
        "the four deltas of a class lie side by side: (R, K, 4), not (R, 4, K) turned over",
    ),
    (
        _change(lambda logits, deltas: (softmax(logits), deltas)),
        "logits, not probabilities: without softmax",
    ),
    (_box_head(turned=True), "a patch is read row by row; yours goes down its columns"),
)


def box_head(function):
    """Compare your `box_head(roi_features, head)` with the package's. Returns a Verdict."""
    parts = ("class logits", "box deltas")
    return check_function(function, package.box_head, BOX_HEADS, parts, wrong=BOX_HEADS_WRONG)


_FEATURES = _normal(2, 3, 3, 2)  # (N, P, P, C)
_MASK_HEAD = MaskHead(
    tuple(_conv(3, 2, 2, pad=1) for _ in range(3)),
    Deconv(_normal(2, 2, 2, 2), _normal(2)),
    _conv(1, 2, 3),
)


def _objects(name, features, hint):
    return Case(name, (features, _MASK_HEAD), package.mask_head(features, _MASK_HEAD), hint)


MASK_HEADS = [
    _objects(
        "two objects",
        _FEATURES,
        "head.convs in their order, then doubling, all with ReLU; then the logits",
    ),
    _objects("one object", _FEATURES[:1], "a single object keeps its axis: (1, 2P, 2P, K)"),
]


def _mask_head(convs=lambda c: c, relu=(True, True, False), doubled=True, end=lambda x: x):
    """The mask head with mistakes: other convolutions, other ReLUs, or something at the end."""

    def mask_head(x, head):
        for layer in convs(head.convs):
            x = conv2d(x, layer, relu=relu[0])
        x = layers.deconv2d(x, head.deconv, relu=relu[1]) if doubled else x
        return end(conv2d(x, head.logits, relu=relu[2]))

    return mask_head


MASK_HEADS_WRONG = (
    (_mask_head(relu=(True, True, True)), "no ReLU at the end: a logit may be negative"),
    (_mask_head(end=sigmoid), "logits, not probabilities: without sigmoid"),
    (_mask_head(end=softmax), "logits, not probabilities: without softmax"),
    (_mask_head(lambda c: c[:-1]), "all of head.convs; the last one is missing"),
    (_mask_head(lambda c: c[:1]), "all of head.convs, not the first one alone"),
    (_mask_head(lambda c: c[::-1]), "head.convs in their order; yours begins with the last"),
    (_mask_head(relu=(False, True, False)), "ReLU after each of head.convs is missing"),
    (_mask_head(relu=(True, False, False)), "ReLU after the doubling is missing"),
    (_mask_head(relu=(False, False, False)), "ReLU after head.convs and the doubling is missing"),
    (_mask_head(doubled=False), "the doubling, head.deconv, is missing"),
)


def mask_head(function):
    """Compare your `mask_head(mask_features, head)` with the package's. Returns a Verdict."""
    return check_function(function, package.mask_head, MASK_HEADS, wrong=MASK_HEADS_WRONG)
