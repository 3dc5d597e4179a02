"""Options that commands share: which weights, the settings of the call, numbers that count."""

import argparse
import sys

STDIN = "-"  # in place of a file: what is given on standard input

SHAPES_SCORE = 0.5  # the bundled model's own limit is lower, for measuring average precision


def add_settings(parser):
    """Add --weights, the five settings of `settings.adjusted`, and --ignore-orientation."""
    add = parser.add_argument
    add("--weights", default="coco", metavar="WEIGHTS",
        help='"coco" (default), torchvision, torchvision-v2, shapes, nuclei or a file')  # fmt: skip
    add("--classes", action="append", metavar="LIST",
        help="look for these only: person,dog; may be repeated")  # fmt: skip
    add(
        "--min-score",
        type=float,
        metavar="S",
        help="drop objects less sure than this, 0 to 1; for the bundled shapes 0.5 if not given",
    )
    add("--nms-threshold", type=float, metavar="T", help="overlap allowed within a class, 0 to 1")
    add("--max-detections", type=int, metavar="N", help="keep the best N objects of an image")
    add("--size", type=int, metavar="PIXELS",
        help="side of the network's input, a multiple of 64: less is quicker")  # fmt: skip
    add("--ignore-orientation", action="store_true", help="do not turn images as EXIF asks")


def settings_of(args):
    """What was given, as keyword arguments; None leaves a setting as the model has it."""
    least = args.min_score
    if least is None and args.weights == "shapes":
        least = SHAPES_SCORE
    return {
        "orient": not args.ignore_orientation,
        "min_score": least,
        "nms_threshold": args.nms_threshold,
        "max_detections": args.max_detections,
        "classes": args.classes,
        "size": args.size,
    }


def photo_of(path):
    """What to read for a path of the command line: itself, or standard input for `-`."""
    return sys.stdin.buffer if path == STDIN else path


def add_style(parser):
    """Add how results are drawn: the options of `picture.draw`."""
    add = parser.add_argument_group("how pictures are drawn").add_argument
    add("--colour-by", choices=("object", "class"), default="object",
        help="neighbours differ (default), or each class has one colour")  # fmt: skip
    add("--opacity", type=float, default=0.4, metavar="A", help="of the masks, 0 to 1; default 0.4")
    for part in ("masks", "boxes", "scores"):
        add(f"--no-{part}", action="store_true", help=f"leave out the {part}")


def style_of(args):
    """What was given, as keyword arguments of `picture.draw`."""
    style = {"colour_by": args.colour_by, "opacity": args.opacity}
    return style | {part: not getattr(args, f"no_{part}") for part in ("masks", "boxes", "scores")}


def add_annotations(parser):
    """Add the options on how your own annotations are read, to `train` and `evaluate` alike."""
    add = parser.add_argument
    add("--skip-bad", action="store_true",
        help="go on without annotations and pictures that are wrong")  # fmt: skip
    add("--crowds-are-objects", action="store_true",
        help="take iscrowd 1 for a single object, as CVAT's brush writes it")  # fmt: skip
    add("--ignore-orientation", action="store_true", help="do not turn images as EXIF asks")
    add("--check-pictures", action="store_true",
        help="read every picture to its end before the run")  # fmt: skip


def annotations_of(args, path=None, images=None, to_learn=False):
    """Load the annotations that the options speak of, and look at the pictures.

    Parameters
    ----------
    args : parsed options, those of `add_annotations` among them
    path, images : other annotations than --dataset and --images, such as --val
    to_learn : whether there must be masks of objects, not only boxes

    Returns
    -------
    Annotations
    """
    from minimaskrcnn.datasets.annotations import load_annotations
    from minimaskrcnn.datasets.reading import check_objects, check_pictures

    dataset = load_annotations(
        path or args.dataset,
        images or args.images,
        skip_bad=args.skip_bad,
        crowds_are_objects=args.crowds_are_objects,
        orient=not args.ignore_orientation,
    )
    check_objects(dataset, to_learn)
    return check_pictures(dataset, args.check_pictures, args.skip_bad)


def count(text):
    """A number of steps, images, …: the type of an option."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def refuse_images(args):
    """Drawn shapes need no pictures: a folder without --dataset is an oversight."""
    from minimaskrcnn.errors import SettingError

    if args.images is not None:
        raise SettingError("--images belongs to annotations: give their file, --dataset FILE")
