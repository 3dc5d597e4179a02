"""Pictures of numbers: the board, the confusion matrix, the strip of stages, panels."""

import io
import warnings

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from minimaskrcnn.pictures import BLUE, GREY, SKY, Panel, panels, strip
from minimaskrcnn.pictures.board import FACES, draw_board
from minimaskrcnn.pictures.charts import counted
from minimaskrcnn.pictures.panels import COLOURS
from minimaskrcnn.training.curve import draw_curve


def pixels_of(picture):
    return np.asarray(Image.open(io.BytesIO(picture.encoded)).convert("RGB")).astype(int)


def places(pixels, colour, off=6):
    """Rows and columns of the pixels of a colour."""
    return np.argwhere(np.abs(pixels - np.asarray(colour)).max(axis=2) < off)


def test_the_board_has_a_tile_for_each_stage_in_the_colour_of_its_state():
    states = ["yours", *["missing"] * 5, "wrong"]
    tiles = [("02", f"stage {i}", state) for i, state in enumerate(states)]
    picture = draw_board(tiles, np.zeros((30, 40, 3), np.uint8), "all is well")
    pixels = pixels_of(picture)
    colours = [
        [int(FACES[s][i : i + 2], 16) for i in (1, 3, 5)] for s in ("yours", "wrong", "missing")
    ]
    yours, wrong, missing = (places(pixels, colour) for colour in colours)
    assert len(missing) / len(yours) == pytest.approx(5, rel=0.1)  # two rows of tiles are whole
    assert len(wrong) / len(yours) == pytest.approx(1, rel=0.1)
    assert wrong[:, 0].min() > yours[:, 0].max()  # the seventh stands below the first
    assert abs(wrong[:, 1].mean() - yours[:, 1].mean()) < 5


def test_the_confusion_matrix_is_shaded_by_shares_of_what_there_was(monkeypatch):
    shown = []
    draw = Axes.imshow
    monkeypatch.setattr(
        Axes, "imshow", lambda ax, x, *a, **k: shown.append(x) or draw(ax, x, *a, **k)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        counted(np.array([[0, 0], [1, 3]]), ("background", "cat"), "what was taken for what")
    np.testing.assert_allclose(shown[0], [[0, 0], [0.25, 0.75]])


def test_a_strip_says_which_stages_are_lit():
    assert "lit: all stages" in repr(strip("tour")) and "lit: nms" in repr(strip("nms"))


def test_panels_stand_in_rows_of_so_many_columns():
    black = Panel("", np.zeros((20, 20, 3), np.uint8))
    sizes = [pixels_of(panels(*[black] * 4, columns=c)).shape[:2] for c in (None, 4, 2)]
    assert sizes[0] == sizes[1] and sizes[2][0] > sizes[0][0] and sizes[2][1] < 1.01 * sizes[0][1]


def test_a_panel_has_masks_boxes_and_points_where_they_are():
    sheet, mask = np.full((40, 40, 3), 255, np.uint8), np.zeros((40, 40), bool)
    mask[:10, :10] = True  # above, on the left
    tinted = pixels_of(panels(Panel("", sheet, mask=mask)))
    seen = places(tinted, 255 - 0.55 * (255 - COLOURS[0].astype(float)), off=12)
    everything = places(tinted, [255, 255, 255])
    assert len(seen) and seen.max(axis=0)[0] < everything.max(axis=0)[0] / 2
    assert seen.max(axis=0)[1] < everything.max(axis=0)[1] / 2
    point = pixels_of(panels(Panel("", sheet, points=np.array([[35, 5]]))))
    y, x = places(point, COLOURS[SKY], off=30).mean(axis=0)
    assert y > 0.6 * len(point) and x < 0.4 * point.shape[1]
    box = np.array([[5, 5, 15, 15]])
    both = (panels(Panel("", sheet, box, colours=(colour,))) for colour in (BLUE, GREY))
    count = [len(places(pixels_of(p), [96, 96, 96], off=8)) for p in both]
    assert count[1] > count[0]  # a box that is gone is dashed and grey


def test_a_large_picture_is_a_jpeg_and_a_small_one_is_exact():
    noise = np.random.RandomState(0).randint(0, 256, (300, 300, 3), np.uint8)
    assert panels(Panel("", noise), Panel("", noise)).encoded[:2] == b"\xff\xd8"
    assert panels(Panel("", np.zeros((4, 4, 3), np.uint8))).encoded[1:4] == b"PNG"


# Curves of a training


def lines_of(monkeypatch, tmp_path, losses, scores=()):
    """What `draw_curve` plots: {label: (x, y)}."""
    lines = {}
    for name in ("plot", "semilogy"):
        draw = getattr(Axes, name)

        def kept(ax, x, y, *more, draw=draw, **given):
            lines[given.get("label")] = np.asarray(x), np.asarray(y)
            return draw(ax, x, y, *more, **given)

        monkeypatch.setattr(Axes, name, kept)
    draw_curve(tmp_path / "curve.png", losses, scores)
    return lines


def test_losses_are_drawn_as_means_of_a_hundredth_of_the_steps_where_these_end(
    monkeypatch, tmp_path
):
    losses = np.arange(1, 401)[:, None] * np.ones(7)  # (400, 7)
    losses[:, 4] = 0  # nothing of this kind
    x, y = lines_of(monkeypatch, tmp_path, losses)["rpn class"]
    assert x.tolist() == list(range(4, 401)) and y[0] == pytest.approx(2.5)  # of 1, 2, 3, 4
    lines = lines_of(monkeypatch, tmp_path, losses)
    assert lines["sum"][1][-1] == pytest.approx(4 * 398.5) and np.isnan(lines["mask"][1]).all()
    assert lines["rate"][0].tolist() == list(range(1, 401))


def test_the_precision_of_boxes_and_masks_is_drawn_below(monkeypatch, tmp_path):
    losses = np.ones((50, 7))
    assert "boxes" not in lines_of(monkeypatch, tmp_path, losses)
    without = Image.open(tmp_path / "curve.png").size
    both = lines_of(monkeypatch, tmp_path, losses, [(10, 0.1, 0.2), (20, 0.3, 0.4)])
    assert both["boxes"][1].tolist() == [0.1, 0.3]
    assert both["masks"][1].tolist() == [0.2, 0.4] and both["masks"][0].tolist() == [10, 20]
    assert Image.open(tmp_path / "curve.png").size[1] > without[1]
