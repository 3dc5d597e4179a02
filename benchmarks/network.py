"""The whole network beside PyTorch and ONNX Runtime: seconds a picture, stage by stage, and memory.

    pip install ".[bench]"
    python benchmarks/network.py [--sizes 512 1024] [--runs 5] [--threads 2] [--avx2]

Every runner is a process of its own that waits for its turn; the turns alternate, so that a noisy
machine is noisy for all, and the figures are medians. All have the same weights (ResNet-101,
random, batch normalisation folded), 1000 regions and 100 masks. PyTorch runs in both memory
layouts; the faster one counts. The peers are handed the regions that ours chooses (see peers.py).
With --avx2 all but ONNX Runtime, which cannot be told, use the instructions of an older processor.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import machine
import numpy as np

STAGES = ("backbone", "pyramid", "rpn", "regions", "masks")
LIMITED = ["--avx2"] * machine.OLDER  # a runner is as limited as its parent
RUNNERS = ("minimaskrcnn", "PyTorch", "PyTorch channels last", "ONNX Runtime")


def build(size):
    """The model with random weights, and a photograph."""
    from minimaskrcnn.config import COCO
    from minimaskrcnn.conv import folded
    from minimaskrcnn.training.initialise import Widths, new_model

    widths = Widths(64, (64, 128, 256, 512), (3, 4, 23, 3), 256, 512, 1024, 256)
    config = replace(COCO, image_max_size=size, image_min_size=size, min_score=0.0)
    photo = np.random.RandomState(1).randint(0, 256, (size, size, 3)).astype(np.uint8)
    return folded(new_model(config, widths)), photo


def ours(size, threads, folder):
    """A function that predicts once and returns the seconds of each stage."""
    from minimaskrcnn.model import run
    from minimaskrcnn.runtime.threads import set_num_threads

    set_num_threads(threads)
    model, photo = build(size)
    ends = {"c5": "backbone", "p2": "pyramid", "proposals": "rpn", "class_probs": "regions"}

    def once():
        clocks, start = {}, time.perf_counter()

        def keep(name, value):
            if name in ends:
                clocks[ends[name]] = time.perf_counter()
            return value

        result = run(model, photo, keep)
        clocks["masks"] = time.perf_counter()
        times = {}
        for stage in STAGES:
            times[stage], start = clocks[stage] - start, clocks[stage]
        return times, result

    _, result = once()
    if len(result.scores) != 100:
        raise SystemExit(f"wanted 100 masks to race with, got {len(result.scores)}")
    return lambda: once()[0]


def regions(size, path):
    """Write our regions and boxes, by level, for the peers."""
    from minimaskrcnn.roi_align import roi_levels

    model, photo = build(size)
    steps = model.trace(photo)
    arrays = {"molded": steps["molded"], "anchors": steps["anchors"]}
    for name, boxes in (("rois", steps["proposals"]), ("boxes", steps["detections"][:, :4])):
        levels = roi_levels(boxes, steps["molded"].shape, model.config.level_size)
        for level in (2, 3, 4, 5):
            arrays[f"{name}{level - 2}"] = boxes[levels == level]
    if sum(len(arrays[f"rois{i}"]) for i in range(4)) != 1000:
        raise SystemExit("wanted 1000 regions to race with")
    np.savez(path, **arrays)


def peer_inputs(folder):
    """(image (1, 3, H, W), rois by level, boxes by level) as tensors."""
    import torch

    with np.load(folder / "regions.npz") as arrays:
        image = torch.from_numpy(arrays["molded"].transpose(2, 0, 1)[None].copy())
        rois, boxes = (
            [torch.from_numpy(arrays[f"{name}{i}"]) for i in range(4)] for name in ("rois", "boxes")
        )
        return image, rois, boxes, arrays["anchors"]


def pytorch(size, threads, folder, channels_last=False):
    import torch
    from peers import Network

    torch.set_num_threads(threads)
    image, rois, boxes, anchors = peer_inputs(folder)
    network = Network(build(size)[0], anchors).eval()
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
        image = image.to(memory_format=torch.channels_last)

    def once():
        with torch.inference_mode():
            network(image, rois, boxes)
        return network.times

    return once


def onnx_runtime(size, threads, folder):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        str(folder / "network.onnx"), options, providers=["CPUExecutionProvider"]
    )
    with np.load(folder / "regions.npz") as arrays:
        inputs = {f"{n}{i}": arrays[f"{n}{i}"] for n in ("rois", "boxes") for i in range(4)}
        inputs["image"] = arrays["molded"].transpose(2, 0, 1)[None].copy()

    def once():
        start = time.perf_counter()
        session.run(None, inputs)
        return {"whole": time.perf_counter() - start}

    return once


def export(size, threads, folder):
    """Export PyTorch's network."""
    from peers import Network
    from peers import export as write

    image, rois, boxes, anchors = peer_inputs(folder)
    write(Network(build(size)[0], anchors).eval(), (image, rois, boxes), folder / "network.onnx")


def serve(runner, size, threads, folder):
    """Be one runner: answer every line on standard input with a line of JSON."""
    if runner == "minimaskrcnn":
        once = ours(size, threads, folder)
    elif runner == "ONNX Runtime":
        once = onnx_runtime(size, threads, folder)
    else:
        once = pytorch(size, threads, folder, channels_last="channels last" in runner)
    once()  # warm up
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        times = once()
        whole = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # GiB on Linux
        print(json.dumps({**times, "whole": whole, "peak": peak}), flush=True)


def spawn(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, __file__, *map(str, arguments), *LIMITED],
        env={**os.environ, "OMP_NUM_THREADS": str(options.pop("threads", 2))},
        text=True,
        **options,
    )


def race(size, runs, threads, folder):
    """All runners in turn, `runs` times: {runner: [times]}."""
    # in processes of their own: a runner's peak memory would begin with that of its parent
    for task in ("--regions", "--export"):
        if spawn(task, "--sizes", size, "--folder", folder).wait():
            raise SystemExit(f"network.py {task} failed")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    runners = {}
    for name in RUNNERS:
        arguments = ("--serve", name, "--sizes", size, "--threads", threads, "--folder", folder)
        runners[name] = spawn(*arguments, threads=threads, **pipes)
        while (line := runners[name].stdout.readline()) != "ready\n":
            if not line:
                raise SystemExit(f"{name} did not start")
    results = {name: [] for name in RUNNERS}
    for _ in range(runs):
        for name, process in runners.items():
            process.stdin.write("run\n")
            process.stdin.flush()
            results[name].append(json.loads(process.stdout.readline()))
    for process in runners.values():
        process.stdin.close()
        process.wait()
    return results


def table(size, results):
    """Print the medians of one race."""
    whole = {name: median(run["whole"] for run in runs) for name, runs in results.items()}
    columns = (*STAGES, "whole", "peak")
    print(
        f"\n{size} x {size}, seconds (median of {len(results[RUNNERS[0]])}); peak memory in GiB\n"
    )
    print("| | " + " | ".join(columns) + " | ours is faster by |")
    print("|---|" + "---|" * (len(columns) + 1))
    for name, runs in results.items():
        cells = [
            f"{median(run[column] for run in runs):.2f}" if column in runs[0] else ""
            for column in columns
        ]
        ratio = "" if name == RUNNERS[0] else f"{whole[name] / whole[RUNNERS[0]]:.2f}"
        print(f"| {name} | " + " | ".join(cells) + f" | {ratio} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--avx2", action="store_true", help="as on a processor without AVX-512")
    parser.add_argument("--serve", choices=RUNNERS, help=argparse.SUPPRESS)
    parser.add_argument("--regions", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--export", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve, args.sizes[0], args.threads, args.folder)
    elif args.regions:
        regions(args.sizes[0], args.folder / "regions.npz")
    elif args.export:
        export(args.sizes[0], args.threads, args.folder)
    else:
        import numba
        import onnxruntime
        import torch

        os.environ.update(machine.AVX2 if args.avx2 else {})  # for the runners
        print(machine.describe(numba, torch, onnxruntime))
        for size in args.sizes:
            with tempfile.TemporaryDirectory() as folder, machine.watched():
                table(size, race(size, args.runs, args.threads, Path(folder)))


if __name__ == "__main__":
    main()
