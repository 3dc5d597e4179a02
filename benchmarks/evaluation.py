"""Evaluation at the size of COCO's validation set, beside pycocotools: seconds and memory.

    python benchmarks/evaluation.py [--pictures 5000] [--runs 3] [--boxes]

Idea    5,000 made-up pictures of 480 x 640 with 36,000 objects of 80 classes and 500,000
        detections, four in ten of them near an object. Each program runs in a process of its own,
        and they take turns. Measured is the time from objects and detections in memory, masks as
        packed run lengths, to the twelve numbers for boxes and for masks; and how much the peak of
        the memory has grown meanwhile. The two must agree on every number.
"""

import argparse
import contextlib
import io
import json
import resource
import statistics
import subprocess
import sys
import time

import machine
import numpy as np

from minimaskrcnn.coco_masks import rle
from minimaskrcnn.evaluate import Found, GroundTruth, evaluate

HEIGHT, WIDTH, CLASSES, DETECTIONS = 480, 640, 80, 100  # detections per picture
OBJECTS = 36_000 / 5_000  # per picture, on average
VERSIONS = 8  # of each region: itself, and seven like it


def regions(count=250):
    """Boxes and packed masks of ellipses; VERSIONS in a row are nearly the same."""
    random, rows, columns = np.random.RandomState(0), np.arange(HEIGHT)[:, None], np.arange(WIDTH)
    boxes, masks = [], []
    for _ in range(count):
        centre, radius = random.uniform((0, 0), (HEIGHT, WIDTH)), np.exp(random.uniform(2, 5, 2))
        for version in range(VERSIONS):
            moved = centre + random.normal(0, 0.04 * version, 2) * radius
            y, x = (rows - moved[0]) / radius[0], (columns - moved[1]) / radius[1]
            wave = 1 + 0.1 * np.sin(5 * np.arctan2(y, x) + random.uniform(0, 7))
            mask = np.hypot(y, x) < wave
            masks.append(rle.encode(mask))
            boxes.append(rle.box(masks[-1]))
    return np.array(boxes, np.float64), masks


def pictures(count, boxes, masks):
    """Yield GroundTruth and Found of each picture."""
    random = np.random.RandomState(1)
    for _ in range(count):
        objects = VERSIONS * random.randint(0, len(boxes) // VERSIONS, random.poisson(OBJECTS))
        classes = random.randint(1, CLASSES + 1, len(objects))
        of = random.randint(0, max(1, len(objects)), DETECTIONS)
        near = (random.rand(DETECTIONS) < 0.4) & (len(objects) > 0)
        others = random.randint(0, len(boxes), DETECTIONS)
        found, found_classes = others, random.randint(1, CLASSES + 1, DETECTIONS)
        found[near] = objects[of[near]] + random.randint(0, VERSIONS, near.sum())
        found_classes[near] = classes[of[near]]
        scores = np.where(near, random.beta(4, 2, DETECTIONS), random.beta(1, 4, DETECTIONS))
        crowd = random.rand(len(objects)) < 0.02
        areas = np.array([rle.area(masks[i]) for i in objects])
        yield (
            GroundTruth(boxes[objects], classes, [masks[i] for i in objects], crowd, areas),
            Found(boxes[found], found_classes, scores, [masks[i] for i in found]),
        )


def ours(pairs, with_masks):
    """The twelve or twenty-four numbers, by this package."""
    names = ("background", *map(str, range(1, CLASSES + 1)))
    result = evaluate(
        (truth for truth, _ in pairs), (found for _, found in pairs), names, with_masks
    )
    return [result.box.stats.tolist()] + ([result.mask.stats.tolist()] if with_masks else [])


def documents(pairs):
    """The same pictures as COCO's annotations and results."""
    annotations, results = [], []
    for image, (truth, found) in enumerate(pairs, 1):
        for box, category, mask, crowd, area in zip(
            truth.boxes, truth.class_ids, truth.masks, truth.crowd, truth.areas, strict=True
        ):
            common = {"image_id": image, "category_id": int(category), "bbox": _xywh(box)}
            common |= {"id": len(annotations) + 1, "iscrowd": int(crowd), "area": int(area)}
            annotations.append(common | {"segmentation": mask})
        for box, category, score, mask in zip(
            found.boxes, found.class_ids, found.scores, found.masks, strict=True
        ):
            common = {"image_id": image, "category_id": int(category), "score": float(score)}
            results.append(common | {"bbox": _xywh(box), "segmentation": mask})
    categories = [{"id": k, "name": str(k)} for k in range(1, CLASSES + 1)]
    images = [{"id": i, "height": HEIGHT, "width": WIDTH} for i in range(1, len(pairs) + 1)]
    return {"images": images, "categories": categories, "annotations": annotations}, results


def _xywh(box):
    y1, x1, y2, x2 = map(float, box)
    return [x1, y1, x2 - x1, y2 - y1]


def theirs(truth, results, kind):
    """The twelve numbers by pycocotools; masks' areas from the masks, so without their boxes."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        if kind == "segm":
            results = [{k: v for k, v in row.items() if k != "bbox"} for row in results]
        judge = COCOeval(coco, coco.loadRes(results), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge.stats.tolist()


def measure(program, count, with_masks):
    """Print what one program took, as JSON; runs in a process of its own."""
    few = list(pictures(2, *regions(2)))
    everything = list(pictures(count, *regions()))
    if program == "ours":
        ours(few, with_masks)  # compiles
        before, start = _peak(), time.perf_counter()
        numbers = ours(everything, with_masks)
    else:
        truth, results = documents(everything)
        before, start = _peak(), time.perf_counter()
        kinds = ("bbox", "segm") if with_masks else ("bbox",)
        numbers = [theirs(truth, results, kind) for kind in kinds]
    took = time.perf_counter() - start
    print(json.dumps({"seconds": took, "grown": _peak() - before, "numbers": numbers}))


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # GiB


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--boxes", action="store_true", help="boxes only")
    parser.add_argument("--only", choices=("ours", "pycocotools"), help="used by the script itself")
    given = parser.parse_args()
    if given.only:
        return measure(given.only, given.pictures, not given.boxes)
    outcomes = {"ours": [], "pycocotools": []}
    print(machine.describe())
    with machine.watched():
        for program, rows in list(outcomes.items()) * given.runs:
            command = [sys.executable, __file__, *sys.argv[1:], "--only", program]
            rows.append(json.loads(subprocess.run(command, check=True, stdout=-1).stdout))
    for program, rows in outcomes.items():
        seconds = statistics.median(row["seconds"] for row in rows)
        grown = statistics.median(row["grown"] for row in rows)
        print(f"{program:12} {seconds:6.1f} s {grown:6.2f} GiB")
    apart = np.subtract(*(np.array(rows[0]["numbers"]) for rows in outcomes.values()))
    print(f"largest difference of a number: {np.abs(apart).max():.1e}")


if __name__ == "__main__":
    main()
