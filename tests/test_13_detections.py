"""From classified regions to detections."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn.boxes import areas, iou_matrix
from minimaskrcnn.config import COCO
from minimaskrcnn.detections import select_detections

OPS = stored("ops_detection")
WHOLE = (0, 0, 1, 1)


def config(score=0.0, threshold=0.3, count=100, std=(0.1, 0.1, 0.2, 0.2), classes=()):
    numbers = {"min_score": score, "detection_nms_threshold": threshold, "max_detections": count}
    return replace(COCO, delta_std=std, detected_classes=classes, **numbers)


def array(*rows):
    return np.array(rows, np.float32)


def certain(class_ids, scores, classes=4):
    """Probabilities with these scores for these classes, and next to nothing for the others."""
    probs = np.full((len(class_ids), classes), 1e-3, np.float32)
    probs[np.arange(len(class_ids)), class_ids] = scores
    return probs


def apart(count):
    """Regions on a diagonal that do not overlap."""
    start = np.arange(count, dtype=np.float32)[:, None] / count
    return np.tile(start, 4) + array([0, 0, 0.5, 0.5]) / count


def no_deltas(probs):
    return np.zeros((*probs.shape, 4), np.float32)


def detect(rois, class_ids, scores, window=WHOLE, **settings):
    probs = certain(class_ids, scores)
    return select_detections(rois, probs, no_deltas(probs), window, config(**settings))


# By hand


def test_with_every_class_what_is_likelier_background_is_still_found():
    rois, probs = apart(2), array([0.6, 0.4], [0.96, 0.04])
    found, _ = select_detections(rois, probs, no_deltas(probs), WHOLE, config(score=0.05))
    assert len(found) == 0
    every = replace(config(score=0.05), every_class=True)
    found, source = select_detections(rois, probs, no_deltas(probs), WHOLE, every)
    assert found[:, 4:].tolist() == [[1, np.float32(0.4)]] and source.tolist() == [0]


def test_with_every_class_a_region_is_found_as_each_class_with_that_class_s_box():
    rois, probs = apart(2)[1:], array([0.1, 0.3, 0.5, 0.1])
    deltas = no_deltas(probs)
    deltas[0, 1] = 0, 1, 0, 0  # as class 1 it lies a tenth further right
    every = replace(config(score=0.2), every_class=True)
    found, source = select_detections(rois, probs, deltas, WHOLE, every)
    assert found[:, 4].tolist() == [2, 1] and source.tolist() == [0, 0]
    moved = np.float32(0.1) * (rois[0, 3] - rois[0, 1])
    np.testing.assert_allclose(found[:, 1], [rois[0, 1], rois[0, 1] + moved], rtol=1e-6)
    only = replace(every, detected_classes=(1,))
    found, _ = select_detections(rois, probs, deltas, WHOLE, only)
    assert found[:, 4].tolist() == [1]


def test_a_row_is_box_class_score_best_first_and_knows_its_region():
    rois = apart(4)[:3]  # exact in float32
    detections, source = detect(rois, [3, 1, 2], [0.5, 0.9, 0.7])
    assert (detections[:, :4] == rois[[1, 2, 0]]).all()
    assert detections[:, 4].tolist() == [1, 2, 3]
    assert (detections[:, 5] == array(0.9, 0.7, 0.5)).all()
    assert source.tolist() == [1, 2, 0]
    assert detections.dtype == np.float32 and source.dtype == np.int64


def test_the_likeliest_class_decides_and_its_deltas_move_the_box():
    rois = array([0.4, 0.4, 0.6, 0.6])
    probs = array([0.1, 0.3, 0.4, 0.2])
    deltas = np.zeros((1, 4, 4), np.float32)
    deltas[0, 1], deltas[0, 2] = 99, [1, -2, np.log(2) / 0.2, np.log(0.5) / 0.2]
    detections, _ = select_detections(rois, probs, deltas, WHOLE, config())
    # centre (0.5 + 0.1 · 0.2, 0.5 - 0.2 · 0.2), size (0.4, 0.1)
    assert np.allclose(detections, [[0.32, 0.41, 0.72, 0.51, 2, 0.4]], rtol=0, atol=1e-6)


def test_each_coordinate_has_its_own_standard_deviation():
    probs = array([0, 1])
    settings = config(std=(0.1, 0.2, 0.3, 0.4))
    deltas = np.ones((1, 2, 4), np.float32)
    detections, _ = select_detections(array([0.4, 0.4, 0.5, 0.5]), probs, deltas, WHOLE, settings)
    size, centre = 0.1 * np.exp([0.3, 0.4]), np.array([0.46, 0.47])
    expected = [*(centre - size / 2), *(centre + size / 2)]
    assert np.allclose(detections[0, :4], expected, rtol=0, atol=1e-6)


def test_background_is_no_detection_however_sure():
    detections, source = detect(apart(3), [0, 2, 0], [0.99, 0.3, 0.9])
    assert source.tolist() == [1] and detections[0, 4] == 2


def test_an_object_less_likely_than_the_background_is_none_either():
    probs = array([0.4, 0.35, 0.25])  # 0.35 would do for a score
    detections, _ = select_detections(apart(1), probs, no_deltas(probs), WHOLE, config(score=0.3))
    assert detections.shape == (0, 6)


def test_a_tie_with_the_background_is_background_and_of_classes_the_first():
    probs = array([0.5, 0.5, 0], [0, 0.5, 0.5])
    detections, source = select_detections(apart(2), probs, no_deltas(probs), WHOLE, config())
    assert source.tolist() == [1] and detections[0, 4] == 1


def test_a_score_equal_to_the_minimum_is_kept():
    below = np.nextafter(np.float32(0.7), np.float32(0))  # float32 0.7 is less than float64 0.7
    _, source = detect(apart(3), [1, 1, 1], [0.7, below, 0.71], score=0.7)
    assert source.tolist() == [2, 0]


def test_a_minimum_of_zero_keeps_all():
    assert len(detect(apart(3), [1, 2, 3], [0.01, 0.002, 0.5], score=0)[0]) == 3


def test_boxes_are_cut_at_the_window():
    rois = array([0, 0, 1, 1], [0.3, 0.5, 0.4, 0.6])
    detections, _ = detect(rois, [1, 2], [0.9, 0.8], window=(0.25, 0.125, 0.75, 0.875))
    assert np.allclose(detections[:, :4], [[0.25, 0.125, 0.75, 0.875], [0.3, 0.5, 0.4, 0.6]])


def test_a_window_in_pixels_is_refused():
    with pytest.raises(ValueError, match="window must be normalised.*in pixels: boxes.normalise"):
        detect(apart(2), [1, 2], [0.9, 0.8], window=(0, 0, 1024, 768))


def test_boxes_are_cut_before_they_suppress():
    rois = array([0, 0, 0.5, 1], [0, 0, 1, 1])  # overlap 1/2; within the upper half they are one
    for window, count in ((WHOLE, 2), ((0, 0, 0.5, 1), 1)):
        assert len(detect(rois, [1, 1], [0.9, 0.8], window=window, threshold=0.6)[0]) == count


def test_boxes_without_area_stay_and_suppress_nothing():
    rois = array([0, 0.1, 0.1, 0.4], [0, 0.1, 0.1, 0.4], [0.5, 0.5, 0.6, 0.6])
    detections, source = detect(rois, [1, 1, 1], [0.9, 0.8, 0.7], window=(0.25, 0, 0.75, 1))
    assert source.tolist() == [0, 1, 2]
    assert areas(detections[:, :4])[:2].tolist() == [0, 0]


def test_boxes_suppress_within_their_class_only():
    same = np.tile(array([0.2, 0.2, 0.8, 0.8]), (4, 1))
    _, source = detect(same, [1, 2, 1, 2], [0.6, 0.7, 0.8, 0.9])
    assert source.tolist() == [3, 2]


def test_an_overlap_equal_to_the_threshold_is_kept():
    rois = array([0, 0, 1, 1], [0, 0, 0.5, 1])
    for threshold, count in ((0.49, 1), (0.5, 2)):
        assert len(detect(rois, [1, 1], [0.9, 0.8], threshold=threshold)[0]) == count


def test_among_equal_scores_the_lower_region_goes_first_whatever_its_class():
    _, source = detect(apart(6), [3, 1, 2, 3, 1, 2], [0.5] * 6)
    assert source.tolist() == [0, 1, 2, 3, 4, 5]
    _, source = detect(apart(6), [3, 1, 2, 3, 1, 2], [0.5] * 6, count=4)
    assert source.tolist() == [0, 1, 2, 3]
    _, source = detect(apart(6), [3, 1, 2, 3, 1, 2], [0.5, 0.9] * 3)
    assert source.tolist() == [1, 3, 5, 0, 2, 4]


def test_of_all_classes_together_only_the_best_are_kept():
    _, source = detect(apart(6), [1, 1, 1, 2, 2, 3], [0.4, 0.9, 0.8, 0.3, 0.5, 0.7], count=4)
    assert source.tolist() == [1, 2, 5, 4]


def test_only_the_classes_asked_for_are_detected_and_take_up_no_places_of_others():
    detections, source = detect(
        apart(6), [1, 2, 3, 1, 2, 3], [0.9, 0.8, 0.7] * 2, classes=(3, 1), count=3
    )
    assert source.tolist() == [0, 3, 2] and detections[:, 4].tolist() == [1, 1, 3]
    assert len(detect(apart(3), [1, 1, 3], [0.9, 0.8, 0.7], classes=(2,))[0]) == 0


def test_a_region_of_another_class_is_not_given_the_one_asked_for():
    probs = array([0, 0.6, 0.4])
    settings = config(classes=(2,))
    assert len(select_detections(apart(1), probs, no_deltas(probs), WHOLE, settings)[0]) == 0


def test_background_is_no_detection_even_if_asked_for():
    assert detect(apart(2), [0, 1], [0.9, 0.8], classes=(0, 1))[1].tolist() == [1]


def test_regions_may_be_one_or_none_and_classes_background_alone():
    detections, source = detect(apart(1), [2], [0.4])
    assert detections.shape == (1, 6) and source.shape == (1,)
    detections, source = detect(np.zeros((0, 4), np.float32), [], [])
    assert detections.shape == (0, 6) and source.shape == (0,)
    assert detections.dtype == np.float32 and source.dtype == np.int64
    probs = np.ones((2, 1), np.float32)
    assert select_detections(apart(2), probs, no_deltas(probs), WHOLE, config())[0].shape == (0, 6)


def test_nothing_sure_enough_gives_nothing():
    detections, source = detect(apart(4), [1, 2, 3, 1], [0.6] * 4, score=0.61)
    assert detections.shape == (0, 6) and source.shape == (0,)


# As the original's


@pytest.mark.parametrize("case", range(5))
def test_the_detections_are_those_of_the_original_without_its_padding(case):
    """The original fills up with zero rows; here the list just ends. Case 3 has none."""
    names = ("rois", "probs", "deltas", "window")
    rois, probs, deltas, window = (OPS[f"case{case}_{name}"] for name in names)
    settings = config(
        float(OPS[f"case{case}_min_confidence"]),
        float(OPS[f"case{case}_nms_threshold"]),
        int(OPS[f"case{case}_max_instances"]),
    )
    detections, source = select_detections(rois, probs, deltas, window, settings)
    theirs = OPS[f"case{case}_detections"]
    theirs = theirs[theirs[:, 4] > 0]
    assert len(detections) == len(theirs)
    assert (detections[:, 4:] == theirs[:, 4:]).all()  # classes and scores exactly
    assert np.allclose(detections[:, :4], theirs[:, :4], rtol=0, atol=1e-7)
    assert (probs[source].max(axis=1) == detections[:, 5]).all()
    for class_id in np.unique(detections[:, 4]):
        own = detections[detections[:, 4] == class_id, :4]
        overlaps = iou_matrix(own, own) - np.diag(areas(own) > 0)
        assert overlaps.max() <= np.float32(settings.detection_nms_threshold)


# Arguments


@pytest.mark.parametrize(
    "change, message",
    [
        ({"rois": apart(2)}, r"rois \(R, 4\), .* got \(2, 4\), \(3, 4\) and \(3, 4, 4\)"),
        ({"rois": np.zeros((3, 5), np.float32)}, r"rois must be an array of shape \(N, 4\)"),
        ({"rois": np.zeros((3, 4), int)}, "rois must be float32 or float64, got int64"),
        ({"class_probs": np.zeros(3, np.float32)}, r"class_probs \(R, K\)"),
        ({"class_probs": np.zeros((3, 5), np.float32)}, r"box_deltas \(R, K, 4\)"),
        ({"box_deltas": np.zeros((3, 16), np.float32)}, r"box_deltas \(R, K, 4\)"),
        ({"box_deltas": np.zeros((3, 4, 3), np.float32)}, r"box_deltas \(R, K, 4\)"),
        ({"class_probs": np.full((3, 4), np.nan, np.float32)}, "class_probs hold NaN"),
        ({"box_deltas": np.full((3, 4, 4), np.nan, np.float32)}, "NaN among its boxes"),
        ({"window": (0, 0, 1)}, "window must be y1 x1 y2 x2"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    probs = certain([1, 2, 3], [0.9, 0.8, 0.7])
    arguments = {"rois": apart(3), "class_probs": probs, "box_deltas": no_deltas(probs)}
    arguments = {**arguments, "window": WHOLE, "config": config(), **change}
    with pytest.raises(ValueError, match=message):
        select_detections(**arguments)


def test_arguments_stay_as_they_were():
    rois, probs = apart(3) - 0.5, certain([1, 2, 3], [0.9, 0.8, 0.7])
    deltas = no_deltas(probs) + 1
    before = [a.copy() for a in (rois, probs, deltas)]
    select_detections(rois, probs, deltas, WHOLE, config())
    for now, then in zip((rois, probs, deltas), before, strict=True):
        assert (now == then).all()
