"""The network on one page, chapters/whole_network.py, finds what the package finds."""

import ast
import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

PAGE = Path(__file__).parent.parent / "chapters" / "whole_network.py"


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("whole_network", PAGE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("level_size", [None, 110])
@pytest.mark.parametrize(("seed", "height", "width"), [(13, 100, 128), (160, 128, 70), (7, 61, 90)])
def test_the_page_finds_the_same_boxes_classes_and_masks(page, seed, height, width, level_size):
    photo = scene(seed).image[:height, :width]
    model, (network, settings) = load_model("shapes"), page.load(page.BUNDLED)
    if level_size is not None:
        model = replace(model, config=replace(model.config, level_size=level_size))
        settings = {**settings, "level_size": level_size}
    ours = model.predict(photo)
    boxes, class_ids, scores, masks = page.predict(photo, network, settings)
    assert len(ours) > 0 and boxes.tolist() == ours.boxes.tolist()
    assert class_ids.tolist() == ours.class_ids.tolist()
    assert np.abs(scores - ours.scores).max() < 1e-5
    assert (masks == ours.masks).all()


def test_the_page_runs_as_a_program_and_prints_what_it_finds(tmp_path):
    Image.fromarray(scene(13).image).save(tmp_path / "scene.png")
    command = [sys.executable, str(PAGE), str(tmp_path / "scene.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ours = load_model("shapes").predict(scene(13).image)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ours.labels


def test_the_page_is_one_page_of_numpy():
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("\n") <= 250
    imported = {
        name.name for node in ast.walk(ast.parse(text)) for name in getattr(node, "names", [])
        if isinstance(node, ast.Import | ast.ImportFrom)
    }  # fmt: skip
    assert imported == {"json", "sys", "find_spec", "h5py", "numpy", "Image"}
