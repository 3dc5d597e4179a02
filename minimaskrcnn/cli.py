"""The command `minimaskrcnn`: one subcommand a module in `minimaskrcnn.commands`.

Idea    A module of `commands` has two functions: `add_parser(subparsers)` describes the subcommand
        and its arguments, `run(args)` does it and returns the exit status. Heavy imports stand
        inside `run`, so that `--help` answers at once.
Status  0 done; 1 done in part, the summary says what failed (or, of `weights selftest`, that a
        number differs); 2 nothing done, one sentence on standard error says why; 130 interrupted;
        141 nobody reads what is printed.
"""

import argparse
import os
import sys
import warnings
from importlib import import_module

from minimaskrcnn import __version__
from minimaskrcnn.errors import MiniMaskRCNNError, sentence

# Modules of minimaskrcnn.commands, in the order of --help.
COMMANDS = ("demo", "predict", "explain", "train", "evaluate", "weights", "chapters")


def main(argv=None) -> int:
    """Run the command line; `argv` is without the program's name. Returns the exit status."""
    with warnings.catch_warnings():  # a warning is a line of its own, not a piece of source
        warnings.showwarning = _show_warning
        return _status(argv)


def _show_warning(message, *_):
    print(f"minimaskrcnn: {message}", file=sys.stderr)


def _status(argv):
    for stream in (sys.stdout, sys.stderr):  # a name that cannot be printed as it is gets escapes
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        args = build_parser().parse_args(argv)
        status = args.run(args)
        sys.stdout.flush()  # a closed pipe shows here, not at the interpreter's end
        return status
    except SystemExit as end:  # argparse: --help, --version or wrong usage
        return int(end.code or 0)
    except BrokenPipeError:  # `minimaskrcnn … | head`: the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # 128 + SIGPIPE, what a shell reports
    except MemoryError as error:
        print(f"minimaskrcnn: the memory does not suffice ({error}); try smaller pictures, or "
              "fewer at once", file=sys.stderr)  # fmt: skip
        return 2
    except (MiniMaskRCNNError, OSError) as error:
        print(f"minimaskrcnn: {sentence(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("minimaskrcnn: interrupted", file=sys.stderr)
        return 130


def build_parser():
    """The parser of all subcommands; the chosen one's `run` is in the parsed `args.run`."""
    parser = argparse.ArgumentParser(
        prog="minimaskrcnn",
        description="Find the objects in photographs: boxes, classes and masks (Mask R-CNN).",
        epilog="`minimaskrcnn COMMAND --help` explains a command and shows examples.",
    )
    parser.add_argument("--version", action="version", version=f"minimaskrcnn {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"minimaskrcnn.commands.{name}").add_parser(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
