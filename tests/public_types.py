"""What a type checker makes of the public interface. Checked by mypy, never run.

Each `assert_type` is what a user's editor says; each `type: ignore` a mistake that it points out
(mypy's option warn_unused_ignores fails if it does not).
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import numpy as np
from PIL import Image

import minimaskrcnn
from minimaskrcnn import Config, Detections, MaskRCNN
from minimaskrcnn.config import COCO
from minimaskrcnn.conv import Conv
from minimaskrcnn.resnet import ResNet
from minimaskrcnn.results import Detection
from minimaskrcnn.rpn import RPN
from minimaskrcnn.xray import Report


def functions(picture: Image.Image, pixels: np.ndarray) -> None:
    assert_type(minimaskrcnn.predict("street.jpg"), Detections)
    assert_type(minimaskrcnn.predict(Path("street.jpg"), weights="shapes"), Detections)
    minimaskrcnn.predict(picture, orient=False, min_score=0.5)
    minimaskrcnn.predict(pixels)
    minimaskrcnn.predict(42)  # type: ignore[arg-type]
    minimaskrcnn.predict("street.jpg", weights=None)  # type: ignore[arg-type]
    assert_type(minimaskrcnn.explain("street.jpg", weights="shapes", size=512), Report)
    minimaskrcnn.explain(42)  # type: ignore[arg-type]
    assert_type(minimaskrcnn.load_model("shapes", config=COCO), MaskRCNN)
    minimaskrcnn.load_model("shapes", config={"min_score": 0.5})  # type: ignore[arg-type]


def model(network: MaskRCNN, pixels: np.ndarray) -> None:
    assert_type(network.predict(pixels), Detections)
    assert_type(network.predict_each(["a.jpg", pixels]), Iterator[Detections])
    network.predict_each("photos/", on_error=lambda photo, error: print(photo, error.args))
    assert_type(network.trace(pixels), dict[str, Any])
    assert_type(network.config, Config)
    assert_type(network.backbone, ResNet)
    assert_type(network.rpn, RPN)
    assert_type(network.rpn.logits, Conv)
    assert_type(network.rpn.logits.kernel, np.ndarray)
    network.rpn = network.rpn  # type: ignore[misc]
    print(network.heads)  # type: ignore[attr-defined]


def result(found: Detections) -> None:
    assert_type(found[0], Detection)
    assert_type(found[:3], Detections)
    assert_type(found[found.scores > 0.5], Detections)
    assert_type([thing.label for thing in found], list[str])
    assert_type(found.boxes, np.ndarray)
    assert_type(found.masks, np.ndarray)
    assert_type(found.labels, list[str])
    assert_type(found.filter(labels=["person"], min_score=0.9), Detections)
    assert_type(found.polygons(), list[list[np.ndarray]])
    assert_type(found.to_json(), str)
    assert_type(found.to_coco(image_id=42), list[dict[str, Any]])
    found.filter(min_score="high")  # type: ignore[arg-type]
    found["person"]  # type: ignore[call-overload]
    found.boxes = found.boxes  # type: ignore[misc]


def config() -> None:
    assert_type(dataclasses.replace(COCO, min_score=0.5), Config)
    assert_type(COCO.class_names, tuple[str, ...])
    assert_type(COCO.num_classes, int)
    Config(min_score="high")  # type: ignore[arg-type]
    Config(minimum_score=0.5)  # type: ignore[call-arg]
    COCO.min_score = 0.5  # type: ignore[misc]
