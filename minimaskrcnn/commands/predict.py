"""`minimaskrcnn predict`: find the objects in photographs; `outputs` says what is written."""

import argparse
import json
import os
import warnings
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from minimaskrcnn.commands.options import STDIN, add_settings, photo_of, settings_of
from minimaskrcnn.runtime.terminal import complain, progress_bar, say

FORMATS = ("png", "json", "coco", "masks", "crops")
EXAMPLES = """examples:
  minimaskrcnn predict street.jpg
  minimaskrcnn predict photos/ --output found --format png,coco
  minimaskrcnn predict 'photos/**/*.jpg' --classes person,dog --min-score 0.9
  minimaskrcnn predict street.jpg --json | jq '.objects[].label'

exit status: 0 all done; 1 some images failed, the last lines say which; 2 nothing done
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
    add("--output", type=Path, metavar="DIR", help="where files go; default: this folder")
    add("--format", type=_formats, default=("png", "json"), metavar="LIST",
        help=f"what to write, of {','.join(FORMATS)}; default: png,json")  # fmt: skip
    add_settings(parser)
    add("--json", action="store_true",
        help="print one line of JSON an image; write files only if --output is given")  # fmt: skip
    add("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Predict every image; returns 0, 1 (some failed) or 2 (all failed)."""
    photos, failures = _find(args.images, args.quiet)
    done = 0
    if photos:
        from minimaskrcnn.api import load_model
        from minimaskrcnn.runtime.compiling import progress_of_compiling

        model = load_model(args.weights)
        with warnings.catch_warnings(), nullcontext() if args.quiet else progress_of_compiling():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", UserWarning)
            done = _predict_all(model, photos, failures, args)
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


def _predict_all(model, photos, failures, args):
    """Predict and write; failures are added to. Returns how many photographs were done."""
    from minimaskrcnn.errors import WeightsError, sentence
    from minimaskrcnn.results import outputs

    folder = args.output or (None if args.json else Path())
    names, ids = outputs.file_names(photos), outputs.image_ids(photos)
    dataset, done = outputs.new_dataset(model.config.class_names), 0
    hidden = args.quiet or len(photos) == 1
    with progress_bar(total=len(photos), unit="image", hidden=hidden) as bar:

        def failed(path, error):
            words = sentence(error)
            if isinstance(error, WeightsError):
                words = f"{path}: {args.weights}: {words}"
            named = words.startswith(path)  # else the picture is fine, but does not suit
            failures.append(words if named else f"{path}: {words}")
            bar.update()

        for result in _results(model, photos, failed, args):
            error = _write(result, names[result.source], folder, args.format) if folder else None
            if error:
                failed(result.source, error)
                continue
            if folder and "coco" in args.format:
                outputs.add_to_dataset(dataset, result, ids[result.source])
            with bar.external_write_mode():
                _print(result, args, alone=len(photos) == 1)
            bar.update()
            done += 1
    if dataset["images"]:
        outputs.write_dataset(dataset, folder)
    return done


def _write(result, name, folder, formats):
    """Write the files of one photograph; returns the OSError that prevented it, or None."""
    from minimaskrcnn.results import outputs

    try:
        outputs.write_result(result, name, folder, formats)
    except OSError as error:
        return error


def _results(model, photos, failed, args):
    """Predict each file; none is expanded again."""
    from dataclasses import replace

    from minimaskrcnn.errors import ImageError, WeightsError

    for path in photos:
        try:
            result = model.predict(photo_of(path), **settings_of(args))
        except (ImageError, WeightsError) as error:  # weights may overflow on some pictures only
            failed(path, error)
        else:
            yield replace(result, source=path)


def _print(result, args, alone):
    if args.json:
        say(json.dumps(result.to_dict(), allow_nan=False).replace("\x7f", "\\u007f"))
    elif not args.quiet:
        counts = Counter(result.labels).most_common()
        found = ", ".join(f"{count} {label}" for label, count in counts) or "nothing"
        say(*(repr(result).split("\n") if alone else [f"{result.source}: {found}"]))


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
