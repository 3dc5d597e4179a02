"""Make the notebooks: NN_name.py, which is edited, becomes NN_name.ipynb, executed, beside it.

    python chapters/make.py              make them all
    python chapters/make.py 09 nms       make those whose names contain one of the words
    python chapters/make.py --check      execute them all, and the solutions of their exercises;
                                         write nothing, say what is wrong, and what comes out
                                         otherwise than in the committed notebooks

Idea    A chapter is written as a Python file in the percent format, which Git can compare. Here it
        is executed from top to bottom in a new kernel, several chapters at once. What it printed
        and drew is kept; times and random names are not, so that the file changes only when what
        it shows does.
"""

import argparse
import base64
import io
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "docs" / "site")]
import exercises  # noqa: E402
from address import address, buttons  # noqa: E402

PATIENCE = 600  # seconds until a cell that does not end is stopped; a chapter should take 60
MOST_BYTES = 500_000  # of a notebook
MOST_PICTURES = 6
MOST_LINES = 12  # of code in a cell
MOST_DIFFERENCE = 6.0  # grey levels, on average, between a committed picture and one made now
INSTALL = """\
# In Colab the package is missing. Elsewhere it is there, and nothing happens.
from importlib.util import find_spec

if find_spec("minimaskrcnn") is None:
    %pip install --quiet git+{address}"""
COVER = 360  # pixels: the longer side of a chapter's picture in the index
# What no output may hold: folders of this machine, and addresses in memory, which always change.
STRANGE = re.compile(r"0x[0-9a-f]{6,}|/tmp/|/home/|/Users/|site-packages|" + re.escape(str(FOLDER)))


def sources(words=()):
    """The chapters' .py files in order, or those whose names contain one of the words."""
    found = sorted(FOLDER.glob("[0-9][0-9]*_*.py"))
    return [path for path in found if not words or any(word in path.stem for word in words)]


def read(source):
    """Return the notebook of a source, not executed; the same source gives the same bytes."""
    import jupytext

    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.cells[1:1] = opening(source.stem)
    for i, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags")
        cell.id, cell.metadata = f"{source.stem}-{i}", {"tags": tags} if tags else {}
    return notebook


def opening(chapter):
    """The cells after a chapter's title: where to open it, and what Colab has to install."""
    import nbformat.v4 as v4

    at = address()
    return [
        v4.new_markdown_cell(buttons(chapter, at)),
        v4.new_code_cell(INSTALL.format(address=at), metadata={"tags": ["remove-cell"]}),
    ]


def execute(source, solve=False):
    """Return the notebook of a source with its outputs; a cell that raises, raises here.

    With `solve` the solutions of its exercises are run, too, and wrong versions of them.
    """
    from nbclient import NotebookClient

    notebook = read(source)
    if solve:
        exercises.solve(notebook, source.stem)
    with tempfile.TemporaryDirectory() as settings:  # nobody's start-up files, no history
        here = {"IPYTHONDIR": settings, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        paths = [str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]
        here["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # this clone, not an older wheel
        client = NotebookClient(
            notebook,
            timeout=PATIENCE,
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],  # of the kernel: no notes on its transport
            resources={"metadata": {"path": str(FOLDER)}},
        )
        client.execute(env=os.environ | here)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("text/latex", None)  # of `Code`; nothing here shows it
    return notebook


def faults(notebook):
    """Return what is wrong with an executed notebook, in sentences; none is good."""
    import nbformat

    found = []
    size = len(nbformat.writes(notebook).encode())
    if size > MOST_BYTES:
        found.append(f"it has {size:,} bytes, more than {MOST_BYTES:,}")
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [kind for cell in cells for output in cell.outputs for kind in output.get("data", {})]
    pictures = sum(kind.startswith("image") for kind in shown)
    if pictures > MOST_PICTURES:
        found.append(f"it has {pictures} pictures, more than {MOST_PICTURES}")
    if cover(notebook) is None:
        found.append('no cell with a picture has the tag: # %% tags=["cover"]')
    for cell in cells:
        found += _cell_faults(cell)
    return found


def _cell_faults(cell):
    lines = cell.source.splitlines()
    if len(lines) > MOST_LINES:
        yield f"more than {MOST_LINES} lines in the cell beginning {lines[0]!r}"
    for output in cell.outputs:
        data = output.get("data", {})
        text = output.get("text", "") + "".join(data[k] for k in data if k.startswith("text"))
        if output.get("name") == "stderr":
            yield f"a warning below {lines[0]!r}: {text.strip()[:200]}"
        if match := STRANGE.search(text):
            yield f"{match.group()!r} below {lines[0]!r}: belongs to this machine"


def stale(source):
    """Whether the notebook beside a source is missing, or has other cells than the source."""
    import nbformat

    path = source.with_suffix(".ipynb")
    if not path.exists():
        return True
    made, wanted = nbformat.read(path, 4).cells, read(source).cells
    return [(c.cell_type, c.source) for c in made] != [(c.cell_type, c.source) for c in wanted]


def make(source):
    """Execute a source and write its notebook, if it has no faults; returns the faults."""
    import nbformat

    try:
        notebook = execute(source)
    except Exception as error:  # CellExecutionError names the cell; a dead kernel has another class
        return [f"does not run: {error}"]
    found = faults(notebook)
    if not found:
        beside = source.with_suffix(".part")
        beside.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        os.replace(beside, source.with_suffix(".ipynb"))
        write_cover(notebook, FOLDER / "pictures" / f"{source.stem}.jpg")
    return found


def cover(notebook):
    """The picture below the cell with the tag "cover", for the index: encoded, or None."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []) if "cover" in cell.metadata.get("tags", []) else []:
            for kind, content in output.get("data", {}).items():
                if kind.startswith("image"):
                    return base64.b64decode(content)
    return None


def write_cover(notebook, path):
    """Write the cover as a small JPEG."""
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    picture = Image.open(io.BytesIO(cover(notebook))).convert("RGB")
    picture.thumbnail((COVER, COVER))
    picture.save(path, quality=85)


def check(source):
    """Execute a source; returns the faults, among them a notebook that is not up to date."""
    import nbformat

    again = [f"make it again: python chapters/make.py {source.stem}"]
    old = again if stale(source) else []
    try:
        executed = execute(source, solve=True)
    except Exception as error:
        return [*old, f"does not run: {error}"]
    old += exercises.judge(executed)
    if old:
        return old + faults(executed)
    committed = nbformat.read(source.with_suffix(".ipynb"), 4)
    pairs = zip(committed.cells, executed.cells, strict=True)  # as many, or it would be stale
    other = [text for pair in pairs for text in differences(*pair)]
    return (again if other else []) + other + faults(executed)


def differences(committed, executed):
    """Yield what a cell shows otherwise than the committed notebook: texts, pictures, in words.

    A cell with the tag "varies" is passed over: what it prints depends on the machine, by how
    busy it is or in which order its processor adds.
    """
    if committed.cell_type != "code" or "varies" in committed.metadata.get("tags", []):
        return
    first = committed.source.splitlines()[0] if committed.source else ""
    before, now = exercises.shown(committed), exercises.shown(executed)
    if [kind for kind, _ in before] != [kind for kind, _ in now]:
        kinds = [kind for kind, _ in before], [kind for kind, _ in now]
        yield f"below {first!r} other kinds of output: {kinds[0]}, now {kinds[1]}"
        return
    for (kind, old), (_, new) in zip(before, now, strict=True):
        if kind.startswith("image"):
            if picture_difference(old, new) > MOST_DIFFERENCE:
                yield f"below {first!r} another picture"
        elif old != new:
            yield f"below {first!r} another text: {old.strip()[:60]!r}, now {new.strip()[:60]!r}"


def picture_difference(old, new):
    """The mean difference of two encoded pictures in grey levels; 255 if they differ in size."""
    import numpy as np
    from PIL import Image

    pictures = [Image.open(io.BytesIO(base64.b64decode(x))).convert("RGB") for x in (old, new)]
    if max(abs(a - b) for a, b in zip(*(picture.size for picture in pictures), strict=True)) > 4:
        return 255.0
    small = [np.asarray(picture.resize(pictures[0].size), float) for picture in pictures]
    return float(np.abs(small[0] - small[1]).mean())


def main():
    """Make or check the chapters that are named; exit status 1 if any has a fault."""
    parser = argparse.ArgumentParser(description="Make the notebooks of the chapters.")
    parser.add_argument("words", nargs="*", help="only chapters whose names contain one of them")
    parser.add_argument("--check", action="store_true", help="execute, but write nothing")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="chapters at once")
    given = parser.parse_args()
    chosen, failed = sources(given.words), 0
    with ThreadPoolExecutor(given.jobs) as pool:  # each waits for a kernel, a process of its own
        tasks = [pool.submit(_timed, check if given.check else make, path) for path in chosen]
        for source, task in zip(chosen, tasks, strict=True):
            found, seconds = task.result()
            said = "".join(f"\n  {text}" for text in found) or "ok"
            print(f"{source.stem} ({seconds:.0f} s) {said}", flush=True)
            failed += bool(found)
    return 1 if failed or not chosen else 0


def _timed(do, source):
    start = time.perf_counter()
    return do(source), time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
