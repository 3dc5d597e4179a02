"""Does the real COCO file give what others have published about it?

Idea    Third parties have printed numbers that come from the published weights: how many there are,
        anchors, detections on two photographs. `published_numbers.json` holds them with their
        sources. Each line below compares one of them, says by how much it is off, and says so, too,
        when it was not compared. Nothing is concluded from lines that were not run.
"""

import json
from pathlib import Path

import numpy as np

from minimaskrcnn.anchors import normalised_anchors
from minimaskrcnn.weights import tree
from minimaskrcnn.weights.convert import load
from minimaskrcnn.weights.known import COCO_FILE
from minimaskrcnn.weights.lock import checksum
from minimaskrcnn.weights.names import places
from minimaskrcnn.weights.opening import open_weights
from minimaskrcnn.weights.selftest_torchvision import selftest_torchvision

PUBLISHED = Path(__file__).with_name("published_numbers.json")
BOX_TOLERANCE, SCORE_TOLERANCE = 2.0, 0.005  # pixels; probability. The published run may be FP16


def selftest(path, images=()):
    """Compare a weight file with the published numbers.

    Parameters
    ----------
    path : of the weight file
    images : paths of photographs; those named 001763… and 004545… (PASCAL VOC 2007) are compared

    Yields
    ------
    (verdict, line) : True agrees, False differs, None not compared
    """
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    model = load(path)
    if model.config.convention == "torchvision":
        yield from selftest_torchvision(model, path)
        return
    yield _identity(path)
    yield _parameters(model, published["model_size"])
    yield from _anchors(model, published["anchors"])
    for case in published["detections"]:
        yield from _detections(model, case, images)
    ap = published["coco_ap"][0]
    yield None, f"COCO AP {ap['AP']} (boxes): needs COCO's 5,000 pictures, `minimaskrcnn evaluate`"


def _identity(path):
    """Whether it is the published file, by its contents; what a converted file states is no proof.

    A file that states another source is none that the numbers below were published of.
    """
    with open_weights(path) as opened:
        stated = opened.stored.provenance.get("source_sha256") if opened.stored else None
        converted = opened.stored is not None
    sha256 = stated if converted else checksum(path)
    line = f"SHA-256 of the original: {sha256}, published {COCO_FILE.sha256}"
    if converted and sha256 == COCO_FILE.sha256:
        return None, f"{line} (the converted file states so, which is no proof)"
    return sha256 == COCO_FILE.sha256, line


def _parameters(model, published):
    """Batch norm is folded here: the original has four more numbers for each such output."""
    arrays = tree.named_arrays(model)
    table = places([len(blocks) for blocks in model.backbone.stages], len(model.mask_head.convs))
    folded = sum(4 * arrays[f"{place.name}.bias"].size for place in table if place.norm)
    count = sum(array.size for array in arrays.values()) + folded
    wanted = published["total_params"]
    return count == wanted, f"numbers in the original: {count:,}, published {wanted:,}"


def _anchors(model, published):
    anchors = normalised_anchors((1024, 1024), model.config)
    wanted = published["count_1024"]
    yield len(anchors) == wanted, f"anchors: {len(anchors):,}, published {wanted:,}"
    for name, found in (("min", anchors.min()), ("max", anchors.max())):
        wanted = published[f"normalised_{name}"]
        same = abs(found - wanted) < 1e-4
        yield same, f"anchors, normalised, {name}: {found:.5f}, published {wanted}"


def _detections(model, case, images):
    name = next((word for word in case["image"].split() if word.isdigit() and len(word) == 6), None)
    path = next((p for p in images if name and Path(p).stem.startswith(name)), None)
    if path is None:
        for wanted in case["detections"]:
            image = case["image"].split(";")[0]
            yield None, f"{wanted['class']} on {image}: no such picture was given (--image)"
        return
    result = model.predict(path)
    for wanted in case["detections"]:
        x1, y1, x2, y2 = wanted["box"]
        yield _closest(result, np.array([y1, x1, y2, x2]), wanted, name)


def _closest(result, box, wanted, name):
    """Compare a published detection with the nearest box of its class."""
    rows = [i for i, label in enumerate(result.labels) if label == wanted["class"]]
    if not rows:
        return False, f"{wanted['class']} on {name}: not found"
    off = [np.abs(result.boxes[i] - box).max() for i in rows]
    i = int(np.argmin(off))
    score = float(result.scores[rows[i]])
    same = off[i] <= BOX_TOLERANCE and abs(score - wanted["score"]) <= SCORE_TOLERANCE
    return bool(same), (
        f"{wanted['class']} on {name}: score {score:.4f}, published {wanted['score']:.4f}; "
        f"box off by {off[i]:.1f} pixels at most"
    )
