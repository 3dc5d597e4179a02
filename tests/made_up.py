"""Detections made by hand: blobs at random places, for the tests of what is done with results."""

import numpy as np

from minimaskrcnn.config import COCO_CLASS_NAMES
from minimaskrcnn.results import Detections


def made_up(count, height=90, width=120, seed=0, names=COCO_CLASS_NAMES, largest=0.5):
    """`count` objects on a photograph of noise; boxes of up to `largest` of its sides."""
    rs = np.random.RandomState(seed)
    sides = np.array([height, width])
    sizes = np.maximum((rs.uniform(0.08, largest, (count, 2)) * sides).astype(int), 1)
    starts = (rs.rand(count, 2) * (sides - sizes + 1)).astype(int)
    return Detections(
        image=rs.randint(0, 256, (height, width, 3), np.uint8),
        boxes=np.concatenate([starts, starts + sizes], axis=1).astype(np.int32),
        class_ids=rs.randint(1, len(names), count),
        scores=np.sort(rs.uniform(0.7, 1, count))[::-1].astype(np.float32),
        mask_probs=blobs(count, rs),
        class_names=tuple(names),
        source="street.jpg",
        seconds={"read": 0.25, "backbone": 1.5},
    )


def blobs(count, rs):
    """(N, 28, 28) float32: flowers with two to eight petals, some with a hole."""
    y, x = np.mgrid[:28, :28] / 27.0 - 0.5
    angle, radius = np.arctan2(y, x), np.hypot(y, x)
    probs = np.zeros((count, 28, 28), np.float32)
    for i in range(count):
        edge = 0.4 + 0.1 * np.cos(rs.randint(2, 9) * angle + rs.rand() * 6)
        hole = 0.15 if rs.rand() < 0.3 else 0
        probs[i] = 1 / (1 + np.exp(40 * np.maximum(radius - edge, hole - radius)))
    return probs
