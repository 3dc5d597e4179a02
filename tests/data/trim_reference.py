"""Trim the original implementation's whole-model arrays to what the tests need.

    python tests/data/trim_reference.py REFERENCE_DIR

REFERENCE_DIR holds the complete arrays: outputs of github.com/matterport/Mask_RCNN 2.1 in inference
mode (Keras 2.2.4, TensorFlow 1.13.2, CPU) on weights of make_reference_weights.py. Written beside
this script are `small_square.npz` (every stage's complete output, a few regions of the heads) and
`case_*.npz` (samples of every stage, complete detections).

A tensor X may be a sample: X = complete[::s0, ::s1, …] with the strides in X__stride. The resized
image is stored as its SHA-256 and the places where it differs from `letterbox` of this project: the
original cuts grey values off after arithmetic with rounding noise, so some are one level lower.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from minimaskrcnn.config import Config
from minimaskrcnn.image import letterbox

HERE = Path(__file__).parent

# How much further to thin out a sample, axis by axis; what is not named is kept as it is.
THIN = {
    **{name: (2, 2, 2) for name in ("C1", "C2", "C3", "C4", "C5", "P2", "P3", "P4", "P5")},
    "rpn_class_logits": (8,),
    "rpn_bbox": (8,),
    "anchors": (8,),
    "mrcnn_class_logits": (1,),
    "mrcnn_bbox": (2,),
    "roi_align_classifier": (2, 1, 1, 2),
    "roi_align_mask": (2, 2, 2, 1),
    "mrcnn_mask_of_class": (4,),
}
DROP = {"image_meta", "molded", "rpn_class", "mrcnn_class"}  # other arrays give these


def thin(name, arrays):
    """The sample of one tensor, and its strides in the complete tensor."""
    array = arrays[name]
    steps = THIN.get(name, ()) + (1,) * array.ndim
    steps = np.array(steps[: array.ndim])
    stride = np.array(arrays.get(f"{name}__stride", np.ones(array.ndim, np.int64)))
    return array[tuple(slice(None, None, s) for s in steps)], stride * steps


def trim(arrays):
    """A smaller dictionary of the same arrays."""
    small = {}
    for name in arrays:
        base = name.split("__")[0]
        if base in DROP or name.endswith(("__stride", "__shape", "__stats")) and base in THIN:
            continue
        if base in THIN:
            small[name], small[f"{name}__stride"] = thin(name, arrays)
        else:
            small[name] = arrays[name]
    return small


def replace_resized(arrays):
    """Store the resized image as its difference from ours: one grey level here and there."""
    theirs = arrays.pop("resized_uint8")
    original = json.loads(str(arrays["meta"]))["config"]
    sizes = {"image_min_size": "IMAGE_MIN_DIM", "image_max_size": "IMAGE_MAX_DIM"}
    ours, _ = letterbox(arrays["image"], Config(**{k: original[v] for k, v in sizes.items()}))
    arrays["resized_places"] = np.flatnonzero(theirs != ours).astype(np.int32)
    arrays["resized_values"] = theirs.reshape(-1)[arrays["resized_places"]]
    arrays["resized_sha256"] = np.array(hashlib.sha256(theirs.tobytes()).hexdigest())
    return arrays


def main():
    reference = Path(sys.argv[1])
    load = lambda name: dict(np.load(reference / f"{name}.npz"))  # noqa: E731
    backbone, heads, masks = (
        load(f"small_square_s51_{part}") for part in ("backbone", "heads", "masks")
    )
    square = {
        k: v for k, v in backbone.items() if "__" not in k and k not in ("image_meta", "molded")
    }
    square |= {k: v for k, v in heads.items() if "__" not in k and not k.startswith("roi_align")}
    square |= {k: v for k, v in masks.items() if "__" not in k and not k.startswith("roi_align")}
    square["roi_align_classifier"] = heads["roi_align_classifier"][::20]  # (5, 7, 7, 256)
    square["roi_align_mask"] = masks["roi_align_mask"][:2]  # (2, 14, 14, 256)
    square["mrcnn_mask"] = masks["mrcnn_mask"][:2]
    square["final_masks__shape"] = masks["final_masks__shape"]
    np.savez_compressed(HERE / "small_square.npz", **square)
    photos = ("full_grace_hopper_s101", "full_coffee_s101", "full_chelsea_s101")
    for case in ("small_landscape_s51", *photos):
        name = case.rsplit("_", 1)[0]
        np.savez_compressed(HERE / f"case_{name}.npz", **replace_resized(trim(load(case))))


if __name__ == "__main__":
    main()
