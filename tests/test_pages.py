"""What the pages tell people to type works: every command is read by its program, most are run."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minimaskrcnn.api
from minimaskrcnn import cli
from minimaskrcnn.api import BUNDLED
from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.annotations import load_annotations
from minimaskrcnn.datasets.reading import packed_example
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


def of_other_libraries():
    text = (REPOSITORY / "docs" / "annotations.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def other_forms(tmp_path, monkeypatch):
    """A picture with one object, as Pascal VOC and as a polygon of YOLO."""
    monkeypatch.chdir(tmp_path)
    of_voc = ("voc/JPEGImages", "voc/Annotations", "voc/ImageSets/Main")
    for folder in (*of_voc, "images", "labels", "masks"):
        Path(folder).mkdir(parents=True)
    for name in ("voc/JPEGImages/a.jpg", "images/a.png"):
        Image.fromarray(scene(3).image).save(name)
    Path("voc/ImageSets/Main/train.txt").write_text("a\n")
    Path("voc/Annotations/a.xml").write_text(
        "<annotation><filename>a.jpg</filename>"
        "<size><width>128</width><height>128</height><depth>3</depth></size>"
        "<object><name>cat</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>60</xmax>"
        "<ymax>90</ymax></bndbox></object></annotation>"
    )
    Path("labels/a.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n")
    Path("data.yaml").write_text("names: [cat]\nnc: 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("number", "library", "written", "images"),
    [
        (0, "datumaro", "coco/annotations/instances_train.json", "coco/images/train"),
        (1, "supervision", "coco/instances.json", "coco/images"),
    ],
)
def test_what_another_library_writes_is_read(other_forms, number, library, written, images):
    pytest.importorskip(library)
    exec(compile(of_other_libraries()[number], "docs/annotations.md", "exec"), {})
    dataset = load_annotations(written, images)
    (example,) = (packed_example(dataset, image) for image in dataset.images)
    assert [dataset.class_names[i] for i in example.class_ids] == ["cat"]


def test_a_label_picture_of_any_program_is_read(other_forms):
    labels = np.zeros((128, 128))
    labels[3:20, 3:30] = 1
    exec(compile(of_other_libraries()[2], "docs/annotations.md", "exec"), {"labels": labels})
    assert np.array_equal(np.asarray(Image.open("masks/a.png")), labels)
