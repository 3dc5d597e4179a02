"""What several test files share: the original's arrays, and models with its seeded weights."""

import importlib.util
import json
import signal
from pathlib import Path

import numpy as np
import pytest
from mine import (  # noqa: F401  the option --mine
    pytest_addoption,
    pytest_configure,
    pytest_terminal_summary,
)

from minimaskrcnn.config import Config

DATA = Path(__file__).parent / "data"

# A shell starts what runs in its background deaf to Ctrl-C, and its children with it. Some tests
# press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What the original called the fields of Config, in the cases' metadata.
ORIGINAL_NAMES = {
    "image_min_size": "IMAGE_MIN_DIM",
    "image_max_size": "IMAGE_MAX_DIM",
    "resize_mode": "IMAGE_RESIZE_MODE",
    "anchor_scales": "RPN_ANCHOR_SCALES",
    "anchor_ratios": "RPN_ANCHOR_RATIOS",
    "rpn_nms_threshold": "RPN_NMS_THRESHOLD",
    "pre_nms_proposals": "PRE_NMS_LIMIT",
    "post_nms_proposals": "POST_NMS_ROIS_INFERENCE",
    "max_detections": "DETECTION_MAX_INSTANCES",
    "min_score": "DETECTION_MIN_CONFIDENCE",
    "detection_nms_threshold": "DETECTION_NMS_THRESHOLD",
}


def stored(name):
    """The arrays of tests/data/<name>.npz."""
    with np.load(DATA / f"{name}.npz") as arrays:
        return dict(arrays)


def config_of(arrays):
    """The Config that a whole-model case was computed with."""
    original = json.loads(str(arrays["meta"]))["config"]
    values = {ours: original[theirs] for ours, theirs in ORIGINAL_NAMES.items()}
    return Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def weight_maker():
    """The module tests/data/make_reference_weights.py."""
    spec = importlib.util.spec_from_file_location("maker", DATA / "make_reference_weights.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    return maker


def write_weights(layout_name, seed, path):
    """Write the seeded weight file, in the original's format, of one of the stored layouts."""
    layout = json.loads((DATA / f"{layout_name}.json").read_text(encoding="utf-8"))
    weight_maker().write(layout, seed, path)
    return path


@pytest.fixture(scope="session")
def small_file(tmp_path_factory):
    """The small reference model (ResNet-50, 128 x 128), 181 MB in the original's format."""
    path = tmp_path_factory.mktemp("small") / "small.h5"
    return write_weights("layout_resnet50_small", 51, path)


@pytest.fixture(scope="session")
def full_file(tmp_path_factory):
    """The full model (ResNet-101, 1024 x 1024) with seeded weights, 258 MB."""
    path = tmp_path_factory.mktemp("full") / "full.h5"
    return write_weights("layout_resnet101_coco", 101, path)


@pytest.fixture(scope="session")
def small_square():
    return stored("small_square")


@pytest.fixture(scope="session")
def small_model(small_file, small_square):
    from minimaskrcnn.weights import load

    return load(small_file, config_of(small_square))


@pytest.fixture(scope="session")
def full_model(full_file):
    from minimaskrcnn.weights import load

    return load(full_file)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The bytes of a small weight file, which the tests of downloads fetch."""
    from toy_weights import write_toy  # which needs this file

    return write_toy(tmp_path_factory.mktemp("toy") / "toy.h5").read_bytes()


@pytest.fixture
def home(tmp_path):
    """The folder that they fetch it into, not yet made."""
    return tmp_path / "home"
