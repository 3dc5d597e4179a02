"""`minimaskrcnn evaluate`: COCO's twelve numbers of some weights, for boxes and for masks."""

import argparse
from pathlib import Path

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
        help='"coco", "shapes" or a weight file; default: shapes, else coco')  # fmt: skip
    add("--scenes", type=int, default=500, metavar="N", help="how many shapes scenes; default: 500")
    add("--min-score", type=float, default=0.05, metavar="S",
        help="drop objects less sure than this; default: 0.05")  # fmt: skip
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print the twelve lines for boxes, then for masks; returns 0."""
    from tqdm import tqdm

    from minimaskrcnn.api import load_model
    from minimaskrcnn.evaluate import summary
    from minimaskrcnn.training.judge import judge

    examples, count, class_names = _examples(args)
    model = load_model(args.weights or ("shapes" if args.dataset == "shapes" else "coco"))
    # None: shown on a terminal only
    shown = tqdm(examples, total=count, unit="image", disable=None, leave=False)
    evaluation = judge(model, shown, class_names, min_score=args.min_score)
    print(f"{count} images")
    print(summary(evaluation))
    return 0


def _examples(args):
    """The dataset, how many images it has, and the names of its classes."""
    if args.dataset == "shapes":
        from minimaskrcnn.config import SHAPES
        from minimaskrcnn.training.shapes import scene

        return map(scene, range(args.scenes)), args.scenes, SHAPES.class_names
    from minimaskrcnn.errors import SettingError
    from minimaskrcnn.training.annotations import load_annotations

    if args.images is None:
        raise SettingError("to evaluate on annotations give --images, the folder of the pictures")
    dataset = load_annotations(args.dataset, args.images)
    examples = (dataset[i] for i in range(len(dataset)))
    return examples, len(dataset), dataset.class_names
