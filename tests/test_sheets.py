"""Sheets of pictures, the pace of a training, and Ctrl-C in another thread."""

import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets import Example
from minimaskrcnn.datasets.cutouts import cutouts_of
from minimaskrcnn.training import pace
from minimaskrcnn.training.interrupt import held_back
from minimaskrcnn.training.recipe import FROM_NOTHING
from minimaskrcnn.training.sheets import GAP, TILE, middle, outlined, write_sheet


def example(height, width, box):
    mask = np.zeros((1, height, width), bool)
    mask[0, box[0] : box[2], box[1] : box[3]] = True
    image = np.random.RandomState(0).randint(0, 256, (height, width, 3)).astype(np.uint8)
    return Example(image, np.array([1]), mask)


def test_an_outline_is_one_pixel_wide_and_the_picture_itself_stays():
    one = example(12, 14, (2, 3, 8, 10))
    before = one.image.copy()
    drawn = outlined(one.image, one.masks)
    assert (one.image == before).all()
    border = one.masks[0].copy()
    border[3:7, 4:9] = False  # all but the outermost pixels of the object
    assert ((drawn != before).any(axis=2) <= border).all()
    assert len(np.unique(drawn[border], axis=0)) == 1


def test_the_middle_of_a_picture_is_cut_out_with_its_masks():
    one = example(40, 100, (10, 45, 30, 60))
    for side, (top, left) in ((20, (10, 40)), (60, (0, 20)), (200, (0, 0))):
        image, masks = middle(cutouts_of([one], 0), side)
        bottom, right = min(top + side, 40), min(left + side, 100)
        assert (image == one.image[top:bottom, left:right]).all()
        assert (np.asarray(masks) == one.masks[:, top:bottom, left:right]).all()


def test_a_sheet_has_room_for_its_longest_row_and_for_the_longer_side_of_each(tmp_path):
    red, tall = np.full((100, 100, 3), (255, 0, 0), np.uint8), np.zeros((512, 128, 3), np.uint8)
    write_sheet(tmp_path / "sheet.png", [[red], [red, tall, red]])
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * (TILE + GAP), 3 * (TILE + GAP), 3)
    assert (sheet[4 : TILE - 4, 4 : TILE - 4] == (255, 0, 0)).all()  # enlarged, its border darkens
    assert (sheet[: TILE + GAP, TILE:] == 255).all()
    second = sheet[TILE + GAP :, TILE + GAP : 2 * TILE + GAP]
    assert (second[:TILE, : TILE // 4] == 0).all() and (second[:TILE, TILE // 4 :] == 255).all()


def test_the_pace_is_that_of_the_quickest_step_but_the_first(monkeypatch):
    took, now = iter([0.1, 7.0, 5.0]), [100.0]  # the first is quickest by chance

    def advance(*_):
        now[0] += next(took)

    monkeypatch.setattr(pace, "advance", advance)
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    rules = SimpleNamespace(make_batch=lambda *_: None)
    monkeypatch.setattr(pace, "rules_of", lambda config: rules)
    seconds, peak = pace.tried(SimpleNamespace(config=SHAPES), None, FROM_NOTHING, 0)
    assert seconds == pytest.approx(5.0)
    if sys.platform.startswith("linux"):
        with open("/proc/self/status", encoding="utf-8") as status:
            told = next(line for line in status if line.startswith("VmHWM"))
        assert peak == pytest.approx(1024 * int(told.split()[1]), rel=0.1)


def test_in_another_thread_nobody_presses_ctrl_c():
    answers = []

    def work():
        with held_back() as pressed:
            answers.append(pressed())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]
