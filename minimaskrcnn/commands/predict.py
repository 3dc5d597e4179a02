"""`minimaskrcnn predict`: find the objects in photographs and write down what was found."""

import argparse
import json
from pathlib import Path

EXAMPLES = """examples:
  minimaskrcnn predict street.jpg
  minimaskrcnn predict photos/*.jpg --weights mask_rcnn_coco.h5 --output found
"""


def add_parser(subparsers):
    """Describe the subcommand to argparse."""
    parser = subparsers.add_parser(
        "predict",
        help="find the objects in photographs",
        description="Find the objects in photographs.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--weights", default="coco", help='"coco", "shapes" or a weight file')
    parser.add_argument("--output", default=".", type=Path, metavar="DIR")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Predict every image; write NAME.png and NAME.json, print a table."""
    from minimaskrcnn.api import load_model

    model = load_model(args.weights)
    args.output.mkdir(parents=True, exist_ok=True)
    for path in map(Path, args.images):
        result = model.predict(path)
        result.save(args.output / f"{path.stem}.png")
        text = json.dumps(result.to_dict(), ensure_ascii=False)
        (args.output / f"{path.stem}.json").write_text(text, encoding="utf-8")
        print(f"{path}\n{result!r}")
    return 0
