"""Every kind of convolution in the network, one by one: form, time, GFLOP/s, share of the whole.

    python benchmarks/conv.py [--size 1024] [--threads 2] [--runs 5] [--no-torch]

Each layer is run with its bias, shortcut and ReLU. Where PyTorch is installed the same layer runs
there, in both memory layouts, alternating with ours in one process; its column is the faster
layout, and the last column is its time over ours. Medians of the runs. GFLOP/s count the direct
convolution's operations (two for each product), so a form that saves products may show more
than the processor can do.
"""

import argparse
import time
from statistics import median

import machine
import numpy as np

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.conv.choose import choose_form
from minimaskrcnn.runtime import threads

REGIONS, MASKS = 1000, 100


def layers(size):
    """Yield (name, count, batch, side, in, out, kernel, stride, relu, shortcut)."""
    yield "conv1", 1, 1, size, 3, 64, 7, 2, True, False
    side, channels = size // 4, 64
    for stage, blocks in zip((2, 3, 4, 5), (3, 4, 23, 3), strict=True):
        width, stride = 64 * 2 ** (stage - 2), 1 if stage == 2 else 2
        name, out = f"res{stage}", side // stride
        yield f"{name}a reduce", 1, 1, side, channels, width, 1, stride, True, False
        yield f"{name}a shortcut", 1, 1, side, channels, 4 * width, 1, stride, False, False
        yield f"{name} reduce", blocks - 1, 1, out, 4 * width, width, 1, 1, True, False
        yield f"{name} 3x3", blocks, 1, out, width, width, 3, 1, True, False
        yield f"{name} expand", blocks, 1, out, width, 4 * width, 1, 1, True, True
        side, channels = out, 4 * width
    for level in (5, 4, 3, 2):
        side, channels = size // 2**level, 64 * 2**level
        yield f"p{level} lateral", 1, 1, side, channels, 256, 1, 1, False, level < 5
        yield f"p{level} 3x3", 1, 1, side, 256, 256, 3, 1, False, False
    for level in (2, 3, 4, 5, 6):
        side = size // 2**level
        yield f"rpn p{level} 3x3", 1, 1, side, 256, 512, 3, 1, True, False
        yield f"rpn p{level} class", 1, 1, side, 512, 6, 1, 1, False, False
        yield f"rpn p{level} boxes", 1, 1, side, 512, 12, 1, 1, False, False
    yield "box head 7x7", 1, REGIONS, 7, 256, 1024, 7, 1, True, False
    yield "box head 1x1", 1, REGIONS, 1, 1024, 1024, 1, 1, True, False
    yield "mask head 3x3", 4, MASKS, 14, 256, 256, 3, 1, True, False
    yield "mask head 1x1", 1, MASKS, 28, 256, 81, 1, 1, False, False


def padding_of(kernel, side):
    """As in the network: none for 1x1 and for a kernel as large as the map, else "same"."""
    return (0, 0) if kernel == side else ((kernel - 1) // 2, (kernel - 1) // 2)


def ours(layer):
    """Return the layer as a function without arguments, its Conv's form and its operations."""
    _, _, batch, side, channels, outputs, k, stride, relu, shortcut = layer
    random = np.random.RandomState(0)
    x = random.standard_normal((batch, side, side, channels)).astype(np.float32)
    kernel = random.standard_normal((k, k, channels, outputs)).astype(np.float32)
    conv = Conv(kernel, np.zeros(outputs, np.float32), stride, padding_of(k, side))
    y = conv2d(x, conv)
    add = random.standard_normal(y.shape).astype(np.float32) if shortcut else None
    form = choose_form(x, conv).__name__.removeprefix("conv2d_")
    return lambda: conv2d(x, conv, relu, add), form, 2 * y.size * k * k * channels


def theirs(layer, channels_last):
    """Return the layer in PyTorch as a function without arguments."""
    import torch

    _, _, batch, side, channels, outputs, k, stride, relu, shortcut = layer
    order = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.randn(batch, channels, side, side).to(memory_format=order)
    conv = torch.nn.Conv2d(channels, outputs, k, stride, padding_of(k, side)[0])
    conv = conv.to(memory_format=order)

    @torch.inference_mode()
    def run():
        y = conv(x)
        if shortcut:
            y += add
        return torch.relu_(y) if relu else y

    add = torch.randn_like(run_once(conv, x)) if shortcut else None
    return run


def run_once(conv, x):
    import torch

    with torch.inference_mode():
        return conv(x)


def clock(functions, runs):
    """The median time of each function, in seconds; they take turns, after one run to warm up."""
    times = [[] for _ in functions]
    for turn in range(runs + 1):
        for function, own in zip(functions, times, strict=True):
            time.sleep(0.005)  # lets the other's threads stop spinning
            start = time.perf_counter()
            function()
            if turn:
                own.append(time.perf_counter() - start)
    return [median(own) for own in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="side of the network's input")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-torch", action="store_true")
    options = parser.parse_args()
    threads.set_num_threads(options.threads)
    peer = not options.no_torch
    if peer:
        try:
            import torch

            torch.set_num_threads(options.threads)
        except ImportError:
            peer = False
    rows = []
    print(machine.describe())
    with machine.watched():
        for layer in layers(options.size):
            function, form, operations = ours(layer)
            functions = [function] + ([theirs(layer, False), theirs(layer, True)] if peer else [])
            times = clock(functions, options.runs)
            rows.append((layer, form, operations, times[0], min(times[1:], default=None)))
        print_table(rows)


def print_table(rows):
    """Print a line for each layer, times its count, and the sum."""
    total = sum(layer[1] * own for layer, _, _, own, _ in rows)
    print("layer            x  map          in   out  form        ms  GFLOP/s  share", end="")
    print("   torch ms  torch/ours")
    total_torch = 0
    for layer, form, operations, own, torch_time in rows:
        name, count, batch, side, channels, outputs = layer[:6]
        place = f"{batch}x{side}x{side}"
        print(f"{name:15} {count:2}  {place:11} {channels:4}  {outputs:4}  {form:8}", end=" ")
        print(f"{1e3 * own:7.2f} {operations / own / 1e9:8.0f} {count * own / total:6.1%}", end="")
        if torch_time is not None:
            total_torch += count * torch_time
            print(f" {1e3 * torch_time:10.2f} {torch_time / own:10.2f}", end="")
        print()
    operations = sum(layer[1] * each for layer, _, each, _, _ in rows)
    print(f"all: {1e3 * total:.0f} ms, {operations / total / 1e9:.0f} GFLOP/s", end="")
    print(
        f"; torch {1e3 * total_torch:.0f} ms, {total_torch / total:.2f} times ours"
        * (total_torch > 0)
    )


if __name__ == "__main__":
    main()
