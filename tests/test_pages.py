"""What the pages tell people to type works: every command is read by its program, most are run."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

import minimaskrcnn.api
from minimaskrcnn import cli
from minimaskrcnn.api import BUNDLED
from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.datasets.writing import write_dataset

REPOSITORY = Path(__file__).parent.parent
PAGES = [
    REPOSITORY / "README.md",
    *sorted(REPOSITORY.glob("docs/**/*.md")),
    *sorted(REPOSITORY.glob("chapters/*.md")),
    REPOSITORY / "CONTRIBUTING.md",
]
BLOCK = re.compile(r"^```sh\n(.*?)^```|^((?:    \S.*\n)+)", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(minimaskrcnn [a-z][^`]*)`")


def commands_of(page):
    """Every `minimaskrcnn …` that stands on a page, as lists of arguments."""
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(a or b for a, b in BLOCK.findall(text)).replace("\\\n", " ")
    lines = [line.strip() for line in blocks.splitlines()]
    lines += [span.replace("\n", " ") for span in SPAN.findall(text)]
    found = [shlex.split(line.split("|")[0], comments=True) for line in lines
             if line.startswith("minimaskrcnn ")]  # fmt: skip
    return [arguments[1:] for arguments in found]


EVERY = [(page.name, arguments) for page in PAGES for arguments in commands_of(page)]


@pytest.mark.parametrize(("page", "arguments"), EVERY, ids=lambda value: str(value)[:60])
def test_a_command_that_a_page_names_has_these_options(page, arguments):
    cli.build_parser().parse_args(arguments)


def test_commands_were_found_on_the_pages():
    assert len(EVERY) >= 20 and {"README.md", "using.md", "xray.md"} <= {name for name, _ in EVERY}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the files that the pages speak of, and the bundled model called "coco"."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(minimaskrcnn.api, "published_weights", lambda name: BUNDLED["shapes"])
    for name in ("photo.jpg", "street.jpg", "photos/street.jpg", "photos/seven.png"):
        Path(name).parent.mkdir(exist_ok=True)
        Image.fromarray(scene(7).image).save(name)
    write_dataset(tmp_path / "set", [scene(seed) for seed in range(8)], SHAPES.class_names)
    Path("set/annotations.json").rename("cells.json")
    Path("set").rename("cells")
    Path("val2017").symlink_to("cells")
    Path("instances_val2017.json").write_bytes(Path("cells.json").read_bytes())
    return tmp_path


def ran(name):
    """Commands of a page that are run as they stand."""
    return [given for page, given in EVERY if page == name and given[0] in ("predict", "explain")]


@pytest.mark.parametrize("page", ["README.md", "using.md", "xray.md"])
def test_the_commands_of_a_page_run_in_their_order(desk, page, capsys):
    for arguments in ran(page):
        assert cli.main(arguments) == 0, arguments
    assert ran(page) and "error" not in capsys.readouterr().err


def test_the_first_command_of_the_readme_finds_the_coins(desk, capsys):
    assert cli.main(EVERY[0][1]) == 0 and EVERY[0] == ("README.md", ["demo", "--photo"])
    assert "24 objects" in capsys.readouterr().out


def test_the_lines_of_python_in_the_readme_run(desk):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGES[0].read_text("utf-8"), re.M | re.S)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert len(blocks) == 1 and Path("found.png").exists()


def test_the_training_that_a_page_names_begins_and_says_its_plan(desk, capsys):
    (arguments,) = commands_of(REPOSITORY / "docs" / "training" / "own_pictures.md")
    short = ["--steps", "2", "--output", "run"]
    assert cli.main([*arguments, *short]) == 0
    assert "plan" in capsys.readouterr().out and Path("run/model.h5").exists()
