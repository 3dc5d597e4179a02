"""Non-maximum suppression."""

from fractions import Fraction

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn.nms import nms, nms_plain

OPS = stored("ops_boxes")

both = pytest.mark.parametrize("suppress", [nms_plain, nms])


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def scores(*values):
    return np.array(values, np.float32)


def crowd(seed, count=60, side=8):
    """Boxes and scores on coarse grids: many overlap, many are the same, many scores are equal."""
    random = np.random.RandomState(seed)
    corners = np.sort(random.randint(0, side + 1, (count, 2, 2)), axis=1)
    return corners.reshape(count, 4).astype(np.float32), random.randint(0, 5, count) / np.float32(4)


def by_exact_fractions(boxes, scores, threshold):
    """What greedy suppression keeps, with overlaps as exact fractions of whole numbers."""

    def area(y1, x1, y2, x2):
        return max(y2 - y1, 0) * max(x2 - x1, 0)

    def overlap(a, b):
        inter = area(*np.maximum(a[:2], b[:2]), *np.minimum(a[2:], b[2:]))
        union = area(*a) + area(*b) - inter
        return Fraction(int(inter), int(union)) if union else Fraction(0)

    whole, keep = boxes.astype(int), []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if not any(overlap(whole[i], whole[j]) > threshold for j in keep):
            keep.append(i)
    return keep


@both
def test_the_best_of_overlapping_boxes_stays(suppress):
    b = boxes([0, 0, 10, 10], [0, 1, 10, 11], [50, 50, 60, 60])
    keep = suppress(b, scores(0.8, 0.9, 0.1), 0.5)
    assert keep.tolist() == [1, 2] and keep.dtype == np.int64


@both
def test_an_overlap_equal_to_the_threshold_is_kept(suppress):
    b = boxes([0, 0, 10, 10], [0, 0, 5, 10])  # 50 / 100
    assert suppress(b, scores(0.9, 0.8), 0.5).tolist() == [0, 1]
    below = np.nextafter(np.float32(0.5), np.float32(0))
    assert suppress(b, scores(0.9, 0.8), below).tolist() == [0]


@both
def test_the_threshold_is_compared_as_float32(suppress):
    b = boxes([0, 0, 10, 10], [0, 0, 3, 10])  # 30 / 100: as float32 more than 0.3 as float64
    for threshold in (0.3, np.float64(0.3), np.float32(0.3)):
        assert suppress(b, scores(0.9, 0.8), threshold).tolist() == [0, 1]


@both
def test_a_suppressed_box_suppresses_nothing(suppress):  # a chain: 0 hides 1, so 2 lives
    b = boxes([0, 0, 10, 10], [0, 4, 10, 14], [0, 8, 10, 18])
    assert suppress(b, scores(0.9, 0.8, 0.7), 0.4).tolist() == [0, 2]


@both
def test_any_kept_box_suppresses_not_only_the_last(suppress):
    b = boxes([0, 0, 10, 10], [50, 0, 60, 10], [0, 1, 10, 11], [50, 1, 60, 11])
    assert suppress(b, scores(0.9, 0.8, 0.7, 0.6), 0.5).tolist() == [0, 1]


@both
def test_overlap_counts_in_both_directions(suppress):
    apart = boxes([0, 0, 10, 10], [0, 30, 10, 40], [30, 0, 40, 10], [30, 30, 40, 40])
    assert suppress(apart, scores(1, 1, 1, 1), 0).tolist() == [0, 1, 2, 3]
    wide_and_tall = boxes([4, 0, 6, 100], [0, 48, 100, 52])  # 8 / 592
    assert suppress(wide_and_tall, scores(1, 0.5), 0.01).tolist() == [0]
    assert suppress(wide_and_tall, scores(1, 0.5), 0.02).tolist() == [0, 1]


@both
def test_among_equal_scores_the_lower_index_goes_first(suppress):
    """The original's order among equals is that of its heap; here it is that of the indices."""
    same = np.tile(boxes([0, 0, 10, 10]), (20, 1))
    assert suppress(same, np.ones(20, np.float32), 0.5).tolist() == [0]
    apart = same + 20 * np.arange(20, dtype=np.float32)[:, None]
    assert suppress(apart, np.ones(20, np.float32), 0.5).tolist() == list(range(20))
    two_levels = np.tile(scores(0.5, 1), 10)
    assert suppress(apart, two_levels, 0.5).tolist() == [*range(1, 20, 2), *range(0, 20, 2)]


@both
def test_boxes_that_touch_do_not_overlap(suppress):
    b = boxes([0, 0, 10, 10], [10, 0, 20, 10], [0, 10, 10, 20])
    assert suppress(b, scores(0.9, 0.8, 0.7), 0).tolist() == [0, 1, 2]


@both
def test_boxes_without_area_are_kept_and_suppress_nothing(suppress):
    b = boxes([5, 5, 5, 5], [5, 5, 5, 5], [0, 0, 10, 10], [2, 0, 2, 10])
    assert suppress(b, scores(0.9, 0.8, 0.7, 0.6), 0).tolist() == [0, 1, 2, 3]


@both
def test_boxes_with_reversed_corners_are_kept_and_suppress_nothing(suppress):
    b = boxes([0, 0, 10, 1], [10, 10, 0, 0], [10, 0, 0, 10], [0, 10, 10, 0], [0, 5, 10, 10])
    assert suppress(b, scores(0.9, 0.8, 0.7, 0.6, 0.5), 0).tolist() == [0, 1, 2, 3, 4]


@both
def test_no_boxes_give_no_indices(suppress):
    keep = suppress(boxes(), scores(), 0.5)
    assert keep.shape == (0,) and keep.dtype == np.int64


@both
def test_one_box_is_kept(suppress):
    assert suppress(boxes([0, 0, 1, 1]), scores(0), 0).tolist() == [0]


@both
def test_the_limit_ends_the_list(suppress):
    b = np.float32(20) * np.arange(6, dtype=np.float32)[:, None] + boxes([0, 0, 10, 10])
    descending = scores(6, 5, 4, 3, 2, 1)
    for limit in range(9):
        assert suppress(b, descending, 0.5, limit).tolist() == list(range(min(limit, 6)))
    assert len(suppress(b, descending, 0.5, None)) == 6


@both
def test_the_limit_counts_kept_boxes_not_looked_at_ones(suppress):
    b = boxes([0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [50, 50, 60, 60])
    assert suppress(b, scores(0.9, 0.8, 0.7, 0.6), 0.5, 2).tolist() == [0, 3]


@both
def test_a_threshold_of_one_keeps_even_copies(suppress):
    assert len(suppress(np.tile(boxes([0, 0, 3, 7]), (5, 1)), np.zeros(5, np.float32), 1)) == 5


@both
def test_arguments_stay_as_they_were(suppress):
    b, s = crowd(0)
    before = b.copy(), s.copy()
    suppress(b, s, 0.5)
    assert (b == before[0]).all() and (s == before[1]).all()


@both
@pytest.mark.parametrize("threshold", [0, 0.25, 0.5, 0.75, 1])
def test_a_crowd_is_thinned_as_by_exact_arithmetic(suppress, threshold):
    for seed in range(4):
        b, s = crowd(seed, count=40)
        expected = by_exact_fractions(b, s, Fraction(threshold))
        assert suppress(b, s, threshold).tolist() == expected


@pytest.mark.parametrize("threshold", [0, 0.1, 0.3, 1 / 3, 0.5, 0.7, 0.9, 1])
def test_plain_and_fast_agree_on_crowds_with_ties(threshold):
    for seed in range(5):
        for side in (3, 8, 30):
            b, s = crowd(seed, count=50, side=side)
            for limit in (None, 5):
                expected = nms_plain(b, s, threshold, limit)
                assert np.array_equal(nms(b, s, threshold, limit), expected)


def test_plain_and_fast_agree_on_random_boxes_of_either_dtype():
    random = np.random.RandomState(1)
    for dtype in (np.float32, np.float64):
        start = random.uniform(0, 1, (150, 2))
        b = np.concatenate([start, start + random.uniform(0, 0.6, (150, 2))], axis=1).astype(dtype)
        s = random.normal(size=150).astype(dtype)
        assert np.array_equal(nms(b, s, 0.5), nms_plain(b, s, 0.5))


@both
@pytest.mark.parametrize("case", range(6))
def test_the_kept_boxes_are_those_of_the_original(suppress, case):
    b, s = OPS[f"nms{case}_boxes"], OPS[f"nms{case}_scores"]
    threshold, limit = float(OPS[f"nms{case}_threshold"]), int(OPS[f"nms{case}_max"])
    assert suppress(b, s, threshold, limit).tolist() == OPS[f"nms{case}_keep"].tolist()
    if case != 2:  # was not stored: it holds a box without area and one with reversed corners
        in_pixels = b * np.float32(1000)
        assert suppress(in_pixels, s, threshold).tolist() == OPS[f"nms{case}_keep_numpy"].tolist()


@both
@pytest.mark.parametrize(
    "b, s, threshold, limit, message",
    [
        (np.zeros((2, 5), np.float32), scores(1, 1), 0.5, None, r"shape \(N, 4\)"),
        (np.zeros((2, 4), int), scores(1, 1), 0.5, None, "float32 or float64, got int64"),
        (np.zeros((2, 4)), scores(1), 0.5, None, "each of 2 boxes"),
        (np.zeros((2, 4)), np.zeros((2, 1), np.float32), 0.5, None, "each of 2 boxes"),
        (np.zeros((2, 4)), np.zeros(2, np.uint8), 0.5, None, "float32 score .* uint8"),
        (np.full((2, 4), np.nan), scores(1, 1), 0.5, None, "NaN"),
        (np.zeros((2, 4)), scores(1, np.nan), 0.5, None, "NaN"),
        (np.zeros((2, 4)), scores(1, 1), -0.1, None, "between 0 and 1, got -0.1"),
        (np.zeros((2, 4)), scores(1, 1), 1.1, None, "between 0 and 1"),
        (np.zeros((2, 4)), scores(1, 1), np.nan, None, "between 0 and 1"),
        (np.zeros((2, 4)), scores(1, 1), 0.5, -1, "limit of 0 or more, got -1"),
    ],
)
def test_bad_arguments_are_refused(suppress, b, s, threshold, limit, message):
    with pytest.raises(ValueError, match=message):
        suppress(b, s, threshold, limit)
