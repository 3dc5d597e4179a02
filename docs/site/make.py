"""Build the site: `pip install ".[docs]"`, then `python docs/site/make.py [--output site]`.

Idea    The pages are put together in a folder that looks like the repository, so that links between
        them stay as they are; Sphinx turns them into HTML. A warning, such as a link that leads
        nowhere, is an error. Nothing is executed but the two sample reports and the docstrings'
        import.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
PAGES = ("docs/*.md", "docs/training/*.md", "docs/training/*.png", "docs/training/*.jpg",
         "docs/training/*.txt", "docs/training/*.log", "docs/images/*", "chapters/*.ipynb",
         "chapters/*.md", "benchmarks/README.md", "benchmarks/*.png", "tests/data/README.md",
         "CHANGELOG.md", "CONTRIBUTING.md")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=REPOSITORY / "site")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        put_together(source)
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
        command += ["-d", str(Path(folder) / "doctrees"), str(source), str(Path(folder) / "html")]
        environment = os.environ | {"MINIMASKRCNN_REPOSITORY": str(REPOSITORY)}
        if subprocess.run(command, env=environment).returncode:
            return 1
        shutil.rmtree(given.output, ignore_errors=True)
        shutil.move(Path(folder) / "html", given.output)
    print(f"wrote {given.output / 'index.html'}")
    return 0


def put_together(source):
    """Copy and write all pages into a folder."""
    from pages import figure, reference_pages, source_pages, xray_pages

    for pattern in PAGES:
        for path in REPOSITORY.glob(pattern):
            target = source / path.relative_to(REPOSITORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    shutil.copy(HERE / "conf.py", source)
    shutil.copytree(HERE / "static", source / "static")
    index = (HERE / "index.md").read_text(encoding="utf-8")
    (source / "index.md").write_text(index.replace("FIGURE", figure(REPOSITORY)), encoding="utf-8")
    reference_pages(REPOSITORY, source / "reference")
    shutil.copytree(
        REPOSITORY / "chapters" / "pictures", source / "extra" / "chapters" / "pictures"
    )
    source_pages(REPOSITORY, source / "extra" / "source")
    xray_pages(REPOSITORY, source / "extra" / "xray")


if __name__ == "__main__":
    sys.exit(main())
