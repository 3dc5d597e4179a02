"""Average precision: cases worked by hand, and every number of the COCO API on random datasets."""

import contextlib
import functools
import io
import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from minimaskrcnn.coco_masks import rle
from minimaskrcnn.errors import SettingError
from minimaskrcnn.evaluate import Found, GroundTruth, by_class, evaluate, make_rules, summary
from minimaskrcnn.evaluate.average_precision import average, interpolate, precision_recall
from minimaskrcnn.evaluate.confusion import confusion_matrix
from minimaskrcnn.evaluate.matching import match
from minimaskrcnn.evaluate.overlaps import box_overlaps, mask_overlaps
from minimaskrcnn.evaluate.report import Outcome, write_report

NAMES = ("background", "a", "b", "c")
K = len(NAMES) - 1


# Hand-worked cases: squares of 40 pixels in a row, found with known overlaps.


def squares(*overlaps):
    """Boxes inside the squares at x = 0, 100, 200, …, each with this IoU (whole fortieths)."""
    return np.array([[0, 100 * i, 40 * iou, 100 * i + 40] for i, iou in enumerate(overlaps)])


def box_result(truth, found, names=("background", "thing")):
    return evaluate([truth], [found], names, masks=False).box


def things(boxes, **more):
    return GroundTruth(boxes, np.ones(len(boxes), int), **more)


def guesses(boxes, scores):
    return Found(boxes, np.ones(len(boxes), int), np.array(scores))


def test_everything_found_exactly_has_ap_and_ar_one():
    result = box_result(things(squares(1, 1)), guesses(squares(1, 1), [0.9, 0.2]))
    assert result.stats[[0, 1, 2, 4, 7, 8, 10]].tolist() == [1] * 7  # 1600 pixels: medium
    assert result.stats[[3, 5, 9, 11]].tolist() == [-1] * 4  # nothing small, nothing large
    assert result.stats[6] == 0.5  # with one detection an image only one of two is found


def test_a_false_alarm_below_the_last_hit_costs_nothing_and_one_above_halves():
    truth = things(squares(1))
    boxes = np.vstack([squares(1), [[500, 500, 540, 540]]])
    assert box_result(truth, guesses(boxes, [0.9, 0.8])).stats[0] == 1
    assert box_result(truth, guesses(boxes, [0.8, 0.9])).stats[0] == 0.5


def test_precision_one_up_to_recall_a_half_gives_51_of_101_points():
    result = box_result(things(squares(1, 1)), guesses(squares(1), [0.9]))
    assert result.stats[0] == pytest.approx(51 / 101)


@pytest.mark.parametrize(
    ("iou", "passed"), [(0.475, 0), (0.5, 1), (0.725, 5), (0.75, 6), (0.95, 10)]
)
def test_an_overlap_equal_to_a_threshold_is_enough(iou, passed):
    result = box_result(things(squares(1)), guesses(squares(iou), [0.9]))
    assert result.stats[0] == pytest.approx(passed / 10)
    assert result.stats[1:3].tolist() == [float(passed >= 1), float(passed >= 6)]


def test_of_two_detections_of_one_object_the_better_scored_counts_not_the_better_placed():
    found = guesses(np.vstack([squares(1), squares(0.6)]), [0.1, 0.9])
    result = box_result(things(squares(1)), found)
    assert result.stats[1] == 1  # at 0.50 the first is right
    assert result.stats[2] == 0.5  # at 0.75 the first is wrong, the second right


def test_a_crowd_takes_any_number_of_detections_and_none_of_them_counts():
    crowd = np.array([[0, 0, 100, 300]])
    truth = things(np.vstack([squares(1), crowd]), crowd=np.array([0, 1]))
    found = guesses(np.vstack([squares(1, 1, 1), [[200, 0, 240, 40]]]), [0.5, 0.9, 0.8, 0.1])
    assert box_result(truth, found).stats[0] == 1
    alone = replace(truth, crowd=np.array([0, 0]))
    assert box_result(alone, found).stats[0] < 0.5


def test_an_object_is_preferred_to_a_crowd_that_overlaps_more():
    overlaps = np.array([[0.6, 1.0], [0.6, 1.0]])
    crowd = np.array([False, True])
    assert match(overlaps, 0.5, crowd, crowd).tolist() == [0, 1]
    assert match(overlaps, 0.7, crowd, crowd).tolist() == [1, 1]


def test_a_detection_takes_its_best_free_object_and_of_equal_ones_the_last():
    no = np.zeros(3, bool)
    assert match(np.array([[0.6, 0.9, 0.7], [0.6, 0.9, 0.7]]), 0.5, no, no).tolist() == [1, 2]
    assert match(np.array([[0.8, 0.8, 0.7]]), 0.5, no, no).tolist() == [1]


def test_sizes_are_the_annotations_and_unmatched_detections_of_other_sizes_do_not_count():
    truth = things(squares(1), areas=np.array([1024]))  # both small and medium
    boxes = np.vstack([[[0, 500, 100, 600]], squares(1)])  # a large false alarm scores best
    result = box_result(truth, guesses(boxes, [0.9, 0.8]))
    assert result.stats[[0, 3, 4, 5]].tolist() == [0.5, 1, 1, -1]


def test_a_class_without_objects_is_left_out_of_the_mean_and_one_without_detections_is_zero():
    truth = GroundTruth(squares(1, 1), np.array([1, 2]))
    found = Found(squares(1, 1, 1), np.array([1, 3, 3]), np.array([0.9, 0.8, 0.7]))
    result = box_result(truth, found, ("background", "found", "missed", "invented"))
    assert result.class_ap.tolist() == [1, 0, -1]
    assert result.stats[0] == 0.5
    assert (result.precision[:, :, 2] == -1).all() and (result.recall[:, 2] == -1).all()


def test_precision_and_recall_walk_down_the_list_and_ignore_what_does_not_count():
    right = np.array([False, True, False, False, True])
    wrong = np.array([False, False, True, False, False])  # the first and fourth do not count
    precision, recall = precision_recall(right, wrong, 4)
    assert precision.tolist() == [0, 1, 1 / 2, 1 / 2, 2 / 3]
    assert recall.tolist() == [0, 1 / 4, 1 / 4, 1 / 4, 2 / 4]


def test_the_curve_is_the_best_precision_to_come_and_zero_where_recall_is_not_reached():
    curve = interpolate(np.array([1, 1 / 2, 2 / 3]), np.array([1 / 4, 1 / 4, 2 / 4]))
    assert curve.tolist() == [1.0] * 26 + [2 / 3] * 25 + [0.0] * 50
    assert interpolate(np.zeros(0), np.zeros(0)).tolist() == [0.0] * 101


def test_overlap_with_a_crowd_is_over_the_area_of_the_detection():
    found, objects = np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 1, 8, 9], [0, 1, 8, 9]])
    crowd = np.array([False, True])
    expected = [[2 / (4 + 64 - 2), 2 / 4]]
    np.testing.assert_allclose(box_overlaps(found, objects, crowd), expected)
    masks = [np.zeros((8, 9), bool) for _ in range(2)]
    masks[0][:2, :2] = True
    masks[1][:, 1:] = True
    found, thing = [rle.encode(m) for m in masks]
    np.testing.assert_allclose(mask_overlaps([found], [thing] * 2, crowd), expected)


# Random datasets, and what the COCO API says about them.


def random_boxes(rs, count, side):
    """Boxes in whole, half or any pixels; some empty, reversed or beyond the image."""
    start = rs.randint(-4, side, (count, 2)) + rs.choice([0, 0.5, rs.rand()])
    boxes = np.hstack([start, start + rs.randint(1, side, (count, 2))])
    absurd = rs.rand(count) < 0.15
    boxes[absurd, 2:] = boxes[absurd, :2] + 7 * rs.randint(-3, 2, (absurd.sum(), 2))
    return boxes


def ragged_mask(box, side):
    y1, x1, y2, x2 = np.clip(np.round(box), 0, side).astype(int)
    mask = np.zeros((side, side + 3), bool)
    mask[y1:y2, x1:x2] = True
    mask[y1 : y2 - 1 : 2, x1:x2:3] = False  # no plain rectangle: box and mask differ
    return mask


def random_image(rs, side, most, labelled):
    """Ground truth and detections; `most` objects, of the classes `labelled`."""
    count = rs.randint(1, most + 1) * (rs.rand() < 0.75)  # every fourth image is empty
    boxes = random_boxes(rs, count, side)
    masks = [ragged_mask(box, side) for box in boxes]
    areas = np.array([m.sum() for m in masks]) * rs.choice([1, 1, 0.7, 6], count)
    truth = GroundTruth(boxes, rs.choice(labelled, count), masks, rs.rand(count) < 0.2, areas)
    near = rs.randint(0, count, rs.randint(0, 2 * count + 1)) if count else []  # found, well or not
    moved = boxes[near] + rs.randint(-2, 3, (len(near), 4)) * rs.randint(0, 2, (len(near), 1))
    wild = random_boxes(rs, rs.randint(1, most + 1) * rs.randint(2), side)  # false alarms
    ids = np.concatenate([truth.class_ids[near], rs.randint(1, K + 1, len(wild))]).astype(int)
    scores = rs.randint(0, 4, len(ids)) / 3 if rs.randint(2) else rs.rand(len(ids))  # with ties
    found_boxes = np.vstack([moved, wild])
    found_masks = [rle.encode(ragged_mask(box, side)) for box in found_boxes]
    return truth, Found(found_boxes, ids, scores, found_masks)


@functools.cache
def random_dataset(seed):
    """Lists of ground truths and detections; every twentieth has many and large objects."""
    rs = np.random.RandomState(seed)
    side, most, images = (30, 4, 4) if seed % 20 else (130, 130, 2)
    labelled = rs.permutation(K)[: rs.randint(1, K + 1)] + 1  # the others have no objects
    made = [random_image(rs, side, most, labelled) for _ in range(rs.randint(1, images + 1))]
    return [truth for truth, _ in made], [found for _, found in made]


def records(items, kind):
    """COCO's records of ground truths or of detections, boxes as x, y, width, height."""
    for image_id, item in enumerate(items, start=1):
        for i, (y1, x1, y2, x2) in enumerate(item.boxes.tolist()):
            record = {"image_id": image_id, "category_id": int(item.class_ids[i])}
            if kind == "bbox":
                record["bbox"] = [x1, y1, x2 - x1, y2 - y1]
            else:
                mask = item.masks[i]
                record["segmentation"] = mask if isinstance(mask, dict) else rle.encode(mask)
            if isinstance(item, Found):
                record["score"] = float(item.scores[i])
            else:
                record.update(area=float(item.areas[i]), iscrowd=int(item.crowd[i]), ignore=1)
            yield record


def coco(images, annotations):
    index = COCO()
    index.dataset = {
        "images": [{"id": i + 1, "height": 130, "width": 133} for i in range(images)],
        "categories": [{"id": k} for k in range(1, K + 1)],
        "annotations": [{**record, "id": i + 1} for i, record in enumerate(annotations)],
    }
    index.createIndex()
    return index


def api_evaluation(truths, founds, kind):
    """COCOeval after its work, and the lines it printed last."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth, results = coco(len(truths), records(truths, kind)), list(records(founds, kind))
        found = truth.loadRes(results) if results else coco(len(truths), [])
        api = COCOeval(truth, found, kind)
        api.evaluate()
        api.accumulate()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        api.summarize()
    return api, printed.getvalue().splitlines()


def same(ours, api):
    np.testing.assert_allclose(ours.precision, api.eval["precision"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours.recall, api.eval["recall"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours.stats, api.stats, rtol=0, atol=1e-6)
    for k in range(K):
        values = api.eval["precision"][:, :, k, 0, 2]
        expected = values[values > -1].mean() if (values > -1).any() else -1
        assert abs(ours.class_ap[k] - expected) < 1e-6


@pytest.mark.parametrize("tens", range(21))
def test_all_numbers_of_210_random_datasets_are_those_of_the_coco_api(tens):
    for seed in range(10 * tens, 10 * tens + 10):
        truths, founds = random_dataset(seed)
        result = evaluate(truths, founds, NAMES)
        same(result.box, api_evaluation(truths, founds, "bbox")[0])
        same(result.mask, api_evaluation(truths, founds, "segm")[0])


def test_the_random_datasets_hold_what_could_go_wrong():
    seen = set()
    for seed in range(210):
        truths, founds = random_dataset(seed)
        labelled = np.concatenate([truth.class_ids for truth in truths])
        seen |= {"class missing"} if 0 < len(set(labelled)) < K else set()
        for truth, found in zip(truths, founds, strict=True):
            size = found.boxes[:, 2:] - found.boxes[:, :2]
            scores = found.scores[found.class_ids == found.class_ids.max(initial=1)]
            seen |= {
                "empty" * (len(truth.boxes) + len(found.boxes) == 0),
                "false alarms only" * (len(truth.boxes) == 0 < len(found.boxes)),
                "misses only" * (len(found.boxes) == 0 < len(truth.boxes)),
                "crowd" * bool(np.any(truth.crowd)),
                "tie" * (len(set(scores)) < len(scores) < 20),
                "more than 100 of a class" * (len(scores) > 100),
                "no size" * bool((size == 0).any()),
                "negative size" * bool((size < 0).any()),
                "beyond the image" * bool((found.boxes < 0).any() and (found.boxes > 133).any()),
                "empty mask" * any(rle.area(mask) == 0 for mask in found.masks),
                "large" * bool((truth.areas > 96**2).any()),
                "medium" * bool(((truth.areas > 32**2) & (truth.areas < 96**2)).any()),
            }
    assert len(seen - {""}) == 13, seen


def test_the_summary_reads_as_the_coco_apis():
    truths, founds = random_dataset(40)
    lines = summary(evaluate(truths, founds, NAMES)).splitlines()
    assert lines[0] == "Boxes:" and lines[13] == "Masks:" and len(lines) == 26
    assert lines[1:13] == api_evaluation(truths, founds, "bbox")[1]
    assert lines[14:] == api_evaluation(truths, founds, "segm")[1]
    assert len(summary(evaluate(truths, founds, NAMES, masks=False)).splitlines()) == 13


def test_the_area_left_out_is_that_of_the_mask_or_without_masks_of_the_box():
    mask = np.zeros((100, 100), bool)
    mask[:10, :10] = True
    truth = GroundTruth(np.array([[0, 0, 100, 100]]), np.array([1]), masks=[mask])
    found = Found(truth.boxes, truth.class_ids, np.array([1.0]), masks=[mask])
    small, large = [0, 3, 9], [0, 5, 11]
    assert evaluate([truth], [found], NAMES).mask.stats[small].tolist() == [1, 1, 1]
    assert evaluate([truth], [found], NAMES).box.stats[small].tolist() == [1, 1, 1]
    assert evaluate([truth], [found], NAMES, masks=False).box.stats[large].tolist() == [1, 1, 1]


def test_the_order_of_the_detections_in_an_image_does_not_matter():
    truths, founds = random_dataset(20)
    rs = np.random.RandomState(0)
    founds = [replace(found, scores=rs.rand(len(found.scores))) for found in founds]  # no ties
    orders = [rs.permutation(len(found.scores)) for found in founds]
    mixed = [
        Found(f.boxes[o], f.class_ids[o], f.scores[o], [f.masks[i] for i in o])
        for f, o in zip(founds, orders, strict=True)
    ]
    one, other = evaluate(truths, founds, NAMES), evaluate(truths, mixed, NAMES)
    np.testing.assert_array_equal(one.mask.precision, other.mask.precision)
    np.testing.assert_array_equal(one.box.precision, other.box.precision)


def test_no_image_at_all_and_only_empty_images_give_minus_one():
    nothing = np.zeros((0, 4))
    truth, found = GroundTruth(nothing, []), Found(nothing, [], [])
    for truths, founds in (([], []), ([truth] * 2, [found] * 2)):
        result = evaluate(truths, founds, NAMES)
        assert (result.box.stats == -1).all() and (result.mask.stats == -1).all()


def test_images_from_a_generator_are_not_kept():
    truth, found = [items[0] for items in random_dataset(3)]
    given = []

    def images(item):
        for _ in range(8):
            fresh = replace(item)
            given.append(weakref.ref(fresh))
            yield fresh
            del fresh
            assert sum(ref() is not None for ref in given) <= 4  # the last pair, and the next

    streamed = evaluate(images(truth), images(found), NAMES)
    listed = evaluate([truth] * 8, [found] * 8, NAMES)
    np.testing.assert_array_equal(streamed.box.precision, listed.box.precision)


def test_the_average_of_some_classes_thresholds_and_sizes_can_be_asked_for():
    precision = np.full((10, 101, 3, 4, 3), -1.0)
    precision[5, :, 1, 0, 1] = np.linspace(1, 0, 101)
    precision[6, :, 2, 0, 1] = 0.25
    assert average(precision, 0.75, "all", 10) == pytest.approx(0.5)
    assert average(precision, None, "all", 10) == pytest.approx(0.375)
    assert average(precision[:, :, 2:], 0.8, "all", 10) == 0.25
    assert average(precision[:, :, 2:], 0.75, "all", 10) == -1
    assert average(precision, None, "small", 10) == average(precision) == -1


GOOD = {"boxes": squares(1), "class_ids": [1], "scores": [0.5], "masks": [np.ones((4, 4), bool)]}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"boxes": [[0, 0, np.nan, 1]]}, "boxes must be finite, got nan"),
        ({"boxes": [[0, 0, np.inf, 1]]}, "boxes must be finite, got inf"),
        ({"boxes": [[0, 0, 1]]}, r"boxes must be numbers of shape \(1, 4\), got \(1, 3\)"),
        ({"boxes": ["abcd"]}, "boxes must be numbers"),
        ({"scores": [np.nan]}, "scores must be finite"),
        ({"scores": [0.5, 0.6]}, r"scores must be numbers of shape \(1,\), got \(2,\)"),
        ({"class_ids": [0]}, "class ids are 1 … 3, got 0"),
        ({"class_ids": [5]}, "class ids are 1 … 3, got 5"),
        ({"class_ids": [1.5]}, "class ids are 1 … 3, got 1.5"),
        ({"class_ids": [1, 1]}, "class_ids must be"),
        ({"masks": None}, r"1 boxes want as many masks \(or masks=False\), got 0"),
        ({"masks": [np.ones((4, 4))]}, "bool"),
        ({"masks": [np.ones((4, 5), bool)]}, "one size"),
        ({"masks": [{"size": [4, 4], "counts": [3]}]}, "add up to 16"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_number_of_the_image(fault, words):
    truth = GroundTruth(GOOD["boxes"], [1], GOOD["masks"])
    fine = Found(**GOOD)
    with pytest.raises(ValueError, match="image 1 cannot be evaluated: .*" + words):
        evaluate([truth, truth], [fine, Found(**{**GOOD, **fault})], NAMES)


def test_the_table_by_class_shows_boxes_and_masks():
    rows = np.array([[0, 0, 10, 10.0]])
    masks = np.zeros((1, 20, 20), bool)
    masks[:, :10, :10] = True
    truth = GroundTruth(rows, np.array([1]), masks)
    found = Found(rows, np.array([1]), np.array([0.9]), ~masks)
    names = ("background", "cat", "a very long-necked giraffe")
    lines = by_class(evaluate([truth], [found], names), names).splitlines()
    assert [line.split()[-2:] for line in lines] == [
        ["boxes", "masks"], ["1.000", "0.000"], ["-1.000", "-1.000"],
    ]  # fmt: skip
    assert len({len(line) for line in lines}) == 1


def test_faulty_ground_truth_and_lists_of_unequal_length_are_refused():
    truth, fine = GroundTruth(GOOD["boxes"], [1], GOOD["masks"]), Found(**GOOD)
    for fault in ({"crowd": [0, 0]}, {"areas": [np.nan]}, {"areas": [[1]]}, {"class_ids": [7]}):
        with pytest.raises(ValueError, match="image 0 cannot be evaluated"):
            evaluate([replace(truth, **fault)], [fine], NAMES)
    with pytest.raises(ValueError, match="image 1 has only one of ground truth and detections"):
        evaluate([truth, truth], [fine], NAMES)


# Other rules, the confusion matrix, the report


def crowd_of_objects(count, found):
    """An image with `count` objects of one class, of which the first `found` are found exactly."""
    boxes = np.array([[20 * (i // 20), 20 * (i % 20)] * 2 for i in range(count)]) + [0, 0, 15, 15]
    return things(boxes), guesses(boxes[:found], np.linspace(0.9, 0.5, found))


def test_more_than_100_objects_in_a_picture_count_if_the_rules_say_so():
    truth, found = crowd_of_objects(300, 300)
    names = ("background", "thing")
    usual = evaluate([truth], [found], names, masks=False)
    assert usual.box.stats[8] == pytest.approx(1 / 3)  # AR with 100 detections of 300 objects
    more = evaluate([truth], [found], names, masks=False, rules=make_rules(most=500))
    assert more.box.stats[0] == more.box.stats[8] == 1
    assert "maxDets=500 ] = 1.000" in summary(more) and "maxDets=100" not in summary(more)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # inside pycocotools
def test_other_limits_and_thresholds_give_the_numbers_of_the_coco_api():
    rng = np.random.RandomState(5)
    boxes = rng.uniform(0, 400, (180, 4))
    boxes[:, 2:] = boxes[:, :2] + rng.uniform(8, 60, (180, 2))
    moved = boxes + rng.uniform(-4, 4, (180, 4))
    scores = rng.permutation(180) / 180
    annotations = [
        {"id": i + 1, "image_id": 1, "category_id": 1, "iscrowd": 0}
        | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
        for i, (y1, x1, y2, x2) in enumerate(boxes.tolist())
    ]
    results = [
        {"image_id": 1, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
        for (y1, x1, y2, x2), score in zip(moved.tolist(), scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        api = COCO()
        api.dataset = {"images": [{"id": 1}], "annotations": annotations,
                       "categories": [{"id": 1, "name": "thing"}]}  # fmt: skip
        api.createIndex()
        theirs = COCOeval(api, api.loadRes(results), "bbox")
        theirs.params.maxDets, theirs.params.iouThrs = [1, 10, 150], np.array([0.3, 0.6])
        theirs.evaluate()
        theirs.accumulate()
    rules = make_rules([0.6, 0.3], most=150)
    ours = evaluate(
        [things(boxes)], [guesses(moved, scores)], ("background", "thing"), False, rules
    )
    np.testing.assert_allclose(ours.box.precision, theirs.eval["precision"], atol=1e-12)
    np.testing.assert_allclose(ours.box.recall, theirs.eval["recall"], atol=1e-12)
    assert "IoU=0.30,0.60 | area=   all | maxDets=150" in summary(ours)


@pytest.mark.parametrize("thresholds, most", [([], 100), ([0], 100), ([1.1], 100), ([0.5], 0)])
def test_rules_that_make_no_sense_are_refused(thresholds, most):
    with pytest.raises(SettingError):
        make_rules(thresholds, most)


def test_the_lines_of_other_rules_begin_with_the_mean_over_their_thresholds():
    truth, found = things(squares(1)), guesses(squares(0.7), [0.9])
    names = ("background", "thing")
    one = evaluate([truth], [found], names, False, make_rules([0.65]))
    assert one.box.stats[0] == 1 and len(one.box.stats) == 10
    assert " (AP) @[ IoU=0.65      | area=   all | maxDets=100 ] = 1.000" in summary(one)
    two = evaluate([truth], [found], names, False, make_rules([0.5, 0.75]))
    assert two.box.stats[:3].tolist() == [0.5, 1, 0]


def test_the_confusion_matrix_counts_confusions_misses_and_false_alarms():
    truth = GroundTruth(squares(1, 1, 1, 1), [1, 1, 2, 3], crowd=[0, 0, 0, 1])
    boxes = np.vstack([squares(0.9, 0.9, 0.9, 0.9), squares(0.6), [[900, 900, 910, 910]]])
    found = Found(boxes, np.array([1, 2, 2, 3, 3, 1]), np.array([0.9, 0.8, 0.4, 0.9, 0.7, 0.6]))
    counts = confusion_matrix([(truth, found)], NAMES, masks=False)
    assert counts.tolist() == [
        [0, 1, 0, 1],  # false alarms: one far away, one on an object that is taken
        [0, 1, 1, 0],  # of two a's one was taken for b
        [1, 0, 0, 0],  # b was found with too low a score
        [0, 0, 0, 0],  # a crowd counts on neither side
    ]
    everything = confusion_matrix([(truth, found)], NAMES, masks=False, min_score=0.3)
    assert everything[2].tolist() == [0, 0, 1, 0]
    nothing = Found(boxes[:0], np.zeros(0, int), np.zeros(0))
    missed = confusion_matrix([(truth, nothing)], NAMES, masks=False)
    assert missed[:, 0].tolist() == [0, 2, 1, 0]  # nobody misses a crowd


def test_detections_are_packed_without_drawing_their_masks_whole(monkeypatch):
    from minimaskrcnn import load_model
    from minimaskrcnn.datasets.scenes import scene
    from minimaskrcnn.results import Detections

    example, model = scene(7), load_model("shapes")
    result = model.predict(example.image)
    truth = GroundTruth(example.boxes, example.class_ids, example.masks)
    dense = Found(result.boxes, result.class_ids, result.scores, result.masks)
    expected = evaluate([truth], [dense], model.config.class_names)
    monkeypatch.setattr(Detections, "masks", property(lambda self: pytest.fail("drawn whole")))
    found = evaluate([truth], [result], model.config.class_names)
    assert np.array_equal(found.mask.stats, expected.mask.stats)


def test_the_report_holds_the_detections_the_tables_and_the_pictures(tmp_path):
    masks = np.zeros((2, 30, 30), bool)
    masks[0, :10, :10] = masks[1, 15:25, 15:25] = True
    boxes = np.array([[0, 0, 10, 10.0], [15, 15, 25, 25]])
    truth = GroundTruth(boxes, np.array([1, 2]), masks, np.array([0, 0]))
    packed = [rle.encode(mask) for mask in masks]
    found = Found(boxes, np.array([1, 1]), np.array([0.9, 0.75]), packed)
    pairs = [(truth, found)]
    evaluation = evaluate([truth], [found], NAMES)
    outcome = Outcome(evaluation, pairs, ["img7"], [70, 80, 90], NAMES)
    names = write_report(outcome, tmp_path / "report")
    assert sorted(p.name for p in (tmp_path / "report").iterdir()) == sorted(names)

    def lines(name):
        return (tmp_path / "report" / name).read_text().splitlines()

    results = json.loads("".join(lines("detections.json")))
    assert results[1] == {
        "image_id": "img7", "category_id": 70, "bbox": [15, 15, 10, 10], "score": 0.75,
        "segmentation": packed[1],
    }  # fmt: skip
    assert lines("confusion.csv") == [
        "is \\ found as,nothing,a,b,c", "nothing,0,0,0,0", "a,0,1,0,0", "b,0,1,0,0", "c,0,0,0,0",
    ]  # fmt: skip
    head, a, b, c = (line.split(",") for line in lines("classes.csv"))
    assert head[:5] == ["class", "objects", "detections", "box AP", "box AP@0.50"]
    assert a[:5] == ["a", "1", "2", "1.0000", "1.0000"]
    assert b[:4] == ["b", "1", "0", "0.0000"] and c[:4] == ["c", "0", "0", "-1.0000"]
    recall, *precisions = lines("precision_recall.csv")[51].split(",")
    assert recall == "0.50" and precisions == ["1.0000", "0.0000", "-1.0000"] * 2
    assert summary(evaluation) in "\n".join(lines("summary.txt"))
    for picture in ("precision_recall.png", "confusion.png"):
        assert (tmp_path / "report" / picture).read_bytes().startswith(b"\x89PNG")
