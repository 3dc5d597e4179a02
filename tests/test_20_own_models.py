"""Models that people trained with torchvision: any form loads, or is refused in a sentence."""

import json
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from conftest import DATA, stored
from torchvision_cases import PHOTOS, compare
from torchvision_weights import NARROW, OWN, Widths, seeded

from minimaskrcnn import cli
from minimaskrcnn.config import TORCHVISION
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights import load, torch_files
from minimaskrcnn.weights.describe import info
from minimaskrcnn.weights.given import read_given
from minimaskrcnn.weights.pickled_names import Storage, Tensor
from minimaskrcnn.weights.safetensors import safetensors_bytes
from minimaskrcnn.weights.torchvision import read_torchvision
from minimaskrcnn.weights.tree import named_arrays

THREE = DATA / "torchvision_three.pth"


def write(path, arrays):
    """A safetensors file of the floats among these arrays."""
    floats = {name: array for name, array in arrays.items() if array.dtype.kind == "f"}
    path.write_bytes(b"".join(safetensors_bytes(floats, {})))
    return path


# ---------------------------------------------------------------- what is not in the file


def test_a_model_with_arguments_of_its_own_predicts_as_torchvision_with_them(tmp_path):
    """Sizes, anchors, colours, units of deltas, thresholds: all others than the defaults."""
    source = write(tmp_path / "own.safetensors", seeded(NARROW, 1, 7, 5))
    (tmp_path / "own.json").write_text(json.dumps(OWN))
    target = str(tmp_path / "own.h5")
    command = ["weights", "convert", str(source), target, "--config", str(tmp_path / "own.json")]
    assert cli.main(command) == 0
    steps, theirs = load(target).trace(PHOTOS["portrait"]), stored("torchvision_own")
    assert (steps["anchors"] == theirs["anchors"]).all()
    compare(steps["result"], theirs)
    assert steps["result"].class_names == ("background", *(f"class {i}" for i in range(1, 5)))


def test_what_was_assumed_is_said_once_and_not_if_it_was_given():
    with pytest.warns(UserWarning, match="holds no settings; assumed .* min_size 800") as caught:
        load(THREE)
    assert len(caught) == 1
    assert "sizes 32, 64, 128, 256, 512 and aspect ratios 0.5, 1, 2" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(THREE, TORCHVISION)
    assert any("holds no settings" in line for line in info(THREE))


def given(tmp_path, settings, class_names=None):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(settings))
    return read_given(str(path), class_names)[0]


def test_arguments_are_translated(tmp_path):
    assert given(tmp_path, {"num_classes": 91, "rpn_batch_size_per_image": 128}) == TORCHVISION
    assert given(tmp_path, {"convention": "torchvision", "min_score": 0.3}) == replace(
        TORCHVISION, min_score=0.3
    )
    names = ("background", "cat", "dog")
    config = given(tmp_path, {"min_size": 400, "image_mean": None}, "cat,dog")
    assert config == replace(TORCHVISION, image_min_size=400, class_names=names)
    assert given(tmp_path, {"num_classes": 3}).class_names == ("background", "class 1", "class 2")
    flat = {"sizes": [8, 16, 32, 64, 128], "aspect_ratios": [0.5, 1.0, 2.0]}
    assert given(tmp_path, flat) == replace(TORCHVISION, anchor_scales=(8, 16, 32, 64, 128))


REFUSED = {
    "several sizes per level": ({"sizes": [[8, 16]] * 5}, "sizes = .* is not what torchvision"),
    "ratios that differ": ({"aspect_ratios": [[1], [1], [1], [1], [2]]}, "aspect_ratios = "),
    "a ratio of 0": ({"aspect_ratios": [0, 1]}, "aspect_ratios = "),
    "four levels": ({"sizes": [[32], [64], [128], [256]]}, "anchor_scales must be 5 numbers"),
    "a text": ({"image_std": "x"}, "image_std = 'x' is not what torchvision takes"),
    "no size": ({"min_size": []}, "min_size = "),
    "three weights": ({"bbox_reg_weights": [10, 10, 5]}, "bbox_reg_weights = "),
    "a threshold of the RPN": ({"rpn_score_thresh": 0.1}, "this network has 0 there"),
    "a fixed size": ({"fixed_size": [300, 300], "min_size": 3}, "this network has None there"),
    "a slip of the pen": ({"min_size": 3, "box_score_tresh": 1}, "did you mean box_score_thresh"),
    "no class": ({"num_classes": 1}, "num_classes = 1 is not a number of classes"),
    "a bad value": ({"box_nms_thresh": 7}, "detection_nms_threshold must be from 0 to 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_cannot_be_are_refused_in_one_sentence(case, tmp_path):
    settings, message = REFUSED[case]
    with pytest.raises(WeightsError, match=message) as caught:
        given(tmp_path, settings)
    assert str(caught.value).startswith(str(tmp_path)) and "\n" not in str(caught.value)


def test_more_anchors_per_cell_than_were_told_are_noticed(tmp_path):
    five = {"aspect_ratios": [0.25, 0.5, 1.0, 2.0, 4.0]}
    with pytest.raises(WeightsError, match="3 anchors per cell.*has 5 .*aspect_ratios"):
        load(THREE, given(tmp_path, five))


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize("classes", [2, 3, 90, 91])
def test_any_number_of_classes(classes):
    model = read_torchvision("x", seeded(NARROW, 1, 7, classes))
    assert model.config.num_classes == classes == len(model.box_head.logits.bias)
    assert (model.config.class_names[1] == "person") == (classes == 91)


@pytest.mark.parametrize(
    ("blocks", "name"), [((3, 4, 23, 3), "ResNet-101"), ((3, 8, 36, 3), "ResNet-152")]
)
def test_deeper_networks_are_read_as_what_they_are(tmp_path, blocks, name):
    widths = replace(NARROW, blocks=blocks)
    path = write(tmp_path / "deep.safetensors", seeded(widths, 1, 7, 3))
    assert tuple(len(stage) for stage in load(path).backbone.stages) == blocks
    assert f"Mask R-CNN on {name}" in "\n".join(info(path))


def test_frozen_and_trained_norms_are_read_alike():
    """`trainable_backbone_layers` changes which arrays moved in training, not which there are."""
    frozen, trained = (
        named_arrays(read_torchvision("x", seeded(NARROW, 1, 7, 3, frozen=f)))
        for f in (True, False)
    )
    assert all((array == trained[name]).all() for name, array in frozen.items())


def basic_blocks():
    arrays = seeded(NARROW, 1, 7, 3)
    kept = re.compile(r"layer\d\.\d+\.(conv3|bn3)\.")
    return {name: array for name, array in arrays.items() if not kept.search(name)}


def grouped():
    """The 3x3 convolutions of a ResNeXt: each output sees one group of the inputs."""
    name = "backbone.body.layer1.0.conv2.weight"
    arrays = seeded(NARROW, 1, 7, 3)
    return arrays | {name: arrays[name][:, :2]}


def without(word, *more):
    arrays = seeded(NARROW, 1, 7, 3)
    return {n: a for n, a in arrays.items() if word not in n} | dict(more)


ONE = np.ones(3, np.float32)
OTHERS = {
    "ResNet-34": (basic_blocks(), "has a ResNet-18 or ResNet-34"),
    "ResNeXt": (grouped(), "has a ResNeXt"),
    "MobileNet": (without("body", ("backbone.body.0.0.weight", ONE)), "is not a ResNet"),
    "Faster R-CNN": (without("mask_"), "is a Faster R-CNN"),
    "Keypoint R-CNN": (
        without("mask_", ("roi_heads.keypoint_predictor.kps_score_lowres.weight", ONE)),
        "is a Keypoint R-CNN",
    ),
    "RetinaNet": ({"head.classification_head.cls_logits.weight": ONE}, "is a one-stage detector"),
    "a classifier": ({"conv1.weight": ONE, "fc.weight": ONE}, "is a classifier"),
    "more levels": (without("?", ("backbone.fpn.extra_blocks.p6.weight", ONE)), "holds backbone"),
    "fewer levels": (without("fpn.inner_blocks.3"), "has no backbone.fpn.inner_blocks.3.0"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_network_is_refused_by_what_it_is(case):
    arrays, message = OTHERS[case]
    with pytest.raises(WeightsError, match=message) as caught:
        read_torchvision("my.pth", arrays)
    assert "\n" not in str(caught.value)


NORM = ("weight", "bias", "running_mean", "running_var")


def test_a_wider_resnet_is_one():
    """Wide ResNet-50 has twice the channels within its blocks."""
    wide = Widths(stem=8, inner=(4, 4, 4, 4), blocks=(1, 1, 1, 1), pyramid=16, hidden=32)
    arrays = seeded(wide, 1, 7, 3)
    for stage in range(1, 5):
        block = f"backbone.body.layer{stage}.0"
        for name in (
            f"{block}.conv1.weight",
            *(f"{block}.bn{i}.{p}" for i in (1, 2) for p in NORM),
        ):
            arrays[name] = np.concatenate([arrays[name]] * 2)
        arrays[f"{block}.conv2.weight"] = np.tile(arrays[f"{block}.conv2.weight"], (2, 2, 1, 1))
        arrays[f"{block}.conv3.weight"] = np.tile(arrays[f"{block}.conv3.weight"], (1, 2, 1, 1))
    model = read_torchvision("wide", arrays)
    assert model.backbone.stages[0][0].spatial.kernel.shape == (3, 3, 8, 8)


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model."]
)
def test_what_wrappers_write_before_the_names_is_taken_off(prefix):
    """DataParallel, torch.compile, both in either order, Lightning."""
    kept = {"conv.weight": 1, "module_of_mine.bias": 2}
    assert torch_files._prefix({prefix + name: part for name, part in kept.items()}) == prefix


def test_averaged_weights_are_taken_where_they_stand_alone():
    """As `torch.optim.swa_utils.AveragedModel` names them, which counts its steps besides."""
    weight, count = (
        Tensor(Storage(key, kind, 1), 0, (1,), (1,))
        for key, kind in (("a", "float32"), ("b", "int64"))
    )
    averaged = {"module.conv.weight": weight, "n_averaged": count}
    assert torch_files._state_dict("x", {"epoch": 1, "model_ema": averaged}) == {
        "conv.weight": weight
    }
    both = {"model_ema": averaged, "model": {"fc.weight": weight}}
    assert list(torch_files._state_dict("x", both)) == ["fc.weight"]


@pytest.mark.parametrize(("dtype", "off"), [(np.float16, 2e-3), (np.float32, 0)])
def test_numbers_of_half_the_bits_are_the_same_network(tmp_path, dtype, off):
    arrays = {
        n: a.astype(dtype) for n, a in seeded(NARROW, 2, 7, 5).items() if a.dtype == np.float32
    }
    half = named_arrays(load(write(tmp_path / "half.safetensors", arrays)))
    whole = named_arrays(read_torchvision("whole", seeded(NARROW, 2, 7, 5)))
    for name, array in half.items():
        assert array.dtype == np.float32
        assert np.abs(array - whole[name]).max() <= off * np.abs(whole[name]).max(), name


def test_the_first_of_several_files_says_that_there_are_more(tmp_path):
    arrays = list(seeded(NARROW, 1, 7, 3).items())
    part = write(tmp_path / "model-00001-of-00002.safetensors", dict(arrays[:20]))
    with pytest.raises(WeightsError, match="one of 2 files that hold one model.*Join them"):
        load(part)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {arrays[0][0]: part.name}}))
    with pytest.raises(WeightsError, match="lists the files that hold one model.*Join them"):
        load(index)


def test_files_of_torch_before_its_first_release_are_named(tmp_path):
    import tarfile

    path = tmp_path / "old.pth"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            (tmp_path / name).write_bytes(b"x")
            archive.add(tmp_path / name, name)
    with pytest.raises(WeightsError, match="is a tar archive.*torch.load"):
        load(path)
