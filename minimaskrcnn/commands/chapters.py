"""`minimaskrcnn chapters`: copy the chapters to a folder of your own, and open Jupyter there."""

import argparse
from pathlib import Path

from minimaskrcnn.runtime.files import make_folder, written_whole
from minimaskrcnn.runtime.terminal import say

FOLDER = "minimaskrcnn-chapters"
PAGES = ("README.md", "GLOSSARY.md", "TEACHING.md")
EXAMPLES = """examples:
  minimaskrcnn chapters
  minimaskrcnn chapters ~/learning --no-open
"""


def add_parser(subparsers):
    """Describe the subcommand to argparse."""
    parser = subparsers.add_parser(
        "chapters",
        help="copy the chapters to a folder and open them in Jupyter",
        description="Copy the chapters, notebooks that take the network apart stage by stage, to a "
        "folder, and open it in Jupyter if that is installed. A file that is already there and "
        "differs is yours: it is left as it is.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", default=FOLDER, type=Path, metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="the same as DIR")
    parser.add_argument("--no-open", action="store_true", help="only copy")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Copy, say what was done, start Jupyter and wait for it."""
    folder = args.output or args.folder
    make_folder(folder)
    kept = copy(installed(), folder)
    say(f"the chapters are in {folder}; begin with README.md or 01_tour.ipynb")
    for name in kept:
        say(f"  kept your {name}; delete it to get the original again")
    return 0 if args.no_open else _open(folder)


def installed():
    """The chapters of the clone, or those that came with the installed package.

    Returns
    -------
    dict from name, such as "pictures/09_nms.jpg", to path

    Raises
    ------
    FileNotFoundError
        If the installation has none.
    """
    clone = Path(__file__).parents[2] / "chapters"
    if (clone / "make.py").is_file():
        patterns = ("*.ipynb", *PAGES, "pictures/*")
        paths = [path for pattern in patterns for path in sorted(clone.glob(pattern))]
        return {path.relative_to(clone).as_posix(): path for path in paths}
    from importlib.metadata import PackageNotFoundError, files

    try:
        listed = files("minimaskrcnn") or ()
    except PackageNotFoundError:
        listed = ()
    found = {}
    for file in listed:
        _, below, name = file.as_posix().partition("share/minimaskrcnn/chapters/")
        if below:
            found[name] = Path(file.locate())
    if not found:
        raise FileNotFoundError("this installation has no chapters: install the package with pip")
    return found


def copy(files, folder):
    """Copy files, as `installed` names them, into a folder; returns the names of those left alone.

    A file that is there and differs is left as it is.
    """
    kept = []
    for name, path in files.items():
        target, content = folder / name, path.read_bytes()
        if target.exists():
            kept += [name] if target.read_bytes() != content else []
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(target) as beside:
            beside.write_bytes(content)
    return kept


def _open(folder):
    import subprocess
    import sys
    from importlib.util import find_spec

    if find_spec("jupyterlab") is None:
        say(f"to open them: pip install jupyterlab, then jupyter lab {folder}")
        return 0
    jupyter = subprocess.Popen([sys.executable, "-m", "jupyterlab", str(folder)])
    while True:
        try:
            return jupyter.wait()
        except KeyboardInterrupt:  # Jupyter has heard it, too: it asks, saves, stops its kernels
            pass
