"""Cases for the choice of proposals."""

from dataclasses import replace

import numpy as np

from minimaskrcnn import proposals as package
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.config import COCO


def _case(name, scores, anchors, wanted, wanted_scores, hint, mistakes=(), deltas=None, **config):
    """A case whose config is COCO's but for a few numbers; without deltas nothing moves."""
    anchors = _boxes(anchors)
    deltas = np.zeros_like(anchors) if deltas is None else _boxes(deltas)
    config = replace(COCO, **config)
    arguments = anchors, np.array(scores, np.float32), deltas, config
    mistakes = tuple(
        ((_boxes(boxes), np.array(of, np.float32)), sentence) for boxes, of, sentence in mistakes
    )
    answer = _boxes(wanted), np.array(wanted_scores, np.float32)
    return Case(name, arguments, answer, hint, mistakes)


def _boxes(boxes):
    return np.array(boxes, np.float32).reshape(-1, 4)


def _large():
    rng = np.random.RandomState(0)
    start = rng.uniform(-0.1, 0.8, (300, 2))
    anchors = np.concatenate([start, start + rng.uniform(0.05, 0.4, (300, 2))], axis=1)
    scores = rng.randint(0, 50, 300).astype(np.float32) / 50
    deltas = rng.standard_normal((300, 4)).astype(np.float32)
    config = replace(COCO, pre_nms_proposals=120, post_nms_proposals=40, rpn_nms_threshold=0.5)
    return anchors.astype(np.float32), scores, deltas, config


# Four anchors apart from each other.
_A, _B, _C, _D = (
    [0.0, 0.0, 0.2, 0.2],
    [0.0, 0.5, 0.2, 0.7],
    [0.5, 0.0, 0.7, 0.2],
    [0.5, 0.5, 0.7, 0.7],
)
_NEAR_A = [0.0, 0.0, 0.2, 0.19]

CASES = [
    _case(
        "two anchors apart, the second better",
        *([0.6, 0.9], [_A, _B], [_B, _A], [0.9, 0.6]),
        "the answer is two arrays, proposals and their scores, best score first",
        [([_A, _B], [0.6, 0.9], "best score first: sort downwards")],
    ),
    _case(
        "a delta of 1",
        *([0.9], [[0.2, 0.2, 0.4, 0.4]], [[0.22, 0.2, 0.42, 0.4]], [0.9]),
        "deltas are in units of config.delta_std: 1 means 0.1 heights, here 0.02",
        [
            ([[0.4, 0.2, 0.6, 0.4]], [0.9], "multiply the deltas by config.delta_std first"),
            ([[0.2, 0.2, 0.4, 0.4]], [0.9], "the deltas are not applied"),
        ],
        deltas=[1, 0, 0, 0],
    ),
    _case(
        "an anchor that leaves the picture",
        *([0.9], [[-0.1, 0.5, 0.2, 1.3]], [[0, 0.5, 0.2, 1]], [0.9]),
        "boxes are cut off at 0 and 1, and all are kept",
        [
            ([[-0.1, 0.5, 0.2, 1.3]], [0.9], "cut the boxes off at 0 and 1"),
            ([], [], "boxes that leave the picture are cut off, not thrown away"),
        ],
    ),
    _case(
        "two anchors that nearly coincide",
        *([0.8, 0.9], [_A, _NEAR_A], [_NEAR_A], [0.9]),
        "NMS leaves the better of the two",
        [
            ([_NEAR_A, _A], [0.9, 0.8], "NMS is missing: the IoU is 0.95, more than 0.7"),
            ([_A], [0.8], "NMS keeps the better one; are indices into the sorted list mixed up?"),
        ],
    ),
    _case(
        "only the best two enter NMS",
        *([0.9, 0.8, 0.7], [_A, _NEAR_A, _B], [_A], [0.9]),
        "pre_nms_proposals = 2: A and its near twin enter, and A survives",
        [
            (
                [_A, _B],
                [0.9, 0.7],
                "first take the best pre_nms_proposals = 2, then NMS: the third never enters",
            )
        ],
        pre_nms_proposals=2,
    ),
    _case(
        "three that survive, of which two are wanted",
        *([0.7, 0.9, 0.8, 0.6], [_A, _B, _C, _D], [_B, _C], [0.9, 0.8]),
        "at most post_nms_proposals = 2 leave NMS, the best ones",
        [([_B, _C, _A, _D], [0.9, 0.8, 0.7, 0.6], "post_nms_proposals = 2 is not looked at")],
        post_nms_proposals=2,
    ),
    _case(
        "two anchors that coincide only within the picture",
        *([0.9, 0.8], [[0, 0, 0.2, 0.2], [-0.2, 0, 0.2, 0.2]], [_A], [0.9]),
        "cut off first, then NMS",
        [([_A, _A], [0.9, 0.8], "cut the boxes off before NMS, not after it")],
    ),
    _case(
        "equal scores",
        *([0.5, 0.5, 0.9, 0.5], [_A, _B, _C, _D], [_C, _A, _B], [0.9, 0.5, 0.5]),
        "equal scores rank by index, the lower first",
        [([_C, _D, _B], [0.9, 0.5, 0.5], "equal scores rank by index, the lower first")],
        post_nms_proposals=3,
    ),
    Case(
        "300 anchors in a crowd",
        _large(),
        package.select_proposals(*_large()),
        "sort (stably), take the best, × deviation, apply, cut off, NMS, in this order",
    ),
]


def select_proposals(function):
    """Compare your `select_proposals(anchors, scores, deltas, config)`: Verdict."""
    parts = ("proposals", "their scores")
    return check_function(function, package.select_proposals, CASES, parts)
