"""Check what the wheel and the source distribution hold: `python .ci/contents.py dist`.

The wheel is for every platform and holds every file of the package's folder and the chapters, and
nothing else. The source distribution holds all files of the repository but those that begin with a
dot, so that tests and chapters can be run from it.
"""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
NEEDED = (  # a user would miss these first
    "minimaskrcnn/weights/shapes.h5",
    "minimaskrcnn/weights/published_numbers.json",
    "minimaskrcnn/datasets/coins.png",
    "minimaskrcnn/py.typed",
    "minimaskrcnn/xray/page.html",
    "chapters/README.md",
    "chapters/01_tour.ipynb",
    "chapters/pictures/01_tour.jpg",
)


def tracked():
    """The repository's files, those not yet committed too, as POSIX paths."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.splitlines() if (REPOSITORY / name).is_file()}


def in_wheel(path):
    """The files of a wheel, by their names in the repository; without its metadata."""
    data = ".data/data/share/minimaskrcnn/"
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" not in name]
    return {name.partition(data)[2] or name for name in names}


def in_source(path):
    """The files of a source distribution, without the folder around them and what is generated."""
    with tarfile.open(path) as source:
        names = {m.name.partition("/")[2] for m in source.getmembers() if m.isfile()}
    return {n for n in names if ".egg-info/" not in n} - {"PKG-INFO", "setup.cfg"}


def for_wheel(name):
    """Whether a file of the repository belongs into the wheel."""
    read = name.endswith(".md") and name != "chapters/WRITING.md"  # that one is for authors
    chapter = name.endswith(".ipynb") or read or "/pictures/" in name
    return name.startswith("minimaskrcnn/") or (name.startswith("chapters/") and chapter)


def main():
    """Print what differs; exit status 1 if anything does."""
    folder = Path(sys.argv[1])
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    files = tracked()
    faults = [] if wheel.name.endswith("-py3-none-any.whl") else [f"{wheel.name}: not pure Python"]
    faults += [f"not in the repository: {name}" for name in NEEDED if name not in files]
    visible = {name for name in files if not name.startswith(".")}
    wanted = {name for name in visible if for_wheel(name)}
    for path, has, should in (
        (wheel, in_wheel(wheel), wanted),
        (source, in_source(source), visible),
    ):
        faults += [f"{path.name}: lacks {name}" for name in sorted(should - has)]
        faults += [f"{path.name}: should not hold {name}" for name in sorted(has - should)]
        print(f"{path.name}: {len(has)} files, {path.stat().st_size:,} bytes")
    print("\n".join(faults) or "contents: ok")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
