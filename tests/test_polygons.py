"""Polygons to masks exactly as pycocotools draws them, and masks to polygons without loss."""

import json
import time

import numpy as np
import pytest
from pycocotools import mask as api

from minimaskrcnn.coco_masks.outlines import mask_to_polygons
from minimaskrcnn.coco_masks.polygons import (
    polygons_in_window,
    polygons_to_mask,
    window_around,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # within pycocotools


def api_mask(polygons, height, width):
    return api.decode(api.merge(api.frPyObjects(polygons, height, width))).astype(bool)


def points(rs, kind, count):
    """(count, 2): smooth, at the edges of rounding (tenths, quarters), degenerate or far out."""
    return {
        "anywhere": rs.rand(count, 2) * 45,
        "tiny": rs.rand(count, 2) * 1.5 + rs.randint(0, 30, 2),
        "whole": rs.randint(-5, 45, (count, 2)),
        "tenths": rs.randint(-50, 450, (count, 2)) / 10,
        "quarters": rs.randint(-20, 180, (count, 2)) / 4,
        "beyond": rs.randn(count, 2) * 80,
        "repeated": np.repeat(rs.rand(count, 2) * 40, 2, axis=0),
        "on a line": np.outer(rs.rand(count), rs.rand(2) * 60),
        "upright": np.stack([rs.randint(0, 9, count) * 4, rs.rand(count) * 40], axis=1),
        "very far": rs.randn(count, 2) * 3e4,
    }[kind]


# fmt: off
KINDS = ["anywhere", "tiny", "whole", "tenths", "quarters", "beyond", "repeated", "on a line",
         "upright", "very far"]
# fmt: on


@pytest.mark.parametrize("kind", KINDS)
def test_polygons_are_drawn_bit_for_bit_as_the_api_does(kind):
    rs = np.random.RandomState(KINDS.index(kind))
    drawn = 0
    for _ in range(20 if kind == "very far" else 300):
        height, width = rs.randint(1, 45, 2)
        parts = [points(rs, kind, rs.randint(3, 12)) for _ in range(rs.randint(1, 4))]
        polygons = [part.astype(float).ravel().tolist() for part in parts]
        mask = polygons_to_mask(polygons, height, width)
        np.testing.assert_array_equal(mask, api_mask(polygons, height, width))
        drawn += mask.any()
    assert drawn > 5


def test_whole_corners_enclose_whole_pixels_and_a_shift_of_more_than_half_a_pixel_shifts_the_mask():
    square = np.array([[2, 2], [5, 2], [5, 4], [2, 4]], float)  # x 2 … 5, y 2 … 4
    expected = np.zeros((6, 7), bool)
    expected[2:4, 2:5] = True
    np.testing.assert_array_equal(polygons_to_mask([square.ravel().tolist()], 6, 7), expected)
    moved = (square + [0.4, 0.4]).ravel().tolist()
    np.testing.assert_array_equal(polygons_to_mask([moved], 6, 7), expected)
    moved = (square + [0.6, 0.6]).ravel().tolist()
    shifted = np.roll(expected, (1, 1), axis=(0, 1))
    np.testing.assert_array_equal(polygons_to_mask([moved], 6, 7), shifted)


def test_parts_are_united_and_a_part_that_crosses_itself_is_hollow_where_it_overlaps():
    left, right = [0, 0, 3, 0, 3, 2, 0, 2], [2, 0, 5, 0, 5, 2, 2, 2]
    assert polygons_to_mask([left, right], 2, 6).sum() == 10
    assert polygons_to_mask([left + right], 2, 6).sum() < 10
    assert polygons_to_mask([left, left], 2, 6).sum() == 6


def test_no_polygons_and_no_pixels_are_allowed():
    assert not polygons_to_mask([], 3, 4).any()
    for shape in ((0, 4), (3, 0), (0, 0)):
        assert polygons_to_mask([[0, 0, 2, 0, 2, 2]], *shape).shape == shape
        assert mask_to_polygons(np.zeros(shape, bool)) == []
    assert mask_to_polygons(np.zeros((3, 4), bool)) == []


def test_enormous_polygons_cost_no_more_than_the_image():
    rs = np.random.RandomState(0)
    mask = polygons_to_mask([(rs.randn(2000) * 2e7).tolist()], 50, 60)  # the API would want 200 GB
    assert mask.shape == (50, 60)


@pytest.mark.parametrize(
    "polygon",
    [[], [1, 2, 3, 4], [1, 2, 3, 4, 5], [0] * 7, [[0, 0], [1, 1], [2, 0]], None, 5, "abcdef"]
    + [[0, 0, 5, 0, 5, bad] for bad in (np.nan, np.inf, -np.inf, 2e8, 10**400, None, "x", [1])],
)
def test_what_is_no_polygon_is_refused(polygon):
    with pytest.raises(ValueError, match="a polygon"):
        polygons_to_mask([[0, 0, 5, 0, 5, 5], polygon], 8, 8)


@pytest.mark.parametrize("size", [(-1, 5), (2.5, 5), (2**20, 2**20), (None, 4), (10**30, 1)])
def test_absurd_sizes_are_refused_before_anything_is_allocated(size):
    with pytest.raises(ValueError, match="size|beyond the limit"):
        polygons_to_mask([[0, 0, 5, 0, 5, 5]], *size)


def test_an_outline_runs_clockwise_from_the_top_left_and_turns_only_where_the_mask_does():
    mask = np.zeros((5, 6), bool)
    mask[1:4, 2:5] = True
    mask[3, 2] = False
    assert mask_to_polygons(mask) == [[2, 1, 5, 1, 5, 4, 3, 4, 3, 3, 2, 3]]


def test_pieces_are_polygons_of_their_own_and_pixels_that_touch_at_a_corner_are_two():
    mask = np.zeros((5, 6), bool)
    mask[0, 0] = mask[1, 1] = mask[4, 3:] = True
    assert mask_to_polygons(mask) == [
        [0, 0, 1, 0, 1, 1, 0, 1],
        [1, 1, 2, 1, 2, 2, 1, 2],
        [3, 4, 6, 4, 6, 5, 3, 5],
    ]


def test_a_hole_is_joined_to_the_outline_above_by_a_slit():
    mask = np.ones((5, 5), bool)
    mask[2:4, 2:4] = False
    (ring,) = mask_to_polygons(mask)
    down, around, up = [2, 0], [2, 4, 4, 4, 4, 2, 2, 2], [2, 0]
    assert ring == [0, 0, *down, *around, *up, 5, 0, 5, 5, 0, 5]


def shapes():
    rs = np.random.RandomState(1)
    rows, columns = np.mgrid[:60, :70]
    distance = np.hypot(rows - 30, columns - 35)
    yield (distance < 28) & (distance > 9)  # a ring
    yield (distance < 28) & (distance.astype(int) % 6 < 3)  # rings in rings
    yield (rows + columns) % 2 == 0  # chessboard
    yield (rows % 4 > 0) & (columns % 3 > 0) | (rows % 8 == 0)
    comb = np.ones((60, 70), bool)
    comb[3::4, 2:-2] = comb[4::4, 1::3] = False  # holes above holes
    yield comb
    yield np.ones((60, 70), bool)
    yield np.pad(np.zeros((30, 30), bool), 12, constant_values=True)
    for _ in range(300):
        yield rs.rand(*rs.randint(1, 40, 2)) < rs.choice([0.02, 0.3, 0.5, 0.7, 0.95])
    for _ in range(20):  # blobs
        noise = np.cumsum(np.cumsum(rs.randn(80, 90), axis=0), axis=1)
        yield noise > np.median(noise)


def test_every_mask_comes_back_from_its_polygons_pixel_for_pixel_holes_and_all():
    for mask in shapes():
        polygons = json.loads(json.dumps(mask_to_polygons(mask)))
        np.testing.assert_array_equal(polygons_to_mask(polygons, *mask.shape), mask)
        if polygons:
            np.testing.assert_array_equal(api_mask(polygons, *mask.shape), mask)


def test_an_outline_is_no_mere_list_of_pixels():
    for mask in shapes():
        sides = (np.diff(np.pad(mask, 1), axis=0) != 0).sum()
        corners = sum(len(polygon) // 2 for polygon in mask_to_polygons(mask))
        assert corners <= 2 * sides + 2  # as many as sideways sides, twice, at the most


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.zeros((2, 2, 1), bool), None])
def test_only_a_mask_of_bool_with_two_axes_has_outlines(bad):
    with pytest.raises(ValueError, match=r"a mask is \(H, W\) of bool"):
        mask_to_polygons(bad)


def test_a_window_of_a_mask_holds_the_same_bits_as_the_whole():
    rng = np.random.RandomState(2)
    for _ in range(60):
        height, width = rng.randint(20, 60, 2)
        corners = rng.uniform(-15, 75, (rng.randint(1, 3), 2 * rng.randint(3, 8))).round(1)
        polygons = corners.tolist()
        whole = polygons_to_mask(polygons, height, width)
        y1, x1 = rng.randint(0, height), rng.randint(0, width)
        y2, x2 = rng.randint(y1, height) + 1, rng.randint(x1, width) + 1
        part = polygons_in_window(polygons, (y1, x1, y2, x2))
        assert np.array_equal(part, whole[y1:y2, x1:x2])
        y1, x1, y2, x2 = window_around(polygons, height, width)
        assert polygons_in_window(polygons, (y1, x1, y2, x2)).sum() == whole.sum()


def zigzag(edges, width, height):
    """An outline that runs from one side of the image to the other, `edges` times."""
    return [c for i in range(edges) for c in ((i % 2) * width, height * i / edges)]


def test_polygons_that_take_far_more_steps_than_the_image_has_pixels_are_refused_at_once():
    for polygons in (
        [zigzag(2000, 2_000_000, 1)],
        [[0, 0, 2_000_000, 0, 2_000_000, 1]] * 100,  # each fills every pixel once more
        [zigzag(40, 2_000_000, 1e8)],  # nearly all of it beyond the image
    ):
        start = time.process_time()
        with pytest.raises(ValueError, match=r"1 x 2000000 .* steps, more than the 36,194,304"):
            polygons_to_mask(polygons, 1, 2_000_000)
        assert time.process_time() - start < 1
    with pytest.raises(ValueError, match="300 x 300 .* 9,060,000 steps"):
        polygons_to_mask([[0, 0, 300, 0, 300, 300]] * 100, 300, 300)


def test_outlines_through_every_pixel_and_many_that_share_them_are_still_drawn():
    comb = [c for y in range(300) for c in ([0, y, 300, y] if y % 2 else [300, y, 0, y])]
    for polygons in ([comb], [zigzag(2000, 300, 300)], [[0, 0, 300, 0, 300, 300, 0, 300]] * 16):
        mask = polygons_to_mask(polygons, 300, 300)
        np.testing.assert_array_equal(mask, api_mask(polygons, 300, 300))
    far = np.array(zigzag(20_000, 1e7, 300))
    far[::2] += 400
    assert not polygons_to_mask([far], 300, 300).any()  # what lies beyond the image is no work
