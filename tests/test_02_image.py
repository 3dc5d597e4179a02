"""From a photograph to the network's input."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn import image
from minimaskrcnn.config import COCO
from minimaskrcnn.errors import ImageError
from minimaskrcnn.image import letterbox, mold, scaled_size
from minimaskrcnn.resizing import resize

RESIZE = stored("ops_resize")
PREPROCESS = stored("ops_preprocess")

each_case = pytest.mark.parametrize("case", [f"case{i:02d}" for i in range(9)])


def config(minimum=1, maximum=64, mode="square", scale=0.0):
    sizes = {"image_min_size": minimum, "image_max_size": maximum, "image_min_scale": scale}
    return replace(COCO, resize_mode=mode, **sizes)


def config_of(case):
    args = json.loads(str(PREPROCESS[f"{case}_args"]))
    sizes = args.get("min_dim", 1), args.get("max_dim", 64)
    return config(*sizes, args["mode"], args.get("min_scale", 0.0))


def photo(height, width, seed=0):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)


# Resizing, by hand


def test_pixels_are_areas_whose_centres_lie_at_one_half():
    # 4 outputs of 2 inputs read at -1/4, 1/4, 3/4, 5/4: at 1/4 it is 3/4 · 0 + 1/4 · 4
    assert resize(np.array([[0.0, 4.0]]), 1, 4).tolist() == [[0, 1, 3, 3]]
    assert resize(np.array([[0.0], [4.0]]), 4, 1).tolist() == [[0], [1], [3], [3]]


def test_reducing_does_not_smooth():
    # 2 outputs of 4 inputs read at 1/2 and 5/2; 1 output at 3/2
    assert resize(np.array([[0.0, 2.0, 4.0, 60.0]]), 1, 2).tolist() == [[1, 32]]
    assert resize(np.array([[0.0, 2.0, 4.0, 60.0]]), 1, 1).tolist() == [[3]]


def test_the_border_of_an_enlarged_array_darkens_because_zeros_lie_around_it():
    array = np.full((4, 4), 16.0)
    array[3, 3] = 0  # otherwise all would be cut off at the minimum, 16
    enlarged = resize(array, 8, 8)
    assert enlarged[0, 0] == 9  # 3/4 · 3/4 of 16
    assert enlarged[0, 3] == enlarged[3, 0] == 12  # 3/4
    assert enlarged[3, 3] == 16


def test_the_result_stays_between_the_extremes_of_all_channels_together():
    array = np.stack([np.full((2, 2), 10.0), np.full((2, 2), 200.0)], axis=2)
    enlarged = resize(array, 4, 4)
    assert (enlarged[..., 0] == 10).all()  # 5.6 in the corner, were it not for the minimum
    assert enlarged[0, 0, 1] == 112.5  # 9/16 of 200: above the minimum of the other channel


def test_the_same_size_gives_the_same_numbers_in_a_new_array():
    array = photo(5, 7)
    same = resize(array, 5, 7)
    assert (same == array).all() and same.dtype == np.float64
    floats = array.astype(np.float64)
    assert not np.shares_memory(resize(floats, 5, 7), floats)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, bool, np.int64])
def test_float32_stays_and_everything_else_becomes_float64(dtype):
    wanted = np.float32 if dtype == np.float32 else np.float64
    array = np.array([[0, 1], [1, 0]], dtype)
    for size in ((2, 2), (3, 5)):
        assert resize(array, *size).dtype == wanted
    assert array.tolist() == [[0, 1], [1, 0]]


def test_a_single_pixel_fills_any_size():
    assert (resize(np.array([[7.0]]), 3, 2) == 7).all()


def test_a_single_row_or_column_resizes_along_the_other_axis_only():
    row = np.arange(5000.0)[None]
    assert np.allclose(resize(row, 1, 2500)[0, :3], [0.5, 2.5, 4.5])
    assert np.allclose(resize(row.T, 2500, 1)[:3, 0], [0.5, 2.5, 4.5])


@pytest.mark.parametrize("size", [(6, 9), (13, 5), (1, 4), (20, 31), (7, 11)])
def test_resizing_is_linear_interpolation_along_one_axis_and_then_the_other(size):
    array = np.random.RandomState(1).uniform(-5, 5, (7, 11))
    surrounded = np.pad(array, 1)

    def positions(count, n):
        return (np.arange(count) + 0.5) * n / count - 0.5 + 1  # + 1 for the row of zeros before

    rows = np.array([np.interp(positions(size[1], 11), np.arange(13), row) for row in surrounded])
    both = [np.interp(positions(size[0], 7), np.arange(9), column) for column in rows.T]
    expected = np.clip(np.transpose(both), array.min(), array.max())
    assert np.allclose(resize(array, *size), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "array, size",
    [
        (np.zeros((0, 4)), (2, 2)),
        (np.zeros((2, 0, 3)), (2, 2)),
        (np.zeros(4), (2, 2)),
        (np.zeros((2, 2, 2, 2)), (2, 2)),
        (np.zeros((2, 2)), (0, 2)),
        (np.zeros((2, 2)), (2, -1)),
        (np.zeros((2, 2), complex), (3, 3)),
        (np.zeros((2, 2), np.float16), (3, 3)),
        (np.array([["a"]]), (3, 3)),
    ],
)
def test_what_cannot_be_resized_is_refused(array, size):
    with pytest.raises(ValueError, match="cannot resize an array"):
        resize(array, *size)


# Resizing, as the original does it


@pytest.mark.parametrize("case", range(10))
def test_resize_is_that_of_the_original(case):
    for kind, tolerance in (("float", 3e-6), ("uint8", 1e-11), ("bool", 1e-13)):
        theirs = RESIZE[f"{kind}{case:02d}_out"]
        ours = resize(RESIZE[f"{kind}{case:02d}_in"], *theirs.shape[:2])
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        assert np.abs(ours - theirs).max() <= tolerance


# How large


@pytest.mark.parametrize(
    "shape, size",
    [
        ((600, 512), (938, 800)),  # · 800 / 512: 937.5
        ((300, 451), (681, 1024)),  # · 800 / 300 would make 1203 of 451, so · 1024 / 451
        ((400, 512), (800, 1024)),  # the longer side just fits
        ((2000, 1000), (1024, 512)),  # reduced for the sake of the longer side
        ((900, 1000), (900, 1000)),  # never reduced for the sake of the shorter one
        ((1024, 1024), (1024, 1024)),
        ((1, 1), (800, 800)),
        ((1, 5000), (1, 1024)),  # 0.2 rows would be none
        ((5000, 1), (1024, 1)),
    ],
)
def test_the_shorter_side_grows_to_800_unless_the_longer_passes_1024(shape, size):
    assert scaled_size(shape, COCO) == size


def test_sizes_are_rounded_half_to_even():
    assert scaled_size((4, 10), config(5, 64)) == (5, 12)  # 12.5
    assert scaled_size((4, 14), config(5, 64)) == (5, 18)  # 17.5


def test_the_longer_side_is_compared_with_the_maximum_after_rounding():
    # 20 · 1.21 = 24.2 is 24: allowed, so 17 · 1.21 = 20.57 is 21; 17 · 24 / 20 would be 20.4
    assert scaled_size((17, 20), config(1, 24, scale=1.21)) == (21, 24)


def test_a_minimum_scale_enlarges_even_what_is_large_enough():
    assert scaled_size((50, 51), config(40, 256, scale=2.0)) == (100, 102)
    assert scaled_size((50, 51), config(200, 256, scale=2.0)) == (200, 204)  # less than · 4
    assert scaled_size((50, 51), config(40, 64, scale=2.0)) == (63, 64)  # the maximum wins


def test_pad64_knows_no_maximum_and_none_no_change():
    assert scaled_size((50, 130), config(128, 64, mode="pad64")) == (128, 333)
    assert scaled_size((50, 130), config(128, 64, mode="none")) == (50, 130)


def test_in_mode_scale_every_photograph_is_enlarged_or_reduced_alike():
    double = replace(config(), resize_mode="scale", image_scale=2.0)
    assert scaled_size((50, 131), double) == (100, 262)
    assert scaled_size((3000, 4001), replace(double, image_scale=0.25)) == (750, 1000)
    assert scaled_size((1, 1), replace(double, image_scale=0.25)) == (1, 1)
    framed, window = letterbox(photo(50, 131), double)
    assert framed.shape == (128, 320, 3) and window.tolist() == [14, 29, 114, 291]


# The frame


def test_the_photograph_is_centred_and_the_odd_pixel_goes_below_and_right():
    framed, window = letterbox(np.full((33, 61, 3), 9, np.uint8), config())
    assert window.tolist() == [15, 1, 48, 62]  # 31 rows to share: 15 above, 16 below
    assert framed.shape == (64, 64, 3) and framed.dtype == np.uint8
    assert (framed[15:48, 1:62] == 9).all() and framed.sum() == 9 * 33 * 61 * 3


def test_height_and_width_are_not_confused():
    framed, window = letterbox(photo(70, 130), config(mode="pad64"))
    assert framed.shape == (128, 192, 3)
    assert window.tolist() == [29, 31, 99, 161]


def test_grey_values_are_cut_off_not_rounded():
    bright = np.zeros((1, 64, 3), np.uint8)
    bright[0, 32:] = 5
    framed, window = letterbox(bright, config(2, 128))  # twice as large: 5 · 1/4, 5 · 3/4 = 3.75
    row = framed[window[0], window[1] : window[3], 0]
    assert row[62:67].tolist() == [0, 0, 2, 3, 3]  # 3/4 of that: next to the row of zeros above


def test_a_photograph_of_the_right_size_is_copied_as_it_is():
    picture = photo(64, 64)
    framed, window = letterbox(picture, config())
    assert (framed == picture).all() and window.tolist() == [0, 0, 64, 64]
    assert not np.shares_memory(framed, picture)
    assert (letterbox(picture, config(mode="none"))[0] == picture).all()


@each_case
def test_letterbox_is_that_of_the_original_up_to_exact_integers(case):
    """The original interpolates at positions with rounding noise and then cuts off, so that an
    exact integer n may come out as n - 1, there or here. Whatever differs must be one of those.
    """
    picture, theirs = PREPROCESS[f"{case}_image"], PREPROCESS[f"{case}_out"]
    framed, window = letterbox(picture, config_of(case))
    assert framed.shape == theirs.shape
    assert (window == PREPROCESS[f"{case}_window"]).all()
    y1, x1, y2, x2 = window
    exact = np.zeros(framed.shape)
    exact[y1:y2, x1:x2] = resize(picture, y2 - y1, x2 - x1)
    different = framed != theirs
    assert (np.abs(exact - np.around(exact))[different] < 1e-10).all()
    assert (np.abs(framed.astype(int) - theirs)[different] == 1).all()
    assert different.sum() <= DIFFERENT[case]


# How many such values differ: many where the scale is 2 or 3/2, as their weights are quarters.
DIFFERENT = {
    **{"case00": 1, "case01": 3, "case02": 0, "case03": 3, "case04": 18},
    **{"case05": 795, "case06": 0, "case07": 2, "case08": 1109},
}


@each_case
def test_the_scale_is_that_of_the_original(case):
    height, width = PREPROCESS[f"{case}_image"].shape[:2]
    scale = float(PREPROCESS[f"{case}_scale"])
    wanted = round(height * scale), round(width * scale)
    assert scaled_size((height, width), config_of(case)) == wanted


def test_mode_none_is_that_of_the_original_except_that_odd_sides_are_refused():
    """The original frames 31 x 17 as it is, and then cannot build a network for it."""
    picture = PREPROCESS["case09_image"]
    assert (picture == PREPROCESS["case09_out"]).all()
    assert scaled_size(picture.shape, config_of("case09")) == picture.shape[:2]
    with pytest.raises(ImageError, match="multiples of 64, got 31 x 17: use"):
        letterbox(picture, config_of("case09"))


def test_both_sides_must_be_multiples_of_64():
    for shape in ((63, 64), (64, 65)):
        with pytest.raises(ImageError, match="got {} x {}: use".format(*shape)):
            letterbox(photo(*shape), config(mode="none"))


def test_a_photograph_of_one_pixel_or_one_row_works():
    for shape, window in (((1, 1), [0, 0, 64, 64]), ((1, 5000), [31, 0, 32, 64])):
        framed, found = letterbox(np.full((*shape, 3), 200, np.uint8), config(64, 64))
        assert found.tolist() == window
        assert framed.sum() == 200 * 3 * (window[2] - window[0]) * (window[3] - window[1])


def test_an_input_that_would_fill_the_memory_is_refused_before_it_is_made():
    with pytest.raises(ImageError, match="832 x 4000000 pixels, too many"):
        letterbox(photo(1, 5000), config(800, mode="pad64"))


def test_the_largest_input_is_the_largest(monkeypatch):
    monkeypatch.setattr(image, "MOST_PIXELS", 128 * 64)
    assert letterbox(photo(128, 64), config(mode="none"))[0].shape == (128, 64, 3)
    with pytest.raises(ImageError, match="too many"):
        letterbox(photo(128, 128), config(mode="none"))


@pytest.mark.parametrize(
    "picture, message",
    [
        (np.zeros((4, 4, 3)), "must be an array of uint8, got float64"),
        ([[[0, 0, 0]]], "must be an array of uint8, got list"),
        (np.zeros((4, 4), np.uint8), r"must be \(height, width, 3\) RGB, got \(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), r"got \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"got \(0, 4, 3\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"got \(1, 4, 4, 3\)"),
    ],
)
def test_what_is_no_photograph_is_refused(picture, message):
    for stage in (letterbox, mold):
        with pytest.raises(ImageError, match=message):
            stage(picture, config())


def test_settings_that_fit_no_network_are_refused():
    with pytest.raises(ImageError, match="multiples of 64, got 100 x 100"):
        letterbox(photo(64, 64), config(1, 100))
    with pytest.raises(ValueError, match="resize_mode must be one of .*, got 'crop'"):
        letterbox(photo(64, 64), config(mode="crop"))


# Subtracting the mean


def test_the_mean_pixel_is_subtracted_in_float64_and_in_the_order_red_green_blue():
    molded = mold(np.array([[[0, 117, 255]]], np.uint8), COCO)
    assert molded.dtype == np.float32
    expected = np.array([-123.7, 117 - 116.8, 255 - 103.9])  # in float32 0.2 would be 0.19999695
    assert (molded[0, 0] == expected.astype(np.float32)).all()


def test_the_difference_is_divided_by_pixel_std():
    molded = mold(
        np.full((1, 1, 3), 10, np.uint8), replace(COCO, mean_pixel=(2, 2, 2), pixel_std=4)
    )
    assert molded.tolist() == [[[2, 2, 2]]]


@pytest.mark.parametrize("case", [f"case{i:02d}" for i in range(10)])
def test_the_subtraction_is_that_of_the_original(case):
    molded = mold(PREPROCESS[f"{case}_out"], COCO)
    step = 4 if case < "case04" else 16  # what was stored of it
    assert (molded[::step, ::step] == PREPROCESS[f"{case}_molded"]).all()
    corner = PREPROCESS[f"{case}_molded_float64"]
    assert (molded[:8, :8] == corner.astype(np.float32)).all()


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">u2", ">i4"])
def test_numbers_stored_the_other_way_round_are_resized_as_what_they_mean(dtype):
    array = np.arange(12).reshape(3, 4)
    swapped = resize(array.astype(dtype), 5, 7)
    assert swapped.dtype.isnative
    np.testing.assert_allclose(swapped, resize(array.astype(float), 5, 7), rtol=1e-6)
