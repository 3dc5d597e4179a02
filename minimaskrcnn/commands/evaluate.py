"""`minimaskrcnn evaluate`: COCO's numbers of some weights, for boxes and for masks.

With --output it writes the detections, a table, the precision-recall curve and the confusion matrix
(see `evaluate.report`).
"""

import argparse
from pathlib import Path

from minimaskrcnn.commands.options import add_annotations, annotations_of, count, refuse_images
from minimaskrcnn.runtime.files import make_folder
from minimaskrcnn.runtime.terminal import progress_bar, say

EXAMPLES = """examples:
  minimaskrcnn evaluate                    # the bundled model on 500 scenes it has never seen
  minimaskrcnn evaluate --weights run/model.h5 --scenes 100
  minimaskrcnn evaluate --dataset instances_val2017.json --images val2017/ --weights coco
  minimaskrcnn evaluate --dataset cells.json --images cells/ --weights run/model.h5 \\
      --max-detections 500 --output report/
"""


def add_parser(subparsers):
    """Describe the subcommand to argparse."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure how good weights are: COCO's average precision",
        description="Predict a dataset and compare with the truth: COCO's average precision (AP).",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset", default="shapes", metavar="FILE",
        help='"shapes" (default), or annotations: a file in COCO\'s format, or another form '
        "of docs/annotations.md")  # fmt: skip
    add("--images", type=Path, metavar="DIR",
        help="folder of the annotated images; default: where the annotations are")  # fmt: skip
    add("--weights", metavar="WEIGHTS",
        help='"coco", "shapes", "nuclei" or a weight file; for the shapes: shapes')  # fmt: skip
    add("--scenes", type=count, metavar="N", help="how many shapes scenes; default: 500")
    add("--min-score", type=float, default=0.05, metavar="S",
        help="drop objects less sure than this; default: 0.05")  # fmt: skip
    add("--size", type=int, metavar="PIXELS", help="side of the network's input, a multiple of 64")
    add("--max-detections", type=count, metavar="N",
        help="keep and count the best N objects of an image; default: as the model")  # fmt: skip
    add("--iou", type=_thresholds, metavar="LIST",
        help="overlaps that make a detection right; default: 0.5,0.55 to 0.95")  # fmt: skip
    add("-o", "--output", type=Path, metavar="DIR",
        help="write detections, tables, curve and confusion matrix there")  # fmt: skip
    add_annotations(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print the lines for boxes, then for masks; returns 0."""
    from minimaskrcnn.api import load_model
    from minimaskrcnn.evaluate import by_class, summary
    from minimaskrcnn.training.validation import compared, evaluate_pairs, rules_for

    examples, source = _examples(args)
    model = load_model("shapes" if args.weights is None else args.weights)
    settings = {"min_score": args.min_score, "size": args.size}
    settings["max_detections"] = args.max_detections
    rules = rules_for(model, args.max_detections, args.iou)
    names, masks = source["class_names"], source["masks"]
    if args.output is not None:
        make_folder(args.output)  # a bad one is found before the work
    shown = progress_bar(examples, total=len(source["image_ids"]), unit="image", leave=False)
    pairs = compared(model, shown, names, masks, **settings)
    pairs = pairs if args.output is None else list(pairs)
    evaluation = evaluate_pairs(pairs, names, masks, rules)
    say(f"{len(source['image_ids'])} images")
    say(*summary(evaluation).split("\n"))
    say(*by_class(evaluation, names).split("\n"))
    if min(evaluation.box.stats.min(), evaluation.box.class_ap.min()) < 0:
        say("-1 stands where the dataset has no such objects")
    if args.output is not None:
        _report(args.output, evaluation, pairs, source)
    return 0


def _report(folder, evaluation, pairs, source):
    from minimaskrcnn.evaluate.report import Outcome, write_report

    outcome = Outcome(
        evaluation, pairs, source["image_ids"], source["category_ids"], source["class_names"]
    )
    say(f"wrote {', '.join(write_report(outcome, folder))} to {folder}")


def _examples(args):
    """The examples, and what they are: class names, ids of images and categories, masks or not."""
    if args.dataset == "shapes":
        from minimaskrcnn.config import SHAPES
        from minimaskrcnn.datasets.scenes import scene

        refuse_images(args)
        numbers, names = range(args.scenes or 500), SHAPES.class_names
        about = {"image_ids": list(numbers), "category_ids": list(range(1, len(names)))}
        return map(scene, numbers), {**about, "class_names": names, "masks": True}
    from minimaskrcnn.datasets.remarks import remarks
    from minimaskrcnn.errors import SettingError

    if args.weights is None or args.scenes is not None:
        raise SettingError(
            "to evaluate on annotations give --weights (and --images, the folder of the pictures, "
            "if they are elsewhere); --scenes belongs to the shapes"
        )
    dataset = annotations_of(args)
    say(*remarks(dataset))
    first_of = {k: category for category, k in reversed(list(dataset.class_id_of.items()))}
    about = {
        "image_ids": [image.image_id for image in dataset.images],
        "category_ids": [first_of[k] for k in range(1, len(dataset.class_names))],
        "class_names": dataset.class_names,
        "masks": not dataset.boxes_only,
    }
    return (dataset.packed(i) for i in range(len(dataset))), about


def _thresholds(text):
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of overlaps such as 0.5,0.75"
        ) from None
