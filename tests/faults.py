"""Deliberate faults: does each stage's own test file notice when its code is wrong?

    python tests/faults.py                    # all; a table, and the faults that nobody noticed
    python tests/faults.py nms boxes          # those of files whose names contain one of the words
    python tests/faults.py --list             # only check the list against the source
    python tests/faults.py --kept outcomes.jsonl --report docs/faults.md

Idea    `fault_lists/` lists small mistakes, one file per package: `<` for `<=`, a `+ 1`, two axes
        swapped, an unstable sort, another epsilon or rounding. Each is a piece of source, found
        exactly once in its file, and what takes its place. One at a time they are put into a copy
        of the package, and the stage's tests are run on it. A fault that the tests do not notice
        is a missing test.
Notes   First the tests run on the untouched copy: where they fail anyway, they prove nothing. Most
        run with Numba switched off (NUMBA_DISABLE_JIT=1), which is quicker for a few small arrays
        than compiling; a group of faults with `compiled = true` runs as users run it. A complete
        run takes hours: with `--kept` each fault that was noticed is written to a file at once and
        is not tried again, so that a run may be interrupted and continued.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from queue import SimpleQueue

from tqdm import tqdm

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = "minimaskrcnn"
PATIENCE = 600  # seconds of a test run without a fault
LONGER = 100  # with a fault it may take so much longer: an endless loop is noticed, too
FAILED = re.compile(r"^(?:FAILED|ERROR) \S*?::([^\s\[]+)", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """One mistake, and the tests that should notice it."""

    file: str  # within the package
    tests: tuple[str, ...]  # files within tests/
    compiled: bool
    old: str
    new: str


@dataclass(frozen=True)
class Outcome:
    """What the tests said."""

    fault: Fault
    seconds: float
    noticed_by: str  # the first test that failed; "" if none did
    trouble: str = ""  # why the run proves nothing


def read_faults(words=()):
    """The faults of fault_lists/, or those of files whose names contain one of the words."""
    lists = sorted((REPOSITORY / "tests" / "fault_lists").glob("*.toml"))
    groups = [tomllib.loads(path.read_text(encoding="utf-8"))["group"] for path in lists]
    return [
        Fault(group["file"], tuple(group["tests"]), group.get("compiled", False), old, new)
        for group in chain.from_iterable(groups)
        for old, new in group["faults"]
        if not words or any(word in group["file"] for word in words)
    ]


def what_is_wrong(fault):
    """Why a fault cannot be put into the source, in a sentence; "" if it can."""
    source = (REPOSITORY / PACKAGE / fault.file).read_text(encoding="utf-8")
    if source.count(fault.old) != 1:
        return f"{fault.file}: found {source.count(fault.old)} times: {fault.old!r}"
    try:
        compile(source.replace(fault.old, fault.new), fault.file, "exec")
    except SyntaxError as error:
        return f"{fault.file}: {fault.new!r} is not Python ({error})"
    return ""


def copy_to(folder):
    """Copy what a test run needs."""
    ignore = shutil.ignore_patterns("*.pyc", ".*")  # Numba's compiled kernels come along
    for name in (PACKAGE, "tests", "chapters", "docs"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignore)
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    return folder


def run_tests(folder, tests, compiled, patience=PATIENCE):
    """Run test files in a copy up to the first failure; returns pytest's exit status and output."""
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",  # stale bytecode would hide a fault of the same length
        "NUMBA_DISABLE_JIT": "0" if compiled else "1",
    }
    paths = [str(folder / "tests" / name) for name in tests]
    options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-W", "ignore"]
    command = [sys.executable, "-m", "pytest", *options, *paths]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=patience
        )
    except subprocess.TimeoutExpired:
        return 1, "FAILED x::(the tests did not end)"
    if done.returncode in (-signal.SIGABRT, -signal.SIGSEGV):  # wrote where nothing is its own
        return 1, "FAILED x::(the interpreter crashed)"
    return done.returncode, done.stdout


def try_fault(folder, fault, patience):
    """Put a fault into a copy, run its tests, take it out again."""
    path, start = folder / PACKAGE / fault.file, time.perf_counter()
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace(fault.old, fault.new), encoding="utf-8")
    try:
        status, output = run_tests(folder, fault.tests, fault.compiled, patience)
    finally:
        path.write_text(source, encoding="utf-8")
    seconds, failed = time.perf_counter() - start, FAILED.search(output)
    if status == 0:
        return Outcome(fault, seconds, "")
    if status == 1 and failed:
        return Outcome(fault, seconds, failed[1])
    return Outcome(fault, seconds, "", f"pytest ended with {status}: {output.strip()[-200:]}")


def try_all(faults, jobs, tell):
    """Try every fault, the groups of `jobs` test files at once; `tell` is given each Outcome."""
    kinds = defaultdict(list)
    for fault in faults:
        kinds[fault.tests, fault.compiled].append(fault)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        copies = SimpleQueue()
        for i in range(jobs):
            copies.put(copy_to(Path(folder) / str(i)))

        def try_kind(kind):
            """The faults that the same tests should notice, after a run without a fault."""
            copy, start = copies.get(), time.perf_counter()
            try:
                status, output = run_tests(copy, *kind)
                patience = LONGER + time.perf_counter() - start
                for fault in kinds[kind]:
                    if status == 0:
                        tell(try_fault(copy, fault, patience))
                    else:
                        failing = f"{', '.join(kind[0])} fail without any fault:\n{output}"
                        tell(Outcome(fault, 0.0, "", failing))
            finally:
                copies.put(copy)

        list(pool.map(try_kind, kinds))


def read_kept(path):
    """The outcomes in a file of --kept: {Fault: Outcome}; none if there is no such file."""
    if path is None or not path.exists():
        return {}
    outcomes = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        named = values.pop("fault")
        fault = Fault(**named | {"tests": tuple(named["tests"])})
        outcomes[fault] = Outcome(fault, **values)
    return outcomes


def try_the_rest(faults, jobs, path):
    """The Outcome of each fault, in order: those in the file of --kept, and the others' runs."""
    outcomes = read_kept(path)
    rest = [fault for fault in faults if fault not in outcomes]
    with tqdm(total=len(faults), initial=len(faults) - len(rest), unit="fault") as bar:

        def tell(outcome):
            outcomes[outcome.fault] = outcome
            bar.update()
            if not outcome.noticed_by:
                print(f"{outcome.trouble or 'NOT NOTICED'}: {told(outcome.fault)}", flush=True)
            elif path:
                with path.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(asdict(outcome)) + "\n")

        try_all(rest, jobs, tell)
    return [outcomes[fault] for fault in faults]


def told(fault):
    """A fault in one line."""
    return f"{fault.file}: {fault.old!r} -> {fault.new!r}"


def report(outcomes, words=(), kept=False):
    """The report as Markdown: a table of files, then every fault."""
    files = list(dict.fromkeys(outcome.fault.file for outcome in outcomes))
    total, noticed = Counter(o.fault.file for o in outcomes), Counter()
    for outcome in outcomes:
        noticed[outcome.fault.file] += bool(outcome.noticed_by)
    command = ["python tests/faults.py", *words, *["--kept FILE"] * kept, "--report docs/faults.md"]
    lines = [
        "# Deliberate faults",
        "",
        f"Made by `{' '.join(command)}`; the list is",
        "[`tests/fault_lists/`](../tests/fault_lists). Each fault was put into the source by",
        "itself, and only the test files named here were run.",
        *["What an earlier run had noticed was not tried again."] * kept,
        "",
        f"**{sum(noticed.values())} of {len(outcomes)} faults are noticed.**",
        "",
        "| file | its tests | faults | noticed |",
        "|---|---|---|---|",
    ]
    for file in files:
        names = sorted({name for o in outcomes if o.fault.file == file for name in o.fault.tests})
        tests = ", ".join(f"`{name}`" for name in names)
        lines.append(f"| `{file}` | {tests} | {total[file]} | {noticed[file]} |")
    for file in files:
        lines += ["", f"## {file}", "", "| in place of | is put | noticed by |", "|---|---|---|"]
        for outcome in outcomes:
            if outcome.fault.file == file:
                pieces = _cell(outcome.fault.old), _cell(outcome.fault.new)
                lines.append(
                    "| " + " | ".join([*pieces, outcome.noticed_by or "**nobody**"]) + " |"
                )
    return "\n".join(lines) + "\n"


def _cell(source):
    """A piece of source as code in a table."""
    text = " ".join(source.split()).replace("|", "\\|") or "(nothing)"
    return f"`{text}`"


def main():
    """Try faults; exit status 1 if one is not noticed or the list does not fit the source."""
    parser = argparse.ArgumentParser(description="Put deliberate faults in, and see them noticed.")
    parser.add_argument("words", nargs="*", help="only files whose names contain one of them")
    parser.add_argument("--jobs", type=int, default=2, help="test runs at once")
    parser.add_argument("--list", action="store_true", help="only check the list")
    parser.add_argument(
        "--kept", type=Path, help="faults noticed so far: not tried again; added to"
    )
    parser.add_argument("--report", type=Path, help="write the report to this file")
    given = parser.parse_args()
    faults = read_faults(given.words)
    wrong = [sentence for sentence in map(what_is_wrong, faults) if sentence]
    print("\n".join(wrong + [f"{len(faults)} faults listed, {len(wrong)} do not fit the source"]))
    if wrong or given.list or not faults:
        return 1 if wrong or not faults else 0
    outcomes = try_the_rest(faults, given.jobs, given.kept)
    if given.report:
        text = report(outcomes, given.words, kept=given.kept is not None)
        given.report.write_text(text, encoding="utf-8")
    noticed = sum(bool(outcome.noticed_by) for outcome in outcomes)
    print(f"{noticed} of {len(outcomes)} faults noticed")
    return 0 if noticed == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
