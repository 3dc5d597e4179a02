"""Weight files: the original's and our own, read strictly and converted without loss.

Independent of the code under test: h5py reads the same files (the package reads them without it),
and batch normalisation is computed from its definition.
"""

import json
import os
import signal
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from PIL import Image
from toy_weights import toy_layout, write_toy

from minimaskrcnn import api, cli, weights
from minimaskrcnn.config import COCO, Config
from minimaskrcnn.conv import BatchNorm, Conv, folded
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.fpn import FPN
from minimaskrcnn.layers import Dense
from minimaskrcnn.resnet import Bottleneck
from minimaskrcnn.weights import describe, selftest, store, tree
from minimaskrcnn.weights.fitting import check_shapes
from minimaskrcnn.weights.known import COCO_FILE
from minimaskrcnn.weights.names import places
from minimaskrcnn.weights.store import save

SMALL = Config(
    image_min_size=64,
    image_max_size=64,
    anchor_scales=(8, 16, 32, 64, 128),
    min_score=0.0,
    max_detections=5,
)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return write_toy(tmp_path_factory.mktemp("toy") / "toy.h5")


@pytest.fixture
def copy(toy, tmp_path):
    """A copy of the toy's file, to be spoiled."""
    path = tmp_path / "copy.h5"
    path.write_bytes(toy.read_bytes())
    return path


def photo():
    return np.random.RandomState(3).randint(0, 256, (50, 60, 3), np.uint8)


def same_model(a, b):
    a, b = tree.named_leaves(a), tree.named_leaves(b)
    return list(a) == list(b) and all(
        type(a[n]) is type(b[n]) and np.array_equal(a[n], b[n]) for n in a
    )


# The tree of names


def test_leaves_are_named_by_fields_and_positions():
    conv = Conv(np.zeros((1, 1, 2, 3)), np.ones(3), stride=2)
    assert list(tree.named_arrays((conv, conv))) == ["0.kernel", "0.bias", "1.kernel", "1.bias"]
    assert tree.named_leaves(conv)["stride"] == 2


def test_a_tree_is_rebuilt_from_its_leaves():
    norm = BatchNorm(*np.arange(12.0).reshape(4, 3))
    conv = Conv(np.zeros((1, 1, 2, 3)), np.ones(3), padding=(1, 2), norm=norm)
    block = Bottleneck(conv, conv, replace(conv, norm=None))
    again = tree.build(Bottleneck, tree.named_leaves(block))
    assert same_model(block, again)
    assert again.shortcut is None and again.expand.norm is None
    assert again.reduce.padding == (1, 2)


def test_with_arrays_replaces_the_named_ones_and_shares_the_rest():
    dense = Dense(np.zeros((2, 3)), np.zeros(3))
    changed = tree.with_arrays(dense, {"bias": np.ones(3)})
    assert changed.kernel is dense.kernel and changed.bias.sum() == 3 and dense.bias.sum() == 0
    with pytest.raises(ValueError, match="there is no size in a Dense"):
        tree.with_arrays(dense, {"size": np.ones(3)})


def test_a_dozen_parts_keep_their_order():
    convs = tuple(Conv(np.full((1, 1, 1, 1), float(i)), np.zeros(1)) for i in range(12))
    again = tree.build(FPN, tree.named_leaves(FPN(lateral=convs, smooth=())) | {"smooth": ()})
    assert [conv.kernel.item() for conv in again.lateral] == list(range(12))


@pytest.mark.parametrize(
    "leaves, message",
    [
        ({"kernel": 1}, "bias is missing"),
        ({"kernel": 1, "bias": 1, "size": 1}, "size has no place"),
        ({"kernel": 1, "bias": 1, "norm.gamma": 1}, "norm.beta is missing"),
        ({"kernel": 1, "bias": 1, "norm": 1}, "norm is a single value"),
    ],
)
def test_a_tree_with_a_leaf_too_few_or_too_many_is_not_built(leaves, message):
    with pytest.raises(ValueError, match=message):
        tree.build(Conv, leaves)


# The original's format


def test_the_table_of_names_agrees_with_one_written_by_hand():
    table = {place.name: (place.layer, place.norm) for place in places((3, 4, 23, 3))}
    assert len(table) == 1 + 3 * 33 + 4 + 4 + 4 + 3 + 4 + 4 + 2  # 33 blocks, 4 with a shortcut
    by_hand = {
        "backbone.stem": ("conv1", "bn_conv1"),
        "backbone.stages.0.0.shortcut": ("res2a_branch1", "bn2a_branch1"),
        "backbone.stages.1.3.expand": ("res3d_branch2c", "bn3d_branch2c"),
        "backbone.stages.2.1.reduce": ("res4b_branch2a", "bn4b_branch2a"),
        "backbone.stages.2.22.spatial": ("res4w_branch2b", "bn4w_branch2b"),
        "fpn.lateral.0": ("fpn_c2p2", None),
        "fpn.lateral.3": ("fpn_c5p5", None),
        "fpn.smooth.0": ("fpn_p2", None),
        "fpn.smooth.3": ("fpn_p5", None),
        "rpn.logits": ("rpn_class_raw", None),
        "rpn.deltas": ("rpn_bbox_pred", None),
        "box_head.hidden2": ("mrcnn_class_conv2", "mrcnn_class_bn2"),
        "box_head.deltas": ("mrcnn_bbox_fc", None),
        "mask_head.convs.0": ("mrcnn_mask_conv1", "mrcnn_mask_bn1"),
        "mask_head.convs.3": ("mrcnn_mask_conv4", "mrcnn_mask_bn4"),
        "mask_head.logits": ("mrcnn_mask", None),
    }
    assert {name: table[name] for name in by_hand} == by_hand


def test_every_array_arrives_where_the_table_says_folded_by_the_definition(toy):
    model, checked = tree.named_arrays(weights.load(toy)), 0
    with h5py.File(toy) as file:
        for place in places((1, 2, 1, 1)):
            group = "rpn_model" if place.layer.startswith("rpn") else place.layer
            arrays = {name.rstrip(":0"): a[()] for name, a in file[group][place.layer].items()}
            kernel, bias = arrays["kernel"].astype(np.float64), arrays["bias"].astype(np.float64)
            if place.norm:
                norm = file[place.norm][place.norm]
                scale = norm["gamma:0"][()] / np.sqrt(norm["moving_variance:0"][()] + 0.001)
                bias = (bias - norm["moving_mean:0"][()]) * scale + norm["beta:0"][()]
                kernel = kernel * scale
            np.testing.assert_allclose(model[f"{place.name}.kernel"], kernel, rtol=1e-6)
            np.testing.assert_allclose(model[f"{place.name}.bias"], bias, rtol=1e-5, atol=1e-6)
            checked += 2
    assert checked == len(model)


def test_strides_and_paddings_are_those_of_the_original(toy):
    model = weights.load(toy)
    moves = {
        name.rsplit(".", 1)[0]: leaf
        for name, leaf in tree.named_leaves(model).items()
        if name.endswith("stride") and leaf == 2
    }
    assert sorted(moves) == ["backbone.stages.1.0.reduce", "backbone.stages.1.0.shortcut"] + [
        f"backbone.stages.{s}.0.{part}" for s in (2, 3) for part in ("reduce", "shortcut")
    ] + ["backbone.stem"]
    assert model.backbone.stem.padding == (3, 3)
    assert model.box_head.hidden1.padding == (0, 0)
    for name, leaf in tree.named_leaves(model).items():
        if name.endswith("padding") and "stem" not in name:
            kernel = tree.named_leaves(model)[name.replace("padding", "kernel")]
            assert leaf == ((1, 1) if kernel.shape[:2] == (3, 3) else (0, 0)), name


def test_depth_widths_and_classes_are_read_off_the_file(tmp_path):
    path = write_toy(tmp_path / "deep.h5", blocks=(2, 1, 28, 1), width=3, classes=4)
    config = replace(COCO, class_names=("background", "a", "b", "c"))
    model = weights.load(path, config)
    assert [len(blocks) for blocks in model.backbone.stages] == [2, 1, 28, 1]  # a … z, {, |
    assert model.backbone.stem.kernel.shape == (7, 7, 3, 3)
    assert model.box_head.logits.kernel.shape == (8, 4)


def rename(file, old, new):
    """Move a layer's arrays to other names, as Keras does for a model built second."""
    group = file[old] if old in file else file["rpn_model"]
    names = [name.decode() for name in group.attrs["weight_names"]]
    group.move(old, new)
    renamed = [name.replace(f"{old}/", f"{new}/").encode() for name in names]
    group.attrs["weight_names"] = np.array(renamed)


def test_a_model_built_second_in_a_session_loads_by_layer_not_by_inner_name(toy, copy):
    with h5py.File(copy, "r+", libver="earliest") as file:
        rename(file, "conv1", "conv1_1")
        rename(file, "bn_conv1", "bn_conv1_1")
        rename(file, "rpn_class_raw", "rpn_class_raw_2")
    assert same_model(weights.load(toy), weights.load(copy))


def rewrite(source, target, order=None, extra=(), nested=False):
    """The same layers in a file written in another order, with weightless layers besides."""
    with h5py.File(source) as old, h5py.File(target, "w", libver="earliest") as new:
        root = new.create_group("model_weights") if nested else new
        names = [*list(old), *extra]
        for name in order or names:
            root.require_group(name).attrs["weight_names"] = np.array([])
            if name in old:
                old.copy(name, root.create_group("tmp_" + name), name="layer")
                del root[name]
                root.move(f"tmp_{name}/layer", name)
                del root["tmp_" + name]
        root.attrs["layer_names"] = np.array([name.encode() for name in order or names])
        if nested:
            new.create_group("optimizer_weights")
            new.attrs["model_config"] = '{"class_name": "Model"}'


def test_the_order_of_layers_and_weightless_ones_do_not_matter(toy, tmp_path):
    with h5py.File(toy) as file:
        order = [*sorted(file, reverse=True), "rpn_class_loss", "input_gt_boxes"]
        order = [name for name in order if name != "input_image"]
    rewrite(toy, tmp_path / "other.h5", order)
    assert same_model(weights.load(toy), weights.load(tmp_path / "other.h5"))


def test_the_file_of_a_whole_model_loads_as_well(toy, tmp_path):
    rewrite(toy, tmp_path / "whole.h5", nested=True)
    assert same_model(weights.load(toy), weights.load(tmp_path / "whole.h5"))


def replace_array(file, name, array):
    del file[name]
    file[name] = array


def without(layer):
    def spoil(file):
        names = [n for n in file.attrs["layer_names"] if n.decode() != layer]
        file.attrs["layer_names"] = np.array(names)
        del file[layer]

    return spoil


def with_extra(layer):
    def spoil(file):
        file.attrs["layer_names"] = np.array([*file.attrs["layer_names"], layer.encode()])
        file[f"{layer}/{layer}/kernel:0"] = np.zeros((1, 1, 4, 4), np.float32)
        file[layer].attrs["weight_names"] = np.array([f"{layer}/kernel:0".encode()])

    return spoil


def with_array(name, array):
    return lambda file: replace_array(file, name, array)


def with_number(name, number):
    def spoil(file):
        file[name][...].flat[0]
        values = file[name][()]
        values.flat[-1] = number
        file[name][...] = values

    return spoil


def a_layer_twice(file):
    file.attrs["layer_names"] = np.array([*file.attrs["layer_names"], b"conv1"])


FAULTS = [
    (without("mrcnn_mask_conv4"), "has no layer mrcnn_mask_conv4"),
    (without("bn3a_branch2b"), "has no layer bn3a_branch2b"),
    (without("conv1"), "has no layer conv1"),
    (without("rpn_model"), "has no layer rpn_conv_shared"),
    (with_extra("res3d_branch2a"), "res3d_branch2a, which this network has no place for"),
    (with_extra("dense_1"), "dense_1, which this network has no place for"),
    (
        with_array("fpn_c3p3/fpn_c3p3/kernel:0", np.zeros((1, 1, 7, 4), np.float32)),
        r"fpn_c3p3 has a kernel of shape \(1, 1, 7, 4\), expected \(1, 1, 8, 4\)",
    ),
    (
        with_array("res2a_branch2b/res2a_branch2b/kernel:0", np.zeros((4, 4), np.float32)),
        r"res2a_branch2b has a kernel of shape \(4, 4\)",
    ),
    (
        with_array("bn_conv1/bn_conv1/gamma:0", np.zeros(5, np.float32)),
        r"conv1 has gamma of shape \(5,\), expected \(4,\)",
    ),
    (
        with_array("mrcnn_bbox_fc/mrcnn_bbox_fc/kernel:0", np.zeros((8, 320), np.float32)),
        r"mrcnn_bbox_fc has a kernel of shape \(8, 320\), expected \(8, 324\)",
    ),
    (with_array("conv1/conv1/bias:0", np.zeros(4, "<i8")), "conv1 is int64, not float32"),
    (with_array("conv1/conv1/bias:0", np.zeros(4, ">f4")), "little-endian floating-point"),
    (with_number("mrcnn_mask/mrcnn_mask/bias:0", np.nan), "mrcnn_mask holds numbers that are not"),
    (with_number("conv1/conv1/kernel:0", np.inf), "conv1 holds numbers that are not finite"),
    (with_number("bn_conv1/bn_conv1/moving_variance:0", -0.01), "bn_conv1 has a variance below"),
    (
        with_number("bn2a_branch2a/bn2a_branch2a/gamma:0", 3e38),
        "bn2a_branch2a has numbers that are too",
    ),
    (lambda file: file.attrs.__delitem__("layer_names"), "layer_names is missing"),
    (lambda file: file.move("conv1", "conv2"), "names a layer 'conv1' but does not hold it"),
    (lambda file: file["conv1"].move("conv1/bias:0", "conv1/bia:0"), "the layer conv1 is damaged"),
    (a_layer_twice, "the layer conv1 has an unknown array"),
    (lambda file: file.create_dataset("conv1/more/kernel:0", data=np.float32([1])), "conv1 is dam"),
]


@pytest.mark.parametrize("spoil, message", FAULTS, ids=[message[:40] for _, message in FAULTS])
def test_a_file_that_is_not_exactly_this_network_is_refused_by_name(copy, spoil, message):
    with h5py.File(copy, "r+", libver="earliest") as file:
        spoil(file)
    with pytest.raises(WeightsError, match=message) as caught:
        weights.load(copy)
    assert str(copy) in str(caught.value)


def test_class_names_must_be_as_many_as_the_file_has_classes(tmp_path):
    path = write_toy(tmp_path / "own.h5", classes=3)
    with pytest.raises(WeightsError, match="has 3 classes.*does not say what they are called"):
        weights.load(path)
    with pytest.raises(WeightsError, match="has 3 classes.*but 81 class names are given"):
        weights.load(path, COCO)
    names = ("background", "cat", "dog")
    assert weights.load(path, replace(COCO, class_names=names)).config.class_names == names
    with pytest.raises(WeightsError, match="has 3 classes.*but 2 class names are given"):
        weights.load(path, replace(COCO, class_names=names[:2]))


def test_a_layer_of_any_other_shape_does_not_fit(toy):
    model = weights.load(toy)
    shapes = {name: array.shape for name, array in tree.named_arrays(model).items()}
    check_shapes("file", shapes, model.config)
    kernels = [name for name in shapes if name.endswith("kernel")]
    assert len(kernels) > 40
    for name in kernels:
        for axis in range(len(shapes[name])):
            other = list(shapes[name])
            other[axis] += 1
            with pytest.raises(WeightsError):
                check_shapes("file", shapes | {name: tuple(other)}, model.config)
    outputs = {"kernel": (1, 1, shapes["mask_head.logits.kernel"][2], 80), "bias": (80,)}
    of_80 = {f"mask_head.logits.{part}": shape for part, shape in outputs.items()}
    with pytest.raises(WeightsError, match="mask_head.logits has a kernel"):
        check_shapes("file", shapes | of_80, model.config)
    odd = {"rpn.logits.kernel": (*shapes["rpn.logits.kernel"][:3], 5), "rpn.logits.bias": (5,)}
    with pytest.raises(WeightsError, match="rpn.logits has a kernel"):
        check_shapes("file", shapes | odd, model.config)


def test_a_name_with_a_slash_is_not_where_a_name_should_be(copy):
    content = copy.read_bytes()
    assert b"bn_conv1\0" in content
    copy.write_bytes(content.replace(b"bn_conv1\0", b"bn/conv1\0"))
    with pytest.raises(WeightsError, match="has a member called 'bn/conv1'"):
        weights.load(copy)


def test_a_configuration_with_other_anchors_does_not_fit(toy):
    with pytest.raises(WeightsError, match=r"has 3 anchors per cell .* 2 anchor_ratios"):
        weights.load(toy, replace(COCO, anchor_ratios=(0.5, 2.0)))


# Our own format


def test_a_converted_model_is_the_same_to_the_bit_and_so_are_its_predictions(toy, tmp_path):
    weights.convert(toy, tmp_path / "own.h5", SMALL)
    original, own = weights.load(toy, SMALL), weights.load(tmp_path / "own.h5")
    assert same_model(original, own)
    a, b = original.predict(photo()), own.predict(photo())
    assert len(a) > 0
    for name in ("boxes", "class_ids", "scores", "mask_probs"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


def test_a_single_changed_bit_in_a_number_is_noticed(toy, tmp_path):
    path = tmp_path / "own.h5"
    weights.convert(toy, path, SMALL)
    kernel = weights.load(path).box_head.hidden2.kernel.tobytes()
    content = bytearray(path.read_bytes())
    assert content.count(kernel) == 1
    content[content.index(kernel) + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="do not match its checksum"):
        weights.load(path)


def test_a_padding_that_is_not_the_same_on_both_sides_is_kept(toy, tmp_path):
    model = weights.load(toy, SMALL)
    stem = replace(model.backbone.stem, padding=(2, 3))
    save(replace(model, backbone=replace(model.backbone, stem=stem)), tmp_path / "own.h5")
    assert weights.load(tmp_path / "own.h5").backbone.stem.padding == (2, 3)


def test_the_file_explains_itself_to_any_hdf5_viewer(toy, tmp_path):
    weights.convert(toy, tmp_path / "own.h5", SMALL)
    with h5py.File(tmp_path / "own.h5") as file:
        assert file["backbone/stages/1/0/reduce"].attrs["stride"] == 2
        assert file["backbone/stem"].attrs["padding"].tolist() == [3, 3]
        assert file["mask_head/deconv/kernel"].shape == (2, 2, 5, 4)
        assert json.loads(file.attrs["config"])["image_max_size"] == 64
        source = json.loads(file.attrs["provenance"])
    assert source["source"] == "toy.h5" and source["source_bytes"] == toy.stat().st_size
    assert len(source["source_sha256"]) == 64
    assert weights.provenance_of(tmp_path / "own.h5") == source


def with_norm(model, variance=1.0):
    """The model with a batch normalisation after its stem that doubles and adds 3."""
    norm = BatchNorm(*(np.full(4, value, np.float32) for value in (2, 3, 0, variance)))
    stem = replace(model.backbone.stem, norm=norm)
    return replace(model, backbone=replace(model.backbone, stem=stem))


def test_a_model_that_still_has_batch_normalisation_does_not_predict(toy):
    model = with_norm(weights.load(toy, SMALL))
    for use in (model.predict, model.trace, lambda photo: list(model.predict_each([photo]))):
        with pytest.raises(WeightsError, match="still has the batch normalisation it learns with"):
            use(photo())
    layer = replace(model.mask_head.convs[0], norm=model.backbone.stem.norm)
    model = weights.load(toy, SMALL)
    head = replace(model.mask_head, convs=(layer, *model.mask_head.convs[1:]))
    with pytest.raises(WeightsError, match="conv.folded"):  # wherever the norm is
        replace(model, mask_head=head).predict(photo())


def test_finite_weights_that_overflow_end_in_a_sentence_that_names_the_file(toy, tmp_path, capsys):
    model = weights.load(toy, SMALL)
    stem = replace(model.backbone.stem, kernel=model.backbone.stem.kernel * np.float32(1e36))
    huge = replace(model, backbone=replace(model.backbone, stem=stem))
    weights.save(huge, tmp_path / "huge.h5")
    with pytest.raises(WeightsError, match="huge.h5: the network's numbers are not finite from "):
        api.predict(photo(), tmp_path / "huge.h5")
    refused = []
    photos = [photo(), photo()]
    assert list(huge.predict_each(photos, lambda *error: refused.append(error))) == []
    assert len(refused) == 2
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    command = ["predict", str(tmp_path / "photo.png"), "--weights", str(tmp_path / "huge.h5")]
    assert cli.main([*command, "--output", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "photo.png: " in said and "huge.h5: the network's numbers are not finite" in said


def test_saving_folds_batch_normalisation(toy, tmp_path):
    model = weights.load(toy, SMALL)
    weights.save(with_norm(model, variance=1 - 0.001), tmp_path / "learning.h5")
    stem, saved = model.backbone.stem, weights.load(tmp_path / "learning.h5").backbone.stem
    assert saved.norm is None
    assert np.allclose(saved.kernel, 2 * stem.kernel, rtol=1e-6)
    assert np.allclose(saved.bias, 2 * stem.bias + 3, rtol=1e-6)


@pytest.mark.parametrize("variance", [1 - 0.001, -0.5])
def test_a_file_that_holds_batch_normalisation_is_folded_when_it_is_read(
    toy, tmp_path, monkeypatch, variance
):
    learning = with_norm(weights.load(toy, SMALL), variance)
    with monkeypatch.context() as patch:
        patch.setattr(store, "folded", lambda model: model)
        weights.save(learning, tmp_path / "old.h5")
    if variance < 0:
        with pytest.raises(WeightsError, match="old.h5: the batch normalisation of backbone.stem"):
            weights.load(tmp_path / "old.h5")
    else:
        assert same_model(weights.load(tmp_path / "old.h5"), folded(learning))


def test_the_same_model_gives_the_same_bytes(toy, tmp_path):
    model = weights.load(toy)
    for name in ("a.h5", "b.h5"):
        weights.save(model, tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_float16_takes_half_the_bytes_and_changes_each_number_by_its_rounding(toy, tmp_path):
    weights.convert(toy, tmp_path / "half.h5", float16=True)
    whole, half = (tree.named_arrays(weights.load(p)) for p in (toy, tmp_path / "half.h5"))
    for name, array in whole.items():
        assert half[name].dtype == np.float32
        np.testing.assert_array_equal(half[name], array.astype(np.float16).astype(np.float32))
    with h5py.File(tmp_path / "half.h5") as file:
        assert file["backbone/stem/kernel"].dtype == np.float16


def test_the_command_converts_to_float16_when_asked_to(toy, tmp_path):
    for more, dtype in (([], np.float32), (["--float16"], np.float16)):
        given = ["weights", "convert", str(toy), str(tmp_path / "own.h5"), *more]
        assert cli.main(given) == 0
        with h5py.File(tmp_path / "own.h5") as file:
            assert file["backbone/stem/kernel"].dtype == dtype


def test_what_float16_cannot_hold_is_not_stored(toy, tmp_path):
    model = weights.load(toy)
    head = replace(model.box_head, logits=Dense(model.box_head.logits.kernel * 1e6, np.zeros(81)))
    with pytest.raises(WeightsError, match="box_head.logits.kernel has numbers that float16"):
        weights.save(replace(model, box_head=head), tmp_path / "half.h5", float16=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_a_newer_format_says_so(toy, tmp_path):
    path = tmp_path / "own.h5"
    weights.convert(toy, path)
    with h5py.File(path, "r+", libver="earliest") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(WeightsError, match="newer minimaskrcnn.*pip install --upgrade"):
        weights.load(path)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("stride", 3, "backbone.stem.stride is 3"),
        ("padding", (10**9, 0), "backbone.stem.padding"),
        ("dilation", 1, "backbone.stem.dilation"),
        ("padding", "same", "backbone.stem.padding is not a number"),
    ],
)
def test_a_setting_that_no_layer_has_is_refused(toy, tmp_path, name, value, message):
    path = tmp_path / "own.h5"
    weights.convert(toy, path)
    with h5py.File(path, "r+", libver="earliest") as file:
        file["backbone/stem"].attrs[name] = value
    with pytest.raises(WeightsError, match=message):
        weights.load(path)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"image_max_sise": 64}, "unknown field 'image_max_sise'"),
        ({"image_max_size": "64"}, "image_max_size must be .* '64'"),
        ({"image_max_size": -64}, "image_max_size must be .* -64"),
        ({"min_score": float("nan")}, "min_score must be .* nan"),
        ({"mean_pixel": [1.0, 2.0]}, "mean_pixel"),
        ({"class_names": []}, "class_names"),
        ({"class_names": ["background", 1]}, "class_names"),
        ({"resize_mode": "crop"}, "resize_mode must be .* 'crop'"),
        ({"pixel_std": 0}, "pixel_std must be .* 0"),
        ({"image_max_size": 0}, "image_max_size must be .* 0"),
        ({"anchor_scales": [32, 64]}, r"anchor_scales must be 5 numbers, got \(32, 64\)"),
        ({"anchor_ratios": [1, 0]}, r"anchor_ratios must be .* \(1, 0\)"),
        ({"delta_std": [0.1]}, r"delta_std must be 4 numbers, got \(0.1,\)"),
        ({"rpn_nms_threshold": 3}, "rpn_nms_threshold must be .* 3"),
        ({"min_score": 1.5}, "min_score must be .* 1.5"),
        ({"pixel_std": float("inf")}, "pixel_std must be .* inf"),
        ({"max_detections": 2**63}, "max_detections must be .* 9223372036854775808"),
        ({"pool_size": 10**400}, "pool_size must be"),
        ({"level_size": 0}, "level_size must be from 1 to 65536, got 0"),
        ({"level_size": 0.5}, "level_size must be of type int, got 0.5"),
        ({"pixel_std": 1e308}, "pixel_std must be .* 1e\\+308"),
        ({"pixel_std": True}, "pixel_std must be of type float, got True"),
        ({"delta_std": 0.1}, "delta_std must be 4 numbers, got 0.1"),
        ({"image_max_size": [64]}, r"image_max_size must be one value, not a list, got \(64,\)"),
        ({"detected_classes": [81]}, "detected_classes are ids from 0 to 80"),
    ],
)
def test_a_configuration_is_read_strictly(tmp_path, values, message):
    from minimaskrcnn.weights.given import read_given

    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(WeightsError, match=message):
        read_given(tmp_path / "config.json")


# load_model and predict


def test_predict_loads_once_though_many_threads_ask(toy, monkeypatch):
    loads, results = [], []

    def slow_load(path, config):
        loads.append(path)
        return weights.load(path, SMALL)

    monkeypatch.setattr(api, "load", slow_load)
    monkeypatch.setattr(api, "_kept", {})
    ask = [
        threading.Thread(target=lambda: results.append(api.predict(photo(), toy))) for _ in range(4)
    ]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    assert len(results) == 4 and loads == [toy]


def test_a_weight_file_that_has_changed_is_read_again(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(api, "_kept", {})
    path = tmp_path / "own.h5"
    weights.convert(toy, path, SMALL)
    assert api.predict(photo(), path).class_names == SMALL.class_names
    names = ("background", *(f"thing {i}" for i in range(1, SMALL.num_classes)))
    weights.convert(toy, path, replace(SMALL, class_names=names))
    os.utime(path, ns=(1, 1))  # whatever the clock's tick
    assert api.predict(photo(), path).class_names == names


def test_a_name_means_the_file_that_it_leads_to(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(api, "_kept", {})
    for folder, names in (("a", "thing"), ("b", "other")):
        (tmp_path / folder).mkdir()
        config = replace(SMALL, class_names=("background", *(f"{names} {i}" for i in range(80))))
        weights.convert(toy, tmp_path / folder / "own.h5", config)
        os.utime(tmp_path / folder / "own.h5", ns=(1, 1))  # the same moment
        monkeypatch.chdir(tmp_path / folder)
        assert api.predict(photo(), "own.h5").class_names == config.class_names
    for path in ("own.h5", "../b/own.h5", tmp_path / "b" / "own.h5"):
        assert api._model(path) is api._model("own.h5")
    os.replace(tmp_path / "a" / "own.h5", "own.h5")  # of the same size and the same moment
    assert api.predict(photo(), "own.h5").class_names[1] == "thing 0"


def test_only_a_few_models_are_kept(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(api, "_kept", {})
    for i in range(api.MOST_KEPT + 3):
        (tmp_path / f"{i}.h5").write_bytes(toy.read_bytes())
        api._model(tmp_path / f"{i}.h5")
    assert len(api._kept) == api.MOST_KEPT
    assert api._model(tmp_path / f"{i}.h5") in api._kept.values()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_forked_while_another_thread_loads_can_load(toy, monkeypatch):
    monkeypatch.setattr(api, "_kept", {})
    with api._loading:  # held by a thread that the child does not have
        child = os.fork()
        if child == 0:
            os._exit(0 if len(api._model(toy).backbone.stages) == 4 else 1)
    for _ in range(600):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    else:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert done and os.waitstatus_to_exitcode(status) == 0


def test_one_model_answers_while_another_is_loaded(toy, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def load(path, config):
        if path == "slow.h5":
            begun.set()
            assert go_on.wait(timeout=60)
        return weights.load(toy, SMALL)

    monkeypatch.setattr(api, "load", load)
    monkeypatch.setattr(api, "_kept", {})
    api.predict(photo(), toy)
    slow = threading.Thread(target=api.predict, args=(photo(), "slow.h5"))
    slow.start()
    assert begun.wait(timeout=20)
    quick = threading.Thread(target=api.predict, args=(photo(), toy))
    quick.start()
    quick.join(timeout=20)
    assert not quick.is_alive()
    go_on.set()
    slow.join()


def test_load_model_replaces_the_configuration_of_the_file(toy, tmp_path):
    weights.convert(toy, tmp_path / "own.h5", SMALL)
    assert api.load_model(tmp_path / "own.h5").config == SMALL
    assert api.load_model(tmp_path / "own.h5", COCO).config == COCO


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match="nothing.h5: cannot be read .No such file"):
        api.load_model(tmp_path / "nothing.h5")
    with pytest.raises(WeightsError, match="cannot be read .it is a folder"):
        api.load_model(tmp_path)


# The command line


def test_convert_names_the_classes_and_the_file_is_all_that_predict_needs(tmp_path, capsys):
    source, target = write_toy(tmp_path / "in.h5", classes=4), tmp_path / "out.h5"
    (tmp_path / "names.txt").write_text("BG\ncircle\nsquare\ntriangle\n")
    for names in ("circle,square,triangle", str(tmp_path / "names.txt")):
        command = ["weights", "convert", str(source), str(target), "--class-names", names]
        assert cli.main(command) == 0
        assert weights.load(target).config.class_names[1:] == ("circle", "square", "triangle")
    assert "4 classes; no layer is missing" in capsys.readouterr().out


def test_info_lists_every_array_with_its_numbers(toy, capsys):
    assert cli.main(["weights", "info", "--arrays", str(toy)]) == 0
    text = capsys.readouterr().out
    with h5py.File(toy) as file:
        values = file["fpn_p2/fpn_p2/kernel:0"][()].astype(np.float64)
    line = next(line for line in text.splitlines() if line.startswith("fpn_p2/fpn_p2/kernel"))
    assert line.split()[1:8] == ["3", "x", "3", "x", "4", "x", "4"]
    found = [float(word) for word in line.split()[8:]]
    np.testing.assert_allclose(
        found, [values.min(), values.mean(), values.std(), values.max()], rtol=1e-4
    )
    assert "81, the background included" in text and "blocks: (1, 2, 1, 1)" in text
    assert text.count("kernel:0") == sum(
        "kernel" in w for _, ws in toy_layout()["layers"] for w, _ in ws
    )


@pytest.mark.parametrize("about", ["config", "provenance"])
@pytest.mark.parametrize("text", ["[]", "[{", '{"class_names": 3}'])
def test_info_says_it_when_what_is_told_about_a_file_is_no_such_thing(toy, tmp_path, about, text):
    path = tmp_path / "own.h5"
    weights.convert(toy, path)
    with h5py.File(path, "r+", libver="earliest") as file:
        file.attrs[about] = text
    if (about, text) == ("provenance", '{"class_names": 3}'):
        assert cli.main(["weights", "info", str(path)]) == 0
    else:
        with pytest.raises(WeightsError, match="own.h5: "):
            list(describe.info(path))


def test_info_describes_a_file_of_another_network_too(tmp_path, capsys):
    with h5py.File(tmp_path / "other.h5", "w", libver="earliest") as file:
        file["dense/kernel"] = np.float32([[1, 2]])
    assert cli.main(["weights", "info", "--arrays", str(tmp_path / "other.h5")]) == 0
    text = capsys.readouterr().out
    assert "none that this package knows" in text and "dense/kernel" in text


def test_verify_says_which_file_it_is_or_what_is_wrong(toy, copy, tmp_path, capsys):
    assert cli.main(["weights", "verify", str(toy)]) == 0
    assert "none of the known files" in capsys.readouterr().out
    copy.write_bytes(toy.read_bytes()[:-1000])
    assert cli.main(["weights", "verify", str(copy)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("minimaskrcnn: ")
    assert "damaged or incomplete" in captured.err and captured.err.count("\n") == 1


def test_selftest_claims_nothing_about_another_file(toy, capsys):
    assert cli.main(["weights", "selftest", "--weights", str(toy)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("DIFFERS  SHA-256")
    assert sum(line.startswith("not run") for line in lines) == 6
    assert "This is not the published file" in lines[-1]


def test_an_array_of_64_bits_is_refused_in_a_file_of_our_own(toy, tmp_path):
    path = tmp_path / "own.h5"
    weights.convert(toy, path)
    with h5py.File(path, "r+", libver="earliest") as file:
        replace_array(file, "backbone/stem/bias", np.zeros(4, "<f8"))
    with pytest.raises(WeightsError, match="stem.bias is float64, not float32 or float16"):
        weights.load(path)


def published():
    return json.loads(selftest.PUBLISHED.read_text(encoding="utf-8"))


def test_selftest_compares_the_anchors_with_those_published():
    lines = list(selftest._anchors(SimpleNamespace(config=COCO), published()["anchors"]))
    assert [verdict for verdict, _ in lines] == [True, True, True]
    assert "min: -0.35390" in lines[1][1] and "max: 1.29134" in lines[2][1]
    other = replace(COCO, anchor_ratios=(0.5, 1.0), anchor_scales=(30, 60, 120, 240, 480))
    lines = list(selftest._anchors(SimpleNamespace(config=other), published()["anchors"]))
    assert [verdict for verdict, _ in lines] == [False, False, False]


def test_selftest_believes_no_converted_file_that_it_is_the_published_one(toy, tmp_path):
    weights.convert(toy, tmp_path / "own.h5")
    verdict, line = selftest._identity(tmp_path / "own.h5")
    assert verdict is False and "(the converted file states so" not in line
    model = weights.load(toy)
    stated = {"source_sha256": COCO_FILE.sha256}
    save(model, tmp_path / "forged.h5", stated)
    verdict, line = selftest._identity(tmp_path / "forged.h5")
    assert verdict is None and line.endswith("(the converted file states so, which is no proof)")


@pytest.mark.parametrize("weights", [None, 3, ["coco"], object()])
def test_weights_that_are_no_name_and_no_path_are_refused(weights):
    for use in (api.load_model, lambda weights: api.predict("photo.jpg", weights)):
        with pytest.raises(WeightsError, match='must be "coco", .*"shapes", .*or the path of'):
            use(weights)


def test_selftest_compares_a_detection_by_class_box_and_score():
    from minimaskrcnn.results import Detections
    from minimaskrcnn.weights.selftest import _closest

    result = Detections(
        image=np.zeros((375, 500, 3), np.uint8),
        boxes=np.array([[14, 257, 365, 489], [52, 14, 363, 321]], np.int32),
        class_ids=np.array([1, 1]),
        scores=np.float32([0.9990, 0.9950]),
        mask_probs=np.zeros((2, 28, 28), np.float32),
        class_names=("background", "dog"),
    )
    box = np.array([14.2238, 257.351, 364.817, 489.272])
    wanted = {"class": "dog", "score": 0.999064}
    assert _closest(result, box, wanted, "001763")[0] is True
    assert _closest(result, box + 2, wanted, "001763")[0] is False
    assert _closest(result, box, wanted | {"score": 0.98}, "001763")[0] is False
    assert _closest(result, box, wanted | {"class": "cat"}, "001763") == (
        False,
        "cat on 001763: not found",
    )
