"""`minimaskrcnn demo`: draw a scene that nobody has seen, find its shapes, write the picture."""

import argparse
from pathlib import Path

from minimaskrcnn.commands.options import SHAPES_SCORE
from minimaskrcnn.runtime.terminal import say


def add_parser(subparsers):
    """Describe the subcommand to argparse."""
    parser = subparsers.add_parser(
        "demo",
        help="find the shapes in a new random scene; needs no photograph and no network",
        description="Draw a new random scene and find its shapes with the bundled weights.",
        epilog="example:\n  minimaskrcnn demo --seed 7 --output seven.png",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--photo", action="store_true",
        help="find coins in a photograph instead; the weights know drawings only")  # fmt: skip
    add("--seed", type=int, metavar="N", help="of the scene; default: another one each time")
    add("-o", "--output", type=Path, default=Path("demo.png"), metavar="FILE",
        help="the picture; default: demo.png")  # fmt: skip
    add("--scene", type=Path, metavar="FILE", help="write the scene itself, too, undrawn")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Find the shapes of one scene, or the coins of a photograph; returns 0."""
    return _coins(args) if args.photo else _scene(args)


def _scene(args):
    from secrets import randbelow

    from minimaskrcnn.api import load_model
    from minimaskrcnn.datasets.scenes import scene
    from minimaskrcnn.errors import SettingError
    from minimaskrcnn.results.encoding import check_suffix, write_picture
    from minimaskrcnn.runtime.compiling import progress_of_compiling
    from minimaskrcnn.runtime.files import check_writable

    for path in filter(None, (args.output, args.scene)):
        check_suffix(path)
        check_writable(path)
    seed = randbelow(2**32) if args.seed is None else args.seed
    if not 0 <= seed < 2**32:
        raise SettingError(f"--seed must be from 0 to {2**32 - 1}, got {seed}")
    with progress_of_compiling():
        example = scene(seed)
        result = load_model("shapes").predict(example.image, min_score=SHAPES_SCORE)
    if args.scene:
        write_picture(args.scene, example.image)
    result.save(args.output)
    say(f"scene {seed}: {len(example.class_ids)} shapes drawn, {len(result)} found")
    say(*repr(result).split("\n"))
    say(f"wrote {args.output}")
    if args.scene:
        say(f"wrote {args.scene}; follow it: minimaskrcnn explain {args.scene} --weights shapes")
    return 0


def _coins(args):
    from minimaskrcnn.api import load_model
    from minimaskrcnn.datasets import COINS_FILE
    from minimaskrcnn.results.encoding import check_suffix
    from minimaskrcnn.runtime.compiling import progress_of_compiling
    from minimaskrcnn.runtime.files import check_writable

    check_suffix(args.output)
    check_writable(args.output)
    with progress_of_compiling():
        result = load_model("shapes").predict(COINS_FILE, size=256, min_score=0.5)
    result.save(args.output)
    say(*repr(result).split("\n"))
    say(f"wrote {args.output}")
    return 0
