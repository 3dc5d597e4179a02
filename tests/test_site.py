"""The site's own parts: where the repository is, where links lead, what a forge would run."""

import importlib.util
import re
import shutil
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


def load(name):
    spec = importlib.util.spec_from_file_location(
        f"site_{name}", REPOSITORY / f"docs/site/{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


site = load("address")


def test_every_file_that_shows_the_address_shows_that_of_pyproject():
    owner = site.FORM.fullmatch(site.address())[1]
    shown = [path for pattern in site.SHOW_IT for path in REPOSITORY.glob(pattern)]
    assert len(shown) >= 23  # three files and the chapters
    for path in shown:
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"(?:colab\S+?/github|gh|github\.com)/([\w.-]+/minimaskrcnn)\b", text)
        assert found and set(found) == {owner}, path.name


@pytest.fixture
def copy(tmp_path):
    """The files that show the address, in a folder of their own."""
    for pattern in site.SHOW_IT:
        for path in REPOSITORY.glob(pattern):
            (tmp_path / path.relative_to(REPOSITORY)).parent.mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / path.relative_to(REPOSITORY))
    return tmp_path


def test_one_command_moves_every_button_to_the_public_address(copy):
    chapters = len(list(copy.glob("chapters/*.ipynb")))
    assert site.move("https://github.com/ada/minimaskrcnn-2", copy) == chapters + 3
    assert site.address(copy) == "https://github.com/ada/minimaskrcnn-2"
    texts = [path.read_text("utf-8") for path in sorted(copy.rglob("*")) if path.is_file()]
    assert not any("OWNER" in text for text in texts)
    assert "/gh/ada/minimaskrcnn-2/main?labpath=chapters/09_nms.ipynb" in "".join(texts)
    assert "git+https://github.com/ada/minimaskrcnn-2" in "".join(texts)
    assert site.move("https://github.com/ada/minimaskrcnn-2/", copy) == 0
    assert site.move("https://github.com/OWNER/minimaskrcnn", copy) == chapters + 3
    for path in copy.rglob("*.*"):
        if path.is_file():
            assert path.read_bytes() == (REPOSITORY / path.relative_to(copy)).read_bytes()


@pytest.mark.parametrize(
    "wrong", ["", "ada/minimaskrcnn", "https://github.com/ada", "https://x.org/a/b"]
)
def test_what_is_no_address_on_github_is_refused_and_nothing_is_written(copy, wrong):
    with pytest.raises(ValueError, match=r"no address such as https://github\.com/OWNER"):
        site.move(wrong, copy)
    assert site.address(copy) == site.address()


def test_a_stage_has_its_three_pages_in_the_site(tmp_path):
    pytest.importorskip("pygments")
    (tmp_path / "minimaskrcnn" / "roi_align").mkdir(parents=True)
    places = load("pages").places
    for chapter, code in (("09_nms", "nms.py"), ("11_roi_align", "roi_align/index")):
        found = places(chapter, tmp_path)
        assert found == (
            f"chapters/{chapter}.html",
            f"source/minimaskrcnn/{code}.html",
            f"source/tests/test_{chapter}.py.html",
        )


def test_the_forge_would_run_every_python_that_the_package_names():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    named = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    path = REPOSITORY / ".github/workflows/ci.yml"
    if not path.exists():
        pytest.skip("a source distribution has no files that begin with a dot")
    workflow = path.read_text("utf-8")
    matrix = re.search(r"python: \[(.*)\]", workflow)[1]
    assert re.findall(r"[\d.]+", matrix) == named
    assert "bash .ci/run" in workflow and "NOT YET RUN" in workflow


def test_every_section_of_a_report_names_stages_that_have_all_three():
    from minimaskrcnn import explain
    from minimaskrcnn.datasets.scenes import scene

    html = explain(scene(13).image, weights="shapes").html
    lines = re.findall(r'<p class="stages">(.*?)</p></section>', html)
    named = [re.findall(r"<code>(\w+)</code>", line) for line in lines]
    assert len(lines) == html.count("<section id=") == 10
    chapters = {path.stem[3:] for path in (REPOSITORY / "chapters").glob("??_*.py")}
    assert len(sum(named, [])) == 13 and set(sum(named, [])) < chapters
    for stage in sum(named, []):
        assert importlib.util.find_spec(f"minimaskrcnn.{stage}"), stage
        assert list((REPOSITORY / "tests").glob(f"test_??_{stage}.py")), stage
