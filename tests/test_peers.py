"""The peers' own cases: ONNX's node tests, stored as arrays, and pycocotools beside us.

`data/make_onnx_cases.py` stores the cases. Where a definition differs, the test says how: boxes of
ONNX's RoIAlign are x before y, its corners of NMS may come in any order, its maps have channels
first. What this network has no use for (groups, dilations, class weights …) is left out.
"""

import json

import numpy as np
import pytest
from conftest import DATA
from pycocotools import mask as api

from minimaskrcnn.coco_masks import rle
from minimaskrcnn.coco_masks.polygons import polygons_to_mask
from minimaskrcnn.conv import BatchNorm, Conv, conv2d, fold_batch_norm
from minimaskrcnn.evaluate.overlaps import box_overlaps, mask_overlaps
from minimaskrcnn.layers import Dense, dense, sigmoid, softmax
from minimaskrcnn.nms import nms
from minimaskrcnn.resizing import max_pool
from minimaskrcnn.roi_align import crop_and_resize, mean_of_samples
from minimaskrcnn.training.losses import class_loss

with np.load(DATA / "onnx_cases.npz") as stored_arrays:
    ARRAYS = dict(stored_arrays)
CASES = json.loads(str(ARRAYS["about"]))["cases"]
CROP = "test_resize_tf_crop_and_resize"
LEFT_OUT = {  # by operation, what no case of ours can be
    "Conv": "test_conv_with_strides_and_asymmetric_padding",
    "Gemm": "test_gemm_default_matrix_bias",
}


def of(op, wanted=lambda name, case: True):
    """The names of the cases of an operation."""
    return [n for n, c in CASES.items()
            if c["op"] == op and wanted(n, c) and n != LEFT_OUT.get(op)]  # fmt: skip


def given(name):
    """Inputs by name, attributes and output of a case."""
    case = CASES[name]
    inputs = {key: ARRAYS[f"{name}/{key}"] for key in case["inputs"]}
    return inputs, case["attributes"], ARRAYS[f"{name}/output"]


def last(x):
    """Channels last."""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def agree(ours, theirs, tolerance=1e-5):
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", of("Conv"))
def test_onnx_conv(name):
    inputs, how, output = given(name)
    kernel = np.ascontiguousarray(inputs["W"].transpose(2, 3, 1, 0))
    same = "auto_pad" in how  # of an odd map with stride 2: one on both sides
    padding = (1, 1) if same else (how["pads"][0], how["pads"][2])
    stride = how.get("strides", [1])[0]
    zeros = np.zeros(kernel.shape[3], np.float32)
    agree(conv2d(last(inputs["x"]), Conv(kernel, zeros, stride, padding)), last(output))


def pools_as_we_do(name, case):
    how = case["attributes"]
    return how["kernel_shape"] == [3, 3] and how.get("strides") == [2, 2]


@pytest.mark.parametrize("name", of("MaxPool", pools_as_we_do))
def test_onnx_max_pool(name):
    inputs, _, output = given(name)
    agree(max_pool(last(inputs["x"].astype(np.float32))), last(output), 0)


@pytest.mark.parametrize("name", of("Softmax"))
def test_onnx_softmax(name):
    inputs, how, output = given(name)
    axis = how.get("axis", -1)
    moved = np.moveaxis(inputs["x"], axis, -1)
    ours = softmax(np.ascontiguousarray(moved).reshape(-1, moved.shape[-1])).reshape(moved.shape)
    agree(np.moveaxis(ours, -1, axis), output)


@pytest.mark.parametrize("name", of("Sigmoid"))
def test_onnx_sigmoid(name):
    inputs, _, output = given(name)
    agree(sigmoid(inputs["x"]), output)


@pytest.mark.parametrize(
    "name", of("BatchNormalization", lambda name, case: "training_mode" not in case["attributes"])
)
def test_onnx_batch_normalisation_folded_into_a_convolution(name):
    inputs, how, output = given(name)
    channels = len(inputs["s"])
    conv = Conv(np.eye(channels, dtype=np.float32)[None, None], np.zeros(channels, np.float32))
    norm = BatchNorm(inputs["s"], inputs["bias"], inputs["mean"], inputs["var"])
    folded = fold_batch_norm(conv, norm, how.get("epsilon", 1e-5))
    agree(conv2d(last(inputs["x"]), folded), last(output))


@pytest.mark.parametrize("name", of("Gemm"))
def test_onnx_gemm(name):
    inputs, how, output = given(name)
    a, b = (inputs[k].T if how.get(t) else inputs[k] for k, t in (("a", "transA"), ("b", "transB")))
    bias = np.float32(how.get("beta", 1)) * inputs.get("c", np.zeros(1, np.float32)).reshape(-1)
    bias = np.ascontiguousarray(np.broadcast_to(bias, b.shape[1:]))
    kernel = np.ascontiguousarray(b) * np.float32(how.get("alpha", 1))
    agree(dense(np.ascontiguousarray(a), Dense(kernel, bias)), output)


@pytest.mark.parametrize("name", of("NonMaxSuppression"))
def test_onnx_non_maximum_suppression(name):
    inputs, how, output = given(name)
    boxes, scores, found = inputs["boxes"], inputs["scores"], []
    if how.get("center_point_box"):  # x, y of the centre, width, height
        x, y, width, height = np.moveaxis(boxes, -1, 0)
        edges = [y - height / 2, x - width / 2, y + height / 2, x + width / 2]
        boxes = np.stack(edges, axis=-1)
    corners = boxes.reshape(*boxes.shape[:2], 2, 2)
    boxes = np.concatenate([corners.min(axis=2), corners.max(axis=2)], axis=-1)
    threshold, limit = (
        float(inputs["iou_threshold"][0]),
        int(inputs["max_output_boxes_per_class"][0]),
    )
    for batch, of_classes in enumerate(scores):
        for k, of_boxes in enumerate(of_classes):
            good = np.flatnonzero(of_boxes > inputs["score_threshold"][0])
            kept = good[nms(boxes[batch][good], of_boxes[good], threshold, limit)]
            found += [[batch, k, i] for i in kept]
    assert found == output.tolist()


def is_plain_loss(name, case):
    return "w" not in case["inputs"] and case["attributes"]["reduction"] == "mean"


@pytest.mark.parametrize("name", of("SoftmaxCrossEntropyLoss", is_plain_loss))
def test_onnx_cross_entropy(name):
    inputs, how, output = given(name)
    logits = last(inputs["x"]).reshape(-1, inputs["x"].shape[1])
    labels = inputs["y"].reshape(-1)
    asked = labels != how.get("ignore_index", -100)
    agree(class_loss(logits[asked], labels[asked].astype(np.int64))[0], output)


@pytest.mark.parametrize("name", ["test_roialign_aligned_false", "test_roialign_aligned_true"])
def test_onnx_roi_align(name):
    inputs, how, output = given(name)
    aligned = how["coordinate_transformation_mode"] == "half_pixel"
    rois = inputs["rois"][:, [1, 0, 3, 2]] - np.float32(0.5 if aligned else 0)
    least = -np.inf if aligned else 1
    size = how["output_height"], how["output_width"]
    ours = mean_of_samples(last(inputs["X"])[0], rois, size, least, 1)
    agree(ours, last(output), 1e-4)  # ONNX stores four digits


@pytest.mark.parametrize("name", [CROP, f"{CROP}_axes_2_3"])
def test_onnx_crop_and_resize(name):
    inputs, _, output = given(name)
    start, end = inputs["roi"].reshape(2, -1)[:, -2:]
    rois = np.concatenate([start, end])[None].astype(np.float32)
    agree(crop_and_resize(last(inputs["X"])[0], rois, output.shape[2:])[0], last(output)[0])


# ---------------------------------------------------------------- pycocotools, live

SEEDS = range(42)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # within pycocotools


def drawn(seed, count=6):
    """Masks (N, H, W) of a random size: noise, blobs, full and empty ones."""
    rs = np.random.RandomState(seed)
    height, width = rs.randint(1, 40, 2)
    masks = rs.rand(count, height, width) < rs.rand(count, 1, 1)
    masks[0], masks[1] = seed % 2, rs.rand() < 0.5
    return masks


def theirs_of(mask):
    return api.encode(np.asfortranarray(mask.astype(np.uint8)))


@pytest.mark.parametrize("seed", SEEDS)
def test_pycocotools_encode_and_decode(seed):
    for mask in drawn(seed):
        ours, theirs = rle.encode(mask), theirs_of(mask)
        assert ours["counts"].encode() == theirs["counts"] and ours["size"] == theirs["size"]
        np.testing.assert_array_equal(rle.decode(theirs), api.decode(theirs).astype(bool))


@pytest.mark.parametrize("seed", SEEDS)
def test_pycocotools_area_and_box(seed):
    for mask in drawn(seed):
        theirs = theirs_of(mask)
        assert rle.area(theirs) == api.area(theirs)
        x, y, width, height = api.toBbox(theirs)
        assert not mask.any() or rle.box(theirs).tolist() == [y, x, y + height, x + width]


@pytest.mark.parametrize("seed", SEEDS)
def test_pycocotools_overlap_of_masks(seed):
    masks, crowd = drawn(seed), np.random.RandomState(seed).rand(6) < 0.4
    encoded = [theirs_of(mask) for mask in masks]
    theirs = api.iou(encoded, encoded, crowd.astype(np.uint8).tolist())
    agree(mask_overlaps(encoded, encoded, crowd), theirs, 1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_pycocotools_overlap_of_boxes(seed):
    rs = np.random.RandomState(seed)
    first, second = (np.round(rs.rand(count, 4) * 30, seed % 3) for count in (7, 5))
    crowd = rs.rand(5) < 0.4
    theirs = api.iou(first, second, crowd.astype(np.uint8).tolist())

    def corners(b):  # x, y, width, height -> y1 x1 y2 x2
        return np.stack([b[:, 1], b[:, 0], b[:, 1] + b[:, 3], b[:, 0] + b[:, 2]], axis=1)

    agree(box_overlaps(corners(first), corners(second), crowd), theirs, 1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_pycocotools_polygons_and_their_union(seed):
    rs = np.random.RandomState(seed)
    polygons = [(rs.rand(2 * rs.randint(3, 9)) * 50 - 5).tolist() for _ in range(rs.randint(1, 5))]
    theirs = api.decode(api.merge(api.frPyObjects(polygons, 40, 45))).astype(bool)
    np.testing.assert_array_equal(polygons_to_mask(polygons, 40, 45), theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_pycocotools_uncompressed_run_lengths(seed):
    for mask in drawn(seed, count=3):
        listed = rle.encode(mask, compressed=False)
        theirs = api.frPyObjects(listed, *mask.shape)
        assert rle.encode(rle.decode(listed))["counts"].encode() == theirs["counts"]
