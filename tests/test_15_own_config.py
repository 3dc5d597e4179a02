"""A ResNet-50 with settings of its own, given in the original's names, predicts as one by hand."""

import json
from dataclasses import replace

import numpy as np

from minimaskrcnn import cli, weights
from minimaskrcnn.config import COCO

ORIGINAL = {
    "BACKBONE": "resnet50",
    "IMAGE_MIN_DIM": 128,
    "IMAGE_MAX_DIM": 192,
    "RPN_ANCHOR_SCALES": [12, 24, 48, 96, 140],
    "MEAN_PIXEL": [100, 110, 120],
    "POST_NMS_ROIS_INFERENCE": 200,
    "DETECTION_MIN_CONFIDENCE": 0.0,
}
BY_HAND = replace(
    COCO,
    image_min_size=128,
    image_max_size=192,
    anchor_scales=(12, 24, 48, 96, 140),
    mean_pixel=(100, 110, 120),
    post_nms_proposals=200,
    min_score=0.0,
)


def test_a_model_converted_with_the_originals_names_has_the_trace_of_the_config_by_hand(
    small_file, tmp_path
):
    (tmp_path / "settings.json").write_text(json.dumps(ORIGINAL))
    target = str(tmp_path / "own.safetensors")
    command = ["weights", "convert", str(small_file), target]
    assert cli.main([*command, "--config", str(tmp_path / "settings.json")]) == 0
    photo = np.random.RandomState(3).randint(0, 256, (150, 190, 3), np.uint8)
    found = weights.load(target).trace(photo)
    wanted = weights.load(small_file, BY_HAND).trace(photo)
    assert len(wanted["detections"]) > 0 and wanted["c2"].shape == (48, 48, 256)
    for name, value in wanted.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found[name], value, err_msg=name)
