"""Which shapes does the bundled model miss? Counted by size, by what is hidden, by contrast.

    python docs/training/what_is_missed.py [--weights shapes] [--scenes 300]

A shape is found if a detection of its class, with a score of at least 0.5, has a mask IoU of at
least 0.5 with it. Scenes from seed 10,000 on, which neither training nor `evaluate` sees.
"""

import argparse

import numpy as np

from minimaskrcnn import load_model
from minimaskrcnn.datasets.drawing import CLASS_NAMES, draw
from minimaskrcnn.datasets.scenes import scene

FIRST = 10_000
GROUPS = (  # what is measured, and where one group ends and the next begins
    ("visible pixels", (0, 100, 200, 400, 800, 4000)),
    ("visible share", (0, 0.5, 0.75, 1, 1.01)),
    ("contrast, grey levels", (30, 40, 60, 100, 256)),
    ("class", (1, 2, 3, 4)),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="shapes")
    parser.add_argument("--scenes", type=int, default=300)
    given = parser.parse_args()
    model, rows = load_model(given.weights), []
    for seed in range(FIRST, FIRST + given.scenes):
        rows += rows_of(model, seed)
    measures, ious = np.array(rows)[:, :-1], np.array(rows)[:, -1]
    print(f"{len(rows)} shapes, {(ious >= 0.5).mean():.1%} found")
    for column, (name, edges) in enumerate(GROUPS):
        print(f"{name:24} shapes   found   mean IoU of those")
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            group = ious[(measures[:, column] >= low) & (measures[:, column] < high)]
            title = CLASS_NAMES[low] if name == "class" else f"from {low:g}"
            found = group[group >= 0.5]
            print(f"  {title:22} {len(group):6} {len(found) / len(group):7.1%} {found.mean():7.3f}")


def rows_of(model, seed):
    """A row of the four measures and the best mask IoU for each shape of a scene."""
    example, result = scene(seed), model.predict(scene(seed).image, min_score=0.5)
    for shape, mask in zip(draw(seed).shapes, example.masks, strict=True):
        same = result.masks[result.class_ids == shape.class_id]
        shared, either = (same & mask).sum((1, 2)), (same | mask).sum((1, 2))
        best = (shared / either).max(initial=0)
        yield mask.sum(), shape.visible, shape.contrast, shape.class_id, best


if __name__ == "__main__":
    main()
