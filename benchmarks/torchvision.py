"""The same seeded weights in torchvision and here: seconds and memory of a whole prediction.

    pip install torch==2.14.1 torchvision==0.29.1 && python benchmarks/torchvision.py

From the array of a photograph to pasted masks, in turn in the two programs, on two threads. Each
program runs in a process of its own, so that its memory can be told; the parent starts one after
the other, round by round, and prints medians. The load of the machine is printed beside them.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import machine  # noqa: E402  before NumPy

sys.path.pop(0)  # this folder, in which this file has the name of what it measures
THREADS, SEED = 2, 7
TESTS = Path(__file__).resolve().parent.parent / "tests"


def photograph():
    import numpy as np

    arrays = np.load(TESTS / "data" / "case_full_grace_hopper.npz")
    return np.ascontiguousarray(arrays["image"][:, 50:450])  # (600, 400, 3): input 1216 x 800


def theirs(version, arrays, photo):
    """Return a function that predicts with torchvision."""
    import torch
    from torchvision.models import detection

    torch.set_num_threads(THREADS)
    build = (detection.maskrcnn_resnet50_fpn, detection.maskrcnn_resnet50_fpn_v2)[version - 1]
    model = build(weights=None, weights_backbone=None, num_classes=91).eval()
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})

    def predict():
        pixels = torch.from_numpy(photo).permute(2, 0, 1).float() / 255
        with torch.inference_mode():
            return len(model([pixels])[0]["masks"] >= 0.5)

    return predict


def ours(version, arrays, photo):
    """Return a function that predicts with this package."""
    from minimaskrcnn.runtime.threads import set_num_threads
    from minimaskrcnn.weights.torchvision import read_torchvision

    set_num_threads(THREADS)
    model = read_torchvision("seeded", arrays)
    return lambda: len(model.predict(photo).masks)


def measure(program, version, rounds):
    """Predict once to warm up, then `rounds` times: print the median and the memory."""
    sys.path.insert(0, str(TESTS))
    from torchvision_weights import FULL, seeded

    predict = program(version, seeded(FULL, version, SEED), photograph())
    count, seconds = predict(), []
    for _ in range(rounds):
        start = time.perf_counter()
        predict()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(statistics.median(seconds), peak, count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", type=int, choices=(1, 2), default=1)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each program, in turn")
    parser.add_argument("--only", choices=("theirs", "ours"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        return measure({"theirs": theirs, "ours": ours}[args.only], args.version, 3)
    found = {"theirs": [], "ours": []}
    print(machine.describe())
    with machine.watched():
        for name, results in list(found.items()) * args.rounds:
            command = [sys.executable, __file__, "--version", str(args.version), "--only", name]
            line = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            results.append([float(number) for number in line.split()])
            print(f"{name:6} {results[-1][0]:7.2f} s {results[-1][1]:7.0f} MB", flush=True)
    medians = {n: [statistics.median(c) for c in zip(*r, strict=True)] for n, r in found.items()}
    faster, less = (a / b for a, b in zip(medians["theirs"][:2], medians["ours"][:2], strict=True))
    print(f"version {args.version}: {faster:.2f} times as fast, 1/{less:.2f} of the memory")


if __name__ == "__main__":
    main()
