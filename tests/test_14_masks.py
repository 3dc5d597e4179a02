"""From 28 x 28 probabilities to the pixels of the photograph."""

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn.boxes import boxes_in_image, normalise
from minimaskrcnn.masks import of_class, paste_mask, stretch_mask

OPS = stored("ops_unmold")


def floats(*rows):
    return np.array(rows, np.float32)


# Boxes


def test_the_window_becomes_the_whole_photograph():
    window = floats(0.25, 0, 0.75, 1)
    boxes = floats([0.25, 0, 0.75, 1], [0.25, 0, 0.5, 0.5], [0.5, 0.5, 0.75, 1])
    # a photograph of 101 x 201: the normalised half is pixel 50 or 100, and the end is excluded
    expected = [[0, 0, 101, 201], [0, 0, 51, 101], [50, 100, 101, 201]]
    found = boxes_in_image(boxes, window, (101, 201, 3))
    assert found.tolist() == expected and found.dtype == np.int32


def test_rows_move_with_rows_and_columns_with_columns():
    window = floats(0, 0.5, 1, 1)
    found = boxes_in_image(floats([0.1, 0.6, 0.2, 0.8]), window, (101, 11))
    assert found.tolist() == [[10, 2, 21, 7]]


def test_a_box_without_area_becomes_one_pixel_wide_or_high():
    found = boxes_in_image(floats([0.5, 0.5, 0.5, 0.5], [0, 0, 0, 1]), floats(0, 0, 1, 1), (11, 11))
    assert found.tolist() == [[5, 5, 6, 6], [0, 0, 1, 11]]


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1)])
def test_a_photograph_of_one_row_or_column_keeps_its_boxes_within_it(shape):
    # letterboxed into 128 x 128, where a side may be as thin as one pixel
    height, width = (1 if side < 128 < max(shape) else 128 for side in shape)
    top, left = (128 - height) // 2, (128 - width) // 2
    window = normalise(np.array([[top, left, top + height, left + width]]), (128, 128))[0]
    found = boxes_in_image(window[None], window, shape)
    assert found.tolist() == [[0, 0, *shape]]


def test_a_box_without_area_is_one_pixel_wide_wherever_it_lies():
    halves = np.arange(0, 10, 0.5) / 10  # of 11 pixels: on every pixel and every half pixel
    points = np.repeat(halves[:, None], 4, axis=1)  # (20, 4)
    found = boxes_in_image(points, (0, 0, 1, 1), (11, 11))
    assert (found[:, 2:] - found[:, :2] == 1).all()
    rows = np.stack([halves, 0 * halves, halves, 0 * halves + 1], axis=1)  # no height, all wide
    found = boxes_in_image(rows, (0, 0, 1, 1), (11, 11))
    assert (found[:, 2] - found[:, 0] == 1).all() and (found[:, 3] - found[:, 1] == 11).all()


@pytest.mark.parametrize(
    "window", [(0, 0, 640, 480), (0, 0, 1, 2), (0.5, 0, 0.4, 1), (np.nan,) * 4]
)
def test_a_window_in_pixels_is_refused_where_a_normalised_one_is_meant(window):
    with pytest.raises(ValueError, match="window must be normalised"):
        boxes_in_image(floats([0, 0, 1, 1]), window, (640, 480))


def test_no_boxes_stay_none():
    found = boxes_in_image(np.zeros((0, 4), np.float32), floats(0, 0, 1, 1), (150, 200, 3))
    assert found.shape == tuple(OPS["ud_empty_rois_shape"]) and found.dtype == np.int32


def unmolded():
    """The original's detections, and the window they lie in, normalised."""
    detections = OPS["ud_detections"]
    count = np.flatnonzero(detections[:, 4] == 0)[0]  # there its zero padding begins
    return detections[:count], normalise(OPS["ud_window"][None], OPS["ud_image_shape"])[0]


def test_the_boxes_are_those_of_the_original():
    detections, window = unmolded()
    found = boxes_in_image(detections[:, :4], window, OPS["ud_original_shape"])
    assert (found == OPS["ud_rois"]).all()
    assert (detections[:, 4] == OPS["ud_class_ids"]).all()  # none was dropped
    assert (detections[:, 5] == OPS["ud_scores"]).all()


def test_boxes_that_are_no_numbers_are_refused():
    window = floats(0, 0, 1, 1)
    with pytest.raises(ValueError, match="NaN"):
        boxes_in_image(floats([0, 0, 1, np.nan]), window, (9, 9))
    with pytest.raises(ValueError, match=r"shape \(N, 4\)"):
        boxes_in_image(floats(0, 0, 1, 1), window, (9, 9))
    with pytest.raises(ValueError, match="float32 or float64"):
        boxes_in_image(np.zeros((1, 4), int), window, (9, 9))


# The mask of a class


def test_each_object_gets_the_mask_of_its_class():
    masks = np.arange(2 * 3 * 3 * 4).reshape(2, 3, 3, 4)
    chosen = of_class(masks, np.array([3, 0]))
    assert chosen.shape == (2, 3, 3)
    assert (chosen[0] == masks[0, :, :, 3]).all() and (chosen[1] == masks[1, :, :, 0]).all()
    assert of_class(masks[:0], np.zeros(0, int)).shape == (0, 3, 3)


def test_classes_that_do_not_exist_are_refused():
    masks = np.zeros((2, 3, 3, 4))
    for wrong in ([0, 4], [-1, 0]):
        with pytest.raises(ValueError, match="classes must be 0 … 3"):
            of_class(masks, np.array(wrong))
    for ids in (np.zeros(3, int), np.zeros((2, 1), int)):
        with pytest.raises(ValueError, match="of_class wants masks"):
            of_class(masks, ids)
    with pytest.raises(ValueError, match="of_class wants masks"):
        of_class(masks[0], np.zeros(3, int))


# Pasting


def test_a_mask_is_pasted_where_its_box_lies():
    probs = floats([0.9, 0.1], [0.2, 0.8])
    mask = paste_mask(probs, np.array([1, 2, 3, 4]), (4, 5, 3))
    assert mask.dtype == bool
    assert mask.astype(int).tolist() == [
        [0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0],
    ]


def test_a_probability_of_one_half_belongs_to_the_object():
    below = np.nextafter(np.float32(0.5), np.float32(0))
    mask = paste_mask(floats([0.5, below, 0.6]), (0, 0, 1, 3), (1, 3))
    assert mask.tolist() == [[True, False, True]]
    assert paste_mask(floats([0.5, 0.2, 0.6]), (0, 0, 1, 3), (1, 3), 0.6).tolist() == [
        [False, False, True]
    ]


def test_the_grid_is_stretched_with_a_dark_border():
    # 0.9 next to the zeros around the grid: 3/4 of it is 0.675, and 9/16 of it 0.506
    probs = floats([0.9, 0, 0.9], [0, 0, 0], [0.9, 0, 0.8])
    mask = paste_mask(probs, (0, 0, 6, 6), (6, 6)).astype(int)
    assert mask.tolist() == [
        [1, 1, 0, 0, 1, 1],
        [1, 1, 0, 0, 1, 1],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],  # 9/16 of 0.8 is less than one half
        [1, 1, 0, 0, 0, 0],
    ]


def test_boxes_may_touch_every_border():
    full = np.ones((28, 28), np.float32)
    for box in ((0, 0, 5, 7), (0, 0, 1, 1), (4, 6, 5, 7), (0, 6, 5, 7), (4, 0, 5, 7)):
        y1, x1, y2, x2 = box
        mask = paste_mask(full, np.array(box, np.int32), (5, 7))
        assert mask[y1:y2, x1:x2].all() and mask.sum() == (y2 - y1) * (x2 - x1)


def test_a_photograph_of_one_pixel_can_be_covered():
    assert paste_mask(np.ones((28, 28), np.float32), (0, 0, 1, 1), (1, 1)).tolist() == [[True]]
    assert paste_mask(np.ones((28, 28), np.float32), (0, 0, 1, 5000), (1, 5000)).all()


def test_the_stretched_mask_is_what_is_pasted():
    probs = np.random.RandomState(0).uniform(size=(28, 28)).astype(np.float32)
    alone = stretch_mask(probs, 9, 13)
    assert alone.shape == (9, 13) and alone.dtype == bool
    assert (paste_mask(probs, (3, 2, 12, 15), (20, 20))[3:12, 2:15] == alone).all()
    assert stretch_mask(floats([0.4, 0.6]), 1, 2, 0.3).tolist() == [[True, True]]


@pytest.mark.parametrize("case", range(9))
def test_the_pasted_mask_is_that_of_the_original(case):
    probs, box = OPS[f"m{case:02d}_mask"], OPS[f"m{case:02d}_bbox"]
    mask = paste_mask(probs, box, OPS[f"m{case:02d}_image_shape"])
    assert (mask == OPS[f"m{case:02d}_out"]).all()


def test_the_masks_of_a_whole_image_are_those_of_the_original():
    for n, (probs, box) in enumerate(zip(OPS["ud_mask_of_class"], OPS["ud_rois"], strict=True)):
        mask = paste_mask(probs, box, OPS["ud_original_shape"])
        assert (mask == OPS["ud_masks"][..., n]).all()
    assert n == 8


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 0, 3),
        (0, 3, 2, 3),
        (3, 0, 1, 3),
        (0, 4, 2, 3),
        (-1, 0, 2, 2),
        (0, 0, 6, 3),
        (0, 0, 2, 8),
    ],
)
def test_boxes_that_are_empty_or_leave_the_image_are_refused(box):
    with pytest.raises(ValueError, match=r"does not lie within the image \(5, 7\)"):
        paste_mask(np.ones((28, 28), np.float32), box, (5, 7))


@pytest.mark.parametrize("probs", [np.ones((28, 28, 1)), np.ones(28), np.full((2, 2), np.nan)])
def test_what_is_no_mask_is_refused(probs):
    for call in (
        lambda: paste_mask(probs, (0, 0, 2, 2), (5, 7)),
        lambda: stretch_mask(probs, 2, 2),
    ):
        with pytest.raises(ValueError, match=r"mask_probs must be \(h, w\) without NaN"):
            call()


def test_a_single_nan_among_the_probabilities_is_refused():
    probs = np.ones((28, 28), np.float32)
    probs[3, 5] = np.nan
    with pytest.raises(ValueError, match="without NaN"):
        stretch_mask(probs, 30, 30)
