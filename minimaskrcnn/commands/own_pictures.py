"""From the options of `train` to a training on one's own pictures.

Shapes  parsed options, dataset  ->  Lesson: model, examples, recipe, validation set, what to say
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

LOOKS = 8  # validations in a training, unless --val-every says otherwise
PREVIEWED = 6  # pictures on the sheet of --preview, and crops of each


@dataclass(frozen=True, eq=False)
class Lesson:
    """All that `training.train` is given."""

    model: Any  # MaskRCNN
    example_of: Callable  # from 0, 1, 2, … to Example
    recipe: Any  # Recipe
    watch: Any = None  # Watch
    told: list = field(default_factory=list)  # lines
    data: dict = field(default_factory=dict)  # what checkpoint and model file say of it


def from_nothing(args, dataset):
    """Return the Lesson for training on a dataset from nothing: look at it, and plan.

    Parameters
    ----------
    args : parsed options of `train`
    dataset : Annotations
    """
    from minimaskrcnn.datasets.crops import random_crops
    from minimaskrcnn.datasets.kinds import weights_of
    from minimaskrcnn.training.checkpoint import begun_steps
    from minimaskrcnn.training.initialise import new_model
    from minimaskrcnn.training.pace import tried
    from minimaskrcnn.training.plan import NETWORKS, config_of, lines, recipe_of
    from minimaskrcnn.training.train import CHECKPOINT

    chosen, left_out = split(dataset, args)
    statistics, plan = _planned(args, dataset, chosen)
    augmentation, config = _augmentation(args, dataset), config_of(plan, dataset.class_names)
    weights = weights_of([dataset.images[i].path for i in chosen])
    crops = random_crops(dataset, chosen, weights, plan.size, plan.scale, augmentation, args.seed)

    def model():
        return new_model(config, NETWORKS[plan.network], args.seed)

    recipe = changed(recipe_of(plan), args)
    seconds, peak = tried(model(), crops, recipe, args.seed)
    if args.minutes:
        begun = begun_steps(args.output / CHECKPOINT)  # a run goes on as it was planned
        steps = begun or max(int(args.minutes * 60 / seconds / 50), 1) * 50
        recipe = replace(recipe, steps=steps)
    watch, kinds = watch_of(args, dataset, left_out, recipe), _named(augmentation)
    told = [*lines(plan, statistics, recipe, seconds, peak), f"  augmentation {kinds} (--augment)"]
    data = {"plan": str(replace(plan, steps=0)), "augmentation": str(augmentation)}
    return Lesson(model(), crops, recipe, watch, told, data)


def draw_preview(args, dataset):
    """Write a sheet: in each row a crop of a picture as it is, then others changed at random."""
    from minimaskrcnn.datasets.augment import NONE
    from minimaskrcnn.datasets.crops import random_crop
    from minimaskrcnn.datasets.cutouts import cutouts_of
    from minimaskrcnn.training.sheets import outlined, write_sheet

    chosen, _ = split(dataset, args)
    _, plan = _planned(args, dataset, chosen)
    kinds = [NONE, *[_augmentation(args, dataset)] * (PREVIEWED - 1)]
    rows = []
    for i in np.unique(np.linspace(0, len(chosen) - 1, PREVIEWED).astype(int)):
        picture, rng = cutouts_of(dataset, chosen[i]), np.random.RandomState([args.seed, i])
        crops = [random_crop(picture, plan.size, plan.scale, kind, rng) for kind in kinds]
        rows.append([outlined(crop.image, crop.masks[crop.class_ids > 0]) for crop in crops])
    write_sheet(args.preview, rows)


def split(dataset, args):
    """Indices of the pictures with objects to learn from, and of those for validation."""
    usable = [i for i, image in enumerate(dataset.images) if image.objects]
    if args.val_share is None:
        return usable, []
    if len(usable) < 2:
        from minimaskrcnn.errors import SettingError

        raise SettingError("--val-share wants at least two pictures with objects; there is one")
    count = min(max(round(len(usable) * args.val_share), 1), len(usable) - 1)
    order = np.random.RandomState([args.seed, 3]).permutation(usable).tolist()
    return sorted(order[count:]), sorted(order[:count])


def watch_of(args, dataset, left_out, recipe):
    """The Watch on other pictures, or on those of the dataset that were left out, or None."""
    from minimaskrcnn.commands.options import annotations_of
    from minimaskrcnn.training.watch import Chosen, Watch

    every = args.val_every or max(recipe.steps // LOOKS, 1)
    if args.val is not None:
        others = annotations_of(args, args.val, args.val_images or args.images, to_learn=True)
        return Watch(others, every, args.patience or 0, others.class_names)
    if left_out:
        return Watch(Chosen(dataset, left_out), every, args.patience or 0, dataset.class_names)
    return None


def changed(recipe, args):
    """The Recipe with what --steps, --batch and --rate say."""
    options = {"steps": args.steps, "batch_size": args.batch, "rate": args.rate}
    return replace(recipe, **{name: x for name, x in options.items() if x is not None})


def _planned(args, dataset, chosen):
    from minimaskrcnn.training.plan import make_plan
    from minimaskrcnn.training.statistics import statistics_of

    statistics = statistics_of(dataset, chosen, [len(image.objects) for image in dataset.images])
    overruled = args.size, args.anchor_scales, args.max_detections, args.network or "small"
    return statistics, make_plan(statistics, *overruled)


def _augmentation(args, dataset):
    from minimaskrcnn.datasets.augment import augmentation_of, suited_to

    if args.augment is None:
        return suited_to(dataset.class_names)
    return augmentation_of(args.augment)


def _named(augmentation):
    return ",".join(name for name, value in vars(augmentation).items() if value) or "none"
