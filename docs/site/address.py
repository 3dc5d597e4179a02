"""Where the repository is to be found: `python docs/site/address.py https://github.com/OWNER/NAME`.

Idea    The address stands once, in `pyproject.toml` (Repository, in the table of the project's
        addresses). Files that must show it, too, are written from there by this command: the
        README, CITATION.cff and the notebooks, with their buttons for Colab and Binder. As long as
        the owner is called OWNER, the repository is not public, and the buttons lead nowhere.
"""

import re
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FORM = re.compile(r"https://github\.com/([A-Za-z0-9-]+/[A-Za-z0-9._-]+?)/?")
SHOW_IT = ("pyproject.toml", "README.md", "CITATION.cff", "chapters/*.ipynb")


def address(repository=REPOSITORY):
    """The address in `pyproject.toml`."""
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["urls"]["Repository"]


def buttons(chapter, at):
    """Links, as Markdown, that open a chapter in Colab and in Binder; `at`: the address."""
    name = FORM.fullmatch(at)[1]
    colab = f"https://colab.research.google.com/github/{name}/blob/main/chapters/{chapter}.ipynb"
    binder = f"https://mybinder.org/v2/gh/{name}/main?labpath=chapters/{chapter}.ipynb"
    return f"[Open in Colab]({colab}) · [Open in Binder]({binder})"


def move(new, repository=REPOSITORY):
    """Write a new address into every file that shows it; returns how many changed.

    Raises
    ------
    ValueError : if it is no address of a repository on GitHub, which Colab and Binder read
    """
    if not (found := FORM.fullmatch(new)):
        raise ValueError(f"{new!r} is no address such as https://github.com/OWNER/minimaskrcnn")
    old, changed = FORM.fullmatch(address(repository))[1], 0
    for path in (path for pattern in SHOW_IT for path in sorted(repository.glob(pattern))):
        before = path.read_text(encoding="utf-8")
        after = re.sub(rf"(?<=/){re.escape(old)}(?![\w.-])", found[1], before)
        if after != before:
            path.write_text(after, encoding="utf-8", newline="\n")
            changed += 1
    return changed


def main():
    if len(sys.argv) != 2:
        print(address())
        return 0
    try:
        print(f"{move(sys.argv[1])} files now show {address()}")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
