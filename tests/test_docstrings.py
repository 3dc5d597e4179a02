"""Every public function says what it takes and gives; the examples in the docstrings are true."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import textwrap

import pytest

import minimaskrcnn

# The modules of the stages, in the order of the chapters: what they define is for everybody.
STAGES = (
    *("image", "conv", "layers", "resizing", "resnet", "fpn", "anchors", "rpn", "boxes", "nms"),
    *("proposals", "roi_align", "heads", "detections", "masks", "weights", "training", "evaluate"),
    *(
        "evaluate.average_precision",
        "evaluate.matching",
        "evaluate.overlaps",
        "coco_masks.rle",
        "coco_masks.polygons",
    ),
    *("coco_masks.outlines", "photo", "datasets", "runtime.threads", "runtime.memory"),
    *("runtime.tape", "runtime.recorder"),
)
MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(minimaskrcnn.__path__, "minimaskrcnn.")
    if not found.name.endswith("__main__")
]
SECTION = re.compile(r"^(\w+)\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", re.MULTILINE | re.DOTALL)


def defined(owner, module):
    """(name, value) of the public functions and classes that a module or class defines itself."""
    for name, value in vars(owner).items():
        value = getattr(value, "py_func", value)  # compiled
        own = getattr(inspect.unwrap(value), "__module__", None) == module.__name__
        wrapped = isinstance(value, property | classmethod | staticmethod)
        if not name.startswith("_") and (wrapped or (own and callable(value))):
            yield name, value


def documented():
    """(name, value) of all that must have a docstring: modules, public functions, classes' own."""
    for module in MODULES:
        yield module.__name__, module
        for name, value in defined(module, module):
            yield f"{module.__name__}.{name}", value
            if inspect.isclass(value):
                for part, method in defined(value, module):
                    if not part.startswith("_"):
                        yield f"{module.__name__}.{name}.{part}", method


def public():
    """{name: function} of what people call: all of a stage's functions, or what its package lists.

    Also the package's own functions, and the methods of its own classes.
    """
    found = {}
    for name in minimaskrcnn.__all__:
        value = getattr(minimaskrcnn, name)
        if inspect.isclass(value):
            methods = defined(value, importlib.import_module(value.__module__))
            found |= {f"{name}.{part}": m for part, m in methods if inspect.isfunction(m)}
        elif callable(value):
            found[name] = value
    for stage in STAGES:
        module = importlib.import_module(f"minimaskrcnn.{stage}")
        listed = getattr(module, "__all__", None)
        functions = dict(defined(module, module))
        if listed:
            functions = {name: getattr(module, name) for name in listed}
        for name, value in functions.items():
            value = inspect.unwrap(getattr(value, "py_func", value))
            if inspect.isfunction(value):
                found[f"{stage}.{name}"] = value
    unwanted = ("_", "check_")  # what refuses bad arguments says so in its first line
    return {n: f for n, f in found.items() if not n.rpartition(".")[2].startswith(unwanted)}


PUBLIC = public()


def text_of(value):
    return inspect.cleandoc(value.__doc__ or "")


def sections(value):
    """{title: text} of a docstring's sections."""
    return dict(SECTION.findall(text_of(value)))


def parameters(function):
    known = inspect.signature(function).parameters
    return [name for name in known if name not in ("self", "unknown")]  # `**unknown` is refused


def described(value):
    """The names that stand before the colons of the section Parameters."""
    lines = re.findall(r"^(\w.*?)(?: : .*)?$", sections(value).get("Parameters", ""), re.MULTILINE)
    return [name.strip() for line in lines for name in line.split(",")]


def twin(function):
    """Whether a docstring points to another function for what it takes: "as in `nms_plain`"."""
    text = text_of(function)
    named = re.findall(r"`(?:\w+\.)*(\w+)", text)
    others = {name.rpartition(".")[2] for name in PUBLIC} | set(vars(inspect.getmodule(function)))
    points = re.search("same arguments|as in|see", text, re.IGNORECASE)
    return bool(points) and any(n in others and n != function.__name__ for n in named)


def gives(function):
    """Whether a function returns a value of its own (not one of a function within)."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    inner = {id(part) for sub in tree.body for f in ast.walk(sub)
             if isinstance(f, ast.FunctionDef | ast.Lambda) for part in ast.walk(f)}  # fmt: skip
    parts = [part for part in ast.walk(tree) if id(part) not in inner]
    returned = [part for part in parts if isinstance(part, ast.Return) and part.value is not None]
    return bool(returned) or any(isinstance(part, ast.Yield | ast.YieldFrom) for part in parts)


def test_everything_public_has_a_docstring():
    assert [name for name, value in documented() if not text_of(value)] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_function_describes_its_parameters_or_points_to_its_twin(name):
    function, given = PUBLIC[name], parameters(PUBLIC[name])
    if given and "Parameters" not in sections(function):
        assert twin(function), f"{name}{tuple(given)} does not say what it takes"


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_function_that_describes_its_parameters_says_what_it_returns(name):
    function, told = PUBLIC[name], sections(PUBLIC[name])
    if "Parameters" in told and gives(function):
        assert "Returns" in told or "Yields" in told or twin(function)


def test_parameters_are_described_by_their_own_names():
    for name, value in documented():
        if inspect.isfunction(value) and "Parameters" in sections(value):
            assert sorted(described(value)) == sorted(parameters(value)), name


def test_a_misnamed_parameter_would_be_noticed():
    def function(boxes, scores):
        """Do.

        Parameters
        ----------
        boxes : (N, 4) float32
        score : (N,)
            of the boxes

        Returns
        -------
        nothing : of interest
        """

    assert described(function) == ["boxes", "score"] != parameters(function)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_are_true(module):
    flags = doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(module, optionflags=flags).failed == 0


def test_the_examples_are_many():
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = [test for module in MODULES for test in finder.find(module) if test.examples]
    assert len(tests) > 40
