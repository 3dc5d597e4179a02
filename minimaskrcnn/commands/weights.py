"""`minimaskrcnn weights`: fetch, convert, look into and verify weight files."""

import argparse

from minimaskrcnn.runtime.terminal import say

EXAMPLES = """examples:
  minimaskrcnn weights fetch
  minimaskrcnn weights info mask_rcnn_coco.h5
  minimaskrcnn weights verify mask_rcnn_coco.h5
  minimaskrcnn weights convert mask_rcnn_balloon.h5 balloon.h5 --class-names balloon
  minimaskrcnn weights convert mine.h5 mine.safetensors --config display.txt --class-names a,b
"""

# The numbers of `python benchmarks/float16.py full` and `small`.
FLOAT16 = """stored as float16: numbers keep 11 significant bits, so at most 1 part in 2048 is lost;
those below 6e-5 (one in a thousand of the small reference model's) keep fewer, or become 0. On the
reference cases (seeded weights, 5 pictures) that moves boxes by at most 1 pixel and scores by at
most 0.035; of the small model's detections 40 in 40 are found again, of the full model's 288 in
300"""


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

    action = actions.add_parser("fetch", help="download, verify and convert published weights")
    action.add_argument(
        "which",
        nargs="?",
        default="coco",
        choices=("coco", "torchvision", "torchvision-v2"),
        help="matterport's (default), or one of torchvision's two versions",
    )
    action.set_defaults(run=run_fetch)

    action = actions.add_parser("convert", help="convert a file into this package's format")
    action.add_argument("source", metavar="IN")
    action.add_argument("target", metavar="OUT", nargs="?", help="OUT.h5, or OUT.safetensors")
    action.add_argument("-o", "--output", metavar="OUT", help="the same as OUT")
    _add_given(action)
    action.add_argument(
        "--float16", action="store_true", help="half the size; what that costs is printed"
    )
    action.set_defaults(run=run_convert)

    action = actions.add_parser("info", help="say what a file is")
    action.add_argument("file", metavar="FILE")
    action.add_argument(
        "--arrays", action="store_true", help="list every array: shape, min, mean, std, max"
    )
    action.set_defaults(run=run_info)

    action = actions.add_parser("verify", help="say which known file it is, or what is wrong")
    action.add_argument("file", metavar="FILE")
    _add_given(action)
    action.set_defaults(run=run_verify)

    action = actions.add_parser(
        "selftest", help="compare the real COCO weights with what others have published"
    )
    action.add_argument("--weights", default="coco", metavar="FILE")
    action.add_argument(
        "--image", action="append", default=[], metavar="FILE", help="001763.jpg or 004545.jpg"
    )
    action.set_defaults(run=run_selftest)


def _add_given(action):
    """What a Keras file does not say: --class-names and --config."""
    action.add_argument(
        "--class-names",
        metavar="NAMES",
        help="the classes in the order used in training, without the background: a,b,c, or a text "
        "file with one name per line (not needed for COCO's 80)",
    )
    action.add_argument(
        "--config",
        metavar="FILE",
        help="the settings of the training: JSON with this package's names or the original's "
        "(IMAGE_MAX_DIM, …), or the text that the original's config.display() prints",
    )


def run_fetch(args) -> int:
    """Make sure that published weights are there."""
    from minimaskrcnn.weights.describe import verify
    from minimaskrcnn.weights.download import fetch
    from minimaskrcnn.weights.known import RELEASES

    for line in verify(fetch(RELEASES[args.which])):
        say(line)
    return 0


def run_convert(args) -> int:
    """Write a model in this package's own format."""
    from minimaskrcnn.errors import SettingError
    from minimaskrcnn.runtime.files import check_writable
    from minimaskrcnn.weights import convert
    from minimaskrcnn.weights.describe import verify
    from minimaskrcnn.weights.given import read_given

    target = args.output or args.target
    if target is None:
        raise SettingError("give the file to write, too: minimaskrcnn weights convert IN OUT")
    check_writable(target)
    config, names = read_given(args.config, args.class_names)
    convert(args.source, target, config, args.float16, class_names=names)
    for line in verify(target):
        say(line)
    if args.float16:
        say(*FLOAT16.split("\n"))
    say(f"try it: minimaskrcnn predict PHOTO.jpg --weights {target}")
    return 0


def run_info(args) -> int:
    """Describe a file."""
    from minimaskrcnn.weights.describe import info

    for line in info(args.file, args.arrays):
        say(line)
    return 0


def run_verify(args) -> int:
    """Check a file."""
    from minimaskrcnn.weights.describe import verify
    from minimaskrcnn.weights.given import read_given

    config, names = read_given(args.config, args.class_names)
    for line in verify(args.file, config=config, class_names=names):
        say(line)
    return 0


def run_selftest(args) -> int:
    """Print agreement line by line; 1 if anything differs."""
    from minimaskrcnn.weights.download import published_weights
    from minimaskrcnn.weights.known import RELEASES
    from minimaskrcnn.weights.selftest import selftest

    path = published_weights(args.weights) if args.weights in RELEASES else args.weights
    words = {True: "agrees", False: "DIFFERS", None: "not run"}
    verdicts = []
    for verdict, line in selftest(path, args.image):
        verdicts.append(verdict)
        say(f"{words[verdict]:8} {line}")
    counts = ", ".join(f"{verdicts.count(verdict)} {word}" for verdict, word in words.items())
    say(f"{counts}; the published numbers and their sources: weights/published_numbers.json")
    if verdicts[0] is None:
        say("A converted file cannot prove what it was made from: to be sure, test the original.")
    elif not verdicts[0]:  # the first line says which file this is
        say("This is not the published file: the lines above say nothing about the weights.")
    return 1 if False in verdicts else 0
