"""What can be done with results: taken apart, filtered, turned into COCO's and other forms."""

import io
import json
import tracemalloc
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from made_up import made_up
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from minimaskrcnn import config
from minimaskrcnn.coco_masks.polygons import polygons_to_mask
from minimaskrcnn.coco_masks.rle import decode
from minimaskrcnn.config import COCO_CATEGORY_IDS, COCO_CLASS_NAMES
from minimaskrcnn.masks import paste_mask
from minimaskrcnn.results import Detection, Detections, make_detections

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # within pycocotools
SHAPES = ("background", "circle", "square", "triangle")


def three_objects():
    """A 4 x 6 photograph with a full box, a half-full one on top of it, and one pixel."""
    probs = np.zeros((3, 2, 2), np.float32)
    probs[[0, 2]] = 1
    probs[1, :, 0] = 1  # the left half
    return Detections(
        image=np.arange(72, dtype=np.uint8).reshape(4, 6, 3),
        boxes=np.array([[0, 0, 2, 4], [1, 2, 3, 6], [3, 5, 4, 6]], np.int32),
        class_ids=np.array([1, 3, 1]),
        scores=np.array([0.9, 0.8, 0.75], np.float32),
        mask_probs=probs,
        class_names=SHAPES,
    )


def test_a_hand_worked_case():
    result = three_objects()
    assert len(result) == 3 and result.labels == ["circle", "triangle", "circle"]
    assert result.boxes_xyxy.tolist() == [[0, 0, 4, 2], [2, 1, 6, 3], [5, 3, 6, 4]]
    # 2 x 2 stretched to two rows and columns; enlarged only sideways, so the rim is not dimmed away
    expected = ["111100\n111100\n000000\n000000", "000000\n001100\n001100\n000000"]
    for mask, rows in zip(result.masks, expected, strict=False):
        assert ["".join("01"[int(v)] for v in row) for row in mask] == rows.split("\n")
    assert result.areas.tolist() == [8, 4, 1]
    # the better object lies on top where they overlap
    assert result.label_map().tolist() == [
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [0, 0, 2, 2, 0, 0],
        [0, 0, 0, 0, 0, 3],
    ]


def test_masks_are_those_that_pasting_gives():
    result = made_up(12)
    for i, mask in enumerate(result.masks):
        expected = paste_mask(result.mask_probs[i], result.boxes[i], (90, 120))
        np.testing.assert_array_equal(mask, expected)
        np.testing.assert_array_equal(result[i].mask, expected)
        y1, x1, y2, x2 = result.boxes[i]
        np.testing.assert_array_equal(result[i].mask_in_box, expected[y1:y2, x1:x2])
        assert result[i].area == result.areas[i] == expected.sum()


def test_a_number_gives_one_object():
    result = made_up(5)
    one = result[2]
    assert isinstance(one, Detection)
    assert one.label == result.labels[2] == COCO_CLASS_NAMES[one.class_id]
    assert one.score == result.scores[2] and one.box.tolist() == result.boxes[2].tolist()
    assert result[-1].box.tolist() == result.boxes[4].tolist()
    assert result[np.int64(1)].score == result.scores[1]
    with pytest.raises(IndexError):
        result[5]


def test_slices_boolean_masks_and_lists_give_detections():
    result = made_up(5)
    for index in (slice(1, 4), [0, 3], np.array([4, 1]), result.scores > 0.8, slice(0, 0), []):
        rows = np.arange(5)[np.array(index, int) if isinstance(index, list) else index]
        part = result[index]
        assert isinstance(part, Detections) and len(part) == len(rows)
        np.testing.assert_array_equal(part.boxes, result.boxes[rows])
        np.testing.assert_array_equal(part.class_ids, result.class_ids[rows])
        np.testing.assert_array_equal(part.scores, result.scores[rows])
        np.testing.assert_array_equal(part.mask_probs, result.mask_probs[rows])
        assert part.image is result.image and part.source == "street.jpg"


@pytest.mark.parametrize("index", [np.ones(4, bool), 1.5, "person", None])
def test_an_index_that_makes_no_sense_is_an_error(index):
    with pytest.raises((IndexError, TypeError, ValueError)):
        result = made_up(5)[index]
        assert len(result) != 5, "taken as if it made sense"


def test_iteration_gives_every_object_in_order():
    result = made_up(4)
    assert [one.score for one in result] == [float(score) for score in result.scores]


def test_nothing_can_be_assigned():
    with pytest.raises(FrozenInstanceError):
        made_up(1).scores = None
    with pytest.raises(FrozenInstanceError):
        made_up(1)[0].score = 1.0


@pytest.mark.parametrize("field", ["boxes", "class_ids", "scores", "mask_probs"])
def test_arrays_that_are_not_parallel_are_refused(field):
    result = made_up(3)
    with pytest.raises(ValueError, match=r"Detections wants boxes \(N, 4\)"):
        replace(result, **{field: getattr(result, field)[:2]})


def test_filter_by_label_score_and_area():
    result = three_objects()
    assert result.filter(labels=["circle"]).scores.tolist() == result.scores[[0, 2]].tolist()
    assert result.filter(labels="circle").boxes.tolist() == result.boxes[[0, 2]].tolist()
    assert result.filter(labels=["square"]).boxes.shape == (0, 4)
    assert result.filter(labels=[]).boxes.shape == (0, 4)
    assert len(result.filter(min_score=0.8)) == 2  # float32 0.8 is not below 0.8
    assert len(result.filter(min_score=np.float64(0.9))) == 1  # float32 0.9 is below 0.9
    assert result.filter(min_area=4).areas.tolist() == [8, 4]
    assert result.filter(min_area=5).areas.tolist() == [8]
    assert len(result.filter(["circle"], 0.8, 4)) == 1
    assert len(result.filter()) == 3


def test_crops_show_the_object_and_hide_the_rest():
    result = made_up(6)
    for one, crop in zip(result, result.crops(), strict=True):
        y1, x1, y2, x2 = one.box
        np.testing.assert_array_equal(crop[..., :3], result.image[y1:y2, x1:x2])
        np.testing.assert_array_equal(crop[..., 3], 255 * one.mask_in_box)


def test_polygons_enclose_exactly_the_masks():
    result = made_up(20, 200, 300)
    for mask, polygons in zip(result.masks, result.polygons(), strict=True):
        flat = [polygon.ravel().tolist() for polygon in polygons]
        np.testing.assert_array_equal(polygons_to_mask(flat, 200, 300), mask)
        encoded = coco_mask.merge(coco_mask.frPyObjects(flat, 200, 300))
        np.testing.assert_array_equal(coco_mask.decode(encoded), mask)


def test_polygons_are_x_y_in_pixels_of_the_photograph():
    corners = three_objects().polygons()[1]
    assert [set(map(tuple, ring.tolist())) for ring in corners] == [
        {(2, 1), (4, 1), (4, 3), (2, 3)}
    ]


# COCO


def test_coco_categories_are_coco_s_own_sparse_ids():
    result = made_up(80)
    result = replace(result, class_ids=np.arange(1, 81))
    assert [one["category_id"] for one in result.to_coco(1)] == list(COCO_CATEGORY_IDS)
    assert result.to_coco(1)[79]["category_id"] == 90  # toothbrush
    assert result.to_coco(1)[11]["category_id"] == 13  # stop sign: 12 is not in use


def test_categories_of_other_classes_are_the_class_ids():
    assert [one["category_id"] for one in three_objects().to_coco(7)] == [1, 3, 1]


def test_coco_results_are_accepted_and_decode_to_the_same_masks(tmp_path):
    result = made_up(30)
    records = json.loads(json.dumps(result.to_coco(42)))  # through text, as in a file
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 42, "height": 90, "width": 120}],
        "categories": [{"id": i, "name": str(i)} for i in COCO_CATEGORY_IDS],
        "annotations": [
            record | {"id": i + 1, "iscrowd": 0, "area": int(area)}
            for i, (record, area) in enumerate(zip(records, result.areas, strict=True))
        ],
    }
    truth.createIndex()
    loaded = truth.loadRes(records)
    for i, mask in enumerate(result.masks):
        annotation = loaded.anns[i + 1]
        np.testing.assert_array_equal(loaded.annToMask(annotation), mask)
        x, y, width, height = annotation["bbox"]
        assert [y, x, y + height, x + width] == result.boxes[i].tolist()
        assert annotation["score"] == result.scores[i]
    for kind in ("bbox", "segm"):  # what was found, judged by itself, is perfect
        judge = COCOeval(truth, loaded, kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
        assert judge.stats[0] == 1


def test_masks_at_the_photograph_s_borders_survive_run_lengths():
    for box in ([0, 0, 5, 7], [0, 0, 2, 7], [3, 0, 5, 7], [0, 0, 5, 1], [0, 6, 5, 7], [4, 6, 5, 7]):
        result = Detections(
            np.zeros((5, 7, 3), np.uint8),
            np.array([box], np.int32),
            np.array([1]),
            np.ones(1, np.float32),
            np.ones((1, 1, 1), np.float32),
            SHAPES,
        )
        segmentation = result.to_coco(1)[0]["segmentation"]
        expected = coco_mask.encode(np.asfortranarray(result.masks[0].astype(np.uint8)))
        assert segmentation["counts"] == expected["counts"].decode()
        assert segmentation["size"] == expected["size"]


def test_an_object_without_pixels_is_an_empty_mask():
    result = replace(made_up(1), mask_probs=np.zeros((1, 28, 28), np.float32))
    assert result.areas.tolist() == [0] and result.polygons() == [[]]
    assert not decode(result.to_coco(1)[0]["segmentation"]).any()
    assert result.draw().shape[2] == 3


# Other forms


def test_the_dict_is_plain_and_survives_json():
    result = made_up(3)
    plain = result.to_dict()
    assert json.loads(result.to_json()) == plain
    assert (plain["source"], plain["height"], plain["width"]) == ("street.jpg", 90, 120)
    assert plain["seconds"] == {"read": 0.25, "backbone": 1.5}
    for one, mask, record in zip(result, result.masks, plain["objects"], strict=True):
        assert record["label"] == one.label and record["class_id"] == one.class_id
        assert record["box"] == one.box.tolist() and record["area"] == mask.sum()
        assert record["score"] == one.score
        np.testing.assert_array_equal(decode(record["mask"]), mask)


def test_arrays_for_other_tools_are_x_first():
    result = three_objects()
    arrays = result.to_arrays()
    assert arrays["xyxy"].tolist() == [[0, 0, 4, 2], [2, 1, 6, 3], [5, 3, 6, 4]]
    assert arrays["xyxy"].dtype == np.float32 and arrays["mask"].dtype == np.bool_
    assert arrays["mask"].shape == (3, 4, 6) and arrays["class_name"] == result.labels
    np.testing.assert_array_equal(arrays["confidence"], result.scores)
    np.testing.assert_array_equal(arrays["class_id"], result.class_ids)


def test_repr_is_a_table():
    assert repr(three_objects()).split("\n") == [
        "3 objects (4 x 6 pixels)",
        "  #  label     score     y1     x1     y2     x2",
        "  0  circle    0.900      0      0      2      4",
        "  1  triangle  0.800      1      2      3      6",
        "  2  circle    0.750      3      5      4      6",
    ]
    assert repr(made_up(1)).startswith("1 object in street.jpg (90 x 120 pixels, 1.75 s)\n")


def test_in_a_notebook_it_is_a_picture_of_bounded_size():
    assert Image.open(io.BytesIO(made_up(3)._repr_jpeg_())).format == "JPEG"
    assert max(Image.open(io.BytesIO(made_up(2, 40, 3000)._repr_jpeg_())).size) == 1024


# Nothing found


@pytest.mark.parametrize("nothing", [made_up(0), made_up(3)[:0], made_up(3).filter(min_score=2)])
def test_a_scene_without_objects_works_everywhere(nothing, tmp_path):
    assert len(nothing) == 0 and list(nothing) == [] and nothing.labels == []
    assert nothing.boxes.shape == nothing.boxes_xyxy.shape == (0, 4)
    assert nothing.boxes.dtype == np.int32 and nothing.scores.dtype == np.float32
    assert nothing.masks.shape == (0, 90, 120) and nothing.masks.dtype == np.bool_
    assert nothing.mask_probs.shape == (0, 28, 28)
    assert nothing.areas.shape == nothing.scores.shape == nothing.class_ids.shape == (0,)
    assert nothing.crops() == nothing.polygons() == nothing.to_coco(1) == []
    assert nothing.label_map().shape == (90, 120) and not nothing.label_map().any()
    assert nothing.to_dict()["objects"] == [] and json.loads(nothing.to_json())["width"] == 120
    assert nothing.to_arrays()["xyxy"].shape == (0, 4)
    assert repr(nothing) == "no objects in street.jpg (90 x 120 pixels, 1.75 s)"
    assert len(nothing.filter(labels=["person"], min_score=0.5, min_area=3)) == 0
    enlarged = nothing.image.repeat(4, axis=0).repeat(4, axis=1)
    for legend in (None, True, False):
        np.testing.assert_array_equal(nothing.draw(legend), enlarged)
    nothing.save(tmp_path / "nothing.png")
    assert Image.open(tmp_path / "nothing.png").size == (480, 360)
    assert nothing._repr_jpeg_()[:2] == b"\xff\xd8"
    assert nothing.plot() is not None


# Memory


@pytest.fixture(scope="module")
def large():
    return made_up(100, 4000, 6000, largest=0.15)  # all masks at full size would be 2400 MB


@pytest.mark.parametrize(
    "use",
    [
        lambda result: result.areas,
        lambda result: result.label_map(),  # 96 MB itself
        lambda result: result.to_coco(1),
        lambda result: result.polygons(),
        lambda result: result.crops(),
        lambda result: result.draw(),  # 72 MB itself
    ],
    ids=["areas", "label_map", "to_coco", "polygons", "crops", "draw"],
)
def test_a_photograph_of_24_megapixels_with_100_objects_needs_no_gigabytes(use, large):
    tracemalloc.start()
    use(large)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 450e6


def test_a_detection_without_a_pixel_is_no_result():
    found = np.zeros((3, 6), np.float32)
    found[:, 4:] = [1, 0.9]  # below: whole pixels of 20 are nineteenths, and an end counts one more
    found[:, :4] = np.array([[2, 3, 9, 9], [6, 2, 5, 9], [2, 12, 9, 5]]) / 19
    photo, probs = np.zeros((20, 20, 3), np.uint8), np.ones((3, 28, 28), np.float32)
    result = make_detections(photo, found, probs, np.array([0, 0, 1, 1], np.float32), config.SHAPES)
    assert result.boxes.tolist() == [[2, 3, 10, 10]] and len(result.mask_probs) == 1
