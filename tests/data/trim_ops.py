"""Trim the original implementation's arrays of single operations to what the tests need.

    python tests/data/trim_ops.py REFERENCE_DIR

REFERENCE_DIR holds `ops_*_s11.npz`: inputs and outputs of single functions of
github.com/matterport/Mask_RCNN 2.1 (Keras 2.2.4, TensorFlow 1.13.2 on CPU, scikit-image 0.16.2).
Written beside this script are `ops_*.npz` with the same names of arrays. Left out are mini masks,
resized masks and the mode "crop", which this project has not; the maps that regions are cut from
keep two of six channels, subtracted means every fourth row and column of what was stored.
"""

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def whole(name, array):
    return array


def preprocess(name, array):
    case, _, kind = name.partition("_")
    if case in ("case10", "case11"):  # mode "crop"
        return None
    if kind == "molded":
        return array[::4, ::4]
    wanted = ("args", "image", "out", "window", "scale", "molded_float64")
    return array if kind in wanted else None


def mask_resize(name, array):
    case, _, kind = name.partition("_")
    return array if case < "case09" and kind in ("mask_in", "mask_out", "window") else None


def unmold(name, array):
    return None if name.startswith(("mini", "extract", "expanded")) else array


def roialign(name, array):
    return array[..., :2] if array.ndim > 2 else array  # the maps' and patches' channels


SOURCE = {"mask_resize": "preprocess"}  # where the file is not called as what is kept of it
TRIM = {
    "boxes": whole,
    "detection": whole,
    "layers": whole,
    "preprocess": preprocess,
    "proposal": whole,
    "losses": whole,
    "mask_resize": mask_resize,
    "resize": whole,
    "roialign": roialign,
    "targets": whole,
    "unmold": unmold,
}


def main():
    for operation, trim in TRIM.items():
        source = SOURCE.get(operation, operation)
        with np.load(Path(sys.argv[1]) / f"ops_{source}_s11.npz") as arrays:
            kept = {name: trim(name, arrays[name]) for name in arrays}
        kept = {name: array for name, array in kept.items() if array is not None}
        np.savez_compressed(HERE / f"ops_{operation}.npz", **kept)


if __name__ == "__main__":
    main()
