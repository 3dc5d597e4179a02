"""`minimaskrcnn train`: learn the shapes from nothing, or fine-tune known weights on a dataset.

Writes into the run's folder: checkpoint.npz (to go on from), model.h5 (to predict with, up to date
with every checkpoint), losses.png (the curves) and train.log.

Length  Half of it describes the options.
"""

import argparse
import shlex
from dataclasses import replace
from pathlib import Path

from minimaskrcnn.commands.options import add_annotations, annotations_of, count, refuse_images
from minimaskrcnn.commands.own_pictures import (
    Lesson,
    changed,
    draw_preview,
    from_nothing,
    split,
    watch_of,
)
from minimaskrcnn.commands.plan_options import add_plan_options, refuse_misplaced
from minimaskrcnn.errors import printable
from minimaskrcnn.runtime import terminal
from minimaskrcnn.runtime.files import make_folder

EXAMPLES = """examples:
  minimaskrcnn train                       # the bundled model, from random numbers
  minimaskrcnn train --steps 200 --output quick
  minimaskrcnn train --dataset cells.json --images cells/ --val-share 0.1
  minimaskrcnn train --dataset cells.json --images cells/ --preview sheet.jpg
  minimaskrcnn train --dataset cells.json --images cells/ --init coco --layers heads

Without --init it learns from nothing: it looks at the dataset, says its plan, and begins.
Interrupted with Ctrl-C, the same command goes on where it was, to the same result.
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
        help='start from "coco", "shapes" or a weight file; default: random numbers')  # fmt: skip
    add("--layers", choices=("all", "heads"),
        help="what learns; default: all from nothing, heads with --init")  # fmt: skip
    add("--steps", type=count, metavar="N",
        help="batches to learn from; default: 12000, with --init 1000, else planned")  # fmt: skip
    add("--batch", type=count, metavar="N", help="images a batch; default: 8, with --init 2")
    add("--rate", type=_rate, metavar="R",
        help="highest learning rate; default: 0.004, with --init 0.001")  # fmt: skip
    add("--seed", type=_seed, default=0, metavar="N", help="of weights and batches; default: 0")
    add("-o", "--output", type=Path, default=Path("run"), metavar="DIR",
        help="the run's folder; default: run")  # fmt: skip
    add("--checkpoint-every", type=count, default=250, metavar="N", help="steps; default: 250")
    add("--resume", action="store_true",
        help="go on with the folder's run, which was one of fewer --steps")  # fmt: skip
    add_plan_options(parser)
    add_annotations(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    """Train; returns 0."""
    from minimaskrcnn.training.train import CHECKPOINT, MODEL, train

    refuse_misplaced(args)
    dataset = _dataset(args)
    if args.preview:
        draw_preview(args, dataset)
        terminal.say(f"wrote {args.preview}")
        return 0
    lesson = _lesson(args, dataset)
    make_folder(args.output)
    log_file = args.output / "train.log"
    with log_file.open("a", encoding="utf-8", errors="backslashreplace") as log:

        def say(line):
            terminal.say(line)
            log.write(printable(line) + "\n")
            log.flush()

        for line in lesson.told:
            say(line)
        say(f"{lesson.recipe.steps} steps of {lesson.recipe.batch_size} images, seed {args.seed}")
        try:
            train(
                lesson.model,
                lesson.example_of,
                lesson.recipe,
                args.seed,
                args.output,
                args.checkpoint_every,
                say,
                {**_described_data(args), **lesson.data},
                lesson.watch,
                args.resume,
            )
        except KeyboardInterrupt:
            kept = (args.output / CHECKPOINT).exists()
            said = "the same command goes on from its last" if kept else "before the first"
            terminal.complain(f"interrupted; {said} checkpoint")
            return 130
    _say_how_to_judge(args, args.output / MODEL)
    return 0


def _say_how_to_judge(args, weights):
    """Print the command that evaluates the weights, on other pictures if there are others."""
    dataset, images = args.val or args.dataset, args.val and args.val_images or args.images
    judge = ["minimaskrcnn", "evaluate", "--dataset", str(dataset)]
    judge += ["--images", str(images)] if images else []
    learned = images and not args.val
    where = " (on pictures that it has learned from, which flatters)" if learned else ""
    terminal.say(f"wrote {weights}; judge it with{where}")
    terminal.say(f"  {shlex.join([*judge, '--weights', str(weights)])}")


def _dataset(args):
    """The annotations to learn from, checked; None for the drawn shapes."""
    from minimaskrcnn.datasets.reading import check_memory

    if args.dataset == "shapes":
        refuse_images(args)
        return None
    dataset = annotations_of(args, to_learn=True)
    if args.init is not None:  # learns from whole masks; crops from what is over their boxes
        check_memory(dataset, dataset.images)
    return dataset


def _lesson(args, dataset):
    """What to train, on what, how: see `own_pictures.Lesson`."""
    from minimaskrcnn.api import load_model
    from minimaskrcnn.config import SHAPES
    from minimaskrcnn.datasets.remarks import remarks, too_small
    from minimaskrcnn.training.batches import endless_scenes, shuffled
    from minimaskrcnn.training.classes import classes_told, with_classes
    from minimaskrcnn.training.initialise import new_model

    init = None if args.init is None else load_model(args.init)
    recipe = _recipe(args, init)
    if dataset is None:
        model = with_classes(
            init or new_model(SHAPES, seed=args.seed), SHAPES.class_names, args.seed
        )
        return Lesson(model, endless_scenes(args.seed), recipe)
    chosen, left_out = split(dataset, args)
    told = [*remarks(dataset), f"  with objects, to learn from: {len(chosen)} images"]
    if init is None:
        lesson = from_nothing(args, dataset)
        return replace(lesson, told=[*told, *lesson.told])
    number_of = shuffled(chosen, args.seed)
    told += [*too_small(dataset, init.config), *classes_told(init, dataset.class_names)]
    model = with_classes(init, dataset.class_names, args.seed)
    watch = watch_of(args, dataset, left_out, recipe)
    return Lesson(model, lambda number: dataset[number_of(number)], recipe, watch, told)


def _described_data(args):
    """What is learned from, for the checkpoint: a folder's run goes on with the same only."""
    from minimaskrcnn.weights.lock import checksum

    def named(file):
        """A file by name and contents; "coco" and "shapes" by name."""
        found = Path(file).is_file()
        return f"{Path(file).name} (SHA-256 {checksum(file)[:16]}…)" if found else file

    init = "random numbers" if args.init is None else named(args.init)
    return {"dataset": named(args.dataset), "init": init}


def _recipe(args, init):
    from minimaskrcnn.training.recipe import ALL, FROM_NOTHING, HEADS, fine_tuning

    recipe = changed(FROM_NOTHING if init is None else fine_tuning(init.config), args)
    return (
        replace(recipe, learns={"all": ALL, "heads": HEADS}[args.layers]) if args.layers else recipe
    )


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
