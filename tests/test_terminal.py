"""What is printed: made printable, through one module, on streams that are closed or full, too."""

import ast
import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from made_up import made_up

import minimaskrcnn
from minimaskrcnn import cli
from minimaskrcnn.errors import (
    DatasetError,
    ImageError,
    WeightsError,
    printable,
    sentence,
    shortened,
)
from minimaskrcnn.evaluate import by_class
from minimaskrcnn.runtime import terminal

PACKAGE = Path(minimaskrcnn.__file__).parent
COMMAND = [sys.executable, "-m", "minimaskrcnn"]
HOSTILE = [
    "\x1b[31mred",  # colours, or worse: ESC ] 52 writes the clipboard
    "\x9b2J",  # the same in one byte: CSI
    "a\nminimaskrcnn: all is well",
    "a\rb",
    "a\x85b\u2028c\u2029d\x0b\x0ce",  # line breaks of Unicode
    "gpj.\u202etac",  # reads backwards
    "a\u2066b\u200f\u061c",
    "\ud83d",  # half of a pair; a byte that is no text
    "\x07\x08\x00\x7f",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_terminal_would_obey_becomes_an_escape(text):
    shown = printable(text)
    assert len(shown.splitlines()) == 1
    assert all(letter.isprintable() for letter in shown)
    assert shown.encode("utf-8").decode("unicode_escape") == text or "\ud83d" in text
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "text", ["street (1).jpg", "Straße", "猫", "कुत्ता", "می‌خواهم", "👩‍👩‍👧", "a\u202fb\xa0c", ""]
)
def test_letters_of_every_script_stay_as_they_are(text):
    assert printable(text) == text


def test_a_long_name_is_cut():
    assert shortened("x" * 300, 40) == "x" * 39 + "…"
    assert shortened("x" * 40, 40) == "x" * 40
    assert shortened("\x1b", 4) == "\\x1b"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_names_are_printable_wherever_they_are_shown(text):
    result = replace(made_up(2), class_names=("background", *[text] * 80), source=text)
    shown = [*repr(result).split("\n")]
    assert len(shown) == 4
    shown += [str(ImageError(f"{text}: is damaged")), sentence(OSError(2, "No such file", text))]
    shown += [sentence(ValueError(text))]
    assert all(letter.isprintable() for line in shown for letter in line)


def test_a_message_of_several_lines_has_one_argument_for_each():
    assert str(DatasetError("two problems:", "a\nb", "c")) == "two problems:\na\\nb\nc"
    assert sentence(WeightsError("a\nb")) == "a\\nb"


def test_names_in_the_table_of_an_evaluation_are_printable_and_short():
    from minimaskrcnn.evaluate import Averages, Evaluation

    numbers = made_up(2).scores.astype(float)
    averages = Averages(*[numbers] * len(Averages.__dataclass_fields__))
    lines = by_class(Evaluation(numbers, averages, None), ("background", "a\nb", "x" * 300)).split(
        "\n"
    )
    assert len(lines) == 3 and lines[1].startswith("a\\nb") and len(lines[2]) < 60


def test_everything_printed_goes_through_one_module():
    """No other calls `print`, takes a stream, or makes a bar of its own."""
    for path in PACKAGE.rglob("*.py"):
        if path == PACKAGE / "runtime" / "terminal.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
        imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        written = {name for name in called if re.match(r"sys\.std(out|err)\..*write", name)}
        assert not called & {"print", "tqdm"} and "tqdm" not in imported and not written, path


def test_lines_are_made_printable_on_the_way_out(capsys):
    terminal.say("a\x1b[2Jb", "c\nd")
    terminal.complain("e\x1b[2Jf")
    told = capsys.readouterr()
    assert told.out == "a\\x1b[2Jb\nc\\nd\n" and told.err == "minimaskrcnn: e\\x1b[2Jf\n"


def test_what_was_typed_is_printable_in_the_usage_message(capsys):
    assert cli.main(["demo", "--\x1b]0;title\x07"]) == 2
    assert "\x1b" not in capsys.readouterr().err


# Streams


def run(arguments, streams, folder, **environment):
    """A command in a shell with its streams as given; its exit status and what is left to read."""
    line = 'exec "$@" ' + streams
    done = subprocess.run(
        ["sh", "-c", line, "sh", *COMMAND, *arguments],
        capture_output=True, text=True, cwd=folder, env={**os.environ, **environment},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


needs_shell = pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux")


@needs_shell
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_without_streams_everything_works(tmp_path, streams, unbuffered):
    given = ["predict", "none.jpg"]
    assert run([], streams, tmp_path, PYTHONUNBUFFERED=unbuffered)[0] == 0
    status, out, err = run(given, streams, tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert status == 2 and out == ""
    assert err == ("" if "2>" in streams else "minimaskrcnn: none.jpg: no such file\n")


@needs_shell
@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_output_is_said_in_a_sentence(tmp_path, unbuffered):
    for given in ([], ["--help"], ["--version"]):
        status, _, err = run(given, ">/dev/full", tmp_path, PYTHONUNBUFFERED=unbuffered)
        told = "minimaskrcnn: standard output: cannot be written (No space left on device)\n"
        assert (status, err) == (2, told)


@needs_shell
@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_error_does_not_change_the_exit_status(tmp_path, unbuffered):
    for given in (["nonsense"], ["predict", "none.jpg"]):
        assert run(given, "2>/dev/full", tmp_path, PYTHONUNBUFFERED=unbuffered)[0] == 2


def test_a_process_without_streams_can_use_the_package(monkeypatch):
    for name in ("stdout", "stderr"):  # as with pythonw
        monkeypatch.setattr(sys, name, None)
    terminal.say("nobody hears it")
    terminal.complain("nobody hears it")
    with terminal.progress_bar(total=3) as bar:
        bar.update()


def test_a_bar_is_shown_on_terminals_only(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    list(terminal.progress_bar(range(3)))
    assert stream.getvalue() == ""


# The command itself


def test_the_bare_command_shows_the_help(capsys):
    assert cli.main([]) == 0
    assert "find the objects in photographs" in capsys.readouterr().out


def test_the_package_runs_as_a_module(tmp_path):
    status, out, _ = run(["--version"], "", tmp_path)
    assert (status, out) == (0, f"minimaskrcnn {minimaskrcnn.__version__}\n")


def test_warnings_name_photographs_printably(tmp_path):
    from PIL import Image

    from minimaskrcnn.photo import read_photo

    path = tmp_path / "wave\x1b[31m\n.gif"
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="several frames") as told:
        read_photo(path)
    assert all(letter.isprintable() for letter in str(told[0].message))


def test_of_two_classes_of_one_name_both_are_looked_for():
    from minimaskrcnn.settings import class_ids

    assert class_ids(["nut"], ("background", "nut", "bolt", "nut")) == (1, 3)
