"""`minimaskrcnn weights`: fetch, convert, look into and verify weight files."""

import argparse

EXAMPLES = """examples:
  minimaskrcnn weights fetch
  minimaskrcnn weights info mask_rcnn_coco.h5
  minimaskrcnn weights verify mask_rcnn_coco.h5
  minimaskrcnn weights convert mask_rcnn_balloon.h5 balloon.h5 --class-names balloon
"""

# The numbers of `python benchmarks/float16.py full` and `small`.
FLOAT16 = """stored as float16: every number is rounded by at most 1 part in 2048. On the reference
cases (seeded weights, 5 pictures) that moves boxes by at most 1 pixel and scores by at most 0.035;
of the small model's detections 40 in 40 are found again, of the full model's 288 in 300"""


def add_parser(subparsers):
    """Describe the subcommand and its own subcommands to argparse."""
    parser = subparsers.add_parser(
        "weights",
        help="fetch, convert, look into and verify weight files",
        description="Weight files: what is in them, whether they are whole, where they come from.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    action = actions.add_parser("fetch", help="download, verify and convert the COCO weights")
    action.set_defaults(run=run_fetch)

    action = actions.add_parser("convert", help="convert a Keras file into this package's format")
    action.add_argument("source", metavar="IN.h5")
    action.add_argument("target", metavar="OUT.h5")
    action.add_argument(
        "--class-names",
        metavar="NAMES",
        help="the classes in the order of training, without the background: a,b,c, or a text "
        "file with one a line (not needed for COCO's 80)",
    )
    action.add_argument(
        "--config", metavar="FILE.json", help="other settings than the COCO model's, as JSON"
    )
    action.add_argument(
        "--float16", action="store_true", help="half the size; what that costs is printed"
    )
    action.set_defaults(run=run_convert)

    action = actions.add_parser("info", help="say what a file is, and list its arrays")
    action.add_argument("file", metavar="FILE")
    action.set_defaults(run=run_info)

    action = actions.add_parser("verify", help="say which known file it is, or what is wrong")
    action.add_argument("file", metavar="FILE")
    action.set_defaults(run=run_verify)

    action = actions.add_parser(
        "selftest", help="compare the real COCO weights with what others have published"
    )
    action.add_argument("--weights", default="coco", metavar="FILE")
    action.add_argument(
        "--image", action="append", default=[], metavar="FILE", help="001763.jpg or 004545.jpg"
    )
    action.set_defaults(run=run_selftest)


def run_fetch(args) -> int:
    """Make sure that the COCO weights are there."""
    from minimaskrcnn.weights.download import fetch

    print(f"{fetch()}: the COCO weights, verified and converted")
    return 0


def run_convert(args) -> int:
    """Write a model in this package's own format."""
    from minimaskrcnn.weights import convert
    from minimaskrcnn.weights.configs import read_config
    from minimaskrcnn.weights.describe import verify

    config = read_config(args.config, args.class_names)
    convert(args.source, args.target, config, args.float16)
    for line in verify(args.target):
        print(line)
    if args.float16:
        print(FLOAT16)
    print(f"try it: minimaskrcnn predict PHOTO.jpg --weights {args.target}")
    return 0


def run_info(args) -> int:
    """Describe a file."""
    from minimaskrcnn.weights.describe import info

    for line in info(args.file):
        print(line)
    return 0


def run_verify(args) -> int:
    """Check a file."""
    from minimaskrcnn.weights.describe import verify

    for line in verify(args.file):
        print(line)
    return 0


def run_selftest(args) -> int:
    """Print agreement line by line; 1 if anything differs."""
    from minimaskrcnn.weights.download import coco_weights
    from minimaskrcnn.weights.selftest import selftest

    path = coco_weights() if args.weights == "coco" else args.weights
    words = {True: "agrees", False: "DIFFERS", None: "not run"}
    verdicts = []
    for verdict, line in selftest(path, args.image):
        verdicts.append(verdict)
        print(f"{words[verdict]:8} {line}")
    counts = ", ".join(f"{verdicts.count(verdict)} {word}" for verdict, word in words.items())
    print(f"{counts}; the published numbers and their sources: weights/published_numbers.json")
    if verdicts[0] is not True:  # the first line says which file this is
        print("This is not the published file: the lines above say nothing about the weights.")
    return 1 if False in verdicts else 0
