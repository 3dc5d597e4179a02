"""The picture of a training: how the losses fell.

Idea    One line a loss, smoothed over the neighbouring steps, on a logarithmic scale: a halving is
        the same distance everywhere.
Shapes  losses (steps, 7)  ->  a PNG
"""

import numpy as np

from minimaskrcnn.runtime.files import written_whole
from minimaskrcnn.training.losses import LOSS_NAMES


def draw_curve(path, losses):
    """Write the curves of the five losses, their sum and the learning rate as a PNG.

    Parameters
    ----------
    path : of the PNG, replaced at once when the new one is complete
    losses : (steps, 7) as `train` returns them
    """
    from matplotlib.figure import Figure

    losses = np.asarray(losses)  # (steps, 7)
    window = max(len(losses) // 100, 1)
    steps = np.arange(window, len(losses) + 1)
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
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


def _smooth(values, window):
    """Mean of each `window` neighbouring values; not a number where all are 0."""
    means = np.convolve(values, np.full(window, 1 / window), mode="valid")
    return np.where(means > 0, means, np.nan)
