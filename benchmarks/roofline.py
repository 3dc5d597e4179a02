"""The roofline of the network: what each convolution could reach at most, and what it reaches.

    python benchmarks/roofline.py [--size 1024] [--threads 2] [--runs 5] [--output FILE.png]

A layer has to multiply, and it has to bring its numbers to the processor and the result back. How
fast the processor multiplies, and how fast memory is read and written, is measured first: with
matrix products that fit into the cache, and with copies that do not. No layer can be faster than
either allows; which of the two is its limit depends on how many products it makes for each byte.
Products are those that the form really makes (36 for 16 outputs in Winograd's, instead of 144);
bytes are the fewest possible: input, kernel, shortcut and output once each.

Source  Williams, Waterman & Patterson, "Roofline: an insightful visual performance model for
        multicore architectures", Communications of the ACM 52(4), 2009.
"""

import argparse
import timeit
from math import ceil

import conv as bench
import machine
import numpy as np

from minimaskrcnn.runtime import threads

COLOURS = {"blocked": "#e69f00", "winograd": "#0072b2"}  # by the form of a convolution
NAMED = 0.04  # of the time: layers with a larger share get their name in the picture


def best(function, runs):
    """The shortest time of some runs, in seconds: a roof is what is possible, not what is usual."""
    return min(timeit.repeat(function, number=1, repeat=4 * runs))


def multiplying(runs):
    """GFLOP/s of float32 matrix products in the cache, on all threads together."""
    size, each = 512, 20
    a, b = np.ones((2, size, size), np.float32)
    into = np.empty((threads.get_num_threads(), size, size), np.float32)

    def work(i):
        for _ in range(each):
            np.matmul(a, b, out=into[i])

    seconds = best(lambda: threads.run(work, len(into)), runs)
    return 2 * size**3 * each * len(into) / seconds / 1e9


def copying(runs):
    """GB/s read and written by copies far larger than the cache, on all threads together."""
    parts = np.ones((threads.get_num_threads(), 2**25), np.float32)  # 128 MB each
    into = np.zeros_like(parts)
    seconds = best(lambda: threads.run(lambda i: np.copyto(into[i], parts[i]), len(parts)), runs)
    return 2 * parts.nbytes / seconds / 1e9


def counted(layer, form):
    """The operations (two for each product) and the bytes of a layer, at the least."""
    _, _, batch, side, channels, outputs, k, stride, _, shortcut = layer
    out = 1 if k == side else ceil(side / stride)
    each = 36 * ceil(out / 4) ** 2 if form == "winograd" else k * k * out * out
    products = each * batch * channels * outputs
    read = out if k == 1 else side  # a 1 x 1 with a stride of 2 reads every second cell
    numbers = batch * read * read * channels
    numbers += k * k * channels * outputs + (1 + shortcut) * batch * out * out * outputs
    return 2 * products, 4 * numbers


def draw(rows, peak, memory, path):
    """Every layer as a dot: operations per byte, and what it reaches; above them the roof."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot(
        xscale="log", yscale="log", xlabel="operations per byte", ylabel="GFLOP/s"
    )
    reach = np.geomspace(0.3, 3000, 200)
    axes.plot(reach, np.minimum(peak, memory * reach), color="black")
    total = sum(row["share"] for row in rows)
    for form, colour in COLOURS.items():
        own = [row for row in rows if row["form"] == form]
        sizes = [20 + 2000 * row["share"] / total for row in own]
        xs, ys = ([row[key] for row in own] for key in ("intensity", "reached"))
        axes.scatter(xs, ys, s=sizes, color=colour, alpha=0.5, label=form)
    named = [row for row in rows if row["share"] / total >= NAMED]
    for i, row in enumerate(sorted(named, key=lambda row: -row["intensity"])):
        axes.annotate(
            row["name"],
            (row["intensity"], row["reached"]),
            xytext=(0.5, 0.08 + 0.06 * i),
            textcoords="axes fraction",
            ha="right",
            va="center",
            arrowprops={"arrowstyle": "-", "color": "grey", "relpos": (1, 0.5)},
        )
    axes.set_title("the roof, and what each layer reaches; the larger, the more of the time")
    legend = axes.legend(loc="lower right")
    for handle in legend.legend_handles:
        handle.set_sizes([60])
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="side of the network's input")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output", help="a picture of it")
    options = parser.parse_args()
    threads.set_num_threads(options.threads)
    print(machine.describe())
    rows = []
    with machine.watched():
        peak, memory = multiplying(options.runs), copying(options.runs)
        print(f"products {peak:.0f} GFLOP/s, memory {memory:.1f} GB/s; ridge {peak / memory:.0f}")
        print("layer             x  form        MB  per byte  limit  reached  of it  bound by")
        for layer in bench.layers(options.size):
            function, form, _ = bench.ours(layer)
            seconds = bench.clock([function], options.runs)[0]
            operations, size = counted(layer, form)
            intensity, reached = operations / size, operations / seconds / 1e9
            limit = min(peak, memory * intensity)
            bound = "memory" if memory * intensity < peak else "products"
            print(
                f"{layer[0]:16} {layer[1]:2}  {form:8} {size / 1e6:5.1f} {intensity:9.1f} "
                f"{limit:6.0f} {reached:8.0f} {reached / limit:6.0%}  {bound}"
            )
            share = layer[1] * seconds
            row = {"name": layer[0], "form": form, "intensity": intensity, "reached": reached}
            rows.append(row | {"share": share})
    whole = sum(row["share"] for row in rows)
    waits = sum(row["share"] for row in rows if memory * row["intensity"] < peak)
    print(f"all: {1e3 * whole:.0f} ms, of which {waits / whole:.0%} in layers bound by memory")
    if options.output:
        draw(rows, peak, memory, options.output)


if __name__ == "__main__":
    main()
