"""Results as text and back, and in other programs' forms: nothing is rounded, nothing is lost."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_up import made_up
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from minimaskrcnn.coco_masks.polygons import polygons_to_mask
from minimaskrcnn.coco_masks.rle import decode
from minimaskrcnn.config import COCO_CLASS_NAMES, SHAPES
from minimaskrcnn.errors import DatasetError, ImageError, MiniMaskRCNNError, SettingError
from minimaskrcnn.results import Detections
from minimaskrcnn.results.labelme import to_labelme
from minimaskrcnn.results.yolo import one_outline, to_yolo

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # within pycocotools


def beyond_its_box():
    """A result in torchvision's convention: exact boxes, and masks that leave them."""
    result = made_up(3)
    grown = result.boxes + np.array([-3, -3, 3, 3])
    return replace(
        result,
        exact_boxes=result.boxes.astype(np.float32) + np.float32(0.3),
        mask_boxes=grown.astype(np.int32),
        mask_probs=np.ones((3, 28, 28), np.float32),
    )


# There and back


@pytest.mark.parametrize(
    "result",
    [made_up(12), made_up(0), made_up(3, names=SHAPES.class_names), beyond_its_box()],
    ids=["coco", "nothing", "shapes", "torchvision"],
)
def test_a_result_comes_back_from_its_dict_and_its_json(result):
    for back in (
        Detections.from_dict(result.to_dict(), result.image),
        Detections.from_json(result.to_json(), result.image),
        Detections.from_json(result.to_json(indent=1).encode(), result.image),
    ):
        assert back == result and back.source == result.source
        assert back.seconds == result.seconds and back.class_names == result.class_names
        np.testing.assert_array_equal(back.masks, result.masks)
        np.testing.assert_array_equal(back.scores, result.scores)
        assert back.to_dict() == result.to_dict() and back.to_coco(7) == result.to_coco(7)
        assert len(back[:2]) == min(2, len(result)) and repr(back) == repr(result)
        np.testing.assert_array_equal(back.draw(), result.draw())
        np.testing.assert_array_equal(back.label_map(), result.label_map())


def test_without_a_picture_the_file_that_it_was_found_in_is_read(tmp_path):
    result = replace(made_up(2), source=str(tmp_path / "a.png"))
    from PIL import Image

    Image.fromarray(result.image).save(tmp_path / "a.png")
    assert Detections.from_dict(result.to_dict()) == result
    with pytest.raises(ImageError):
        Detections.from_dict(made_up(2).to_dict())  # street.jpg, which is not there


def test_a_dict_of_an_earlier_version_has_no_class_names():
    for names in (COCO_CLASS_NAMES, SHAPES.class_names):
        plain = made_up(3, names=names).to_dict()
        del plain["class_names"]
        back = Detections.from_dict(plain, made_up(3).image)
        assert back.labels == [one["label"] for one in plain["objects"]]
        assert (back.class_names == COCO_CLASS_NAMES) == (names is COCO_CLASS_NAMES)


def changed(key, value, plain=None):
    plain = plain or made_up(2).to_dict()
    holder = plain["objects"][1] if key in plain["objects"][1] else plain
    holder[key] = value
    return plain


@pytest.mark.parametrize(
    "plain",
    [
        {}, [], None, "text", {"objects": 3}, changed("box", [1, 2, 3]),
        changed("box", [0, 0, 0, 5]),
        changed("box", [0, 0, 91, 5]), changed("box", [-1, 0, 5, 5]), changed("mask", None),
        changed("mask", {"size": [1, 1], "counts": [1]}), changed("class_id", 500),
        changed("class_id", 0), changed("label", "spaceship"), changed("score", "high"),
        changed("height", None), changed("objects", [None]), changed("class_id", 2**70),
        changed("seconds", 5), changed("class_names", 5),
        changed("class_id", -1, changed("label", made_up(2).class_names[-1])),
    ],
)  # fmt: skip
def test_a_dict_that_is_none_of_a_result_is_refused_in_a_sentence(plain):
    with pytest.raises(DatasetError, match="is not a result"):
        Detections.from_dict(plain, made_up(2).image)


@pytest.mark.parametrize("text", ["", "{", "[1, 2", b"\xff\xfe", "[" * 100_000, 5])
def test_a_text_that_is_no_json_is_refused_in_a_sentence(text):
    with pytest.raises(DatasetError):
        Detections.from_json(text, made_up(2).image)


def test_another_photograph_is_refused():
    with pytest.raises(ImageError, match="90 x 120 pixels, this one has 91 x 120"):
        Detections.from_dict(made_up(2).to_dict(), made_up(2, 91, 120).image)


# Equal, and joined


def test_results_are_equal_if_they_say_the_same():
    result = made_up(5)
    assert result == made_up(5) and result == replace(result, source="", seconds={})
    assert result == result[:] and result[:0] == result.filter(min_score=2)
    assert result != made_up(4) and result != result[::-1] and result != made_up(5, seed=1)
    assert result != replace(result, class_names=(*COCO_CLASS_NAMES, "more"))
    assert result != replace(result, image=result.image + 1)
    masks = result.mask_probs.copy()
    masks[4] = 1
    assert result != replace(result, mask_probs=masks)
    assert result != "result" and result != None  # noqa: E711
    with pytest.raises(TypeError):
        hash(result)


def test_joined_objects_stand_together_the_best_first():
    result = made_up(6)
    assert result[[0, 3, 4]] + result[[1, 2, 5]] == result
    assert result + result[:0] == result == result[:0] + result
    twice = result + result
    assert twice.scores.tolist() == np.repeat(result.scores, 2).tolist()
    read = Detections.from_dict(result[3:].to_dict(), result.image)
    assert result[:3] + read == result
    both = beyond_its_box() + made_up(3)
    assert {tuple(m.ravel()) for m in both.masks} == {
        tuple(m.ravel()) for r in (beyond_its_box(), made_up(3)) for m in r.masks
    }


def test_classes_of_two_models_are_joined_by_their_names():
    first = made_up(3, names=("background", "cat", "dog"))
    second = made_up(3, names=("background", "dog", "bird"))
    both = first + second
    assert both.class_names == ("background", "cat", "dog", "bird")
    assert sorted(both.labels) == sorted(first.labels + second.labels)


def test_results_of_two_photographs_are_not_joined():
    with pytest.raises(ImageError, match="same photograph"):
        made_up(2) + made_up(2, seed=3)
    with pytest.raises(TypeError):
        made_up(2) + 1


# COCO


def test_sure_scores_do_not_tie():
    scores = np.array([0.99999994, 0.9999999, 0.99999988], np.float32)
    result = replace(made_up(3), scores=scores)
    written = [one["score"] for one in json.loads(json.dumps(result.to_coco(1)))]
    assert written == scores.tolist() and len(set(written)) == len(set(scores.tolist()))


def test_an_image_id_of_numpy_is_written_and_other_things_are_refused():
    assert json.loads(json.dumps(made_up(1).to_coco(np.int64(7))))[0]["image_id"] == 7
    for wrong in ("7", 7.0, None):
        with pytest.raises(SettingError, match="image_id must be a whole number"):
            made_up(1).to_coco(wrong)


def test_masks_are_judged_by_their_own_areas_where_no_boxes_stand_beside_them():
    """A mask of 900 pixels in a box of 3600 is small; by its box it would be of medium size."""
    probs = np.zeros((1, 60, 60), np.float32)
    probs[0, :15] = 1
    result = Detections(
        np.zeros((100, 100, 3), np.uint8), np.array([[10, 10, 70, 70]], np.int32), np.array([1]),
        np.array([0.9], np.float32), probs, SHAPES.class_names,
    )  # fmt: skip
    truth = COCO()
    own = result.to_coco(1)[0] | {"id": 1, "iscrowd": 0, "area": result[0].area}
    truth.dataset = {
        "images": [{"id": 1, "height": 100, "width": 100}],
        "categories": [{"id": 1, "name": "circle"}],
        "annotations": [own],
    }
    truth.createIndex()
    loaded = truth.loadRes(result.to_coco(1, boxes=False))
    assert loaded.anns[1]["area"] == result[0].area == 900
    assert truth.loadRes(result.to_coco(1)).anns[1]["area"] == 3600
    assert truth.loadRes(result.to_coco(1, masks=False)).anns[1]["bbox"] == [10, 10, 60, 60]
    judge = COCOeval(truth, loaded, "segm")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert judge.stats[3] == pytest.approx(1)  # small: the object, whose area is the mask's


def test_polygons_enclose_the_masks():
    result = made_up(20, 200, 300)
    for mask, record in zip(result.masks, result.to_coco(1, polygons=True), strict=True):
        np.testing.assert_array_equal(polygons_to_mask(record["segmentation"], 200, 300), mask)
    nothing = replace(made_up(1), mask_probs=np.zeros((1, 28, 28), np.float32))
    assert not decode(nothing.to_coco(1, polygons=True)[0]["segmentation"]).any()


# Other programs


def test_rows_are_what_was_found():
    result = made_up(4)
    for i, row in enumerate(result.to_rows()):
        assert row["number"] == i and row["label"] == result.labels[i]
        assert [row["x1"], row["y1"], row["x2"], row["y2"]] == result.boxes_xyxy[i].tolist()
        assert row["area"] == result.areas[i] and row["score"] == result.scores[i]
    assert json.dumps(result.to_rows()) and made_up(0).to_rows() == []


def yolo_masks(text, height, width):
    """The classes and masks of YOLO's lines, drawn by COCO's rule."""
    for line in text.splitlines():
        number, *numbers = line.split()
        points = np.array(numbers, float).reshape(-1, 2)
        assert points.min() >= 0 and points.max() <= 1
        pixels = np.rint(points * [width, height]).ravel().tolist()
        yield int(number), polygons_to_mask([pixels], height, width)


@pytest.mark.parametrize("seed", range(3))
def test_yolo_s_lines_draw_the_same_masks_again(seed):
    result = made_up(20, 211, 307, seed)
    read = list(yolo_masks(to_yolo(result), 211, 307))
    assert [number for number, _ in read] == (result.class_ids - 1).tolist()
    for (_, drawn), mask in zip(read, result.masks, strict=True):
        np.testing.assert_array_equal(drawn, mask)


def test_an_object_of_several_pieces_is_one_outline():
    squares = [np.array([[x, y], [x + 2, y], [x + 2, y + 2], [x, y + 2]]) for x, y in
               ((0, 0), (7, 1), (3, 6), (9, 9))]  # fmt: skip
    alone = polygons_to_mask([square.ravel().tolist() for square in squares], 12, 12)
    both = polygons_to_mask([one_outline(squares).ravel().tolist()], 12, 12)
    np.testing.assert_array_equal(both, alone)


def test_labelme_gets_every_outline_with_its_object_s_number():
    result = made_up(5)
    plain = json.loads(json.dumps(to_labelme(result, "../street.jpg")))
    assert (plain["imageHeight"], plain["imageWidth"], plain["imagePath"]) == (
        90,
        120,
        "../street.jpg",
    )
    for i, mask in enumerate(result.masks):
        rings = [s["points"] for s in plain["shapes"] if s["group_id"] == i]
        flat = [[edge for point in ring for edge in point] for ring in rings]
        np.testing.assert_array_equal(polygons_to_mask(flat, 90, 120), mask)
        assert {s["label"] for s in plain["shapes"] if s["group_id"] == i} == {result.labels[i]}


def test_names_given_twice_stay_two_classes():
    result = replace(made_up(2), class_ids=np.array([1, 2]), class_names=("bg", "nut", "nut"))
    assert result.labels == ["nut", "nut"]
    assert [one["category_id"] for one in result.to_coco(1)] == [1, 2]
    assert Detections.from_dict(result.to_dict(), result.image) == result
    assert len(result.filter("nut")) == 2


def test_errors_of_reading_are_of_the_package_s_own_kind():
    with pytest.raises(MiniMaskRCNNError):
        Detections.from_json("nonsense", made_up(1).image)
