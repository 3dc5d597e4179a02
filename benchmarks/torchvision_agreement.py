"""Other seeds, other photographs: how many of torchvision's detections are found here, one by one.

    pip install torch==2.14.1 torchvision==0.29.1
    python benchmarks/torchvision_agreement.py --seeds 8 18

Networks of full size with seeded weights, both versions; six pictures per seed: a portrait, a
panorama, one of less than 100 pixels, one of a single column, a grey one, one with transparency.
A detection agrees if class, box (0.01 pixels), score (1e-4) and mask (IoU 0.999) do. Where one does
not, each stage is run on torchvision's own input: if all stages agree, only rounding is left, which
decided a comparison otherwise (an overlap at a threshold, the order of two scores).
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.pop(0)  # this folder
TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "data")]

import make_torchvision as theirs  # noqa: E402
from torchvision_cases import agreeing  # noqa: E402
from torchvision_weights import FULL, seeded  # noqa: E402

from minimaskrcnn.heads import box_head  # noqa: E402
from minimaskrcnn.layers import softmax  # noqa: E402
from minimaskrcnn.runtime.threads import set_num_threads  # noqa: E402
from minimaskrcnn.torchvision.anchors import per_level  # noqa: E402
from minimaskrcnn.torchvision.detections import select_detections  # noqa: E402
from minimaskrcnn.torchvision.proposals import select_proposals  # noqa: E402
from minimaskrcnn.torchvision.roi_align import pyramid_roi_align  # noqa: E402
from minimaskrcnn.weights.torchvision import read_torchvision  # noqa: E402

SOURCES = [
    np.load(TESTS / "data" / f"case_full_{name}.npz")["image"]
    for name in ("grace_hopper", "coffee", "chelsea")
]


def part(rng, height, width):
    """A part of so many pixels of one of the photographs, mirrored or not, colours permuted."""
    source = SOURCES[rng.randint(3)]
    height, width = min(height, source.shape[0]), min(width, source.shape[1])
    top, left = (
        rng.randint(have - want + 1)
        for have, want in zip(source.shape, (height, width), strict=False)
    )
    cut = source[top : top + height, left : left + width, rng.permutation(3)]
    return Image.fromarray(np.ascontiguousarray(cut[:, :: rng.choice([-1, 1])]))


def pictures(seed):
    """{kind: PIL image}, other ones for each seed."""
    rng = np.random.RandomState(seed)
    side = rng.randint(100, 300, 6)
    clear = part(rng, side[4], side[5])
    clear.putalpha(Image.fromarray(rng.randint(0, 256, clear.size[::-1]).astype(np.uint8)))
    return {
        "portrait": part(rng, int(side[0] * 1.6), side[0]),
        "panorama": part(rng, side[1] // 2, int(side[1] * 1.9)),
        "tiny": part(rng, *rng.randint(20, 100, 2)),
        "column": part(rng, side[2], 1),
        "grey": part(rng, side[3], side[0]).convert("L"),
        "transparent": clear,
    }


def stages_agree(model, answers, shape):
    """Whether proposals and detections are torchvision's, computed from its own answers."""
    maps, window = [answers[f"p{level}"] for level in range(2, 7)], (0, 0, *answers["size"])
    logits = np.stack([0 * answers["rpn_logits"], answers["rpn_logits"]], axis=1)
    verdicts = answers["anchors"], logits, answers["rpn_deltas"]
    found, _ = select_proposals(*verdicts, per_level(maps, model.config), window, model.config)
    same = {"proposals": _near(found, answers["proposals"])}
    features = pyramid_roi_align(maps[:4], answers["proposals"], 7)
    _, deltas = box_head(features, model.box_head)
    same["heads"] = _near(deltas, answers["box_deltas"], 1e-4 * np.abs(deltas).max())
    verdicts = answers["proposals"], softmax(answers["class_logits"]), answers["box_deltas"]
    found, _ = select_detections(*verdicts, window, model.config)
    same["detections"] = _near(found[:, :4], answers["input_boxes"])
    return same


def _near(ours, others, most=0.01):
    return ours.shape == others.shape and np.abs(ours - others).max(initial=0) < most


def compare(version, seed, model, other):
    """Print a line per picture; return how many detections agree, of how many."""
    total = np.zeros(2, int)
    for kind, picture in pictures(seed).items():
        start = time.perf_counter()
        result = model.predict(picture)
        answers = theirs.run(other, result.image)
        count = len(agreeing(result, answers)), len(answers["boxes"])
        print(f"V{version} seed {seed:2} {kind:11} {result.image.shape[:2]!s:10} "
              f"{count[0]:3} of {count[1]:3}, here {len(result):3}  "
              f"{time.perf_counter() - start:4.0f} s", flush=True)  # fmt: skip
        if count[0] < count[1] or len(result) != count[1]:
            print("   ", stages_agree(model, answers, result.image.shape), flush=True)
        total += count
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs=2, default=(8, 18), metavar=("FIRST", "END"))
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    set_num_threads(args.threads)
    total = {1: np.zeros(2, int), 2: np.zeros(2, int)}
    for seed in range(*args.seeds):
        for version in total:
            model = read_torchvision("seeded", seeded(FULL, version, seed))
            total[version] += compare(version, seed, model, theirs.full(version, seed))
    for version, (found, count) in total.items():
        print(f"version {version}: {found} of {count} detections agree")


if __name__ == "__main__":
    main()
