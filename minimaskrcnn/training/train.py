"""The training loop: batch after batch, until the recipe's steps are done.

Idea    Take a batch, ask for the gradient, move the weights against it; now and then write down how
        far it has come. One thread learns, another already draws the next batch.
Paper   Robbins & Monro 1951: noisy gradients of a sample will do.
Shapes  model, examples  ->  the same model, its weights written; a folder with checkpoint and curve

Notes   Batch normalisation uses each batch's own statistics while learning. For predicting, moving
        averages of them are kept in the norms; what is saved has them folded into the convolutions.
        Where there are no norms (weights that were folded before), nothing of this happens: fine
        tuning keeps normalisation as it is, as the original does.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from minimaskrcnn.conv import has_norms
from minimaskrcnn.errors import TrainingError
from minimaskrcnn.runtime import blas, memory
from minimaskrcnn.training.checkpoint import save_checkpoint
from minimaskrcnn.training.clock import Clock
from minimaskrcnn.training.conventions import rules_of
from minimaskrcnn.training.interrupt import held_back
from minimaskrcnn.training.losses import LOSS_NAMES
from minimaskrcnn.training.optimise import clip_gradients
from minimaskrcnn.training.parameters import learning_weights
from minimaskrcnn.training.run_folder import (
    CHECKPOINT,
    MODEL,
    alone,
    begun,
    described,
    publish,
    watched,
)
from minimaskrcnn.training.step import learn
from minimaskrcnn.weights.store import check_words_fit

__all__ = ["CHECKPOINT", "MODEL", "advance", "as_cut", "follow", "train"]

MOMENTUM = 0.05  # how much of a batch's statistics enters the moving averages


def train(
    model,
    example_of,
    recipe,
    seed,
    folder,
    checkpoint_every=500,
    say=print,
    data=None,
    watch=None,
    prolong=False,
):
    """Train a model as a recipe says, going on from the folder's checkpoint if there is one.

    Parameters
    ----------
    model : MaskRCNN, whose arrays are written
    example_of : function from 0, 1, 2, … to Example; always the same for the same number
    recipe : Recipe
    seed : int; with the same seed the weights come out the same, to the bit on the same kind of
        processor with the same versions
    folder : path of the run's folder, made if need be
    checkpoint_every : steps; one is also written at the end
    say : function of a line of text: the progress
    data : dict of str by name, what else tells this run from another, such as its dataset
    watch : Watch or None: the validation set
    prolong : whether the folder's run may be one of fewer steps, which goes on

    Returns
    -------
    losses : (steps, 7) float64: the five LOSS_NAMES, the gradient's length, the learning rate

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, when the step is finished and a checkpoint is written.
    TrainingError
        If the training diverges: with a sentence, before a weight that is not a number is written
        to disk. If the folder's checkpoint is damaged, or of another model or run. If the backbone
        is to stay as it is and has never learned.
    """
    if "backbone" not in recipe.learns and has_norms(model.backbone):
        raise TrainingError(
            "the backbone must learn, too, as long as it knows nothing: start from trained weights "
            "(--init), or let all layers learn"
        )
    folder = Path(folder)
    check_words_fit(folder / MODEL, {"config": json.dumps(asdict(model.config))})
    folder.mkdir(parents=True, exist_ok=True)
    run = {"seed": seed, **(data or {}), **described(recipe)}
    whose = {**run, **described(model.config)}
    with alone(folder), held_back() as pressed, ThreadPoolExecutor(1) as maker, _memory(model):
        progress = begun(folder, model, whose, recipe, prolong)
        if progress.step:
            say(f"going on after step {progress.step} of {folder / CHECKPOINT}")
            publish(folder, model, progress, run)  # in case it was interrupted between the two
        clock, config = Clock(recipe, progress.step), as_cut(model.config)
        for batch in _prepared(maker, example_of, progress.step + 1, recipe, config, seed):
            rng = np.random.RandomState([seed, progress.step + 1, 1])
            progress.losses.append(advance(model, batch, recipe, progress, rng))
            stopped = watched(watch, model, progress, recipe, folder, run, say)
            last = stopped or progress.step == recipe.steps or pressed()
            clock.tick(progress, say)
            if last or progress.step % checkpoint_every == 0:
                save_checkpoint(folder / CHECKPOINT, model, progress, whose)
                publish(folder, model, progress, run)
            if last:
                break
    if pressed():
        raise KeyboardInterrupt
    return np.array(progress.losses)


def _memory(model):
    """Where memory is reused; for fine-tuning that would hold gigabytes and save no time."""
    return memory.reuse() if has_norms(model) else nullcontext()


def as_cut(config):
    """The Config for pictures that were brought to the network's scale when they were cut out."""
    return replace(config, resize_mode="none") if config.resize_mode == "scale" else config


def _prepared(maker, example_of, first, recipe, config, seed):
    """The batches of steps `first` … `recipe.steps`, each made while the one before is used."""

    def begin(step):
        return maker.submit(rules_of(config).make_batch, example_of, step, recipe, config, seed)

    coming = begin(first) if first <= recipe.steps else None
    for step in range(first, recipe.steps + 1):
        batch = coming.result()
        if step < recipe.steps:
            coming = begin(step + 1)
        yield batch


def advance(model, batch, recipe, progress, rng):
    """Do one step: write the model's weights, its averages and `progress`.

    Returns
    -------
    list of seven floats: the five losses, the gradient's length before clipping, the learning rate
    """
    step = progress.step + 1
    rate = recipe.schedule(step, recipe.steps, recipe.rate)
    weights = learning_weights(model, recipe.learns)
    try:
        with blas.one_thread():
            losses, gradients, statistics = learn(
                model, batch, recipe.sampling_of(step), rng, "backbone" in recipe.learns
            )
        gradients = {name: gradients[name] for name in weights if name in gradients}
        gradients, length = clip_gradients(gradients, recipe.longest_gradient)
    except FloatingPointError as error:
        raise TrainingError(
            f"the training diverged at step {step}: {error}; what was written before is as it was, "
            f"try a learning rate below {recipe.rate:g} in another folder"
        ) from error
    recipe.optimiser(weights, gradients, progress.memory, rate, step)
    follow(statistics)
    progress.step = step
    return [*(losses[name] for name in LOSS_NAMES), length, rate]


def follow(statistics):
    """Move the norms' averages towards the statistics of a batch.

    The variance is that over all batches: the mean of theirs, and the variance of their means (the
    law of total variance), which an average that moves by a share a towards a new mean d away
    gathers as a (1 - a) d².
    """
    for norm, mean, variance in statistics:
        away = mean - norm.mean
        norm.mean[...] += MOMENTUM * away
        norm.variance[...] += MOMENTUM * (variance - norm.variance + (1 - MOMENTUM) * away**2)
