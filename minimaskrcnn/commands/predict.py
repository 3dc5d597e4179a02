"""`minimaskrcnn predict`: find the objects in photographs; `results.folder` writes the files."""

import argparse
import os
import warnings
from contextlib import nullcontext
from pathlib import Path

from minimaskrcnn.commands.options import (
    STDIN,
    add_settings,
    add_style,
)
from minimaskrcnn.runtime.terminal import complain

FORMATS = ("png", "json", "masks", "crops", "labelme", "yolo", "coco", "polygons", "results", "csv")
EXAMPLES = """examples:
  minimaskrcnn predict street.jpg
  minimaskrcnn predict photos/ --output found --format png,coco
  minimaskrcnn predict 'photos/**/*.jpg' --classes person,dog --min-score 0.9
  minimaskrcnn predict photos/ --output found --skip-existing    # goes on where it was ended
  minimaskrcnn predict val2017/ -o found --format results --like instances_val2017.json
  minimaskrcnn predict street.jpg --json | jq '.objects[].label'

exit status: 0 all done; 1 some images failed, the last lines say which; 2 nothing done;
130 interrupted: what was done is written
"""


def add_parser(subparsers):
    """Describe the subcommand to argparse."""
    parser = subparsers.add_parser(
        "predict",
        help="find the objects in photographs",
        description="Find the objects in photographs: a picture and a list of each.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE",
        help="file, folder, pattern in quotes, or - for standard input")  # fmt: skip
    add("-o", "--output", type=Path, metavar="DIR", help="where files go; default: this folder")
    add("--format", type=_formats, default=("png", "json"), metavar="LIST",
        help=f"what to write, of {','.join(FORMATS)}; default: png,json")  # fmt: skip
    add("--skip-existing", action="store_true", help="leave out what has all its files already")
    add("--like", metavar="FILE.json", help="take image and category ids from these annotations")
    add_settings(parser)
    add("--class-names", metavar="NAMES",
        help="the classes of a weight file without names: cat,dog, or a text file")  # fmt: skip
    add("--json", action="store_true",
        help="print one line of JSON per image; write files only if --output is given")  # fmt: skip
    add("--quiet", action="store_true", help="print nothing but errors")
    add_style(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    """Predict every image; returns 0, 1 (some failed) or 2 (all failed)."""
    photos, failures = _find(args.images, args.quiet)
    done = 0
    if photos:
        from minimaskrcnn.api import load_model
        from minimaskrcnn.commands.predicting import Run
        from minimaskrcnn.results.like import Like
        from minimaskrcnn.runtime.compiling import progress_of_compiling
        from minimaskrcnn.runtime.files import make_folder
        from minimaskrcnn.weights.given import read_given

        folder = args.output or (None if args.json else Path())
        if folder:
            make_folder(folder)
        like = Like(args.like) if args.like else None
        model = load_model(args.weights, class_names=read_given(None, args.class_names)[1])
        with warnings.catch_warnings(), nullcontext() if args.quiet else progress_of_compiling():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            done = Run(model, photos, failures, folder, like, args).do()
    return _report(failures, done)


def _find(images, quiet):
    """{path: its name below what was asked for} of the pictures; a sentence for each failure."""
    from minimaskrcnn.errors import ImageError
    from minimaskrcnn.photo.finding import Found, find
    from minimaskrcnn.photo.opening import why_missing

    found, failures = Found(), []
    for image in images:
        try:
            find(image, found)
        except ImageError as error:
            failures.append(str(error))
    if STDIN in found.names:
        found.names[STDIN] = "stdin"  # what its files are called
    if found.left_out() and not quiet:
        complain(found.left_out())
    missing = [path for path in found.names if path != STDIN and not os.path.exists(path)]
    failures += [f"{path}: {why_missing(path) or 'no such file'}" for path in missing]
    return {path: found.names[path] for path in found.names if path not in missing}, failures


def _report(failures, done):
    """Say on standard error what failed; returns the exit status."""
    for failure in failures:
        complain(failure)
    if failures and done:
        total = done + len(failures)
        complain(f"{len(failures)} of {total} failed, the rest is done")
    if not failures:
        return 0
    return 1 if done else 2


def _formats(text):
    chosen = tuple(part.strip() for part in text.split(","))
    for part in chosen:
        if part not in FORMATS:
            raise argparse.ArgumentTypeError(f"{part!r} is none of {', '.join(FORMATS)}")
    return chosen
