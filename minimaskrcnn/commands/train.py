"""`minimaskrcnn train`: learn the shapes from nothing, or fine-tune known weights on a dataset.

Writes into the run's folder: checkpoint.npz (to go on from), model.h5 (to predict with, up to date
with every checkpoint), losses.png (the curves) and train.log.
"""

import argparse
import shlex
from pathlib import Path

from minimaskrcnn.commands.options import count, refuse_images
from minimaskrcnn.errors import printable
from minimaskrcnn.runtime import terminal
from minimaskrcnn.runtime.files import make_folder

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
    add("--steps", type=count, metavar="N",
        help="batches to learn from; default: 7000, with --init 1000")  # fmt: skip
    add("--batch", type=count, metavar="N", help="images a batch; default: 8, with --init 2")
    add("--rate", type=_rate, metavar="R",
        help="highest learning rate; default: 0.004, with --init 0.001")  # fmt: skip
    add("--seed", type=_seed, default=0, metavar="N", help="of weights and batches; default: 0")
    add("-o", "--output", type=Path, default=Path("run"), metavar="DIR",
        help="the run's folder; default: run")  # fmt: skip
    add("--checkpoint-every", type=count, default=250, metavar="N", help="steps; default: 250")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Train; returns 0."""
    from minimaskrcnn.training.train import CHECKPOINT, MODEL, train

    make_folder(args.output)
    model, example_of, remarks = _model_and_examples(args)
    recipe = _recipe(args)
    log_file = args.output / "train.log"
    with log_file.open("a", encoding="utf-8", errors="backslashreplace") as log:

        def say(line):
            terminal.say(line)
            log.write(printable(line) + "\n")
            log.flush()

        for line in remarks:
            say(line)
        say(f"{recipe.steps} steps of {recipe.batch_size} images, seed {args.seed}")
        data, every = _described_data(args), args.checkpoint_every
        try:
            train(model, example_of, recipe, args.seed, args.output, every, say, data)
        except KeyboardInterrupt:
            kept = (args.output / CHECKPOINT).exists()
            said = "the same command goes on from its last" if kept else "before the first"
            terminal.complain(f"interrupted; {said} checkpoint")
            return 130
    weights = args.output / MODEL
    judge = ["minimaskrcnn", "evaluate", "--dataset", args.dataset]
    judge += ["--images", str(args.images)] if args.images else []
    terminal.say(f"wrote {weights}; judge it with")
    terminal.say(f"  {shlex.join([*judge, '--weights', str(weights)])}")
    return 0


def _model_and_examples(args):
    """The model to begin with, the function that gives examples, and what to say about them."""
    from minimaskrcnn.config import SHAPES
    from minimaskrcnn.errors import DatasetError, SettingError
    from minimaskrcnn.training.batches import endless_scenes, shuffled
    from minimaskrcnn.training.initialise import new_model, with_classes

    if args.dataset == "shapes":
        refuse_images(args)
        model = new_model(SHAPES, seed=args.seed) if args.init is None else _load(args.init)
        return with_classes(model, SHAPES.class_names, args.seed), endless_scenes(args.seed), []
    if args.images is None or args.init is None:
        raise SettingError(
            "to train on annotations give --images, the folder of the pictures, and --init, the "
            'weights to start from, such as "coco"'
        )
    from minimaskrcnn.datasets.annotations import check_pictures, load_annotations, remarks

    dataset = load_annotations(args.dataset, args.images)
    usable = [i for i, image in enumerate(dataset.images) if image.objects]
    if not usable:
        raise DatasetError(f"{args.dataset}: no image has an object: there is nothing to learn")
    check_pictures(dataset)
    number_of = shuffled(usable, args.seed)
    model = with_classes(_load(args.init), dataset.class_names, args.seed)
    told = [*remarks(dataset), f"  with objects, to learn from: {len(usable)} images"]
    return model, lambda number: dataset[number_of(number)], told


def _described_data(args):
    """What is learned from, for the checkpoint: a folder's run goes on with the same only."""
    from minimaskrcnn.weights.lock import checksum

    def named(file):
        """A file by name and contents; "coco" and "shapes" by name."""
        found = Path(file).is_file()
        return f"{Path(file).name} (SHA-256 {checksum(file)[:16]}…)" if found else file

    init = "random numbers" if args.init is None else named(args.init)
    return {"dataset": named(args.dataset), "init": init}


def _load(weights):
    from minimaskrcnn.api import load_model

    return load_model(weights)


def _recipe(args):
    from dataclasses import replace

    from minimaskrcnn.training.recipe import ALL, FINE_TUNING, FROM_NOTHING, HEADS

    recipe = FROM_NOTHING if args.init is None else FINE_TUNING
    given = {"steps": args.steps, "batch_size": args.batch, "rate": args.rate}
    if args.layers:
        given["learns"] = {"all": ALL, "heads": HEADS}[args.layers]
    return replace(recipe, **{name: value for name, value in given.items() if value is not None})


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
