"""Settings of the site; `make.py` puts its pages together and builds it."""

import os
import re
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(os.environ["MINIMASKRCNN_REPOSITORY"])
sys.path.insert(0, str(REPOSITORY / "docs" / "site"))
from pages import chapter_order, linked  # noqa: E402

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc"]
project = PROJECT["name"]
version = release = PROJECT["version"]
author = copyright = "the minimaskrcnn authors"
exclude_patterns = ["**/.ipynb_checkpoints"]

html_theme = "furo"
html_title = "minimaskrcnn"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["extra"]
html_show_sourcelink = False
html_copy_source = False

nb_execution_mode = "off"  # the notebooks are committed with their outputs
myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have them, with shapes
numpydoc_show_class_members = False
default_role = "code"

FIELDS = re.compile(r"^([A-Z]\w+) {2,}(?=\S)", re.MULTILINE)  # Idea, Paper, Shapes …
FORMULAS = re.compile(r"((?:^ {9,}\S.*\n)+)", re.MULTILINE)  # set further in than a field
SIGNS = re.compile(r"(\*|(?<!^        )\||(?<=\w)_(?!\w))", re.MULTILINE)  # RST would read them


def read_source(app, name, source):
    """Links to code lead to its page; the book lists its chapters in reading order."""
    source[0] = linked(source[0], name, REPOSITORY)
    if name == "docs/xray":  # the reports are in the site, not in the repository
        for words, report in (("the coins", "coins"), ("a drawn scene", "scene")):
            source[0] = source[0].replace(words, f'<a href="../xray/{report}.html">{words}</a>', 1)
    if name == "chapters/README":
        order = "\n".join(chapter_order(REPOSITORY))
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{order}\n```\n"


def read_docstring(app, what, name, thing, options, lines):
    """A module's Idea, Paper and Shapes become a list of fields; no sign is taken for markup."""
    text = "\n".join(lines)
    if what == "module":
        text = FIELDS.sub(lambda found: f":{found[1]}: ", text)
        text = FORMULAS.sub(_as_lines, text)
    examples = text.find("\nExamples\n")
    plain, code = (text, "") if examples < 0 else (text[:examples], text[examples:])
    parts = re.split(r"(`[^`]*`)", plain)
    parts[::2] = [SIGNS.sub(r"\\\1", part) for part in parts[::2]]
    lines[:] = ("".join(parts) + code).split("\n")


def _as_lines(found):
    """Formulas as lines of their own."""
    lines = [f"        | {line.strip()}" for line in found[1].splitlines()]
    return "\n" + "\n".join(lines) + "\n\n"


def setup(app):
    app.connect("source-read", read_source)
    app.connect("autodoc-process-docstring", read_docstring, priority=100)
