"""Judge a model on annotated pictures as the Data Science Bowl 2018 did, and by COCO's mask AP.

    python docs/training/judge_nuclei.py DATASET.json IMAGES --weights nuclei
    python docs/training/judge_nuclei.py DATASET.json IMAGES --weights run/model.h5 --nms 0.3

The score of the Bowl is the mean over the thresholds 0.50, 0.55, … 0.95 of TP / (TP + FP + FN) in
each picture, then the mean over the pictures; all classes count as one. It depends on the least
score that an object is drawn with, so it is printed for several. AP counts up to 500 detections.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from minimaskrcnn import load_model
from minimaskrcnn.coco_masks.rle import encode, encode_in_box
from minimaskrcnn.datasets.annotations import load_annotations
from minimaskrcnn.evaluate.average_precision import interpolate, precision_recall
from minimaskrcnn.evaluate.matching import match
from minimaskrcnn.evaluate.overlaps import mask_overlaps
from minimaskrcnn.evaluate.rules import THRESHOLDS

MOST = 500  # detections in a picture
SCORES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--weights", default="nuclei")
    parser.add_argument("--nms", type=float, help="another nms_threshold")
    parser.add_argument("--scale", type=float, help="another image_scale")
    given = parser.parse_args()
    dataset, model = load_annotations(given.dataset, given.images), load_model(given.weights)
    if given.scale:
        model = replace(model, config=replace(model.config, image_scale=given.scale))
    judged = [judge(model, dataset[i], given.nms) for i in range(len(dataset))]
    ap = average_precision(judged)
    print(f"{len(judged)} pictures, {sum(len(o[0]) for _, o in judged)} objects")
    print(f"mask AP {ap.mean():.4f}, at 0.50 {ap[0]:.3f}, at 0.75 {ap[5]:.3f}")
    for least in SCORES:
        table = np.array([of_the_bowl(scores, overlaps, least) for scores, overlaps in judged])
        print(f"score from {least}: {table.mean():.4f}, at IoU 0.50 {table[:, 0].mean():.3f}")
    by_size(dataset, judged)


def judge(model, example, nms):
    """Scores (D,) best first and overlaps (D, G) of what is found with what is there."""
    found = model.predict(example.image, min_score=0.05, max_detections=MOST, nms_threshold=nms)
    shape = example.image.shape
    masks = [encode_in_box(one.mask_in_box, one.box, shape) for one in found]
    objects = [encode(mask) for mask in example.masks if mask.any()]
    return found.scores, mask_overlaps(masks, objects, np.zeros(len(objects), bool))


def hits(overlaps, threshold):
    """(D,) bool: which detections find an object of their own."""
    no = np.zeros(overlaps.shape[1], bool)
    return match(overlaps, threshold, no, no) >= 0


def of_the_bowl(scores, overlaps, least):
    """(10,): TP / (TP + FP + FN) of one picture at each threshold."""
    overlaps = overlaps[scores >= least]
    right = np.array([hits(overlaps, threshold).sum() for threshold in THRESHOLDS])
    return right / np.maximum(sum(overlaps.shape) - right, 1)


def average_precision(judged):
    """(10,): AP at each threshold."""
    scores = np.concatenate([scores for scores, _ in judged])
    order, total = np.argsort(-scores, kind="stable"), sum(o.shape[1] for _, o in judged)
    values = []
    for threshold in THRESHOLDS:
        right = np.concatenate([hits(overlaps, threshold) for _, overlaps in judged])[order]
        values.append(interpolate(*precision_recall(right, ~right, total)).mean())
    return np.array(values)


def by_size(dataset, judged):
    """Print the score of the Bowl from 0.5 on for each size of picture: kinds differ by it."""
    kinds = {}
    for image, (scores, overlaps) in zip(dataset.images, judged, strict=True):
        value = of_the_bowl(scores, overlaps, 0.5).mean()
        kinds.setdefault((image.height, image.width), []).append(value)
    for size, values in kinds.items():
        print(f"  {size[0]} x {size[1]}: {np.mean(values):.3f} ({len(values)} pictures)")


if __name__ == "__main__":
    main()
