"""From judged anchors to proposals."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn.boxes import iou_matrix
from minimaskrcnn.config import COCO
from minimaskrcnn.proposals import select_proposals, top_indices

OPS = stored("ops_proposal")


def config(before=100, after=100, threshold=0.7, std=(0.1, 0.1, 0.2, 0.2)):
    numbers = {"pre_nms_proposals": before, "post_nms_proposals": after}
    return replace(COCO, rpn_nms_threshold=threshold, delta_std=std, **numbers)


def array(*rows):
    return np.array(rows, np.float32)


def apart(count):
    """Boxes on a diagonal, and no deltas."""
    start = np.arange(count, dtype=np.float32)[:, None] / count
    return np.tile(start, 4) + array([0, 0, 0.5, 0.5]) / count, np.zeros((count, 4), np.float32)


# The best scores


def test_the_highest_scores_come_first_and_equal_ones_by_index():
    assert top_indices(array(0.1, 0.9, 0.5, 0.9), 3).tolist() == [1, 3, 2]
    assert top_indices(array(5, 5, 5, 5), 2).tolist() == [0, 1]


@pytest.mark.parametrize("count", [0, 1, 7, 50, 99, 100, 101, 1000])
def test_top_indices_are_the_first_of_a_stable_sort(count):
    random = np.random.RandomState(0)
    for scores in (random.uniform(size=100), random.randint(0, 4, 100) / 4, -np.ones(100)):
        expected = sorted(range(100), key=lambda i: (-scores[i], i))[:count]
        assert top_indices(scores, count).tolist() == expected


def test_no_scores_have_no_best():
    assert top_indices(np.zeros(0), 5).shape == (0,)


# Proposals, by hand


def test_deltas_are_multiplied_by_their_standard_deviation():
    anchors = array([0.25, 0.25, 0.75, 0.75])
    deltas = array([1, -2, np.log(2) / 0.2, np.log(0.5) / 0.2])
    boxes, scores = select_proposals(anchors, array(0.5), deltas, config())
    # centre (0.5 + 0.1 · 0.5, 0.5 - 0.2 · 0.5), size (1, 0.25); then cut at 0 … 1
    assert np.allclose(boxes, [[0.05, 0.275, 1, 0.525]], rtol=0, atol=1e-6)
    assert scores.tolist() == [0.5] and boxes.dtype == scores.dtype == np.float32


def test_each_coordinate_has_its_own_standard_deviation():
    anchors, deltas = array([0.4, 0.4, 0.5, 0.5]), np.ones((1, 4), np.float32)
    boxes, _ = select_proposals(anchors, array(1), deltas, config(std=(0.1, 0.2, 0.3, 0.4)))
    size = 0.1 * np.exp([0.3, 0.4])
    centre = np.array([0.46, 0.47])
    assert np.allclose(boxes, [[*(centre - size / 2), *(centre + size / 2)]], rtol=0, atol=1e-6)


def test_proposals_come_best_first_with_their_scores():
    anchors, deltas = apart(4)
    boxes, scores = select_proposals(anchors, array(0.2, 0.9, 0.1, 0.5), deltas, config())
    assert (boxes == anchors[[1, 3, 0, 2]]).all()
    assert (scores == array(0.9, 0.5, 0.2, 0.1)).all()


def test_boxes_are_clipped_before_they_suppress():
    # beyond the border both are huge and nearly the same; within it they do not overlap
    anchors = array([-9, 0, 1, 0.5], [-9, 0.4, 1, 1])
    boxes, _ = select_proposals(anchors, array(1, 0.9), np.zeros((2, 4), np.float32), config())
    assert np.allclose(boxes, [[0, 0, 1, 0.5], [0, 0.4, 1, 1]])
    same_when_cut = array([-9, 0, 1, 1], [0, 0, 9, 1])
    boxes, _ = select_proposals(
        same_when_cut, array(1, 0.9), np.zeros((2, 4), np.float32), config()
    )
    assert boxes.tolist() == [[0, 0, 1, 1]]


def test_boxes_without_area_stay():
    anchors = array([2, 2, 3, 3], [-1, -1, 0, 0], [0.5, 0.2, 0.5, 0.4])
    boxes, _ = select_proposals(anchors, array(3, 2, 1), np.zeros((3, 4), np.float32), config())
    assert np.allclose(boxes, [[1, 1, 1, 1], [0, 0, 0, 0], [0.5, 0.2, 0.5, 0.4]])


def test_only_the_best_enter_nms_and_only_so_many_leave_it():
    anchors, deltas = apart(10)
    scores = np.arange(10, dtype=np.float32)
    assert (select_proposals(anchors, scores, deltas, config(before=4))[1] == [9, 8, 7, 6]).all()
    assert (select_proposals(anchors, scores, deltas, config(after=3))[1] == [9, 8, 7]).all()
    twins = np.concatenate([anchors[9:], anchors[9:], anchors])  # 9 has two copies
    scores = np.concatenate([array(11, 10), scores])
    kept = select_proposals(twins, scores, np.zeros((12, 4), np.float32), config(before=4))[1]
    assert kept.tolist() == [11, 8]  # of the best four 11, 10, 9, 8 three are the same


def test_the_threshold_is_that_of_the_config_and_an_overlap_equal_to_it_stays():
    anchors = array([0, 0, 0.5, 1], [0, 0, 1, 1])  # overlap 1/2
    deltas = np.zeros((2, 4), np.float32)
    for threshold, count in ((0.49, 1), (0.5, 2), (0.51, 2)):
        boxes, _ = select_proposals(anchors, array(1, 0.9), deltas, config(threshold=threshold))
        assert len(boxes) == count


def test_one_and_no_anchors():
    anchors, deltas = apart(1)
    assert (select_proposals(anchors, array(0), deltas, config())[0] == anchors).all()
    none = np.zeros((0, 4), np.float32)
    boxes, scores = select_proposals(none, np.zeros(0, np.float32), none, config())
    assert boxes.shape == (0, 4) and scores.shape == (0,)


# Proposals, as the original's


@pytest.mark.parametrize("case", range(4))
def test_the_proposals_are_those_of_the_original_without_its_padding(case):
    """The original fills up with zero boxes; here the list just ends."""
    settings = config(
        int(OPS[f"case{case}_pre_nms_limit"]),
        int(OPS[f"case{case}_count"]),
        float(OPS[f"case{case}_nms_threshold"]),
    )
    scores = OPS[f"case{case}_scores"]
    boxes, kept = select_proposals(OPS["anchors"], scores, OPS[f"case{case}_rpn_bbox"], settings)
    theirs = OPS[f"case{case}_proposals"]
    assert len(boxes) == (theirs != 0).any(axis=1).sum()
    assert np.abs(boxes - theirs[: len(boxes)]).max() <= 1.2e-7
    assert (np.diff(kept) <= 0).all() and np.isin(kept, scores).all()
    overlaps = iou_matrix(boxes, boxes) - np.eye(len(boxes), dtype=np.float32)
    assert overlaps.max() <= np.float32(settings.rpn_nms_threshold)


# Arguments


@pytest.mark.parametrize(
    "change, message",
    [
        ({"scores": array(1, 1)}, "for each of 3 anchors"),
        ({"scores": np.ones((3, 1), np.float32)}, "for each of 3 anchors"),
        ({"deltas": np.zeros((2, 4), np.float32)}, "for each of 3 anchors"),
        ({"deltas": np.zeros((3, 3), np.float32)}, r"deltas must be an array of shape \(N, 4\)"),
        ({"anchors": np.zeros((3, 5), np.float32)}, r"anchors must be an array of shape \(N, 4\)"),
        ({"anchors": np.zeros((3, 4), int)}, "anchors must be float32 or float64"),
        ({"deltas": np.zeros((3, 4), int)}, "deltas must be float32 or float64"),
        ({"scores": array(1, np.nan, 0)}, "scores hold NaN"),
        ({"deltas": np.full((3, 4), np.nan, np.float32)}, "NaN among its boxes"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    anchors, deltas = apart(3)
    arguments = {"scores": array(3, 2, 1), "deltas": deltas, "anchors": anchors, **change}
    with pytest.raises(ValueError, match=message):
        select_proposals(**arguments, config=config())


def test_arguments_stay_as_they_were():
    anchors, deltas = apart(5)
    anchors, deltas = anchors - 0.5, deltas + 1
    scores = array(1, 3, 2, 5, 4)
    before = [a.copy() for a in (scores, deltas, anchors)]
    select_proposals(anchors, scores, deltas, config())
    for now, then in zip((scores, deltas, anchors), before, strict=True):
        assert (now == then).all()
