"""`minimaskrcnn train`: learn the shapes from nothing, or fine-tune known weights on a dataset.

Writes into the run's folder: checkpoint.npz (to go on from), model.h5 (to predict with, up to date
with every checkpoint), losses.png (the curves) and train.log.
"""

import argparse
from pathlib import Path

EXAMPLES = """examples:
  minimaskrcnn train                       # the bundled model, from random numbers
  minimaskrcnn train --steps 200 --output quick
  minimaskrcnn train --dataset cells.json --images cells/ --init coco --layers heads

Interrupted with Ctrl-C, the same command goes on from the last checkpoint, to the same result.
"""


def add_parser(subparsers):
    """Describe the subcommand to argparse."""
    parser = subparsers.add_parser(
        "train",
        help="train a model: on drawn shapes, or on your own annotations",
        description="Train a model from nothing on drawn shapes, or fine-tune one on annotations.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset", default="shapes", metavar="FILE",
        help='"shapes" (default), or annotations in COCO\'s JSON format')  # fmt: skip
    add("--images", type=Path, metavar="DIR", help="folder of the annotated images")
    add("--init", metavar="WEIGHTS",
        help='start from "coco", "shapes" or a weight file; needed for annotations')  # fmt: skip
    add("--layers", choices=("all", "heads"),
        help="what learns; default: all from nothing, heads with --init")  # fmt: skip
    add("--steps", type=_count, metavar="N", help="batches to learn from")
    add("--batch", type=_count, metavar="N", help="images a batch")
    add("--rate", type=_rate, metavar="R", help="highest learning rate")
    add("--seed", type=_seed, default=0, metavar="N", help="of weights and batches; default: 0")
    add("--output", type=Path, default=Path("run"), metavar="DIR",
        help="the run's folder; default: run")  # fmt: skip
    add("--checkpoint-every", type=_count, default=250, metavar="N", help="steps; default: 250")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Train; returns 0."""
    from minimaskrcnn.training.train import train

    model, example_of = _model_and_examples(args)
    recipe = _recipe(args)
    args.output.mkdir(parents=True, exist_ok=True)
    with (args.output / "train.log").open("a", encoding="utf-8") as log:

        def say(line):
            for file in (None, log):  # None: standard output
                print(line, file=file, flush=True)

        say(f"{recipe.steps} steps of {recipe.batch_size} images, seed {args.seed}")
        train(model, example_of, recipe, args.seed, args.output, args.checkpoint_every, say)
    weights = args.output / "model.h5"
    images = f" --images {args.images}" if args.images else ""
    print(f"wrote {weights}; judge it with")
    print(f"  minimaskrcnn evaluate --dataset {args.dataset}{images} --weights {weights}")
    return 0


def _model_and_examples(args):
    from minimaskrcnn.config import SHAPES
    from minimaskrcnn.errors import DatasetError, SettingError
    from minimaskrcnn.training.batches import endless_scenes, shuffled
    from minimaskrcnn.training.initialise import new_model, with_classes

    if args.dataset == "shapes":
        model = _load(args.init) if args.init else new_model(SHAPES, seed=args.seed)
        return with_classes(model, SHAPES.class_names, args.seed), endless_scenes(args.seed)
    if args.images is None or args.init is None:
        raise SettingError(
            "to train on annotations give --images, the folder of the pictures, and --init, the "
            'weights to start from, such as "coco"'
        )
    from minimaskrcnn.training.annotations import load_annotations

    dataset = load_annotations(args.dataset, args.images)
    usable = [i for i, image in enumerate(dataset.images) if image.annotations]
    if not usable:
        raise DatasetError(f"{args.dataset}: no image has an annotation: there is nothing to learn")
    number_of = shuffled(usable, args.seed)
    model = with_classes(_load(args.init), dataset.class_names, args.seed)
    return model, lambda number: dataset[number_of(number)]


def _load(weights):
    from minimaskrcnn.api import load_model

    return load_model(weights)


def _recipe(args):
    from dataclasses import replace

    from minimaskrcnn.training.recipe import ALL, FINE_TUNING, FROM_NOTHING, HEADS

    recipe = FINE_TUNING if args.init else FROM_NOTHING
    given = {"steps": args.steps, "batch_size": args.batch, "rate": args.rate}
    if args.layers:
        given["learns"] = {"all": ALL, "heads": HEADS}[args.layers]
    return replace(recipe, **{name: value for name, value in given.items() if value is not None})


def _count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _rate(text):
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 < rate < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return rate


def _seed(text):
    if not text.isdecimal() or int(text) > 4000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 4000")
    return int(text)
