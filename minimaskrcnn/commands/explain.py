"""`minimaskrcnn explain`: one page that shows a photograph's way through the network."""

import argparse
from pathlib import Path

from minimaskrcnn.commands.options import add_settings, photo_of, settings_of
from minimaskrcnn.runtime.terminal import say

EXAMPLES = """examples:
  minimaskrcnn explain street.jpg
  minimaskrcnn explain street.jpg -o street.html --classes person,dog --min-score 0.5
  minimaskrcnn explain scene.png --weights shapes
"""


def add_parser(subparsers):
    """Describe the subcommand to argparse."""
    parser = subparsers.add_parser(
        "explain",
        help="show step by step what the network does with a photograph",
        description="Write one self-contained page (HTML) that walks through the network with "
        "pictures of a photograph: features, anchors, proposals, classes, masks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("photo", metavar="PHOTO", help="the file of a photograph, or - for standard input")
    add("-o", "--output", type=Path, default=Path("report.html"), metavar="FILE",
        help="the page; default: report.html")  # fmt: skip
    add("--object", type=int, metavar="N", help="follow object N of `predict` through the heads")
    add_settings(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    """Explain one photograph; returns 0."""
    from minimaskrcnn.api import explain
    from minimaskrcnn.errors import SettingError
    from minimaskrcnn.runtime.compiling import progress_of_compiling
    from minimaskrcnn.runtime.files import check_writable

    if args.output.suffix.lower() not in (".html", ".htm"):
        raise SettingError(f"{args.output}: the page is HTML; give it a name that ends in .html")
    check_writable(args.output)
    with progress_of_compiling():
        report = explain(
            photo_of(args.photo), args.weights, number=args.object, **settings_of(args)
        )
    report.save(args.output)
    say(f"wrote {args.output}: open it in a browser")
    return 0
