"""Cases for the regions that the heads learn from."""

import numpy as np

from minimaskrcnn.check.calling import Trouble
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.config import COCO
from minimaskrcnn.training import targets as package

PARTS = ("rois", "class_ids", "deltas")
_OBJECT = [0.0, 0.0, 0.5, 0.5]
_FAR = [0.625, 0.625, 0.875, 0.875]


def _boxes(*boxes):
    return np.array(boxes, np.float32).reshape(-1, 4)


def _case(name, proposals, wanted, hint, mistakes=(), objects=None, crowds=(), count=200):
    """A case; answers are lists of (roi, class, deltas). Objects: box and class."""
    objects = [(_OBJECT, 7)] if objects is None else objects
    arguments = (
        _boxes(*proposals),
        _boxes(*(box for box, _ in objects)),
        np.array([class_id for _, class_id in objects], np.int64),
        _boxes(*crowds),
        count,
        np.random.RandomState(0),
        COCO.delta_std,
    )
    mistakes = tuple((_answer(wrong), sentence) for wrong, sentence in mistakes)
    return Case(name, arguments, _answer(wanted), hint, mistakes)


def _answer(rows):
    rois, class_ids, deltas = zip(*rows, strict=True) if rows else ((), (), ())
    return _sorted(_boxes(*rois), np.array(class_ids, np.int64), _boxes(*deltas))


def _sorted(rois, class_ids, deltas):
    """The rows in an order of their own: which regions are drawn, and in what order, is random."""
    order = np.lexsort((*np.round(rois, 4).T[::-1], class_ids == 0))
    return rois[order], class_ids[order], deltas[order]


def _read(answer):
    """The parts of RoiTargets, or of a tuple that begins with the same, sorted."""
    try:
        if hasattr(answer, "rois"):
            answer = tuple(getattr(answer, part) for part in PARTS)
        rois, class_ids, deltas = (np.asarray(part) for part in answer[:3])
        return _sorted(rois.reshape(-1, 4), class_ids, deltas.reshape(-1, 4))
    except Exception as error:
        raise Trouble(
            "wanted RoiTargets, or a tuple: rois (R, 4), class_ids (R,), deltas (R, 4)"
        ) from error


_STAY = [0.0, 0.0, 0.0, 0.0]

CASES = [
    _case(
        "a proposal that is the object",
        [_OBJECT],
        [(_OBJECT, 7, _STAY)],
        "it takes the class of the object, and need not move",
        [([(_OBJECT, 0, _STAY)], "IoU 1 is an object: the class of the object, not 0")],
    ),
    _case(
        "an eighth too far to the left",
        [[0.0, 0.0, 0.5, 0.5]],
        [([0.0, 0.0, 0.5, 0.5], 7, [0, 1.25, 0, 0])],
        "dx = 0.0625 / 0.5 = 0.125, in units of 0.1: 1.25",
        [
            ([([0.0, 0.0, 0.5, 0.5], 7, [0, 0.125, 0, 0])], "divide the deltas by delta_std"),
            (
                [([0.0, 0.0, 0.5, 0.5], 7, [0, -1.25, 0, 0])],
                "deltas lead from the proposal to the object",
            ),
            ([([0.0, 0.0, 0.5, 0.5], 7, [0, 0.0125, 0, 0])], "divide by delta_std, not multiply"),
        ],
        objects=[([0.0, 0.0625, 0.5, 0.5625], 7)],
    ),
    _case(
        "half of the object: IoU exactly 0.5",
        [[0.0, 0.0, 0.5, 0.25]],
        [([0.0, 0.0, 0.5, 0.25], 7, [0, 5.0, 0, np.log(2) / 0.2])],
        "an IoU of 0.5 is enough",
        [([], "an IoU of 0.5 is enough: positive with >=, not >")],
    ),
    _case(
        "one proposal, two objects, the second nearer",
        [[0.0, 0.0, 0.5, 0.5]],
        [([0.0, 0.0, 0.5, 0.5], 3, _STAY)],
        "the object that it overlaps most",
        [
            (
                [([0.0, 0.0, 0.5, 0.5], 7, [0, 1.25, 0, 0])],
                "the object that it overlaps most, not the first that is near enough",
            )
        ],
        objects=[([0.0, 0.0625, 0.5, 0.5625], 7), ([0.0, 0.0, 0.5, 0.5], 3)],
    ),
    _case(
        "one object and two of background",
        [_OBJECT, _FAR, _FAR],
        [(_OBJECT, 7, _STAY), (_FAR, 0, _STAY), (_FAR, 0, _STAY)],
        "background is class 0 with deltas 0",
        [
            ([(_OBJECT, 7, _STAY)], "background belongs to the sample: class 0"),
            (
                [(_OBJECT, 7, _STAY), (_FAR, 7, _STAY), (_FAR, 7, _STAY)],
                "what overlaps no object is background: class 0",
            ),
        ],
    ),
    _case(
        "one object and five of background",
        [_OBJECT] + [_FAR] * 5,
        [(_OBJECT, 7, _STAY)] + [(_FAR, 0, _STAY)] * 2,
        "for each positive two negatives: int(1 / 0.33) - 1 = 2",
        [
            (
                [(_OBJECT, 7, _STAY)] + [(_FAR, 0, _STAY)] * 5,
                "there are too many negatives: int(positives / 0.33) - positives of them",
            ),
            (
                [(_OBJECT, 7, _STAY)] + [(_FAR, 0, _STAY)] * 3,
                "int(1 / 0.33) = 3 is the size of the whole sample: one positive, two negatives",
            ),
        ],
    ),
    _case(
        "five positives in a sample of ten",
        [_OBJECT] * 5 + [_FAR] * 6,
        [(_OBJECT, 7, _STAY)] * 3 + [(_FAR, 0, _STAY)] * 6,
        "a third at most are positive: int(10 · 0.33) = 3",
        [
            (
                [(_OBJECT, 7, _STAY)] * 5 + [(_FAR, 0, _STAY)] * 6,
                "a third of `count` at most are positive: int(10 · 0.33) = 3",
            )
        ],
        count=10,
    ),
    _case(
        "nothing that overlaps an object",
        [_FAR, _FAR],
        [],
        "without positives there are no negatives either",
        [
            ([(_FAR, 0, _STAY)] * 2, "without positives there are no negatives either"),
        ],
    ),
    _case(
        "a picture without objects",
        [_FAR, _OBJECT],
        [],
        "there may be no objects at all: the largest of no overlaps is 0 (`initial=0`)",
        objects=[],
    ),
    _case(
        "background that touches a crowd",
        [_OBJECT, _FAR, [0.625, 0.0, 0.875, 0.25]],
        [(_OBJECT, 7, _STAY), ([0.625, 0.0, 0.875, 0.25], 0, _STAY)],
        "a region that overlaps a crowd by 0.001 or more is no background",
        [
            (
                [(_OBJECT, 7, _STAY), (_FAR, 0, _STAY), ([0.625, 0.0, 0.875, 0.25], 0, _STAY)],
                "crowd_boxes are not looked at: nobody knows what is in them, so it is no "
                "background",
            )
        ],
        crowds=[[0.8, 0.8, 1.0, 1.0]],
    ),
]


def roi_targets(function):
    """Compare your `roi_targets(proposals, boxes, class_ids, crowd_boxes, count, rng, delta_std)`.

    It returns RoiTargets, or a tuple (rois, class_ids, deltas). Returns a Verdict.
    """
    return check_function(function, package.roi_targets, CASES, PARTS, _read)
