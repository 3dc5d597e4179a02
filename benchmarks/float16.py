"""What storing weights as float16 costs: file size, and by how much predictions change.

    python benchmarks/float16.py [small|full]

Seeded weights (no trained ones) on the pictures of the reference cases in tests/data. Half
precision keeps 11 significant bits, so a number changes by at most 1 part in 2048; numbers below
2**-14 (6e-5) keep fewer, and the smallest become 0. The first lines count those; the columns say
what becomes of all that.
Boxes, scores and masks are compared between each detection and the nearest of the same class.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from conftest import config_of, stored, write_weights  # noqa: E402

from minimaskrcnn import weights  # noqa: E402
from minimaskrcnn.config import COCO  # noqa: E402
from minimaskrcnn.weights import tree  # noqa: E402

MODELS = {
    "small": ("layout_resnet50_small", 51, ("small_square", "case_small_landscape")),
    "full": (
        "layout_resnet101_coco",
        101,
        ("case_full_grace_hopper", "case_full_coffee", "case_full_chelsea"),
    ),
}


def main(kind="small"):
    layout, seed, cases = MODELS[kind]
    with tempfile.TemporaryDirectory() as folder:
        source, half = Path(folder) / "source.h5", Path(folder) / "half.h5"
        write_weights(layout, seed, source)
        weights.convert(source, half, float16=True)
        print(f"{kind}: {source.stat().st_size:,} -> {half.stat().st_size:,} bytes")
        changed_more(weights.load(source, COCO))
        print("case                     features   logits  found  again     box   score  mask IoU")
        for case in cases:
            arrays = stored(case)
            models = [weights.load(path, config_of(arrays)) for path in (source, half)]
            a, b = (model.trace(arrays["image"]) for model in models)
            compare(case, a, b)


def changed_more(model):
    """How many numbers change by more than 1 part in 2048."""
    count = total = 0
    for array in tree.named_arrays(model).values():
        off = np.abs(array.astype(np.float16).astype(np.float32) - array)
        count, total = count + int((off > np.abs(array) / 2048).sum()), total + array.size
    print(f"{count:,} of {total:,} numbers change by more than 1 part in 2048")


def compare(case, a, b):
    """One row: relative change of P2 and of the RPN's logits; of the detections, how many of the
    float32 ones are found again (same class, box within 2 pixels), and by how much they differ."""
    features, logits = (
        np.abs(a[name] - b[name]).max() / np.abs(a[name]).max() for name in ("p2", "rpn_logits")
    )
    a, b = a["result"], b["result"]
    boxes, scores, ious = [], [], []
    for i in range(len(a)):
        same = np.flatnonzero(b.class_ids == a.class_ids[i])
        off = np.abs(b.boxes[same] - a.boxes[i]).max(axis=1, initial=0)
        if len(off) and off.min() <= 2:
            j = same[off.argmin()]
            boxes.append(off.min())
            scores.append(abs(float(a.scores[i]) - float(b.scores[j])))
            both = a.masks[i] & b.masks[j]
            ious.append(both.sum() / max((a.masks[i] | b.masks[j]).sum(), 1))
    print(
        f"{case:24} {features:8.1e} {logits:8.1e} {len(a):6} {len(boxes):6} "
        f"{max(boxes, default=0):4} px {max(scores, default=0):7.4f} {np.mean(ious or 0):9.4f}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
