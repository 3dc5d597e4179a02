"""`pytest tests/test_09_nms.py --mine my_nms.py`: a stage's tests on a reader's own functions.

Idea    Before any test file is imported, every function of `my_nms.py` takes the place of the
        package's function of the same name, wherever that has been imported. A test then tests the
        reader's function without knowing it. What begins with an underscore is nobody's business:
        neither the reader's helpers nor the package's kernels are exchanged.
"""

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path

import pytest

import minimaskrcnn

NAME = "readers_own"  # of the module that the reader's file becomes
NO_STAGES = ("check", "cli", "commands")


def pytest_addoption(parser):
    parser.addoption(
        "--mine",
        metavar="FILE",
        help="run the tests on the functions of this file, in place of the package's of the same "
        "names (`my_nms` counts as `nms`)",
    )


def pytest_configure(config):
    path = config.getoption("--mine")
    if path is not None:
        config.stash[_REPORT] = exchange(functions_of(path), path)


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash.get(_REPORT, []):
        terminalreporter.write_line(line)


_REPORT = pytest.StashKey[list]()


def functions_of(path):
    """The public functions that a file defines (not those it imports), by name without `my_`."""
    path = Path(path)
    if not path.is_file():
        raise pytest.UsageError(f"--mine {path}: there is no such file")
    spec = importlib.util.spec_from_file_location(NAME, path)
    module = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {
        name.removeprefix("my_"): value
        for name, value in vars(module).items()
        if _is_function(value, NAME) and not name.startswith("_")
    }


def exchange(functions, path):
    """Put functions in the place of the package's; returns a line about each for the report."""
    lines, modules = [], package_modules()
    for name, own in functions.items():
        homes = [m for m in modules if _is_function(vars(m).get(name), m.__name__)]
        if not homes:
            lines.append(f"--mine: the package has no function {name!r}; yours is not tested")
        elif len(homes) > 1:
            found = " and ".join(module.__name__ for module in homes)
            raise pytest.UsageError(f"--mine {path}: {name!r} may mean that of {found}")
        else:
            _replace(getattr(homes[0], name), own, modules)
            lines.append(f"--mine: your {name!r} was tested as {homes[0].__name__}.{name}")
    if not any("was tested" in line for line in lines):
        raise pytest.UsageError("\n".join([f"--mine {path}: nothing to test", *lines]))
    return lines


def package_modules():
    """Every module of the package that has stages or what belongs to them, imported."""
    found = pkgutil.walk_packages(minimaskrcnn.__path__, "minimaskrcnn.")
    names = [module.name for module in found if module.name.split(".")[1] not in NO_STAGES]
    return [importlib.import_module(name) for name in names]


def _replace(theirs, own, modules):
    for module in modules:
        for name, value in list(vars(module).items()):
            if value is theirs and not name.startswith("_"):
                setattr(module, name, own)


def _is_function(value, module_name):
    """Whether a value is a function, compiled or not, that this module defines."""
    plain = callable(value) and not isinstance(value, type)
    return plain and getattr(value, "__module__", None) == module_name
