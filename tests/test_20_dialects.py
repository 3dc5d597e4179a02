"""torchvision's way of every stage, against what torchvision 0.29.1 itself computed.

The arrays are made by data/make_torchvision.py; each stage is given torchvision's own input. The
networks are narrow ones of both versions with seeded weights (torchvision_weights.py).
"""

from dataclasses import replace

import numpy as np
import pytest
from conftest import DATA, stored
from reference import error
from torchvision_cases import HEAD, PHOTOS, STAGE, compare
from torchvision_weights import NARROW, seeded, with_old_names

from minimaskrcnn.config import COCO, TORCHVISION, Config
from minimaskrcnn.fpn import pyramid
from minimaskrcnn.heads import box_head, mask_head
from minimaskrcnn.layers import sigmoid, softmax
from minimaskrcnn.masks import of_class
from minimaskrcnn.nms import nms
from minimaskrcnn.resizing import resize as matterport_resize
from minimaskrcnn.roi_align import mean_of_samples
from minimaskrcnn.rpn import region_proposals
from minimaskrcnn.torchvision import anchors, detections, image, masks, proposals, resnet, roi_align
from minimaskrcnn.torchvision.boxes import moved_boxes
from minimaskrcnn.torchvision.nms import nms_by_group
from minimaskrcnn.weights import load, save
from minimaskrcnn.weights.torchvision import read_torchvision

EDGES = stored("torchvision_edges")
CASES = stored("torchvision_narrow")
SMALL = replace(TORCHVISION, image_min_size=128, image_max_size=213)


class Case:
    """A narrow network of one version, and what torchvision says about the portrait with it."""

    def __init__(self, version):
        self.model = read_torchvision("seeded", seeded(NARROW, version, 7, 5))
        prefix = f"v{version}_portrait_"
        self.arrays = {k.removeprefix(prefix): v for k, v in CASES.items() if k.startswith(prefix)}
        self.version = version

    def __getitem__(self, name):
        return self.arrays[name]

    @property
    def window(self):
        return (0, 0, *self["size"])

    @property
    def p_maps(self):
        return [self[f"p{level}"] for level in range(2, 7)]

    @property
    def two_logits(self):
        return np.stack([0 * self["rpn_logits"], self["rpn_logits"]], axis=1)


@pytest.fixture(scope="module", params=[1, 2], ids=["V1", "V2"])
def case(request):
    return Case(request.param)


# ---------------------------------------------------------------- image


@pytest.mark.parametrize("name", PHOTOS)
def test_the_input_is_torchvisions(name):
    molded, window = image.mold(PHOTOS[name], SMALL)
    assert error(molded, CASES[f"v1_{name}_molded"]) < STAGE
    assert window.tolist() == [0, 0, *CASES[f"v1_{name}_size"]]


def test_sizes_are_rounded_down_as_in_torchvision():
    for h, w, least, most, *wanted in EDGES["sizes"].tolist():
        config = replace(TORCHVISION, image_min_size=least, image_max_size=most)
        assert list(image.resized_size((h, w), config)) == wanted


# ---------------------------------------------------------------- backbone and pyramid


def test_the_backbone_is_torchvisions(case):
    for level, c_map in enumerate(resnet.backbone(case["molded"], case.model.backbone), start=1):
        assert error(c_map, case[f"c{level}"]) < STAGE


def test_the_pyramid_is_torchvisions(case):
    maps = pyramid([case[f"c{level}"] for level in range(2, 6)], case.model.fpn)
    for level, p_map in enumerate(maps, start=2):
        assert error(p_map, case[f"p{level}"]) < STAGE


# ---------------------------------------------------------------- proposals


def test_the_rpn_answers_as_torchvisions(case):
    logits, deltas = region_proposals(case.p_maps, case.model.rpn)
    assert (logits[:, 0] == 0).all()  # one logit per anchor there
    assert error(logits[:, 1], case["rpn_logits"]) < STAGE
    assert error(deltas, case["rpn_deltas"]) < STAGE
    assert np.allclose(softmax(logits)[:, 1], sigmoid(case["rpn_logits"]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", ["96x160", "224x32", "800x64"])
def test_anchors_are_torchvisions_to_the_last_bit(shape):
    size, maps = tuple(map(int, shape.split("x"))), []
    for stride in (4, 8, 16, 32, 64):
        maps.append(np.zeros((*(-(-side // stride) for side in size), 1)))
    assert (anchors.make_anchors(size, maps, TORCHVISION) == EDGES[f"anchors_{shape}"]).all()


def test_proposals_are_torchvisions(case):
    counts = anchors.per_level(case.p_maps, SMALL)
    made = anchors.make_anchors(case["molded"].shape, case.p_maps, SMALL)
    assert (made == case["anchors"]).all() and sum(counts) == len(made)
    answers = made, case.two_logits, case["rpn_deltas"]
    found, scores = proposals.select_proposals(*answers, counts, case.window, SMALL)
    assert error(found, case["proposals"]) < STAGE
    assert (np.diff(scores) <= 0).all()


def test_few_tiny_and_far_moved_boxes_are_proposed_as_in_torchvision():
    boxes, logits = EDGES["few_boxes"], EDGES["few_logits"]
    answers = boxes, np.stack([0 * logits, logits], axis=1), np.zeros_like(boxes)
    counts, window = EDGES["few_counts"].tolist(), (0, 0, 128, 170)
    found, scores = proposals.select_proposals(*answers, counts, window, TORCHVISION)
    assert error(found, EDGES["few_proposals"]) < STAGE
    assert error(scores, EDGES["few_scores"]) < STAGE


def test_anchors_are_ranked_by_logits_where_probabilities_are_equal():
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50]], np.float32)
    logits = np.array([[0, 30], [0, 40], [0, 35]], np.float32)  # all three: probability 1
    config = replace(TORCHVISION, pre_nms_proposals=1)
    found, scores = proposals.select_proposals(
        boxes, logits, np.zeros((3, 4), np.float32), [3], (0, 0, 64, 64), config
    )
    assert found.tolist() == [[20, 20, 30, 30]] and scores.tolist() == [1]


def test_a_background_logit_that_has_been_trained_counts():
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)
    logits = np.array([[3, 2], [-1, 1]], np.float32)
    _, scores = proposals.select_proposals(
        boxes, logits, np.zeros((2, 4), np.float32), [2], (0, 0, 64, 64), TORCHVISION
    )
    assert np.allclose(scores, softmax(logits)[[1, 0], 1])


def test_many_boxes_compete_within_their_group_and_few_as_far_apart_as_float32_can_tell():
    random = np.random.RandomState(3)
    start = random.uniform(0, 300, (1500, 2)).astype(np.float32)
    boxes = np.concatenate([start, start + random.uniform(5, 60, (1500, 2))], 1).astype(np.float32)
    scores, groups = random.uniform(0, 1, 1500).astype(np.float32), random.randint(0, 4, 1500)
    for count in (1500, 900):
        part = boxes[:count], scores[:count], groups[:count]
        keep = nms_by_group(*part, 0.5)
        assert (np.diff(part[1][keep]) <= 0).all()
        for group in range(4):
            own = np.flatnonzero(part[2] == group)
            alone = own[nms(part[0][own], part[1][own], 0.5)]
            assert sorted(alone) == sorted(i for i in keep if part[2][i] == group)
    assert nms_by_group(boxes[:0], scores[:0], groups[:0], 0.5).tolist() == []


# ---------------------------------------------------------------- regions and heads


@pytest.mark.parametrize(("stride", "size"), [(4, 7), (8, 14)])
def test_regions_of_every_kind_are_sampled_as_in_torchvision(stride, size):
    regions = EDGES["rois"] / np.float32(stride)
    found = mean_of_samples(EDGES["roi_map"], regions, (size, size), least=1, reach=1)
    assert error(found, EDGES[f"roi_align_{size}"]) < STAGE


def test_levels_are_torchvisions_on_either_side_of_each_border():
    assert (roi_align.roi_levels(EDGES["level_boxes"]) == EDGES["levels"]).all()


def test_another_level_size_is_another_unit_of_length():
    smaller = EDGES["level_boxes"] / np.float32(4)  # exactly, to the last bit
    assert (roi_align.roi_levels(smaller, 56) == EDGES["levels"]).all()


def test_a_region_without_area_is_read_from_the_finest_level():
    assert roi_align.roi_levels(np.zeros((1, 4), np.float32)).tolist() == [2]


def test_regions_and_the_box_head_are_torchvisions(case):
    features = roi_align.pyramid_roi_align(case.p_maps[:4], case["proposals"], 7)
    assert error(features[::50], case["roi_features"]) < STAGE
    logits, deltas = box_head(features, case.model.box_head)
    assert error(logits, case["class_logits"]) < HEAD
    assert error(deltas, case["box_deltas"]) < HEAD


def test_the_mask_head_is_torchvisions(case):
    features = roi_align.pyramid_roi_align(case.p_maps[:4], case["input_boxes"], 14)
    assert error(features[::10], case["mask_features"]) < STAGE
    logits = mask_head(features[::10], case.model.mask_head)
    assert error(logits, case["mask_logits"]) < HEAD
    probs = sigmoid(of_class(logits, case["labels"][::10]))
    assert error(probs, case["mask_probs"]) < HEAD


# ---------------------------------------------------------------- detections and masks


def test_detections_are_torchvisions(case):
    verdicts = case["proposals"], softmax(case["class_logits"]), case["box_deltas"]
    found, source = detections.select_detections(*verdicts, case.window, SMALL)
    assert error(found[:, :4], case["input_boxes"]) < STAGE
    assert found[:, 4].tolist() == case["labels"].tolist()
    assert error(found[:, 5], case["scores"]) < STAGE
    class_ids = found[:, 4].astype(int)
    assert (softmax(case["class_logits"])[source, class_ids] == found[:, 5]).all()


def test_few_detections_of_far_moved_boxes_are_torchvisions():
    verdicts = EDGES["det_rois"], softmax(EDGES["det_logits"]), EDGES["det_deltas"]
    found, _ = detections.select_detections(*verdicts, (0, 0, 120, 90), TORCHVISION)
    assert error(found[:, :4], EDGES["det_boxes"]) < STAGE
    assert found[:, 4].tolist() == EDGES["det_labels"].tolist()
    assert error(found[:, 5], EDGES["det_scores"]) < STAGE


def test_boxes_grow_62_fold_at_most_and_move_as_far_as_their_deltas_say():
    box, everywhere = np.array([[100, 100, 104, 104]], np.float32), (-1000, -1000, 2000, 2000)
    deltas = np.array([[5, -6, 9, 9]], np.float32)  # of units of 1, 1, 1, 1
    y1, x1, y2, x2 = moved_boxes(box, deltas, (1, 1, 1, 1), everywhere)[0]
    assert (y2 - y1, x2 - x1) == pytest.approx((250, 250), rel=1e-5)  # 4 · 1000 / 16
    assert ((y1 + y2) / 2, (x1 + x2) / 2) == pytest.approx((102 + 20, 102 - 24), rel=1e-4)


def test_a_score_equal_to_the_threshold_is_not_enough_and_named_classes_alone_are_found():
    probs = np.array([[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]], np.float32)
    rois = np.array([[0, 0, 9, 9], [20, 20, 30, 30]], np.float32)
    deltas = np.zeros((2, 3, 4), np.float32)
    config = replace(TORCHVISION, min_score=0.25)
    found, source = detections.select_detections(rois, probs, deltas, (0, 0, 40, 40), config)
    assert found[:, 4].tolist() == [1] and source.tolist() == [0]
    config = replace(TORCHVISION, min_score=0.2, detected_classes=(2,))
    found, source = detections.select_detections(rois, probs, deltas, (0, 0, 40, 40), config)
    assert found[:, 4].tolist() == [2, 2] and source.tolist() == [0, 1]


def test_boxes_in_the_photograph_are_torchvisions(case):
    found = masks.boxes_in_image(case["input_boxes"], case.window, PHOTOS["portrait"].shape)
    assert error(found, case["boxes"]) < 1e-6


def test_masks_are_pasted_as_in_torchvision_wherever_their_boxes_lie():
    grown = masks.mask_boxes(EDGES["paste_boxes"], 28)
    probs = masks.with_margin(EDGES["paste_probs"])
    for box, mask, wanted in zip(grown, probs, EDGES["pasted"], strict=True):
        (y1, x1, y2, x2), pasted = box, np.zeros((250, 270), np.float32)
        pasted[100 + y1 : 100 + y2, 100 + x1 : 100 + x2] = matterport_resize(mask, y2 - y1, x2 - x1)
        assert np.abs(pasted[100:150, 100:170] - wanted).max() < STAGE


# ---------------------------------------------------------------- names


def test_both_generations_of_names_give_the_same_network():
    arrays = seeded(NARROW, 1, 7, 5)
    new, old = read_torchvision("new", arrays), read_torchvision("old", with_old_names(arrays))
    assert (new.rpn.shared.kernel == old.rpn.shared.kernel).all()
    assert (new.mask_head.convs[3].bias == old.mask_head.convs[3].bias).all()
    assert (new.backbone.stem.kernel == old.backbone.stem.kernel).all()


def test_the_ninety_one_classes_have_cocos_own_ids():
    names = TORCHVISION.class_names
    assert len(names) == 91 == len(set(names))
    assert names[1] == "person" and names[13] == "stop sign" and names[90] == "toothbrush"
    assert [i for i, name in enumerate(names) if name.startswith("N/A")] == [
        *(12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
    ]
    assert set(COCO.class_names) <= set(names)


# ---------------------------------------------------------------- the whole network


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("version", [1, 2])
def test_a_prediction_is_torchvisions_to_the_last_pixel(name, version):
    model = replace(read_torchvision("seeded", seeded(NARROW, version, 7, 5)), config=SMALL)
    model = replace(model, config=replace(SMALL, class_names=tuple("abcde")))
    compare(model.predict(PHOTOS[name]), CASES, f"v{version}_{name}_")


def test_both_heads_read_the_levels_of_the_config(case):
    config = replace(SMALL, class_names=tuple("abcde"), level_size=40)
    steps = replace(case.model, config=config).trace(PHOTOS["portrait"])
    maps = [steps[f"p{level}"] for level in range(2, 6)]
    for kind, name, size in (("proposals", "roi", 7), ("detections", "mask", 14)):
        asked = maps, steps[kind][:, :4], size
        assert (roi_align.pyramid_roi_align(*asked, 40) == steps[f"{name}_features"]).all()
        assert (roi_align.pyramid_roi_align(*asked) != steps[f"{name}_features"]).any()


@pytest.mark.parametrize("name", ["torchvision_three.pth", "torchvision_three_checkpoint.pth"])
def test_a_model_that_torchvision_trained_and_saved_predicts_as_there(name):
    arrays = stored("torchvision_three")
    model = load(DATA / name, replace(SMALL, class_names=("background", "cat", "dog")))
    result = model.predict(arrays["photo"])
    compare(result, arrays)
    assert set(result.labels) == {"cat", "dog"}


def test_a_file_without_names_has_numbered_classes_and_a_config_of_names_alone_names_them():
    path = DATA / "torchvision_three.pth"
    assert load(path).config == replace(
        TORCHVISION, class_names=("background", "class 1", "class 2")
    )
    names = ("background", "cat", "dog")
    for named in (load(path, Config(class_names=names)), load(path, class_names=names)):
        assert named.config == replace(TORCHVISION, class_names=names)


def test_a_converted_file_of_either_version_says_the_same(tmp_path, case):
    model = replace(case.model, config=replace(SMALL, class_names=tuple("abcde")))
    save(model, tmp_path / "model.h5")
    again = load(tmp_path / "model.h5")
    assert again.config == model.config
    ours, theirs = (m.predict(PHOTOS["small"]) for m in (model, again))
    assert (ours.exact_boxes == theirs.exact_boxes).all() and (ours.scores == theirs.scores).all()
