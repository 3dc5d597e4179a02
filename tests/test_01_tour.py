"""The whole network on the original's small case: each stage fed with the original's own input.

Arrays: the original (github.com/matterport/Mask_RCNN 2.1, Keras 2.2.4, TensorFlow 1.13.2) on seeded
weights of a ResNet-50 at 128 x 128. Tolerances are relative to each tensor's largest magnitude.
"""

import dataclasses

import numpy as np
import pytest
from reference import error, unpack_masks

from minimaskrcnn import load_model
from minimaskrcnn.anchors import normalised_anchors
from minimaskrcnn.boxes import normalise
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.detections import select_detections
from minimaskrcnn.fpn import pyramid
from minimaskrcnn.heads import box_head, mask_head
from minimaskrcnn.image import letterbox, mold
from minimaskrcnn.layers import sigmoid, softmax
from minimaskrcnn.masks import of_class
from minimaskrcnn.proposals import select_proposals
from minimaskrcnn.resnet import stage, stem
from minimaskrcnn.results import make_detections
from minimaskrcnn.roi_align import pyramid_roi_align
from minimaskrcnn.rpn import region_proposals

SHAPE = (128, 128, 3)


@pytest.fixture(scope="module")
def traced(small_model, small_square):
    return small_model.trace(small_square["image"])


def p_maps(arrays, last):
    return [arrays[f"P{level}"] for level in range(2, last + 1)]


def window_of(arrays):
    return normalise(arrays["window"][None], SHAPE)[0]


def test_an_image_of_the_right_size_is_only_molded(small_model, small_square):
    framed, window = letterbox(small_square["image"], small_model.config)
    assert (framed == small_square["resized_uint8"]).all()
    assert (window == small_square["window"]).all()
    exact = small_square["resized_uint8"] - np.array([123.7, 116.8, 103.9])
    assert (mold(framed, small_model.config) == exact.astype(np.float32)).all()


def test_the_stem_gives_the_originals_c1(small_model, small_square):
    molded = mold(small_square["resized_uint8"], small_model.config)
    assert error(stem(molded, small_model.backbone.stem), small_square["C1"]) < 2e-5


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_a_stage_gives_the_originals_output_from_its_input(number, small_model, small_square):
    ours = stage(small_square[f"C{number - 1}"], small_model.backbone.stages[number - 2])
    assert error(ours, small_square[f"C{number}"]) < 2e-5


def test_the_pyramid_gives_the_originals_maps(small_model, small_square):
    c_maps = [small_square[f"C{level}"] for level in (2, 3, 4, 5)]
    ours = pyramid(c_maps, small_model.fpn)
    for level, p_map in enumerate(ours, start=2):
        assert error(p_map, small_square[f"P{level}"]) < 2e-5


def test_the_anchors_are_the_originals(small_model, small_square):
    ours = normalised_anchors(SHAPE, small_model.config)
    assert np.array_equal(ours, small_square["anchors"])


def test_the_rpn_judges_and_moves_as_the_original(small_model, small_square):
    logits, deltas = region_proposals(p_maps(small_square, 6), small_model.rpn)
    assert error(logits, small_square["rpn_class_logits"]) < 2e-5
    assert error(softmax(logits), small_square["rpn_class"]) < 2e-5
    assert error(deltas, small_square["rpn_bbox"]) < 2e-5


def test_the_proposals_are_the_originals_row_by_row(small_model, small_square):
    arrays = small_square
    boxes, scores = select_proposals(
        arrays["anchors"], arrays["rpn_class"][:, 1], arrays["rpn_bbox"], small_model.config
    )
    assert np.abs(boxes - arrays["proposals"]).max() < 2e-5
    assert (np.diff(scores) <= 0).all()


def test_regions_are_sampled_as_the_original_does(small_model, small_square):
    maps, rois = p_maps(small_square, 5), small_square["proposals"][::20]
    ours = pyramid_roi_align(maps, rois, 7, SHAPE)
    assert error(ours, small_square["roi_align_classifier"]) < 2e-5
    boxes = small_square["detections"][:2, :4]
    assert error(pyramid_roi_align(maps, boxes, 14, SHAPE), small_square["roi_align_mask"]) < 2e-5


def test_the_box_head_gives_the_originals_classes_and_deltas(small_model, small_square):
    logits, deltas = box_head(small_square["roi_align_classifier"], small_model.box_head)
    assert error(logits, small_square["mrcnn_class_logits"][::20]) < 1e-4
    assert error(softmax(logits), small_square["mrcnn_class"][::20]) < 1e-4
    assert error(deltas, small_square["mrcnn_bbox"][::20]) < 1e-4


def test_the_detections_are_the_originals(small_model, small_square):
    arrays = small_square
    ours, source = select_detections(
        arrays["proposals"],
        arrays["mrcnn_class"],
        arrays["mrcnn_bbox"],
        window_of(arrays),
        small_model.config,
    )
    assert np.abs(ours - arrays["detections"]).max() < 2e-5
    assert (arrays["mrcnn_class"][source].argmax(axis=1) == ours[:, 4]).all()


def test_the_mask_head_draws_the_originals_masks(small_model, small_square):
    logits = mask_head(small_square["roi_align_mask"], small_model.mask_head)
    assert error(sigmoid(logits), small_square["mrcnn_mask"]) < 1e-4
    class_ids = small_square["detections"][:2, 4].astype(int)
    own = sigmoid(of_class(logits, class_ids))
    assert error(own, small_square["mrcnn_mask_of_class"][:2]) < 1e-4


def test_the_result_is_the_originals_pixel_by_pixel(small_model, small_square):
    arrays = small_square
    result = make_detections(
        arrays["image"],
        arrays["detections"],
        arrays["mrcnn_mask_of_class"],
        window_of(arrays),
        small_model.config,
    )
    assert (result.boxes == arrays["final_rois"]).all()
    assert (result.class_ids == arrays["final_class_ids"]).all()
    assert (result.scores == arrays["final_scores"]).all()
    assert (result.masks == unpack_masks(arrays)).all()


def test_predict_as_a_whole_finds_what_the_original_finds(small_model, small_square):
    result = small_model.predict(small_square["image"])
    theirs = unpack_masks(small_square)
    assert result.class_ids.tolist() == small_square["final_class_ids"].tolist()
    assert np.abs(result.boxes - small_square["final_rois"]).max() <= 1
    assert np.abs(result.scores - small_square["final_scores"]).max() < 1e-3
    overlap = (result.masks & theirs).sum((1, 2)) / (result.masks | theirs).sum((1, 2))
    assert overlap.min() > 0.99


NAMES = """molded window_pixels window c1 c2 c3 c4 c5 p2 p3 p4 p5 p6
anchors rpn_logits rpn_probs rpn_deltas proposals
proposal_scores roi_features class_logits class_probs box_deltas detections
detection_proposals mask_features mask_probs result"""


def test_trace_holds_every_step_by_name_in_the_order_of_the_data(traced):
    assert list(traced) == NAMES.split()


def test_the_steps_of_a_trace_have_the_shapes_that_the_design_names(traced):
    n = len(traced["detections"])
    shapes = {name: value.shape for name, value in traced.items() if name != "result"}
    assert shapes["c2"] == (32, 32, 256) and shapes["c5"] == (4, 4, 2048)
    assert [shapes[f"p{level}"][0] for level in range(2, 7)] == [32, 16, 8, 4, 2]
    assert shapes["rpn_logits"] == shapes["rpn_probs"] == (4092, 2)
    assert shapes["rpn_deltas"] == shapes["anchors"] == (4092, 4)
    assert shapes["roi_features"] == (100, 7, 7, 256)
    assert shapes["class_logits"] == shapes["class_probs"] == (100, 81)
    assert shapes["box_deltas"] == (100, 81, 4)
    assert shapes["detections"] == (n, 6) and shapes["mask_features"] == (n, 14, 14, 256)
    assert shapes["mask_probs"] == (n, 28, 28)


def test_predict_and_trace_give_the_same_bits(traced, small_model, small_square):
    result = small_model.predict(small_square["image"])
    assert np.array_equal(result.boxes, traced["result"].boxes)
    assert np.array_equal(result.mask_probs, traced["result"].mask_probs)


def test_a_detection_is_that_of_its_proposal(traced):
    probs = traced["class_probs"][traced["detection_proposals"]]
    assert np.array_equal(probs.max(axis=1), traced["detections"][:, 5])


def test_an_image_without_detections_gives_empty_arrays_of_the_right_shapes(
    small_model, small_square
):
    config = dataclasses.replace(small_model.config, min_score=1.0)
    picky = dataclasses.replace(small_model, config=config)
    steps = picky.trace(small_square["image"])
    assert len(steps["result"]) == 0
    assert steps["mask_features"].shape == (0, 14, 14, 256)
    assert steps["mask_probs"].shape == (0, 28, 28)
    assert steps["result"].boxes.shape == (0, 4)
    assert steps["result"].masks.shape == (0, 128, 128)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (500, 1), (64, 65)])
def test_a_photograph_of_any_shape_goes_through(height, width, small_model):
    photo = np.random.RandomState(3).randint(0, 256, (height, width, 3)).astype(np.uint8)
    result = small_model.predict(photo)
    assert result.masks.shape == (len(result), height, width)
    assert (result.boxes[:, :2] >= 0).all()
    assert (result.boxes[:, 2:] <= [height, width]).all()


def test_pad64_runs_on_an_input_that_is_not_square(small_model, small_square):
    config = dataclasses.replace(small_model.config, resize_mode="pad64", image_min_size=64)
    photo = small_square["image"][:90, :60]  # enlarged to 96 x 64
    steps = dataclasses.replace(small_model, config=config).trace(photo)
    assert steps["molded"].shape == (128, 64, 3)
    assert steps["window_pixels"].tolist() == [16, 0, 112, 64]
    assert steps["p2"].shape == (32, 16, 256)


def test_a_photograph_and_its_frame_as_a_photograph_have_the_same_objects():
    """A landscape gets zeros above and below; the network sees what it sees in the frame."""
    model, compared = load_model("shapes"), 0
    config = dataclasses.replace(model.config, masks_in_whole_pixels=False)  # those of which?
    model = dataclasses.replace(model, config=config)
    for seed in (13, 20, 31, 40, 57):
        photo = scene(seed, 512).image[128:384]  # (256, 512, 3), four times as large
        framed, window = letterbox(photo, config)
        assert framed.shape == SHAPE and window.tolist() == [32, 0, 96, 128]
        found, in_frame = model.trace(photo), model.trace(framed)
        for i, (y1, x1, y2, x2, *_) in enumerate(found["detections"]):
            if y1 < 0.28 or x1 < 0.03 or y2 > 0.72 or x2 > 0.97:
                continue  # cut by the border of one and not of the other
            (same,) = np.flatnonzero((in_frame["detections"] == found["detections"][i]).all(axis=1))
            probs = found["mask_probs"][i], in_frame["mask_probs"][same]
            np.testing.assert_allclose(*probs, atol=1e-4)
            box = found["result"].boxes[i] / 4 + [32, 0, 32, 0]
            np.testing.assert_allclose(box, in_frame["result"].boxes[same], atol=1)
            compared += 1
    assert compared >= 5
