"""Box geometry."""

import warnings

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn.boxes import (
    apply_deltas,
    areas,
    clip,
    encode_deltas,
    iou_matrix,
    normalise,
    to_pixels,
)

OPS = stored("ops_boxes")


def boxes(*rows, dtype=np.float32):
    return np.array(rows, dtype).reshape(-1, 4)


def drawn_boxes(count, seed=0):
    random = np.random.RandomState(seed)
    start, size = random.uniform(0, 1, (count, 2)), random.uniform(0.05, 1, (count, 2))
    return np.concatenate([start, start + size], axis=1)


# Area and overlap


def test_an_area_is_height_by_width_without_plus_one():
    assert areas(boxes([1, 2, 4, 7], [0, 0, 0, 5], [3, 3, 3, 3])).tolist() == [15, 0, 0]
    assert areas(boxes([1, 2, 4, 7], dtype=np.int64)).tolist() == [15]
    assert areas(boxes()).shape == (0,)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64])
def test_an_area_that_its_integers_cannot_hold_is_right(dtype):
    side = min(np.iinfo(dtype).max, 2**31 - 1)
    assert areas(np.array([[0, 0, side, side]], dtype)).tolist() == [int(side) ** 2]


def test_overlap_by_hand():
    a = boxes([0, 0, 4, 4])
    b = boxes([0, 0, 4, 4], [0, 0, 4, 2], [2, 2, 6, 6], [1, 1, 2, 3], [4, 0, 8, 4], [9, 9, 10, 10])
    assert iou_matrix(a, b).tolist() == [
        [1, 0.5, np.float32(4 / 28), np.float32(2 / 16), 0, 0]  # the last but one only touches
    ]


def test_rows_are_boxes_of_a_and_columns_of_b():
    a, b = drawn_boxes(5), drawn_boxes(3, seed=1)
    iou = iou_matrix(a, b)
    assert iou.shape == (5, 3)
    assert np.allclose(iou.T, iou_matrix(b, a), rtol=0, atol=1e-15)
    assert iou[4, 2] == iou_matrix(a[4:], b[2:])[0, 0]


def test_overlap_is_that_of_counted_pixels():
    random = np.random.RandomState(2)
    corners = np.sort(random.randint(0, 12, (20, 2, 2)), axis=1)  # (N, first and second, y and x)
    pixel_boxes = corners.reshape(20, 4)
    masks = np.zeros((20, 12, 12), bool)
    for mask, (y1, x1, y2, x2) in zip(masks, pixel_boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    both = (masks[:, None] & masks).sum(axis=(2, 3))
    either = (masks[:, None] | masks).sum(axis=(2, 3))
    expected = both / np.maximum(either, 1)
    iou = iou_matrix(pixel_boxes.astype(np.float64), pixel_boxes.astype(np.float64))
    assert np.allclose(iou, expected, rtol=0, atol=1e-15)


def test_boxes_without_area_overlap_nothing_not_even_themselves():
    flat = boxes([1, 1, 1, 3], [2, 2, 2, 2], [0, 0, 4, 4])
    assert iou_matrix(flat, flat).tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_boxes_with_reversed_corners_overlap_nothing():
    assert iou_matrix(boxes([4, 0, 0, 4], [4, 4, 0, 0]), boxes([0, 0, 4, 4])).tolist() == [[0], [0]]


def test_no_boxes_give_an_empty_matrix():
    assert iou_matrix(boxes(), drawn_boxes(3).astype(np.float32)).shape == (0, 3)
    assert iou_matrix(drawn_boxes(3), boxes(dtype=np.float64)).shape == (3, 0)


def test_overlap_is_that_of_the_original_except_of_two_boxes_without_area():
    """There the original divides 0 by 0 and gives NaN; here the overlap is 0."""
    iou = iou_matrix(OPS["iou_a"], OPS["iou_b"])
    assert iou.dtype == np.float32
    for theirs in (OPS["iou_numpy"], OPS["iou_graph"]):
        undefined = np.isnan(theirs)
        without_area = (areas(OPS["iou_a"]) == 0)[:, None] & (areas(OPS["iou_b"]) == 0)
        assert (undefined == without_area).all() and undefined.sum() == 2
        assert (iou[undefined] == 0).all()
        assert (iou == theirs)[~undefined].all()


# Deltas


def test_deltas_move_by_sizes_and_scale_by_exponentials():
    deltas = boxes([0.5, -0.25, np.log(2), np.log(0.5)], dtype=np.float64)
    moved = apply_deltas(boxes([10, 20, 14, 28], dtype=np.float64), deltas)
    # centre (12, 24) + (0.5 · 4, -0.25 · 8) = (14, 22); size (4 · 2, 8 / 2)
    assert np.allclose(moved, [[10, 20, 18, 24]], rtol=0, atol=1e-14)


def test_deltas_of_a_shifted_and_scaled_box_by_hand():
    deltas = encode_deltas(
        boxes([10, 20, 14, 28], dtype=np.float64), boxes([10, 20, 18, 24], dtype=np.float64)
    )
    assert np.allclose(deltas, [[0.5, -0.25, np.log(2), -np.log(2)]], rtol=0, atol=1e-15)


def test_encoding_is_the_inverse_of_applying():
    a, b = drawn_boxes(50), drawn_boxes(50, seed=1)
    assert np.allclose(apply_deltas(a, encode_deltas(a, b)), b, rtol=0, atol=1e-13)
    deltas = np.random.RandomState(3).normal(size=(50, 4))
    assert np.allclose(encode_deltas(a, apply_deltas(a, deltas)), deltas, rtol=0, atol=1e-12)


def test_zero_deltas_change_nothing():
    a = boxes([0, 0, 0, 0], [0, 0, 1, 1], [0.25, 0.5, 0.25, 1])  # without area, too
    assert (apply_deltas(a, np.zeros((3, 4), np.float32)) == a).all()


def test_no_box_grows_more_than_62_fold():
    grown = apply_deltas(boxes([-1, -1, 1, 1]), boxes([0, 0, 4, 1e30]))
    size = grown[0, 2:] - grown[0, :2]
    assert np.allclose(size, [2 * np.exp(4), 2 * 1000 / 16], rtol=1e-6)


def test_the_end_is_the_start_plus_the_size():
    box, deltas = OPS["deltas_boxes"], OPS["deltas"]
    half = np.float32(0.5)
    height = box[:, 2] - box[:, 0]
    start = (box[:, 0] + half * height + deltas[:, 0] * height) - half * (
        height * np.exp(deltas[:, 2])
    )
    moved = apply_deltas(box, deltas)
    assert (moved[:, 0] == start).all()
    assert (moved[:, 2] == start + height * np.exp(deltas[:, 2])).all()


def test_deltas_are_those_of_the_original():
    moved = apply_deltas(OPS["deltas_boxes"], OPS["deltas"])
    for theirs in (OPS["deltas_out"], OPS["deltas_out_numpy"]):
        assert moved.dtype == np.float32 and np.abs(moved - theirs).max() <= 1.3e-7
    deltas = encode_deltas(OPS["deltas_boxes"], OPS["refine_gt"])
    for theirs in (OPS["refine_out"], OPS["refine_graph_out"]):
        assert deltas.dtype == np.float32 and np.abs(deltas - theirs).max() <= 1.3e-7


def test_deltas_between_boxes_without_size_are_refused():
    good = boxes([0, 0, 1, 1])
    for bad in (boxes([0, 0, 0, 1]), boxes([0, 1, 1, 0]), boxes([0, 0, 1, np.nan])):
        for pair in ((good, bad), (bad, good)):
            with pytest.raises(ValueError, match="of positive height and width"):
                encode_deltas(*pair)


# Clipping


def test_clipping_keeps_what_lies_inside_the_window():
    a = boxes([-1, -2, 9, 9], [2, 2, 3, 3], [-5, 1, -4, 2], [6, 9, 7, 9.5])
    clipped = clip(a, (0, 1, 4, 8))
    assert clipped.tolist() == [[0, 1, 4, 8], [2, 2, 3, 3], [0, 1, 0, 2], [4, 8, 4, 8]]
    assert (areas(clipped) == [28, 1, 0, 0]).all()
    assert a[0, 0] == -1


def test_clipping_is_that_of_the_original():
    assert (clip(OPS["deltas_out"], OPS["clip_window"]) == OPS["clip_out"]).all()


def test_a_window_is_four_numbers():
    for window in ((0, 1), np.zeros((1, 4))):
        with pytest.raises(ValueError, match="window must be y1 x1 y2 x2"):
            clip(boxes([0, 0, 1, 1]), window)


# Units


def test_a_normalised_box_includes_its_last_pixel():
    a = boxes([0, 0, 101, 51], [50, 25, 51, 26], dtype=np.int64)
    normalised = normalise(a, (101, 51, 3))
    assert normalised.tolist() == [[0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5]]  # a pixel has no area
    assert normalised.dtype == np.float32
    pixels = to_pixels(normalised, (101, 51, 3))
    assert (pixels == a).all() and pixels.dtype == np.int32


def test_pixels_are_rounded_half_to_even():
    halves = boxes([0.5, 1.5, 2.5, 3.5], [1.5, 2.5, 1.5, 2.5], dtype=np.float64)
    # the end is excluded, so that it gets 1 more: 3.5 and 4.5, 2.5 and 3.5
    assert to_pixels(halves / 16, (17, 17)).tolist() == [[0, 2, 4, 4], [2, 2, 2, 4]]


def test_every_pixel_box_survives_both_ways():
    random = np.random.RandomState(7)
    for shape in ((1, 1), (1, 5000), (2, 3), (97, 150), (1024, 1024)):
        low, high = np.zeros(2, int), np.array(shape)
        start = random.randint(low, high, (200, 2))
        pixel_boxes = np.concatenate([start, start + random.randint(1, high - start + 1)], axis=1)
        assert (to_pixels(normalise(pixel_boxes, shape), shape) == pixel_boxes).all()


def test_an_image_of_one_pixel_has_one_box():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no division by zero
        assert normalise(boxes([0, 0, 1, 1]), (1, 1)).tolist() == [[0, 0, 0, 0]]
        assert to_pixels(boxes([0, 0, 1, 1], [0, 0, 0, 0]), (1, 1)).tolist() == [[0, 0, 1, 1]] * 2


def test_units_are_those_of_the_original():
    assert (normalise(OPS["norm_in"], OPS["norm_shape"]) == OPS["norm_out"]).all()
    pixels = to_pixels(OPS["norm_out"], OPS["denorm_shape"])
    assert pixels.dtype == np.int32 and (pixels == OPS["denorm_out"]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e10])
def test_numbers_that_are_no_pixels_are_refused(value):
    with pytest.raises(ValueError, match="NaN or huge"):
        to_pixels(boxes([0, 0, 1, value]), (100, 100))


# Arguments

FUNCTIONS = {
    "areas": areas,
    "iou_matrix, a": lambda b: iou_matrix(b, drawn_boxes(2)),
    "iou_matrix, b": lambda b: iou_matrix(drawn_boxes(2), b),
    "encode_deltas": lambda b: encode_deltas(b, drawn_boxes(2)),
    "encode_deltas, targets": lambda b: encode_deltas(drawn_boxes(2), b),
    "apply_deltas": lambda b: apply_deltas(b, np.zeros((2, 4))),
    "apply_deltas, deltas": lambda b: apply_deltas(drawn_boxes(2), b),
    "clip": lambda b: clip(b, (0, 0, 1, 1)),
    "normalise": lambda b: normalise(b, (9, 9)),
    "to_pixels": lambda b: to_pixels(b, (9, 9)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_array_of_boxes_is_refused(name):
    for wrong in (np.zeros((2, 5)), np.zeros(4), np.zeros((1, 2, 4)), [[0.0, 0.0, 1.0, 1.0]]):
        with pytest.raises(ValueError, match=r"must be an array of shape \(N, 4\)"):
            FUNCTIONS[name](wrong)
    for dtype in (complex, np.float16, bool, "U1"):
        with pytest.raises(ValueError, match="must be float32 or float64"):
            FUNCTIONS[name](np.zeros((2, 4), dtype))


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"areas", "normalise"}))
def test_integers_are_refused_where_they_would_be_cut_off(name):
    with pytest.raises(ValueError, match="must be float32 or float64, got int64"):
        FUNCTIONS[name](boxes([0, 0, 2, 2], [0, 0, 3, 3], dtype=np.int64))


def test_pairs_must_be_pairs():
    for function, name in ((apply_deltas, "deltas"), (encode_deltas, "targets")):
        with pytest.raises(ValueError, match=f"3 boxes want as many {name}, got 1"):
            function(drawn_boxes(3), drawn_boxes(1))
