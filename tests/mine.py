"""`pytest tests/test_09_nms.py --mine my_nms.py`: a stage's tests on a reader's own functions.

Idea    Before any test file is imported, every function of `my_nms.py` takes the place of the
        package's function of the same name, wherever that has been imported. A test then tests the
        reader's function without knowing it. What the exercise does not ask for, such as clear
        errors for wrong arguments, `check.adapters` does around it.
        `pytest tests --mine FILE --grade report.json` runs no tests, but asks the exercises'
        checks and the network itself about every function, and writes what they say: for teachers.
"""

import json

import pytest

from minimaskrcnn import check
from minimaskrcnn.check.adapters import adapted
from minimaskrcnn.check.capstone import board_of, suggestion
from minimaskrcnn.check.exchange import Unreadable, functions_of, homes_of, put
from minimaskrcnn.check.verdict import agree
from minimaskrcnn.runtime.files import written_whole


def pytest_addoption(parser):
    parser.addoption(
        "--mine",
        metavar="FILE",
        help="run the tests on the functions of this file, in place of the package's of the same "
        "names (`my_nms` counts as `nms`)",
    )
    parser.addoption(
        "--grade",
        metavar="REPORT",
        help="with --mine: run no tests; write what is right and wrong of each function as JSON",
    )


def pytest_configure(config):
    path, report = config.getoption("--mine"), config.getoption("--grade")
    if path is None and report is not None:
        raise pytest.UsageError("--grade says what to write; --mine FILE says whose functions")
    if path is None:
        return
    try:
        functions = functions_of(path)
    except Unreadable as error:
        raise pytest.UsageError(f"--mine {error}") from error
    if report is not None:
        grades = grade(functions)
        with written_whole(report) as beside:
            beside.write_text(json.dumps(grades, indent=1, ensure_ascii=False), encoding="utf-8")
        right = sum(row["state"] in ("yours", "slow") for row in grades["functions"])
        pytest.exit(f"{right} of {len(grades['functions'])} functions are right: {report}", 0)
    config.stash[_REPORT] = exchange(functions, path)


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash.get(_REPORT, []):
        terminalreporter.write_line(line)


_REPORT = pytest.StashKey[list]()


def exchange(functions, path):
    """Put functions in the place of the package's; returns a line about each for the report."""
    lines = []
    for name, own in functions.items():
        homes = homes_of(name)
        if not homes:
            meant = suggestion(name, functions)
            lines.append(f"--mine: the package has no function {name!r}{meant}; it is not tested")
        elif len(homes) > 1:
            found = " and ".join(module.__name__ for module in homes)
            raise pytest.UsageError(f"--mine {path}: {name!r} may mean that of {found}")
        else:
            theirs = getattr(homes[0], name)
            put(theirs, adapted(name, own, theirs, settle))
            lines.append(f"--mine: your {name!r} was tested as {homes[0].__name__}.{name}")
    if not any("was tested" in line for line in lines):
        raise pytest.UsageError("\n".join([f"--mine {path}: nothing to test", *lines]))
    return lines


def settle(answer, wanted):
    """Return the package's answer where the reader's agrees with it as a check asks.

    An exercise asks for no bits and no gradients, which the answer of the package has; a wrong
    answer is given as it is.
    """
    return wanted if agree(answer, wanted) else answer


def grade(functions):
    """What the checks and the network say of each function that the exercises ask for.

    Returns
    -------
    dict with "network", a sentence, and "functions", a list of {"name", "state", "said"}; the
    states are those of `check.capstone.Stage`
    """
    board = board_of(functions)
    rows = [{"name": s.name, "state": s.state, "said": s.said} for s in board.stages]
    asked = {row["name"] for row in rows}
    for name in (name for name in check.__all__ if name != "mine" and name not in asked):
        if name not in functions:
            rows.append({"name": name, "state": "missing", "said": ""})
            continue
        verdict = getattr(check, name)(functions[name])
        state = "yours" if verdict.agrees else "wrong"
        rows.append({"name": name, "state": state, "said": verdict.text})
    return {"network": board.said, "functions": rows}
