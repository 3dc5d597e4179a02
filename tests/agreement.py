"""How close the network comes to the original: the figures of docs/checked.md, as Markdown.

    python tests/agreement.py

Three photographs through the full ResNet-101 with seeded weights, from the original's resized
pictures on. A difference is the largest one, divided by the largest number of the original's
tensor. The heads get the original's proposals, without those on the map's border
(`reference.on_the_border`): there a last bit decides, in the original's own two builds as well.
"""

import tempfile
from pathlib import Path

import numpy as np
from conftest import config_of, stored, write_weights
from reference import error, on_the_border, sample_of
from test_reference_cases import FULL, Case, matches

from minimaskrcnn.heads import box_head
from minimaskrcnn.roi_align import pyramid_roi_align
from minimaskrcnn.weights import load

MAPS = ("C1", "C2", "C3", "C4", "C5", "P2", "P3", "P4", "P5", "P6")


def figures(case):
    """{what: number} of one photograph."""
    arrays, found = case.arrays, {}
    for name in MAPS:
        ours = case.steps[name.lower()]
        ours = sample_of(ours, arrays, name) if f"{name}__stride" in arrays else ours
        found[name] = error(ours, arrays[name])
    for ours, theirs in (("rpn_logits", "rpn_class_logits"), ("rpn_deltas", "rpn_bbox")):
        found[ours] = error(sample_of(case.steps[ours], arrays, theirs), arrays[theirs])
    rois, inside = arrays["proposals"], ~on_the_border(arrays["proposals"])
    p_maps = [case.steps[f"p{level}"] for level in (2, 3, 4, 5)]
    logits, _ = box_head(pyramid_roi_align(p_maps, rois, 7, case.shape), case.model.box_head)
    found["class_logits"] = error(logits[inside], arrays["mrcnn_class_logits"][inside])
    near = np.abs(case.steps["proposals"][:, None] - rois[None]).max(axis=2) < 1e-5
    found["proposals found again, of 1000"] = int(near.any(axis=0).sum())
    found["detections found again"] = int(matches(case).any(axis=1).sum())
    found["detections of the original"] = len(case.detections)
    return found


def main():
    """Print one row a figure, one column a photograph."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_weights("layout_resnet101_coco", 101, Path(folder) / "full.h5")
        model = load(path, config_of(stored(FULL[0])))
        columns = [figures(Case(name, model)) for name in FULL]
    print("| | " + " | ".join(name.removeprefix("case_full_") for name in FULL) + " |")
    print("|---" * (1 + len(FULL)) + "|")
    for what in columns[0]:
        values = [column[what] for column in columns]
        texts = [f"{v}" if isinstance(v, int) else f"{v:.1e}" for v in values]
        print(f"| {what} | " + " | ".join(texts) + " |")


if __name__ == "__main__":
    main()
