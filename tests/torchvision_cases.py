"""The photographs that torchvision was shown, and how far a prediction is from its own."""

import numpy as np
from conftest import stored
from reference import error
from torchvision_weights import FULL, sample, seeded

PHOTOS = {
    "portrait": stored("case_full_grace_hopper")["image"][:, 50:450],
    "panorama": stored("case_full_coffee")["image"][140:260],
    "small": stored("case_full_chelsea")["image"][100:188, 100:124],
}
STAGE, HEAD = 2e-5, 1e-4  # how far a stage, and the heads, may be from torchvision: relative
MAPS = ("molded", *(f"c{level}" for level in range(1, 6)), *(f"p{level}" for level in range(2, 7)))


def full_model(version):
    """The full network of a version, converted from its seeded weights."""
    from minimaskrcnn.weights.torchvision import read_torchvision

    return read_torchvision("seeded", seeded(FULL, version, 7))


def check_photograph(model, version, name):
    """Assert that every map and every detection of a photograph are torchvision's."""
    arrays, prefix = stored("torchvision_full"), f"v{version}_{name}_"
    steps = model.trace(PHOTOS[name])
    for part in MAPS:
        assert error(sample(steps[part]), arrays[prefix + part]) < STAGE, part
    logits = sample(steps["rpn_logits"][:, 1])
    assert error(logits, arrays[prefix + "rpn_logits"]) < STAGE
    compare(steps["result"], arrays, prefix)


def compare(result, arrays, prefix=""):
    """Assert that `result` has torchvision's detections: at least 99 of 100, box, score and mask.

    Parameters
    ----------
    result : Detections
    arrays : dict with torchvision's `boxes`, `labels`, `scores` and packed `masks`
    prefix : before their names

    Returns
    -------
    worst : dict of the largest differences: "box" in pixels, "score", and the smallest "iou"
    """
    count = len(arrays[f"{prefix}boxes"])
    pairs = paired(result, arrays, prefix)
    assert len(pairs) >= 0.99 * count, f"{len(pairs)} of {count} found again"
    assert len(result) == count
    box, score, iou = np.array(pairs).T if pairs else np.array([[0.0], [0.0], [1.0]])
    worst = {"box": box.max(), "score": score.max(), "iou": iou.min()}
    assert worst["box"] < 0.01 and worst["iou"] >= 0.999, worst
    return worst


def agreeing(result, arrays):
    """The `paired` detections whose masks agree, too."""
    return [pair for pair in paired(result, arrays) if pair[2] >= 0.999]


def paired(result, arrays, prefix=""):
    """For each of torchvision's detections found again: how far box and score are, masks' IoU."""
    boxes, labels, scores = (arrays[prefix + name] for name in ("boxes", "labels", "scores"))
    shape = len(boxes), *result.image.shape[:2]
    masks = np.unpackbits(arrays[prefix + "masks"], count=np.prod(shape)).reshape(shape)
    pairs = []
    for box, label, score, mask in zip(boxes, labels, scores, masks.astype(bool), strict=True):
        row = _same(result, box, label)
        if row is None or abs(result.scores[row] - score) > 1e-4:
            continue
        mine = result[row].mask
        union = (mine | mask).sum()
        iou = (mine & mask).sum() / union if union else 1.0
        off = np.abs(result.exact_boxes[row] - box).max()
        pairs.append((off, abs(result.scores[row] - score), iou))
    return pairs


def _same(result, box, label):
    """The row of the detection of this class whose box is next to the given one, or None."""
    rows = np.flatnonzero(result.class_ids == label)
    if not len(rows):
        return None
    off = np.abs(result.exact_boxes[rows] - box).max(axis=1)
    return rows[off.argmin()] if off.min() < 0.01 else None
