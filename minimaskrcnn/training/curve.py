"""The picture and the table of a training: how the losses fell and the precision rose.

Idea    One line per loss, smoothed over the neighbouring steps, on a logarithmic scale: a halving
        is the same distance everywhere. Below them the average precision on the validation set, if
        there is one: when it no longer rises while the losses still fall, the network overfits.
Shapes  losses (steps, 7), scores (looks, 3)  ->  a PNG, a CSV
"""

import csv

import numpy as np

from minimaskrcnn.runtime.files import written_whole
from minimaskrcnn.training.losses import LOSS_NAMES


def write_table(path, losses, scores=()):
    """Write a CSV: for each step its losses, gradient and rate, and the APs where it was looked at.

    Parameters
    ----------
    path : of the CSV, replaced at once when the new one is complete
    losses : (steps, 7) as `train` returns them
    scores : (looks, 3): step, AP of boxes, AP of masks
    """
    looks = {int(step): found for step, *found in scores}
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", *LOSS_NAMES, "gradient", "rate", "box_ap", "mask_ap"])
        for step, numbers in enumerate(losses, start=1):
            found = looks.get(step, ("", ""))
            writer.writerow([step, *(f"{x:.6g}" for x in numbers), *found])


def draw_curve(path, losses, scores=()):
    """Write the curves of the five losses, their sum and the learning rate as a PNG; and the APs.

    Parameters
    ----------
    path : of the PNG, replaced at once when the new one is complete
    losses : (steps, 7) as `train` returns them
    scores : (looks, 3): step, AP of boxes, AP of masks; none: no second diagram
    """
    from matplotlib.figure import Figure

    losses = np.asarray(losses)  # (steps, 7)
    window = max(len(losses) // 100, 1)
    steps = np.arange(window, len(losses) + 1)
    figure = Figure(figsize=(9, 8 if len(scores) else 5), layout="constrained")
    axes, *below = figure.subplots(2 if len(scores) else 1, squeeze=False)[:, 0]
    for part in below:
        _draw_scores(part, np.asarray(scores))
    axes.semilogy(steps, _smooth(losses[:, :5].sum(axis=1), window), "k", label="sum")
    for name, column in zip(LOSS_NAMES, losses.T, strict=False):
        axes.semilogy(steps, _smooth(column, window), label=name.replace("_", " "))
    axes.set(xlabel="step", ylabel=f"loss, mean of {window} steps")
    axes.grid(alpha=0.3)
    rate = axes.twinx()
    rate.plot(np.arange(1, len(losses) + 1), losses[:, 6], "0.7", linestyle=":", label="rate")
    rate.set(ylabel="learning rate (dotted)", ylim=(0, None))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=6)
    with written_whole(path) as beside:
        figure.savefig(beside, format="png", dpi=100)


def _draw_scores(axes, scores):
    for column, name in ((1, "boxes"), (2, "masks")):
        axes.plot(scores[:, 0], scores[:, column], "o-", markersize=3, label=name)
    axes.set(xlabel="step", ylabel="AP on the validation set", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()


def _smooth(values, window):
    """Mean of each `window` neighbouring values; not a number where all are 0."""
    means = np.convolve(values, np.full(window, 1 / window), mode="valid")
    return np.where(means > 0, means, np.nan)
