"""The grid of anchors."""

import json

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn.anchors import make_anchors, normalised_anchors
from minimaskrcnn.boxes import normalise
from minimaskrcnn.config import COCO

OPS = stored("ops_boxes")


def grid(shape=(64, 64), scales=(16,), ratios=(1,), strides=(32,), step=1):
    return make_anchors(shape, scales, ratios, strides, step)


def test_centres_lie_at_multiples_of_the_stride_from_zero_row_by_row():
    anchors = grid((64, 96))
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert centres.tolist() == [[0, 0], [0, 32], [0, 64], [32, 0], [32, 32], [32, 64]]
    assert (anchors[:, 2:] - anchors[:, :2] == 16).all()


def test_a_ratio_is_width_by_height_and_keeps_the_area():
    anchors = grid((32, 32), ratios=(1 / 4, 1, 4))
    sizes = anchors[:, 2:] - anchors[:, :2]
    assert sizes.tolist() == [[32, 8], [16, 16], [8, 32]]  # height 16 / √r, width 16 · √r


def test_the_order_is_level_row_column_ratio():
    anchors = grid((64, 64), scales=(16, 32), ratios=(1, 4), strides=(32, 64))
    assert len(anchors) == 2 * (4 + 1)
    assert anchors[0].tolist() == [-8, -8, 8, 8]
    assert anchors[1].tolist() == [-4, -16, 4, 16]
    assert anchors[2].tolist() == [-8, 24, 8, 40]  # the next column
    assert anchors[4].tolist() == [24, -8, 40, 8]  # the next row
    assert anchors[8].tolist() == [-16, -16, 16, 16]  # the next level


def test_anchors_are_neither_rounded_nor_clipped():
    first = grid((32, 32), scales=(3,), ratios=(2,))[0]
    height, width = 3 / np.sqrt(2), 3 * np.sqrt(2)
    assert np.allclose(first, [-height / 2, -width / 2, height / 2, width / 2], rtol=0, atol=1e-15)
    assert first.dtype == np.float64


def test_a_level_has_a_cell_for_every_begun_stride():
    assert len(grid((65, 64))) == 3 * 2  # rows at 0, 32, 64
    assert len(grid((64, 33))) == 2 * 2
    assert len(grid((1, 1))) == 1


def test_a_step_leaves_cells_out():
    anchors = grid((160, 64), step=2)  # cells in rows 0 … 4, columns 0 and 1
    assert anchors[:, 0].tolist() == [-8, 56, 120]


def test_the_coco_model_has_261888_anchors():
    anchors = normalised_anchors((1024, 1024, 3), COCO)
    assert anchors.shape == (261888, 4) and anchors.dtype == np.float32
    cells = [256, 128, 64, 32, 16]
    assert len(anchors) == sum(3 * n * n for n in cells)


def test_normalised_anchors_are_those_of_the_config():
    pixels = make_anchors((128, 192), COCO.anchor_scales, COCO.anchor_ratios)
    assert (normalised_anchors((128, 192, 3), COCO) == normalise(pixels, (128, 192))).all()


@pytest.mark.parametrize("case", range(3))
def test_the_anchors_are_those_of_the_original(case):
    args = json.loads(str(OPS[f"anchors{case}_args"]))
    shape, names = args["image_shape"], ("scales", "ratios", "strides", "anchor_stride")
    anchors = make_anchors(shape, *(args[name] for name in names))
    assert len(anchors) == OPS[f"anchors{case}_count"]
    stored_step = 1 if case == 0 else 7
    assert (anchors[::stored_step] == OPS[f"anchors{case}_pixels"]).all()
    assert (normalise(anchors, shape)[::stored_step] == OPS[f"anchors{case}_norm"]).all()


@pytest.mark.parametrize("case", range(3))
def test_the_number_of_cells_is_that_of_the_original(case):
    height, width = OPS["backbone_shapes_sizes"][case]
    for stride, shape in zip((4, 8, 16, 32, 64), OPS["backbone_shapes_out"][case], strict=True):
        anchors = grid((height, width), strides=(stride,))
        assert len(np.unique(anchors[:, 0])) == shape[0]
        assert len(np.unique(anchors[:, 1])) == shape[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"scales": (16, 32)},
        {"scales": (0,)},
        {"scales": (-1,)},
        {"scales": (np.nan,)},
        {"ratios": (1, 0)},
        {"ratios": (-1,)},
        {"strides": (0,)},
        {"step": 0},
    ],
)
def test_numbers_that_make_no_grid_are_refused(wrong):
    with pytest.raises(ValueError, match="make_anchors wants one scale for each of . levels"):
        grid(**wrong)
