"""The options of `train` for one's own pictures: validation, and what overrules the plan."""

import argparse
from pathlib import Path

from minimaskrcnn.commands.options import count

OF_THE_PLAN = (
    "minutes",
    "size",
    "anchor_scales",
    "max_detections",
    "network",
    "augment",
    "preview",
)
OF_VALIDATION = ("val", "val_images", "val_share", "val_every", "patience")


def add_plan_options(parser):
    """Add them to the parser, in two groups."""
    add = parser.add_argument_group("validation on pictures that are not learned from").add_argument
    add("--val", type=Path, metavar="FILE", help="annotations of other pictures")
    add("--val-images", type=Path, metavar="DIR",
        help="folder of these pictures; default: --images")  # fmt: skip
    add("--val-share", type=_share, metavar="P",
        help="or leave out this share of the dataset's pictures, such as 0.1")  # fmt: skip
    add("--val-every", type=count, metavar="N", help="steps; default: an eighth of all")
    add("--patience", type=count, metavar="N",
        help="stop early, after N validations no better than the best")  # fmt: skip
    add = parser.add_argument_group("from nothing, instead of what is planned").add_argument
    add("--minutes", type=_minutes, metavar="M", help="as many steps as this time allows")
    add("--size", type=_side, metavar="PIXELS", help="side of a crop, a multiple of 64")
    add("--anchor-scales", type=_scales, metavar="LIST",
        help="five sides in pixels of a crop, such as 16,32,64,128,256")  # fmt: skip
    add("--max-detections", type=count, metavar="N", help="most objects to find in a picture")
    add("--network", choices=("small", "medium", "resnet50"), help="default: small")
    add("--augment", type=_names, metavar="LIST",
        help="of mirror,turns,scale,brightness,contrast,colour, or none; default: all, without "
        "mirror where classes are called left or right, also without turns where they are "
        "letters or digits")  # fmt: skip
    add("--preview", type=Path, metavar="PICTURE",
        help="only draw crops and what augmentation makes of them")  # fmt: skip


def given(args, names):
    """The first of these options that was given, as it is typed, or None."""
    for name in names:
        if getattr(args, name) is not None:
            return "--" + name.replace("_", "-")
    return None


def refuse_misplaced(args):
    """Raise a SettingError for options that would have no effect."""
    from minimaskrcnn.errors import SettingError

    planned, watched = given(args, OF_THE_PLAN), given(args, OF_VALIDATION)
    if args.dataset == "shapes" and (planned or watched):
        raise SettingError(f"{planned or watched} belongs to your own pictures: give --dataset")
    if args.init is not None and planned:
        raise SettingError(
            f"{planned} belongs to training from nothing; with --init the weights decide: leave "
            "one of the two out"
        )
    if args.init is None and args.layers == "heads" and args.dataset != "shapes":
        raise SettingError("--layers heads belongs to --init: from nothing all layers must learn")
    if args.val is not None and args.val_share is not None:
        raise SettingError("give --val or --val-share, not both")
    if args.minutes is not None and args.steps is not None:
        raise SettingError("give --minutes or --steps, not both")
    if args.val is None and args.val_share is None and watched:
        raise SettingError(f"{watched} belongs to validation: give --val or --val-share")


def _share(text):
    return _number(text, 0, 1, "a share between 0 and 1, both excluded")


def _minutes(text):
    return _number(text, 0, 1e5, "a number of minutes above 0")


def _number(text, low, high, wanted):
    try:
        number = float(text)
    except ValueError:
        number = low
    if not low < number < high:
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return number


def _side(text):
    if not text.isdecimal() or int(text) % 64 or not 64 <= int(text) <= 2048:
        raise argparse.ArgumentTypeError(f"{text!r} is not a multiple of 64 from 64 to 2048")
    return int(text)


def _scales(text):
    try:
        scales = tuple(float(part) for part in text.split(","))
    except ValueError:
        scales = ()
    if len(scales) != 5 or not all(1 <= scale <= 10_000 for scale in scales):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not five sides in pixels, such as 16,32,64,128,256"
        )
    return scales


def _names(text):
    return [] if text == "none" else [part.strip() for part in text.split(",") if part.strip()]
