"""Imports go one way: a module imports only from the rows above its own, or to its left."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minimaskrcnn

PACKAGE = Path(minimaskrcnn.__file__).parent

# The one table of rows; a package stands for all modules in it. Within a row, left before right.
ROWS = [
    ["errors", "config", "runtime"],
    ["boxes", "conv", "layers", "resizing"],
    ["image", "resnet", "fpn", "anchors", "nms", "roi_align"],
    ["rpn", "heads", "proposals", "detections", "masks"],
    ["coco_masks", "photo", "settings", "results"],
    ["torchvision", "model", "pictures"],
    ["weights", "evaluate", "xray"],
    ["datasets", "training"],
    ["api", "check", "commands", "cli", "__init__", "__main__"],
]
PLACE = {name: (row, i) for row, names in enumerate(ROWS) for i, name in enumerate(names)}

# Where each outside library may be imported; those not named here may be used anywhere.
HOMES = {
    "numba": {"runtime", *ROWS[1], *ROWS[2], *ROWS[3], "coco_masks", "evaluate", "training"},
    "PIL": {"photo", "results", "xray"},
    "matplotlib": {"results", "pictures", "datasets", "training", "xray"},
    "h5py": {"weights"},
    "platformdirs": {"weights"},
    "requests": {"weights"},
    "threadpoolctl": {"runtime"},
}
STANDARD = sys.stdlib_module_names
ALLOWED = {"numpy", "tqdm", *HOMES}


def unit(path):
    """The name by which a file stands in ROWS: its package below minimaskrcnn, or itself."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path):
    """(module, name or None) of every import statement in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def inner_imports(path):
    """The units of this package that a file imports."""
    for module, name in imports(path):
        parts = module.split(".")
        if parts[0] == "minimaskrcnn":
            if len(parts) > 1:
                yield parts[1]
            else:
                yield name if name in PLACE else "__init__"


FILES = sorted(PACKAGE.rglob("*.py"))
each_file = pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(PACKAGE)) for p in FILES])


@each_file
def test_every_module_has_its_place(path):
    assert unit(path) in PLACE


@each_file
def test_a_module_imports_only_from_above_and_from_its_left(path):
    own = unit(path)
    for other in inner_imports(path):
        if other != own and not (own == "cli" and other == "__init__"):
            assert PLACE[other] < PLACE[own], f"{own} imports {other}"


@each_file
def test_a_library_is_imported_only_where_it_belongs(path):
    for module, _ in imports(path):
        library = module.split(".")[0]
        if library not in STANDARD and library != "minimaskrcnn":
            assert library in ALLOWED, f"{library} is no dependency"
            assert unit(path) in HOMES.get(library, PLACE), f"{library} in {unit(path)}"


def test_a_wrong_import_would_be_noticed(tmp_path):
    source = tmp_path / "boxes.py"
    source.write_text("from minimaskrcnn import nms\nfrom minimaskrcnn.model import MaskRCNN\n")
    assert list(inner_imports(source)) == ["nms", "model"]
    assert PLACE["nms"] > PLACE["boxes"] and PLACE["model"] > PLACE["boxes"]


def test_importing_the_package_or_asking_for_help_loads_no_heavy_library():
    program = (
        "import sys; sys.argv = ['minimaskrcnn', '--help']\n"
        "import minimaskrcnn, minimaskrcnn.cli\n"
        "try: minimaskrcnn.cli.main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numba', 'matplotlib', 'h5py', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_top_level_holds_the_face_and_the_stages():
    assert len(list(PACKAGE.glob("*.py"))) <= 21


def test_no_module_is_longer_than_a_reader_bears_unless_its_docstring_says_why():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        lines, reason = text.count("\n"), "\nLength " in (ast.get_docstring(ast.parse(text)) or "")
        assert lines <= 200 or reason, f"{path.name} has {lines} lines: it holds two ideas"


def test_functions_nest_three_levels_at_most_outside_of_kernels():
    for path in FILES:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef) and not is_kernel(function):
                deep = depth(function)
                assert deep <= 3, f"{path.name}: {function.name} nests {deep} levels"


def is_kernel(function):
    """Whether Numba compiles it: its loops are written out."""
    return any("njit" in ast.unparse(decorator) for decorator in function.decorator_list)


def depth(node):
    """How many `for`, `if`, `while`, `with` and `try` stand within one another; elif adds none."""
    blocks = ast.For | ast.If | ast.While | ast.With | ast.Try
    deepest = 0
    for name, children in ast.iter_fields(node):
        for child in children if isinstance(children, list) else []:
            if isinstance(child, blocks):
                chained = (
                    name == "orelse" and isinstance(node, ast.If) and isinstance(child, ast.If)
                )
                deepest = max(deepest, depth(child) + (0 if chained else 1))
            elif isinstance(child, ast.ExceptHandler):
                deepest = max(deepest, depth(child))
    return deepest


def test_nesting_is_counted():
    text = """
def f():
    for a in b:
        if a:
            with c:
                pass
        elif d:
            while e:
                pass
    try:
        pass
    except E:
        if g:
            pass
"""
    assert depth(ast.parse(text).body[0]) == 3
