"""`minimaskrcnn evaluate`: COCO's twelve numbers of some weights, for boxes and for masks."""

import argparse
from pathlib import Path

from minimaskrcnn.commands.options import count, refuse_images
from minimaskrcnn.runtime.terminal import progress_bar, say

EXAMPLES = """examples:
  minimaskrcnn evaluate                    # the bundled model on 500 scenes it has never seen
  minimaskrcnn evaluate --weights run/model.h5 --scenes 100
  minimaskrcnn evaluate --dataset instances_val2017.json --images val2017/ --weights coco
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
        help='"shapes" (default), or annotations in COCO\'s JSON format')  # fmt: skip
    add("--images", type=Path, metavar="DIR", help="folder of the annotated images")
    add("--weights", metavar="WEIGHTS",
        help='"coco", "shapes", "nuclei" or a weight file; for the shapes: shapes')  # fmt: skip
    add("--scenes", type=count, metavar="N", help="how many shapes scenes; default: 500")
    add("--min-score", type=float, default=0.05, metavar="S",
        help="drop objects less sure than this; default: 0.05")  # fmt: skip
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print the twelve lines for boxes, then for masks; returns 0."""
    from minimaskrcnn.api import load_model
    from minimaskrcnn.evaluate import by_class, summary
    from minimaskrcnn.training.validation import validate

    examples, total, class_names = _examples(args)
    model = load_model("shapes" if args.weights is None else args.weights)
    shown = progress_bar(examples, total=total, unit="image", leave=False)
    evaluation = validate(model, shown, class_names, min_score=args.min_score)
    say(f"{total} images")
    say(*summary(evaluation).split("\n"))
    say(*by_class(evaluation, class_names).split("\n"))
    if min(evaluation.box.stats.min(), evaluation.box.class_ap.min()) < 0:
        say("-1 stands where the dataset has no such objects")
    return 0


def _examples(args):
    """The dataset, how many images it has, and the names of its classes."""
    if args.dataset == "shapes":
        from minimaskrcnn.config import SHAPES
        from minimaskrcnn.datasets.scenes import scene

        refuse_images(args)
        scenes = args.scenes or 500
        return map(scene, range(scenes)), scenes, SHAPES.class_names
    from minimaskrcnn.datasets.annotations import check_pictures, load_annotations, remarks
    from minimaskrcnn.errors import SettingError

    if args.images is None or args.weights is None or args.scenes is not None:
        raise SettingError(
            "to evaluate on annotations give --images, the folder of the pictures, and --weights; "
            "--scenes belongs to the shapes"
        )
    dataset = load_annotations(args.dataset, args.images)
    check_pictures(dataset)
    say(*remarks(dataset))
    examples = (dataset[i] for i in range(len(dataset)))
    return examples, len(dataset), dataset.class_names
