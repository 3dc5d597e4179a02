"""The figure of the network has every name of the code, and only such."""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

from minimaskrcnn import load_model, model
from minimaskrcnn.pictures.diagram import NODES, diagram

PHOTO = np.random.RandomState(7).randint(0, 256, (90, 128, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def steps():
    return load_model("shapes").trace(PHOTO)


def test_the_functions_are_those_that_the_network_calls():
    steps = (model.frame, model.look, model.propose, model.classify, model.outline)
    calls = [node for step in steps for node in ast.walk(ast.parse(inspect.getsource(step)))]
    called = {
        node.func.id for node in calls if isinstance(node, ast.Call) and hasattr(node.func, "id")
    }
    drawn = {name for node in NODES for name in node.functions.split(", ")}
    plain = {"enumerate", "keep"}  # loops, records
    plain |= {"normalise", "in_whole_pixels"}  # other units of boxes
    assert drawn == called - plain


def test_the_chapters_of_a_box_are_about_its_functions():
    chapters = Path(__file__).parent.parent / "chapters"
    for node in NODES:
        numbers = node.chapters.split(", ")
        texts = [p.read_text(encoding="utf-8") for n in numbers for p in chapters.glob(f"{n}_*.py")]
        assert len(texts) == len(numbers)
        for name in node.functions.split(", "):
            word = {"normalised_anchors": "make_anchors", "make_detections": "paste_mask"}
            assert any(word.get(name, name) in text for text in texts), name


def test_every_intermediate_is_returned_by_one_box(steps):
    drawn = [name for node in NODES for name in node.returns]
    assert sorted(drawn) == sorted(steps)


def test_boxes_do_not_share_a_place():
    assert len({(node.column, node.row) for node in NODES}) == len(NODES)


def test_the_figure_is_a_png_and_the_same_every_time(steps):
    first = diagram(steps)
    assert first._repr_png_().startswith(b"\x89PNG") and first.encoded == diagram(steps).encoded


def test_a_picture_without_objects_is_drawn(steps):
    nothing = {**steps, "result": load_model("shapes").predict(PHOTO, min_score=1.0)}
    assert len(nothing["result"]) == 0 and diagram(nothing).encoded
