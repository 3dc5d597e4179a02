"""What a dataset is like: the numbers that a plan of training follows from.

Idea    How large the objects are decides at which scale to look at the pictures and which anchors
        there are; how many there are in a picture decides how many detections are kept. A sample of
        the pictures is enough to know.
Shapes  a sequence of Example  ->  DatasetStatistics
"""

from dataclasses import dataclass

import numpy as np

from minimaskrcnn.datasets.cutouts import Cutouts, cutouts_of

SAMPLE = 100  # pictures that are looked at, at most


@dataclass(frozen=True)
class DatasetStatistics:
    """The dataset in numbers; pixels are those of the pictures."""

    pictures: int  # with objects
    smallest_picture: int  # pixels, the shorter side
    largest_picture: int  # pixels, the longer side
    sides: tuple[float, float, float]  # the objects' sizes: the 5th percentile, median, 95th
    objects: float  # per picture, mean
    most_objects: int  # in a picture
    touching: float  # the share of objects that touch another one
    density: float  # objects per megapixel, median over the pictures
    mean: float  # grey level of the pictures
    deviation: float  # standard deviation of the grey levels


def statistics_of(examples, indices, counts=None):
    """Look at a sample of the pictures.

    Parameters
    ----------
    examples : sequence of Example
    indices : of the pictures that have objects; at most SAMPLE of them, evenly spread, are read
    counts : how many objects each example has, if that is known without reading it

    Returns
    -------
    DatasetStatistics
    """
    indices = list(indices)
    chosen = np.unique(np.linspace(0, len(indices) - 1, min(SAMPLE, len(indices))).astype(int))
    pictures = [_measured(cutouts_of(examples, indices[i])) for i in chosen]
    sides = np.concatenate([picture["sides"] for picture in pictures])
    found = [len(picture["sides"]) for picture in pictures]
    counts = found if counts is None else [counts[i] for i in indices]
    levels = np.stack([picture["levels"] for picture in pictures])  # (pictures, 2): x, x²
    mean, square = levels.mean(axis=0)
    return DatasetStatistics(
        pictures=len(indices),
        smallest_picture=min(min(picture["shape"]) for picture in pictures),
        largest_picture=max(max(picture["shape"]) for picture in pictures),
        sides=tuple(float(side) for side in _balanced(pictures, (5, 50, 95))),
        objects=float(np.mean(counts)),
        most_objects=max(counts),
        touching=sum(picture["touching"] for picture in pictures) / len(sides),
        density=float(np.median([p["density"] for p in pictures])),
        mean=float(mean),
        deviation=float(np.sqrt(max(square - mean**2, 1.0))),
    )


def _balanced(pictures, percents):
    """Percentiles of the objects' sizes; every picture counts the same, whatever it holds."""
    sides = np.concatenate([picture["sides"] for picture in pictures])
    shares = np.concatenate([np.full(len(p["sides"]), 1 / len(p["sides"])) for p in pictures])
    order = np.argsort(sides)
    reached = np.cumsum(shares[order]) / shares.sum() * 100
    return sides[order][np.searchsorted(reached, percents)]


def _measured(picture: Cutouts):
    objects = np.flatnonzero(picture.class_ids > 0)
    boxes = picture.boxes[objects].astype(float)
    height, width = picture.image.shape[:2]
    labels = np.zeros((height, width), np.int32)
    for i in objects:
        y1, x1, y2, x2 = picture.boxes[i]
        labels[y1:y2, x1:x2][picture.masks[i]] = i + 1
    levels = picture.image.astype(np.float64)
    return {
        "shape": (height, width),
        "sides": np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])),
        "touching": _touching(labels),
        "density": len(boxes) / (height * width / 1e6),
        "levels": (levels.mean(), np.square(levels).mean()),
    }


def _touching(labels):
    """How many of the labels have a pixel beside one of another label."""
    found = set()
    for a, b in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        beside = (a != b) & (a > 0) & (b > 0)
        found |= set(a[beside].tolist()) | set(b[beside].tolist())
    return len(found)
