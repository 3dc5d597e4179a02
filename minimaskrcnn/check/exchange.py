"""Read a reader's own functions from a file, and put them into the package for a while.

Idea    A function takes the place of the package's function of the same name wherever that has been
        imported; afterwards everything is as it was. Names that begin with an underscore
        are private: neither the reader's helpers nor the package's kernels are exchanged.
Shapes  file  ->  functions by name
"""

import importlib
import importlib.util
import pkgutil
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from minimaskrcnn.errors import printable

NAME = "readers_own"  # of the module that the reader's file becomes
NO_STAGES = ("check", "cli", "commands")
FULL = {  # what the exercises call shorter
    "iou": "iou_matrix",
    "encode": "encode_deltas",
    "apply": "apply_deltas",
    "anchors": "make_anchors",
    "rpn": "region_proposals",
    "size": "scaled_size",
    "fold": "fold_batch_norm",
}


class Unreadable(ValueError):
    """A file that gives no functions: the sentence says why."""


def functions_of(path):
    """Return the public functions that a file defines (not those it imports), by their full names.

    `my_nms` counts as `nms`, and a name of an exercise such as `my_iou` as that of the package.

    Raises
    ------
    Unreadable
        If the file is missing, is no Python, or raises an error when it is run.
    """
    if not isinstance(path, str | Path):
        raise Unreadable(f"the path of a Python file is wanted, got {type(path).__name__}")
    path = Path(path)
    if not path.is_file():
        raise Unreadable(f"{printable(str(path))}: there is no such file")
    spec = importlib.util.spec_from_file_location(NAME, path)
    if spec is None:
        raise Unreadable(
            f"{printable(str(path))}: is not a Python file; its name should end in .py"
        )
    module = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        said = f"line {error.lineno}: {error.msg}"
        raise Unreadable(f"{printable(str(path))}: is not Python ({printable(said)})") from error
    except (Exception, SystemExit) as error:
        said = printable(f"{type(error).__name__}: {error}")
        raise Unreadable(f"{printable(str(path))}: cannot be run ({said})") from error
    own = {name: value for name, value in vars(module).items() if is_function(value, NAME)}
    return {full_name(name): value for name, value in own.items() if not name.startswith("_")}


def full_name(name):
    """The package's name of a reader's function."""
    short = name.removeprefix("my_")
    return FULL.get(short, short)


@cache
def package_modules():
    """Every module of the package that has stages or what belongs to them, imported."""
    whole = importlib.import_module("minimaskrcnn")
    found = pkgutil.walk_packages(whole.__path__, "minimaskrcnn.")
    names = [module.name for module in found if module.name.split(".")[1] not in NO_STAGES]
    return [importlib.import_module(name) for name in names]


def homes_of(name):
    """The modules that define a function of this name; the chapters are about matterport's."""
    own = [m for m in package_modules() if not m.__name__.startswith("minimaskrcnn.torchvision.")]
    return [m for m in own if is_function(vars(m).get(name), m.__name__)]


def put(theirs, own):
    """Put `own` wherever the package has `theirs`; returns the places, to put it back there."""
    places = [
        (module, name)
        for module in package_modules()
        for name, value in vars(module).items()
        if value is theirs and not name.startswith("_")
    ]
    for module, name in places:
        setattr(module, name, own)
    return places


@contextmanager
def exchanged(pairs):
    """Have (theirs, own) exchanged inside the `with` block, and back after it, whatever happens."""
    done = []
    try:
        for theirs, own in pairs:
            done.append((theirs, put(theirs, own)))
        yield
    finally:
        for theirs, places in reversed(done):
            for module, name in places:
                setattr(module, name, theirs)


def is_function(value, module_name):
    """Whether a value is a function, compiled or not, that this module defines."""
    plain = callable(value) and not isinstance(value, type)
    return plain and getattr(value, "__module__", None) == module_name
