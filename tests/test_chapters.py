"""The notebooks are up to date and what they should be, and people can get them."""

import ast
import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from minimaskrcnn import check
from minimaskrcnn.cli import main
from minimaskrcnn.commands import chapters as command

CHAPTERS = Path(__file__).parent.parent / "chapters"


def load_make():
    spec = importlib.util.spec_from_file_location("make_chapters", CHAPTERS / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = load_make()
each_chapter = pytest.mark.parametrize("source", make.sources(), ids=lambda path: path.stem)


@each_chapter
def test_a_notebook_has_the_cells_of_its_source(source):  # `make.py --check` executes them
    assert not make.stale(source)


def versions():
    """Wrong versions of the solutions whose checks are the package's: see `mistakes.toml`."""
    for source in make.sources():
        wrong = make.exercises.mistakes(source.stem)
        solutions = make.exercises.solutions(make.read(source)) if wrong else []
        codes = "\n\n".join(code for _, code, _ in solutions)
        for _, code, line in solutions:
            name = make.exercises.name_of(code)
            if line.startswith("check."):
                for old, new, words in wrong.get(name, ()):
                    yield pytest.param(codes, code.replace(old, new), line, words, id=words)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("solutions, wrong, line, words", list(versions()))
def test_a_wrong_version_of_a_solution_is_named(solutions, wrong, line, words):
    found = {}
    exec(solutions, found)
    assert eval(line, found | {"check": check}).agrees
    exec(wrong, found)
    said = eval(line, found | {"check": check})
    assert not said.agrees and words in str(said).splitlines()[-1]


def code_cell(text="", picture=None, tags=()):
    """A cell that has printed a text and drawn one grey picture."""
    import base64
    import io

    import nbformat.v4 as v4
    import numpy as np
    from PIL import Image

    outputs = [v4.new_output("stream", name="stdout", text=text)] if text else []
    if picture is not None:
        stream = io.BytesIO()
        Image.fromarray(np.full((20, 30, 3), picture, np.uint8)).save(stream, "png")
        data = {"image/png": base64.b64encode(stream.getvalue()).decode()}
        outputs.append(v4.new_output("display_data", data=data))
    return v4.new_code_cell("show()", outputs=outputs, metadata={"tags": list(tags)})


@pytest.mark.parametrize(
    ("committed", "executed", "said"),
    [
        (code_cell("4 objects"), code_cell("5 objects"), "another text: '4 objects', now '5"),
        (code_cell(picture=100), code_cell(picture=120), "another picture"),
        (code_cell("4"), code_cell("4", picture=1), "other kinds of output"),
    ],
)
def test_an_output_that_is_not_the_committed_one_is_told(committed, executed, said):
    assert said in "".join(make.differences(committed, executed))
    assert list(make.differences(committed, committed)) == []


def test_a_picture_may_differ_a_little_and_a_timed_cell_altogether():
    assert list(make.differences(code_cell(picture=100), code_cell(picture=103))) == []
    fast, slow = (code_cell(text, tags=["varies"]) for text in ("1 ms", "2 ms"))
    assert list(make.differences(fast, slow)) == []


@each_chapter
def test_a_notebook_keeps_what_it_drew_within_bounds(source):
    import nbformat

    notebook = nbformat.read(source.with_suffix(".ipynb"), 4)
    assert make.faults(notebook) == []
    assert "execution" not in str([cell.metadata for cell in notebook.cells])


@each_chapter
def test_a_chapter_is_in_the_index_with_its_picture(source):
    index = (CHAPTERS / "README.md").read_text(encoding="utf-8")
    assert f"({source.stem}.ipynb)" in index and f"pictures/{source.stem}.jpg" in index
    assert (CHAPTERS / "pictures" / f"{source.stem}.jpg").exists()


@each_chapter
def test_a_chapter_has_what_every_chapter_has(source):
    text = source.read_text(encoding="utf-8")
    for wanted in (
        "**The question.**",
        "**The answer.**",
        "**You will see**",
        "**You need**",
        "strip(",
        "**Where we are.**",
        "## In the paper",
    ):
        assert wanted in text, wanted


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A folder of chapters with one small one in it; returns a function that writes its cells."""
    monkeypatch.setattr(make, "FOLDER", tmp_path)
    source = tmp_path / "01_small.py"

    def write(*cells):
        drawing = '# %% tags=["cover"]\nfrom minimaskrcnn.pictures import strip\nstrip("nms")\n'
        source.write_text(drawing + "".join(f"\n# %%\n{cell}\n" for cell in cells))
        return source

    return write


def test_the_same_source_makes_the_same_bytes(small):
    source = small("print(sum(range(5)))")
    assert make.make(source) == []
    first = source.with_suffix(".ipynb").read_bytes()
    assert b'"10\\n"' in first and make.make(source) == []
    assert source.with_suffix(".ipynb").read_bytes() == first
    assert make.check(source) == []


def test_what_must_not_be_in_a_chapter_is_found(small):
    source = small(
        "import warnings\nwarnings.warn('careful')", "object()", "\n".join(["1"] * 13), "pass"
    )
    found = " | ".join(make.make(source))
    assert "a warning below 'import warnings'" in found and "careful" in found
    assert "below 'object()': belongs to this machine" in found
    assert "more than 12 lines in the cell beginning '1'" in found
    assert not source.with_suffix(".ipynb").exists()


def test_a_cell_that_raises_and_a_notebook_of_older_cells_are_told(small):
    assert make.make(small("x = 1")) == []
    told = make.check(small("x = 1", "x / 0"))
    assert "make it again" in told[0] and "ZeroDivisionError" in told[1]


def test_a_readers_own_files_are_never_overwritten(tmp_path, capsys):
    args = SimpleNamespace(folder=tmp_path / "own", output=None, no_open=True)
    assert command.run(args) == 0
    names = {path.name for path in CHAPTERS.glob("*.ipynb")} | {*command.PAGES, "pictures"}
    assert {path.name for path in args.folder.iterdir()} == names
    (args.folder / "README.md").write_text("my notes")
    assert command.run(args) == 0
    assert (args.folder / "README.md").read_text() == "my notes"
    assert re.findall("kept your .*;", capsys.readouterr().out) == ["kept your README.md;"]


def test_without_jupyter_it_is_said_how_to_open_the_chapters(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    args = SimpleNamespace(folder=tmp_path / "own", output=None, no_open=False)
    assert command.run(args) == 0
    assert f"pip install jupyterlab, then jupyter lab {tmp_path / 'own'}" in capsys.readouterr().out


def test_an_installation_without_chapters_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "__file__", str(tmp_path / "a" / "b" / "chapters.py"))
    for listed in (None, []):
        monkeypatch.setattr("importlib.metadata.files", lambda name, listed=listed: listed)
        assert main(["chapters", str(tmp_path / "own"), "--no-open"]) == 2
        assert "this installation has no chapters" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is pressed as POSIX does it")
def test_ctrl_c_leaves_jupyter_the_time_that_it_takes_to_stop(tmp_path):
    (tmp_path / "jupyterlab.py").write_text(
        "import time\n"
        "try:\n"
        "    print('open', flush=True)\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(1)\n"
        "    print('stopped its kernels', flush=True)\n"
    )
    command = [sys.executable, "-m", "minimaskrcnn.cli", "chapters", str(tmp_path / "own")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        for line in process.stdout:
            if line.startswith("open"):
                break
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stdout.read()
    assert "stopped its kernels" in rest
    assert process.returncode == 0


def test_every_notebook_stands_beside_its_source():
    made = {path.stem for path in CHAPTERS.glob("*.ipynb")}
    assert made == {path.stem for path in make.sources()}


EXERCISE = (
    "from minimaskrcnn import check\n\n\ndef my_nms(boxes, scores, iou_threshold):\n    ...\n\n\n"
    "check.nms(my_nms)"
)
SOLUTION = """
# %% [markdown]
# <details><summary>A solution of my_nms</summary>
#
# ```python
# from minimaskrcnn.nms import nms_plain
#
#
# def my_nms(boxes, scores, iou_threshold):
#     return nms_plain(boxes, scores, iou_threshold)
# ```
#
# </details>
"""


def test_a_solution_is_run_and_leaves_no_trace_in_the_notebook(small):
    source = small(EXERCISE)
    source.write_text(source.read_text() + SOLUTION)
    assert make.make(source) == [] == make.check(source)
    assert "nms_plain" in source.with_suffix(".ipynb").read_text()
    assert '"not written yet' in source.with_suffix(".ipynb").read_text()


@pytest.mark.parametrize(
    ("solution", "said"),
    [
        ("", "no solution of my_nms"),
        (
            SOLUTION.replace("return nms_plain", "return -nms_plain"),
            "a solution is wrong: check.nms",
        ),
        (
            SOLUTION.replace("return nms_plain", "return nms_plane"),
            "a solution is wrong: check.nms",
        ),
    ],
)
def test_a_solution_that_is_missing_or_wrong_is_told(small, solution, said):
    source = small(EXERCISE)
    source.write_text(source.read_text() + solution)
    make.make(source)
    assert said in " | ".join(make.check(source))


@each_chapter
def test_every_exercise_without_a_check_of_the_package_has_six_wrong_versions(source):
    found = make.exercises.solutions(make.read(source))
    own = {make.exercises.name_of(code): code for _, code, _ in found}
    wrong = make.exercises.mistakes(source.stem)
    unchecked = [code for _, code, line in found if not line.startswith("check.")]
    assert {make.exercises.name_of(code) for code in unchecked} <= wrong.keys() <= own.keys()
    for name, versions in wrong.items():
        assert len(versions) >= 6
        for old, new, words in versions:
            assert own[name].count(old) == 1 and old != new and words and words != "all agree"


def test_a_wrong_version_that_passes_or_is_not_named_is_reported():
    texts = ("all agree: 2 cases", "differs: too many", "no", "differs: too few", "all agree: many")
    cells = [code_cell(text=text) for text in texts]
    for cell, words in zip(cells, ("many", "many", "all agree", "many", "many"), strict=True):
        cell.metadata |= {"tags": ["solution"], "words": words}
    notebook = SimpleNamespace(cells=cells)
    said = list(make.exercises.judge(notebook))
    assert len(said) == 4 and notebook.cells == []
    assert said[0].startswith("not named: 'many'") and said[1].startswith("a solution is wrong")


@each_chapter
def test_every_exercise_has_three_hints_and_a_solution(source):
    notebook = make.read(source)
    solutions = make.exercises.solutions(notebook)
    text = source.read_text(encoding="utf-8")
    for number in (1, 2, 3):
        assert text.count(f"<summary>Hint {number}</summary>") == len(solutions)
    assert text.count("<details>") == text.count("</details>") == 4 * len(solutions)
    assert solutions or source.stem == "21_your_own"


def test_the_network_of_solutions_has_the_functions_that_the_chapters_show():
    network = functions_in((Path(__file__).parent / "my_network.py").read_text(encoding="utf-8"))
    shown = {}
    for source in make.sources():
        if source.stem != "19_speed":  # it asks for a function once more
            for _, code, _ in make.exercises.solutions(make.read(source)):
                shown |= functions_in(code)
    assert network.items() <= shown.items()


def functions_in(code):
    """The functions of a program by their names, as syntax trees in words."""
    nodes = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.dump(node) for node in nodes}
