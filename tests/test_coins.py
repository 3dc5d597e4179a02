"""The bundled model, which learned from drawn shapes alone, finds the coins in a photograph."""

import hashlib

import numpy as np
from PIL import Image

from minimaskrcnn import cli, load_model
from minimaskrcnn.datasets import COINS_FILE, COINS_OUTLINES
from minimaskrcnn.datasets.annotations import load_annotations

CENTRES = [  # x, y of each coin, read off the photograph by eye
    *[(45, 53), (100, 56), (155, 50), (216, 50), (276, 51), (337, 42)],
    *[(45, 124), (103, 124), (153, 126), (206, 124), (271, 119), (338, 124)],
    *[(44, 197), (102, 195), (154, 198), (213, 192), (275, 196), (349, 187)],
    *[(46, 260), (114, 266), (173, 262), (245, 264), (301, 263), (358, 268)],
]


def test_each_of_the_24_coins_is_found_once_and_nothing_else():
    result = load_model("shapes").predict(COINS_FILE, size=256, min_score=0.5)
    assert len(result) == 24 and set(result.labels) == {"circle"}
    y1, x1, y2, x2 = result.boxes.T
    inside = [(y1 <= y) & (y < y2) & (x1 <= x) & (x < x2) for x, y in CENTRES]  # (24,) each
    assert np.sum(inside, axis=0).tolist() == np.sum(inside, axis=1).tolist() == [1] * 24


def test_the_masks_cover_the_middles_of_all_coins_but_one_which_is_taken_for_a_ring():
    masks = load_model("shapes").predict(COINS_FILE, size=256, min_score=0.5).masks
    covered = [int(masks[:, y, x].sum()) for x, y in CENTRES]
    assert covered == [1] * 5 + [0] + [1] * 18


def test_the_outlines_are_of_the_24_coins_and_of_nothing_else():
    outlines = load_annotations(COINS_OUTLINES, COINS_FILE.parent)
    truth = outlines[0]
    assert outlines.class_names == ("background", "coin") and truth.masks.shape == (24, 303, 384)
    assert [int(truth.masks[:, y, x].sum()) for x, y in CENTRES] == [1] * 24
    assert all(sum(mask[y, x] for x, y in CENTRES) == 1 for mask in truth.masks)


def test_the_demo_shows_them(tmp_path, capsys):
    assert cli.main(["demo", "--photo", "--output", str(tmp_path / "coins.png")]) == 0
    assert "24 objects in" in capsys.readouterr().out
    assert Image.open(tmp_path / "coins.png").size[0] >= 384


def test_the_photograph_is_the_one_that_its_text_describes():
    digest = hashlib.sha256(COINS_FILE.read_bytes()).hexdigest()
    assert digest in COINS_FILE.with_suffix(".txt").read_text(encoding="utf-8")
    assert Image.open(COINS_FILE).size == (384, 303)
