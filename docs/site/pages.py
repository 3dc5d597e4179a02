"""The pages of the site that are not written by hand, and where links lead.

Idea    The site is made of what the repository holds: the chapters, the pages in docs/, and the
        docstrings. Added are a page for every source file, so that links to code work without a
        network, a reference page for each package, and the network's figure with links.
"""

import os
import re
from html import escape
from pathlib import Path, PurePosixPath

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer, TextLexer

CODE = ("minimaskrcnn", "tests", "benchmarks", "chapters", "docs")  # folders with source files
SHOWN = (".py", ".toml", ".json", ".js", ".css")
STYLE = "code.css"  # of all pages of code, beside them
NARROW = (  # for windows that are narrower than the code
    "h1, h2, li { overflow-wrap: anywhere } "
    ".highlight, body > div, table { overflow-x: auto; display: block; max-width: 94vw }"
)
LINK = re.compile(r"\[(?P<text>[^\]\[]+)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)]*)?\)")


def chapter_order(repository):
    """Names of the chapters in reading order, without suffix: the order of chapters/README.md."""
    text = (repository / "chapters" / "README.md").read_text(encoding="utf-8")
    return list(dict.fromkeys(re.findall(r"\]\((\w+)\.ipynb\)", text)))


def linked(text, page, repository):
    """The Markdown of a page, with links to source files and folders led to their pages.

    Parameters
    ----------
    text : Markdown
    page : name of the page in the site, such as "docs/checked"
    repository : Path
    """
    folder = PurePosixPath(page).parent

    def replaced(found):
        target = os.path.normpath(str(folder / found["target"]))
        path = repository / target
        if "://" in found["target"] or not path.exists() or not _is_code(path):
            return found[0]
        place = os.path.relpath(f"source/{target}{'/index' if path.is_dir() else ''}.html", folder)
        words = re.sub(r"`([^`]*)`", lambda code: f"<code>{escape(code[1])}</code>", found["text"])
        return f'<a href="{place}">{words}</a>'

    return LINK.sub(replaced, text)


def _is_code(path):
    return path.is_dir() or path.suffix in SHOWN or path.name in ("run", "LICENSE")


def source_pages(repository, output):
    """Write a page for each source file and an index for each folder."""
    form = HtmlFormatter(linenos="table")
    output.mkdir(parents=True, exist_ok=True)
    (output / STYLE).write_text(form.get_style_defs() + NARROW, encoding="utf-8")
    for folder in CODE:
        for path in sorted((repository / folder).rglob("*")):
            if (
                path.suffix in SHOWN
                and "__pycache__" not in path.parts
                and path.parent.name != "site"
            ):
                _source_page(path, repository, output, form)
    for folder in sorted({path.parent for path in output.rglob("*.html")}, reverse=True):
        _index(folder, output)


def _source_page(path, repository, output, form):
    name = path.relative_to(repository).as_posix()
    text = path.read_text(encoding="utf-8")
    if len(text) > 200_000:
        text = text[:200_000] + "\n… (the rest is in the repository)\n"
    lexer = PythonLexer() if path.suffix == ".py" else TextLexer()
    target = output / f"{name}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    up = "../" * name.count("/")
    body = f"<h2>{escape(name)}</h2>{highlight(text, lexer, form)}"
    target.write_text(_page(name, up + STYLE, body), encoding="utf-8")


def _index(folder, output):
    """A list of what is in a folder."""
    entries = [*(p for p in folder.iterdir() if p.is_dir()), *folder.glob("*.html")]
    rows = "".join(
        f'<li><a href="{p.name}/index.html">{escape(p.name)}/</a></li>'
        if p.is_dir()
        else f'<li><a href="{p.name}">{escape(p.stem)}</a></li>'
        for p in sorted(entries)
        if p.name != "index.html"
    )
    name = folder.relative_to(output.parent).as_posix()
    up = "../" * name.count("/")
    body = f"<h1>{escape(name)}</h1><ul>{rows}</ul>"
    (folder / "index.html").write_text(_page(name, up + STYLE, body), encoding="utf-8")


def _page(title, sheet, body):
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="{sheet}">'
        f"</head><body>{body}</body></html>"
    )


def reference_pages(repository, output):
    """Write a page for each stage and package, and their list; returns nothing."""
    output.mkdir(parents=True)
    package, names = repository / "minimaskrcnn", []
    for path in sorted(package.iterdir()):
        module = path.stem
        if path.suffix == ".py" and module != "__main__":
            names.append("minimaskrcnn" if module == "__init__" else module)
        elif (path / "__init__.py").exists():
            names.append(module)
    for name in names:
        _reference_page(package, name, output)
    listed = "\n".join(sorted(names, key=lambda name: (name != "minimaskrcnn", name)))
    text = "# Reference\n\nThe public names, and every stage and package, from their docstrings."
    (output / "index.md").write_text(
        f"{text}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n", encoding="utf-8"
    )


def _reference_page(package, name, output):
    """One page: the module, or all modules of a package."""
    if name == "minimaskrcnn":
        modules = ["minimaskrcnn"]
    elif (package / name).is_dir():
        inner = sorted((package / name).glob("*.py"))
        modules = [f"minimaskrcnn.{name}"]
        modules += [f"{modules[0]}.{path.stem}" for path in inner if path.stem != "__init__"]
    else:
        modules = [f"minimaskrcnn.{name}"]
    parts = [f"# {name}\n"]
    for module in modules:
        whole = ":members:\n   :imported-members:" if module == "minimaskrcnn" else ":members:"
        heading = "" if len(modules) == 1 else f"## {module.removeprefix('minimaskrcnn.')}\n\n"
        parts.append(
            f"{heading}```{{eval-rst}}\n.. automodule:: {module}\n   {whole}\n   :no-index:\n```\n"
        )
    (output / f"{name}.md").write_text("\n".join(parts), encoding="utf-8")


def figure(repository):
    """The network's figure as HTML: a column for each step, in each box its links."""
    from minimaskrcnn.pictures.diagram import HEADINGS, NODES

    chapters = {name.split("_")[0]: name for name in chapter_order(repository)}
    columns = []
    for column, heading in enumerate(HEADINGS):
        nodes = sorted((n for n in NODES if n.column == column), key=lambda n: n.row)
        nodes = nodes[::-1] if column == 0 else nodes  # the first column is read upwards
        boxes = "".join(_box(node, chapters, repository) for node in nodes)
        columns.append(f'<div class="step"><p class="name">{heading}</p>{boxes}</div>')
    return f'<div class="network">{"".join(columns)}</div>'


def _box(node, chapters, repository):
    links = []
    for number in node.chapters.split(", "):
        chapter, code, tests = places(chapters[number], repository)
        links.append(
            f'{number}: <a href="{chapter}">chapter</a> <a href="{code}">code</a> '
            f'<a href="{tests}">tests</a>'
        )
    return f'<div class="box"><b>{escape(node.functions)}</b><br>{"<br>".join(links)}</div>'


def places(chapter, repository):
    """The pages of a stage: its chapter, its module or package, and its tests."""
    stage = chapter.split("_", 1)[1]
    package = (repository / "minimaskrcnn" / stage).is_dir()
    return (
        f"chapters/{chapter}.html",
        f"source/minimaskrcnn/{stage}{'/index' if package else '.py'}.html",
        f"source/tests/test_{chapter}.py.html",
    )


def xray_pages(repository, output):
    """Write the reports on a drawn scene and on the coins, with links to the stages."""
    from minimaskrcnn import explain
    from minimaskrcnn.datasets import COINS_FILE
    from minimaskrcnn.datasets.scenes import scene

    output.mkdir(parents=True)
    chapters = {name.split("_", 1)[1]: name for name in chapter_order(repository)}

    def line(found):
        return re.sub(r"<code>(\w+)</code>", lambda name: stage(name[1]), found[0])

    def stage(name):
        chapter, code, tests = (f"../{page}" for page in places(chapters[name], repository))
        return (
            f'{name} (<a href="{chapter}">chapter</a>, <a href="{code}">code</a>, '
            f'<a href="{tests}">tests</a>)'
        )

    for name, photo in (("scene", scene(13).image), ("coins", Path(COINS_FILE))):
        html = explain(photo, weights="shapes").html
        html = re.sub(r'<p class="stages">.*?</p>', line, html)
        (output / f"{name}.html").write_text(html, encoding="utf-8")
