"""Cutting regions out of feature maps."""

import numpy as np
import pytest
from conftest import stored
from gradients import gradient_error, tape_gradients

from minimaskrcnn.roi_align import (
    crop_and_resize,
    pyramid_roi_align,
    roi_align_paper,
    roi_levels,
    roi_pool,
)

OPS = stored("ops_roialign")
PYRAMID = [OPS[f"P{level}"] for level in range(2, 6)]
BOXES = OPS["boxes"]

each_form = pytest.mark.parametrize("form", [crop_and_resize, roi_align_paper, roi_pool])


def rois(*rows, dtype=np.float32):
    return np.array(rows, dtype).reshape(-1, 4)


def slope(height, width, dtype=np.float32):
    """A map whose cell (i, j) holds 10 i + j: between the cells, too, interpolation is exact."""
    y, x = np.mgrid[:height, :width]
    return (10 * y + x).astype(dtype)[..., None]


def drawn_rois(count, seed=0):
    """Regions within the map and some way beyond, float64."""
    random = np.random.RandomState(seed)
    start = random.uniform(-0.2, 0.8, (count, 2))
    return np.concatenate([start, start + random.uniform(0.05, 0.6, (count, 2))], axis=1)


# crop_and_resize: corners on corners


def test_the_corners_of_the_patch_are_the_corners_of_the_region():
    whole = rois([0, 0, 1, 1])
    assert crop_and_resize(slope(3, 5), whole, (2, 2))[0, ..., 0].tolist() == [[0, 4], [20, 24]]
    assert (crop_and_resize(slope(3, 5), whole, (3, 5))[0] == slope(3, 5)).all()


def test_between_the_cells_the_map_is_interpolated():
    patch = crop_and_resize(slope(5, 5), rois([0.25, 0.125, 0.5, 0.625]), (3, 3))
    # rows 1, 1.5, 2; columns 0.5, 1.5, 2.5
    assert patch[0, ..., 0].tolist() == [[10.5, 11.5, 12.5], [15.5, 16.5, 17.5], [20.5, 21.5, 22.5]]


def test_a_sample_weighs_the_four_cells_around_it():
    corner = np.zeros((2, 2, 4), np.float32)
    corner.reshape(4, 4)[:] = np.eye(4)  # a channel for each cell
    patch = crop_and_resize(corner, rois([0.25, 0.125, 0.25, 0.125]), (1, 1))
    assert patch.ravel().tolist() == [3 / 4 * 7 / 8, 3 / 4 * 1 / 8, 1 / 4 * 7 / 8, 1 / 4 * 1 / 8]


def test_a_single_sample_lies_in_the_middle():
    patch = crop_and_resize(slope(5, 5), rois([0, 0.5, 1, 1]), (1, 1))
    assert patch.tolist() == [[[[20 + 3]]]]
    patch = crop_and_resize(slope(5, 5), rois([0, 0.5, 1, 1]), (1, 2))
    assert patch.tolist() == [[[[22], [24]]]]


def test_rows_and_columns_may_differ_in_number():
    patch = crop_and_resize(slope(3, 5), rois([0, 0, 1, 1]), (3, 2))
    assert patch[0, ..., 0].tolist() == [[0, 4], [10, 14], [20, 24]]


def test_samples_beyond_the_map_are_zero_and_those_on_its_border_are_not():
    ones = np.ones((3, 3, 1), np.float32)
    patch = crop_and_resize(ones, rois([-0.5, 0, 1.5, 1]), (5, 3))[0, ..., 0]
    assert patch.tolist() == [[0, 0, 0], [1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 0]]
    patch = crop_and_resize(ones, rois([0, -1e-6, 1, 1 + 1e-6]), (3, 3))[0, ..., 0]
    assert patch.tolist() == [[0, 1, 0]] * 3
    assert (crop_and_resize(ones, rois([2, 2, 3, 3], [-3, 0, -2, 1]), (2, 2)) == 0).all()


def test_reversed_corners_mirror_the_patch():
    patches = crop_and_resize(slope(5, 5), rois([0, 0.25, 0.5, 1], [0.5, 1, 0, 0.25]), (4, 4))
    assert np.allclose(patches[0], patches[1, ::-1, ::-1], rtol=1e-6)


def test_a_region_without_area_repeats_its_point():
    patch = crop_and_resize(slope(5, 5), rois([0.5, 0.25, 0.5, 0.25]), (7, 7))
    assert (patch == 21).all()


def test_a_map_of_one_cell_or_one_row_can_be_read():
    assert (crop_and_resize(slope(1, 1) + 3, rois([0, 0, 1, 1]), (7, 7)) == 3).all()
    patch = crop_and_resize(slope(1, 5000), rois([0, 0, 1, 1]), (1, 2))
    assert patch.ravel().tolist() == [0, 4999]


@pytest.mark.parametrize("size", ["1x1", "2x2", "3x5"])
def test_crop_and_resize_is_that_of_the_original_to_the_last_bit(size):
    p, q = map(int, size.split("x"))
    assert (crop_and_resize(PYRAMID[1], BOXES, (p, q)) == OPS[f"crop_P3_{size}"]).all()


def test_the_arithmetic_is_that_of_float32_in_the_documented_order():
    box = drawn_rois(200, seed=3).astype(np.float32)
    line = np.arange(37, dtype=np.float32)[:, None, None]  # its values are the positions
    line = np.repeat(line, 2, axis=1)
    patches = crop_and_resize(line, box * np.float32([1, 0, 1, 0]), (7, 1))[..., 0, 0]
    y1, y2, reach = box[:, 0], box[:, 2], np.float32(36)
    step = (y2 - y1) * reach / np.float32(6)
    y = y1[:, None] * reach + np.arange(7, dtype=np.float32) * step[:, None]
    assert y.dtype == np.float32
    expected = np.where((y >= 0) & (y <= reach), np.floor(y) + (y - np.floor(y)), 0)
    assert (patches == expected).all()


# The paper's RoIAlign


def test_the_paper_averages_four_samples_a_bin():
    # one bin over two rows and two columns: samples at 1/4 and 3/4 of them, on the four centres
    assert roi_align_paper(slope(2, 2), rois([0, 0, 1, 1]), (1, 1)).ravel() == (0 + 1 + 10 + 11) / 4


def test_in_the_paper_a_bin_of_one_cell_reads_that_cell():
    whole = roi_align_paper(slope(6, 4), rois([0, 0, 1, 1]), (6, 4))[0]
    assert np.allclose(whole[1:-1, 1:-1], slope(6, 4)[1:-1, 1:-1], rtol=1e-6)
    # at the border samples beyond the outermost centres take its value: 0, not -1/4
    assert whole[0, 1, 0] == np.float32(1 + 10 / 8)


def test_the_paper_reads_a_slope_at_the_middle_of_each_bin():
    box, cells = drawn_rois(30), 16
    box = np.clip(box, 0.1, 0.9)
    patches = roi_align_paper(slope(cells, cells, np.float64), box, (3, 2))[..., 0]
    y = (box[:, :1] + (box[:, 2:3] - box[:, :1]) * (np.arange(3) + 0.5) / 3) * cells - 0.5
    x = (box[:, 1:2] + (box[:, 3:] - box[:, 1:2]) * (np.arange(2) + 0.5) / 2) * cells - 0.5
    assert np.allclose(patches, 10 * y[:, :, None] + x[:, None, :], rtol=0, atol=1e-5)


def test_the_paper_is_the_mean_of_four_crops_of_single_points():
    """`crop_and_resize` at the four points, whose normalised 0 and 1 are the outermost centres."""
    random = np.random.RandomState(8)
    feature_map, box, (p, q) = random.normal(size=(9, 7, 3)), drawn_rois(20, seed=8), (3, 2)
    patches = roi_align_paper(feature_map, box, (p, q))
    expected = np.zeros_like(patches)
    for a in (0.25, 0.75):
        for b in (0.25, 0.75):
            for i in range(p):
                for j in range(q):
                    y = (box[:, 0] + (box[:, 2] - box[:, 0]) * (i + a) / p) * 9 - 0.5
                    x = (box[:, 1] + (box[:, 3] - box[:, 1]) * (j + b) / q) * 7 - 0.5
                    point = np.stack([np.clip(y, 0, 8) / 8, np.clip(x, 0, 6) / 6] * 2, axis=1)
                    expected[:, i, j] += crop_and_resize(feature_map, point, (1, 1))[:, 0, 0] / 4
    assert np.allclose(patches, expected, rtol=0, atol=1e-6)


# RoIPool


def test_roi_pool_takes_the_largest_of_each_bin():
    assert roi_pool(slope(4, 6), rois([0, 0, 1, 1]), (2, 2))[0, ..., 0].tolist() == [
        [12, 15],
        [32, 35],
    ]
    assert roi_pool(-slope(4, 6), rois([0, 0, 1, 1]), (2, 2))[0, ..., 0].tolist() == [
        [0, -3],
        [-20, -23],
    ]


def test_roi_pool_rounds_alike_compiled_or_not():
    # In float32 0.1 is a little more: 0.50000001 of 5 rows, so it rounds to 1; 0.7 a little less.
    patch = roi_pool(slope(5, 5), rois([0.1, 0, 0.7, 0.2]), (2, 1))
    assert patch.ravel().tolist() == [10, 20]


def test_roi_pool_rounds_the_region_to_whole_cells():
    # rows 1.4 … 3.4 of 10 become 1 … 3, columns 1.6 … 3.6 become 2 … 4
    patch = roi_pool(slope(10, 10), rois([0.14, 0.16, 0.34, 0.36]), (2, 2))
    assert patch[0, ..., 0].tolist() == [[12, 13], [22, 23]]


def test_bins_of_a_small_region_share_cells():
    assert roi_pool(slope(4, 4), rois([0.25, 0.25, 0.5, 0.5]), (3, 3)).ravel().tolist() == [11] * 9
    patch = roi_pool(slope(4, 4), rois([0, 0, 0.75, 0.25]), (2, 1))  # rows 0 1, 1 2
    assert patch.ravel().tolist() == [10, 20]


def test_regions_beyond_the_map_pool_its_border():
    patches = roi_pool(slope(4, 4), rois([-2, -2, -1, -1], [2, 2, 3, 3]), (2, 2))
    assert (patches[0] == 0).all() and (patches[1] == 33).all()


def test_roi_pool_is_the_maximum_over_slices():
    random = np.random.RandomState(9)
    feature_map, box, (p, q) = random.normal(size=(13, 9, 2)), drawn_rois(40, seed=9), (3, 2)
    box = np.clip(box, 0, 1)
    patches = roi_pool(feature_map, box, (p, q))
    for patch, roi in zip(patches, box, strict=True):
        y1, x1, y2, x2 = np.around(roi * [13, 9, 13, 9]).astype(int)
        y1, x1 = min(y1, 12), min(x1, 8)
        y2, x2 = max(y2, y1 + 1), max(x2, x1 + 1)
        for i in range(p):
            rows = slice(y1 + i * (y2 - y1) // p, y1 + int(np.ceil((i + 1) * (y2 - y1) / p)))
            for j in range(q):
                columns = slice(x1 + j * (x2 - x1) // q, x1 + int(np.ceil((j + 1) * (x2 - x1) / q)))
                assert (patch[i, j] == feature_map[rows, columns].max(axis=(0, 1))).all()


def test_a_small_shift_moves_what_align_reads_and_not_what_pool_reads():
    there, shifted = rois([0.2, 0.2, 0.6, 0.6]), rois([0.2, 0.22, 0.6, 0.62])  # 0.2 cells of 10
    for form, moved in ((roi_align_paper, 0.2), (roi_pool, 0)):
        before, after = (form(slope(10, 10), roi, (2, 2)) for roi in (there, shifted))
        assert np.allclose(after - before, moved, rtol=0, atol=1e-5)


# All three forms


@each_form
def test_regions_and_channels_do_not_mix(form):
    random = np.random.RandomState(10)
    feature_map, box = random.normal(size=(9, 8, 3)).astype(np.float32), drawn_rois(12, seed=10)
    patches = form(feature_map, box, (3, 4))
    assert patches.shape == (12, 3, 4, 3) and patches.dtype == np.float32
    for r in (0, 5, 11):
        for k in range(3):
            alone = form(feature_map[..., k : k + 1], box[r : r + 1], (3, 4))
            assert (patches[r, ..., k] == alone[0, ..., 0]).all()


@each_form
def test_height_and_width_are_not_confused(form):
    feature_map, box = slope(12, 7), np.clip(drawn_rois(10, seed=11), 0, 1).astype(np.float32)
    turned = form(feature_map.transpose(1, 0, 2), box[:, [1, 0, 3, 2]], (4, 3))
    assert np.allclose(form(feature_map, box, (3, 4)), turned.transpose(0, 2, 1, 3), atol=1e-4)


@each_form
def test_no_regions_have_no_patches(form):
    assert form(slope(4, 4), rois(), (7, 7)).shape == (0, 7, 7, 1)


@each_form
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")  # without Numba
def test_regions_that_are_no_numbers_give_zeros_and_crash_nothing(form):
    for wrong in (np.nan, np.inf, -np.inf):
        for place in range(4):
            box = rois([0, 0, 1, 1])
            box[0, place] = wrong
            assert (form(slope(4, 4) + 1, box, (2, 2)) == 0).all()
    assert (form(slope(4, 4) + 1, np.full((3, 4), np.nan), (2, 2)) == 0).all()
    assert np.isfinite(
        form(slope(4, 4), rois([-3e38, 0, 3e38, 1], [9e8, 9e8, -9e8, 0]), (3, 3))
    ).all()


@each_form
def test_the_map_keeps_its_dtype_whatever_that_of_the_regions(form):
    for dtype in (np.float32, np.float64):
        for other in (np.float32, np.float64):
            assert form(slope(4, 4, dtype), rois([0, 0, 1, 1], dtype=other), (2, 2)).dtype == dtype


@each_form
def test_a_map_that_is_a_view_reads_the_same(form):
    random = np.random.RandomState(12)
    feature_map = random.normal(size=(9, 8, 6)).astype(np.float32)[::2, ::-1, ::3]
    expected = form(np.ascontiguousarray(feature_map), BOXES, (3, 3))
    assert (form(feature_map, BOXES, (3, 3)) == expected).all()
    assert (form(feature_map, np.asfortranarray(BOXES), (3, 3)) == expected).all()


@each_form
@pytest.mark.parametrize(
    "change, message",
    [
        ({"feature_map": np.zeros((4, 4), np.float32)}, r"feature_map must be \(H, W, C\)"),
        ({"feature_map": np.zeros((1, 4, 4, 1), np.float32)}, r"feature_map must be \(H, W, C\)"),
        ({"feature_map": np.zeros((0, 4, 1), np.float32)}, "and not empty"),
        ({"feature_map": np.zeros((4, 4, 1), np.uint8)}, "float32 or float64, got uint8"),
        ({"rois": np.zeros((2, 5), np.float32)}, r"rois must be an array of shape \(N, 4\)"),
        ({"rois": np.zeros((2, 4), np.int64)}, "rois must be float32 or float64, got int64"),
        ({"rois": [[0, 0, 1, 1]]}, r"rois must be an array of shape \(N, 4\), got list"),
        ({"size": (0, 2)}, "size must be two numbers"),
        ({"size": (2, -1)}, "size must be two numbers"),
        ({"size": (2,)}, "size must be two numbers"),
    ],
)
def test_bad_arguments_are_refused(form, change, message):
    arguments = {"feature_map": slope(4, 4), "rois": rois([0, 0, 1, 1]), "size": (2, 2), **change}
    with pytest.raises(ValueError, match=message):
        form(**arguments)


# The pyramid


def test_a_region_of_224_pixels_belongs_to_p4_and_half_the_side_is_a_level_less():
    sides = np.array([28, 56, 112, 224, 448, 896, 1024]) / 1024
    box = np.stack([np.zeros(7), np.zeros(7), sides, sides], axis=1).astype(np.float32)
    assert roi_levels(box, (1024, 1024)).tolist() == [2, 2, 3, 4, 5, 5, 5]


@pytest.mark.parametrize("level_size", [1, 40, 80, 448, 1000])
def test_a_region_of_the_level_size_belongs_to_p4_whatever_it_is(level_size):
    edges = np.sqrt(2) ** np.array([-5, -3.01, -2.99, -1.01, -0.99, 0, 0.99, 1.01, 4])
    sides = level_size / 4096 * edges
    box = np.stack([0 * sides, 0 * sides, sides, sides], axis=1).astype(np.float32)
    levels = [2, 2, 3, 3, 4, 4, 4, 5, 5]
    assert roi_levels(box, (4096, 4096), level_size).tolist() == levels
    constant = [np.full((n, n, 1), level, np.float32) for level, n in enumerate((16, 8, 4, 2), 2)]
    patches = pyramid_roi_align(constant, np.clip(box, 0, 0.99), 3, (4096, 4096), level_size)
    assert (patches[:, 1, 1, 0] == roi_levels(box, (4096, 4096), level_size)).all()


def test_levels_change_at_sides_of_root_two():
    sides = 224 / 1024 * np.sqrt(2) ** np.array([-3.01, -2.99, -1.01, -0.99, 0.99, 1.01])
    box = np.stack([np.zeros(6), np.zeros(6), sides, sides], axis=1).astype(np.float32)
    assert roi_levels(box, (1024, 1024, 3)).tolist() == [2, 3, 3, 4, 4, 5]


def test_half_a_level_is_rounded_to_the_even_one():
    for half, level in ((0.5, 4), (-1.5, 2)):  # where rounding up would give 5 and 3
        steps = np.arange(-40, 41) * 2.0**-25  # through the last bits around the exact half
        sides = (224 / 1024 * 2**half * (1 + steps)).astype(np.float32)
        level_above_4 = np.log(np.sqrt(sides * sides) / np.float32(224 / 1024))
        level_above_4 /= np.log(np.float32(2))
        exactly = level_above_4 == half
        assert exactly.any()
        box = np.stack([0 * sides, 0 * sides, sides, sides], axis=1)
        assert (roi_levels(box[exactly], (1024, 1024)) == level).all()


def test_the_area_counts_not_the_longer_side():
    tall = rois([0, 0, 7 / 8, 7 / 128])  # 896 x 56 pixels have the area of 224 x 224
    assert roi_levels(tall, (1024, 1024)).tolist() == [4]
    assert roi_levels(tall, (512, 1024)).tolist() == [4]  # · √(1/2): -1/2 is rounded to even, 0
    assert roi_levels(tall, (256, 1024)).tolist() == [3]


def test_regions_without_area_or_sense_go_to_p2():
    odd = rois([0.5, 0.5, 0.5, 0.5], [0, 0, 0, 1], [0.9, 0.1, 0.1, 0.9], [np.nan, 0, 1, 1])
    assert roi_levels(odd, (1024, 1024)).tolist() == [2, 2, 2, 2]
    assert roi_levels(rois([0.9, 0.9, 0, 0]), (1024, 1024)).tolist() == [5]  # reversed twice


def test_no_regions_have_no_levels():
    assert roi_levels(rois(), (64, 64)).shape == (0,)
    assert pyramid_roi_align(PYRAMID, rois(), 7, (64, 64)).shape == (0, 7, 7, 2)


SHAPES = [(1024, 1024), (256, 256), (800, 1024)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_levels_are_those_of_the_original(shape):
    levels = roi_levels(BOXES, shape)
    assert levels.dtype == np.int64
    assert (levels == OPS["level_{}x{}".format(*shape)]).all()


@pytest.mark.parametrize("size", [7, 14])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_patches_are_those_of_the_original_to_the_last_bit(shape, size):
    patches = pyramid_roi_align(PYRAMID, BOXES, size, shape)
    assert (patches == OPS["image{}x{}_pool{}".format(*shape, size)]).all()


def test_every_region_keeps_its_place():
    constant = [np.full((n, n, 1), level, np.float32) for level, n in enumerate((16, 8, 4, 2), 2)]
    box = np.clip(BOXES, 0, 0.99)
    patches = pyramid_roi_align(constant, box, 3, (1024, 1024))
    assert (patches[:, 1, 1, 0] == roi_levels(box, (1024, 1024))).all()


def test_a_pyramid_has_four_levels_for_regions():
    with pytest.raises(ValueError, match="the four maps p2 … p5, got 5"):
        pyramid_roi_align([*PYRAMID, PYRAMID[0]], BOXES, 7, (64, 64))
    for wrong, message in ((np.zeros((2, 4), int), "rois must be float32"), (np.zeros(4), "shape")):
        with pytest.raises(ValueError, match=message):
            pyramid_roi_align(PYRAMID, wrong, 7, (64, 64))


# Gradients


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 4)])
def test_the_gradient_of_crop_and_resize_is_that_of_finite_differences(size):
    feature_map = np.random.RandomState(13).normal(size=(4, 5, 2))
    for box in (drawn_rois(6, seed=13), drawn_rois(6, seed=14).astype(np.float32)):
        assert (
            gradient_error(lambda x, box=box: crop_and_resize(x, box, size), [feature_map]) < 1e-6
        )


def test_the_gradient_reaches_border_cells_and_stays_within_the_map():
    box = rois([0, 0, 1, 1], [-1, -1, 2, 2], [1, 1, 1, 1], [np.nan, 0, 1, 1], dtype=np.float64)
    feature_map = np.random.RandomState(15).normal(size=(3, 4, 1))
    assert gradient_error(lambda x: crop_and_resize(x, box, (3, 3)), [feature_map]) < 1e-6


def test_what_is_given_back_is_what_was_read():  # the weights of a sample within the map sum to 1
    box = np.clip(drawn_rois(20, seed=16), 0.05, 0.95)
    (gradient,) = tape_gradients(
        lambda x: crop_and_resize(x, box, (3, 3)), [np.zeros((6, 5, 1))], [np.ones((20, 3, 3, 1))]
    )
    assert abs(gradient.sum() - 20 * 9) < 1e-10


def test_the_gradient_of_the_pyramid_is_that_of_finite_differences():
    maps = [np.random.RandomState(n).normal(size=(n, n, 1)) for n in (5, 4, 3, 2)]
    box = np.array(
        [[0, 0, 0.9, 0.8], [0.5, 0.5, 0.55, 0.56], [0.3, 0.2, 0.5, 0.4], [0, 0, 0.1, 0.1]]
    )
    box = np.concatenate([box, box[::-1] * 0.9])  # twice on each level, in another order
    assert sorted(roi_levels(box, (1024, 1024))) == [2, 2, 3, 3, 4, 4, 5, 5]
    error = gradient_error(lambda *m: pyramid_roi_align(m, box, 2, (1024, 1024)), maps)
    assert error < 1e-6
