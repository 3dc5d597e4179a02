"""Cases for the choice of detections among the regions."""

from dataclasses import replace

import numpy as np

from minimaskrcnn import detections as package
from minimaskrcnn.boxes import apply_deltas, clip
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.config import COCO
from minimaskrcnn.nms import nms

# Nine regions, three classes: background, 1, 2. A and B are of class 1, and their boxes have an IoU
# of 0.9; C lies on A and is of class 2, D is background, E is not sure, F moves out of the frame,
# G moves onto A, H reaches far to the right, J is background, but not by much.
_ROIS = np.array(
    [
        [0.1, 0.1, 0.6, 0.6],
        [0.1, 0.125, 0.6, 0.625],
        [0.1, 0.1, 0.6, 0.6],
        [0, 0, 1, 1],
        [0.7, 0.7, 0.9, 0.9],
        [0.5, 0.9, 1, 1],
        [0.1, 0.4, 0.6, 0.9],
        [0.1, 0.2, 0.6, 1],
        [0.3, 0.3, 0.5, 0.5],
    ],
    np.float32,
)
_PROBS = np.array(
    [
        [0.125, 0.875, 0],
        [0.25, 0.75, 0],
        [0, 0, 1],
        [1, 0, 0],
        [0.25, 0.5, 0.25],
        [0, 1, 0],
        [0.25, 0.75, 0],
        [0.25, 0.75, 0],
        [0.5, 0.375, 0.125],
    ],
    np.float32,
)
_DELTAS = np.zeros((9, 3, 4), np.float32)
_DELTAS[:, 0] = 1, 0, 0, 0
_DELTAS[:, 1] = 0, 0.5, 0, 0
_DELTAS[:, 2] = 0, 0, 1, 0
_DELTAS[6, 1] = 0, -5.5, 0, 0
_DELTAS[7, 1] = 0
_WHOLE = np.array([0, 0, 1, 1], np.float32)


def _case(name, rows, hint, window=_WHOLE, **settings):
    arguments = _ROIS[rows], _PROBS[rows], _DELTAS[rows], window, replace(COCO, **settings)
    return Case(name, arguments, package.select_detections(*arguments), hint)


CASES = [
    _case("one region", [0], "its box moves by the deltas of its class, times delta_std"),
    _case("with a region of background", [0, 3], "a region whose likeliest class is 0 is dropped"),
    _case("with a region that is not sure", [0, 4], "a score below min_score is too low"),
    _case("with a region that is rather background", [0, 8], "likeliest: class 0", min_score=0.25),
    _case("nothing but background", [3], "nothing is found: (0, 6) and (0,)"),
    _case("a score equal to min_score", [1], "equal to min_score is enough: >=", min_score=0.75),
    _case("two classes that are sure", [4], "one class per region: the likeliest", min_score=0.25),
    _case("a box that leaves the frame", [5], "boxes are cut off at the window"),
    _case(
        "a window", [0], "boxes are cut off at the window", np.array([0.2, 0, 0.5, 1], np.float32)
    ),
    _case(
        "two of one class, one of another",
        [2, 1, 0],
        "NMS within each class: the better one of class 1 suppresses the other, not class 2",
    ),
    _case("at most one", [2, 0], "the best max_detections, whatever their class", max_detections=1),
    _case("the best one last", [0, 2], "best score first, whatever the class"),
    _case("equal scores", [2, 5], "of equal scores the lower region comes first"),
    _case(
        "two of one class, and one elsewhere",
        [0, 1, 4],
        "max_detections counts what NMS has kept, of all classes together",
        min_score=0.5,
        max_detections=2,
    ),
    _case("a region that moves onto another", [0, 6], "NMS compares the boxes after they moved"),
    _case(
        "boxes that agree within the window",
        [0, 7],
        "NMS compares the boxes after they are cut off",
        np.array([0, 0, 1, 0.3], np.float32),
        detection_nms_threshold=0.52,
    ),
    _case("a stricter NMS", [0, 1], "NMS at detection_nms_threshold", detection_nms_threshold=0.95),
]


def _select(
    background=False,
    sure=np.greater_equal,
    likeliest=True,
    own=True,
    std=True,
    cut=clip,
    classwise=True,
    threshold=None,
    by_score=True,
    most=True,
    compared=lambda rois, moved, boxes: boxes,
):
    """The choice of detections with mistakes."""

    def select_detections(rois, probs, deltas, window, config):
        classes = probs.argmax(axis=1) if likeliest else probs[:, 1:].argmax(axis=1) + 1
        scores, rows = probs.max(axis=1), np.arange(len(rois))
        moves = deltas[rows, classes if own else 0] * (np.float32(config.delta_std) if std else 1)
        moved = apply_deltas(rois, moves)
        boxes = cut(moved, window)
        keep = sure(scores, np.float32(config.min_score)) & ((classes > 0) | background)
        found, iou = [], threshold or config.detection_nms_threshold
        for group in np.unique(classes[keep]) if classwise else [None]:
            place = np.flatnonzero(keep & ((classes == group) | (group is None)))
            seen = compared(rois, moved, boxes)[place]
            found += list(place[nms(seen, scores[place], iou)])
        found = np.array(
            sorted(found, key=lambda i: (-scores[i], i)) if by_score else found, np.int64
        )
        found = found[: config.max_detections] if most else found
        lines = np.column_stack([boxes[found], classes[found], scores[found]])
        return lines.astype(np.float32), found

    return select_detections


def _every_class(rois, probs, deltas, window, config):
    """Every class that is sure enough, not only the likeliest."""
    regions, classes = np.nonzero(probs[:, 1:] >= np.float32(config.min_score))
    alone = np.zeros((len(regions), probs.shape[1]), np.float32)
    alone[np.arange(len(regions)), classes + 1] = probs[regions, classes + 1]
    found, source = package.select_detections(rois[regions], alone, deltas[regions], window, config)
    return found, regions[source]


def _in_the_order(key):
    """All right, but in another order: by a function of a row and its region."""

    def select_detections(*given):
        found, source = package.select_detections(*given)
        order = sorted(range(len(source)), key=lambda i: key(found[i], source[i]))
        return found[order], source[order]

    return select_detections


WRONG = (
    (_in_the_order(lambda row, region: region), "best score first, not the lowest region"),
    (
        _in_the_order(lambda row, region: (-row[5], -region)),
        "of equal scores the lower region comes first; yours comes last",
    ),
    (
        _select(compared=lambda rois, moved, boxes: rois),
        "NMS compares the boxes after they moved; yours compares the regions",
    ),
    (
        _select(compared=lambda rois, moved, boxes: moved),
        "NMS compares the boxes after they are cut off, not before",
    ),
    (_every_class, "one class per region, the likeliest; yours takes every class that is sure"),
    (
        _select(own=False),
        "the deltas of the region's own class: box_deltas[region, class], counted from class 0",
    ),
    (_select(std=False), "the deltas are times delta_std, which is missing"),
    (_select(background=True), "class 0 is the background: no object"),
    (_select(likeliest=False), "a region whose likeliest class is 0 is dropped, not given another"),
    (_select(sure=lambda scores, least: scores > 0), "drop what is below min_score"),
    (_select(sure=np.greater), "equal to min_score is enough: >=, not >"),
    (_select(cut=lambda boxes, window: boxes), "cut boxes off at the window: clip is missing"),
    (
        _select(cut=lambda boxes, window: clip(boxes, _WHOLE)),
        "cut boxes off at the window, not at the frame",
    ),
    (_select(threshold=1.0), "NMS within each class is missing"),
    (_select(classwise=False), "NMS within each class: regions of different classes may overlap"),
    (_select(by_score=False), "best score first, whatever the class: sort after NMS"),
    (_select(by_score=False, most=False), "best score first, whatever the class: sort after NMS"),
    (_select(most=False), "keep the best max_detections only"),
    (_select(threshold=0.3), "NMS at config.detection_nms_threshold, not at another one"),
)


def select_detections(function):
    """Compare your `select_detections(rois, class_probs, box_deltas, window, config)`: Verdict."""
    parts = ("detections", "source")
    return check_function(function, package.select_detections, CASES, parts, wrong=WRONG)
