"""The command `minimaskrcnn`: one subcommand a module in `minimaskrcnn.commands`.

Idea    A module of `commands` has two functions: `add_parser(subparsers)` describes the subcommand
        and its arguments, `run(args)` does it and returns the exit status. Heavy imports stand
        inside `run`, so that `--help` answers at once.
Status  0 done; 1 done in part, the summary says what failed (or, of `weights selftest`, that a
        number differs); 2 nothing done, one sentence on standard error says why; 130 interrupted;
        141 nobody reads what is printed.
"""

import argparse
import logging
import os
import sys
import warnings
from importlib import import_module

from minimaskrcnn import __version__
from minimaskrcnn.errors import MiniMaskRCNNError, printable, sentence
from minimaskrcnn.runtime.swallowed import ctrl_c_is_heard
from minimaskrcnn.runtime.terminal import complain, open_streams, say

# Modules of minimaskrcnn.commands, in the order of --help.
COMMANDS = ("demo", "predict", "explain", "train", "evaluate", "weights", "chapters")


class Parser(argparse.ArgumentParser):
    """argparse's parser: what it prints is printable, and missed where it is lost."""

    def error(self, message):
        """Print usage and message, and end with status 2."""
        super().error(printable(message))

    def _print_message(self, message, file=None):
        if message and file is sys.stdout:
            say(*message.rstrip("\n").split("\n"))
        else:
            super()._print_message(message, file)
            complain()  # notices now that standard error is full, not at the very end


def main(argv=None) -> int:
    """Run the command line; `argv` is without the program's name. Returns the exit status."""
    open_streams()
    os.environ.pop("MPLBACKEND", None)  # a notebook's, which we may not have: nothing needs it
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # not its words on its own folders
    with warnings.catch_warnings():  # a warning is a line of its own, not a piece of source
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_: complain(str(message))
        return _status(argv)


def _status(argv):
    try:
        with ctrl_c_is_heard():
            args = build_parser().parse_args(argv)
            return args.run(args)
    except SystemExit as end:  # argparse: --help, --version or wrong usage
        return int(end.code or 0)
    except BrokenPipeError:  # `minimaskrcnn … | head`: the reader has had enough
        return 141  # 128 + SIGPIPE, what a shell reports
    except MemoryError as error:
        complain(f"there is not enough memory ({error}); try smaller pictures, or fewer at once")
        return 2
    except (MiniMaskRCNNError, OSError) as error:
        complain(*sentence(error).split("\n"))
        return 2
    except KeyboardInterrupt:
        complain("interrupted")
        return 130


def build_parser():
    """The parser of all subcommands; the chosen one's `run` is in the parsed `args.run`."""
    parser = Parser(
        prog="minimaskrcnn",
        description="Find the objects in photographs: boxes, classes and masks (Mask R-CNN).",
        epilog="`minimaskrcnn COMMAND --help` explains a command and shows examples.",
    )
    parser.add_argument("--version", action="version", version=f"minimaskrcnn {__version__}")
    parser.set_defaults(run=lambda args: parser.print_help() or 0)  # the bare command
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in COMMANDS:
        import_module(f"minimaskrcnn.commands.{name}").add_parser(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
