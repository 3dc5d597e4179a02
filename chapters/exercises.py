"""The exercises of the chapters: their solutions must agree, and wrong versions must be named.

Idea    Behind the cell of each exercise wrong versions are run with its check: the solution with
        one thing replaced (`mistakes.toml`). None may pass, and the answer must have the words
        that belong to this mistake. Then comes the solution itself, which later cells may call.
Shapes  notebook  ->  notebook with further cells; executed  ->  sentences, and without them again
"""

import re
import tomllib
from pathlib import Path

MISTAKES = Path(__file__).with_name("mistakes.toml")


def solutions(notebook):
    """The solutions of a notebook's exercises: (place of the check's cell, code, check) of each."""
    found, places = [], {}
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            for line in re.findall(
                r"^check[\w.]*\((?:my_|count_)\w+.*$", cell.source, re.MULTILINE
            ):
                places[re.search(r"\((\w+)", line)[1]] = i, line
        elif "<summary>A solution" in cell.source:
            found += re.findall(r"^```python\n(.*?)^```", cell.source, re.MULTILINE | re.DOTALL)
    named = [(name_of(code), code) for code in found]
    missing = set(places) - {name for name, _ in named}
    if missing:
        raise ValueError(f"no solution of {', '.join(sorted(missing))}")
    return [(places[name][0], code, places[name][1]) for name, code in named]


def name_of(code):
    """The name of the function that a solution defines."""
    return re.search(r"^def (\w+)", code, re.MULTILINE)[1]


def mistakes(chapter):
    """Wrong versions of a chapter's solutions: {function: [(old, new, words of the answer)]}."""
    return tomllib.loads(MISTAKES.read_text(encoding="utf-8")).get(chapter, {})


def solve(notebook, chapter):
    """Put each solution and its wrong versions behind the exercise's cell, tagged "solution"."""
    import nbformat.v4 as v4

    wrong = mistakes(chapter)
    for place, code, check in sorted(solutions(notebook), reverse=True):
        name, cells = name_of(code), []
        for old, new, words in wrong.get(name, ()):
            if code.count(old) != 1:
                raise ValueError(f"the solution of {name} has {old!r} {code.count(old)} times")
            cells.append((code.replace(old, new), words))
        cells.append((code, "all agree"))
        for code_of, words in reversed(cells):
            metadata = {"tags": ["solution"], "words": words}
            cell = v4.new_code_cell(f"{code_of}\n\n{check}", metadata=metadata)
            notebook.cells.insert(place + 1, cell)


def judge(notebook):
    """Take what `solve` put in out of an executed notebook; yields a sentence for each fault."""
    for cell in [c for c in notebook.cells if "solution" in c.metadata.get("tags", [])]:
        notebook.cells.remove(cell)
        said, words = "".join(text for _, text in shown(cell)).strip(), cell.metadata["words"]
        passes = "all agree" in said
        if words not in said or passes != (words == "all agree"):
            version = "a solution is wrong" if words == "all agree" else f"not named: {words!r}"
            code, _, check = cell.source.rpartition("\n")
            yield f"{version}: {check}: {said[:300]}\n{code.strip()}"


def shown(cell):
    """(kind, content) of each output of a cell; of a picture only itself, not its words."""
    found = []
    for output in cell.outputs:
        if "text" in output:
            found.append((output.get("name", "text"), output["text"]))
        data = output.get("data", {})
        pictures = [kind for kind in data if kind.startswith("image")]
        found += [(kind, data[kind]) for kind in pictures or sorted(data)]
    return found
