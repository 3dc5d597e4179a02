"""torchvision's weight files: named, fetched, described, converted, predicted with; or refused."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import unreliable_server as says
from conftest import DATA
from torchvision_weights import FULL, NARROW, layout, seeded
from unreliable_server import Server

from minimaskrcnn import api, cli
from minimaskrcnn.config import TORCHVISION
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights import convert, download, load
from minimaskrcnn.weights.describe import info, verify
from minimaskrcnn.weights.download import fetch
from minimaskrcnn.weights.known import COCO_FILE, RELEASES, TORCHVISION_1, TORCHVISION_2, Release
from minimaskrcnn.weights.safetensors import safetensors_bytes
from minimaskrcnn.weights.selftest_torchvision import (
    PUBLISHED,
    parameters_in_original,
    selftest_torchvision,
)
from minimaskrcnn.weights.torchvision import read_torchvision

THREE = DATA / "torchvision_three.pth"
NAMES = ("background", "cat", "dog")


def release_of(content, url):
    """As torchvision publishes a file: its size is rounded, of its SHA-256 there is a beginning."""
    sha256 = hashlib.sha256(content).hexdigest()
    return Release("three.pth", url, None, sha256[:8], mebibytes=round(len(content) / 2**20, 2))


# ---------------------------------------------------------------- fetching


def test_a_file_of_which_little_is_known_is_fetched_verified_and_converted(tmp_path):
    content = THREE.read_bytes()
    with Server(content, [says.good, says.cut(100_000), says.good]) as server:
        path = fetch(release_of(content, server.url), tmp_path, pauses=(0.01, 0.01), timeout=20)
    assert path.name == "three.converted.h5" and load(path).config.convention == "torchvision"
    assert not (tmp_path / "three.pth.part").exists()


def test_another_file_under_the_name_is_refused(tmp_path):
    content = THREE.read_bytes()
    damaged = content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]
    for sent, message in ((damaged, "not the published"), (content * 2, "published one 0.3 MiB")):
        with Server(sent, [says.good]) as server, pytest.raises(WeightsError, match=message):
            fetch(release_of(content, server.url), tmp_path, pauses=(), timeout=20)
    assert not list(tmp_path.glob("*.h5"))


@pytest.mark.parametrize("name", ["torchvision", "torchvision-v2"])
def test_published_weights_are_fetched_by_their_names(name, monkeypatch):
    asked = []

    def pretended(release):
        asked.append(release)
        return THREE

    monkeypatch.setattr(download, "fetch", pretended)
    assert api.load_model(name).config.convention == "torchvision"
    assert asked == [RELEASES[name]]
    assert asked[0].name.split("-")[1].startswith(asked[0].sha256)


def test_a_release_is_known_by_its_rounded_size_and_the_beginning_of_its_checksum():
    sha256 = "bf2d0c1e" + 56 * "0"
    assert TORCHVISION_1.is_this(int(169.84 * 2**20), sha256)
    assert not TORCHVISION_1.is_this(int(169.86 * 2**20), sha256)
    assert not TORCHVISION_1.is_this(int(169.84 * 2**20), "a" + sha256[1:])
    assert not TORCHVISION_1.is_this(None, None)
    assert not TORCHVISION_1.is_this(int(169.84 * 2**20), None)
    assert not TORCHVISION_1.is_this("169", sha256)
    assert TORCHVISION_1.facts == "169.84 MiB and SHA-256 bf2d0c1e…"
    assert COCO_FILE.is_this(257_557_808, COCO_FILE.sha256)
    assert not COCO_FILE.is_this(257_557_807, COCO_FILE.sha256)
    assert COCO_FILE.facts == f"257,557,808 bytes and SHA-256 {COCO_FILE.sha256}"
    assert TORCHVISION_2.is_this(round(177.219 * 2**20), "73cbd019" + 56 * "0")


def test_the_networks_have_as_many_parameters_as_torchvision_publishes():
    for version, (_, wanted, _, _) in zip((1, 2), PUBLISHED, strict=True):
        running = ("running_mean", "running_var", "num_batches_tracked")
        sizes = [
            int(np.prod(shape))
            for name, shape in layout(FULL, version, 91)
            if not name.endswith(running)
        ]
        frozen = 2 * 26_560 if version == 1 else 0  # scales and shifts of the backbone's norms
        assert sum(sizes) - frozen == wanted


@pytest.mark.parametrize("version", [1, 2])
def test_parameters_are_counted_on_the_converted_network(version):
    model = read_torchvision("seeded", seeded(NARROW, version, 7, 5))
    running = ("running_mean", "running_var", "num_batches_tracked")
    named = {n: int(np.prod(s)) for n, s in layout(NARROW, version, 5) if not n.endswith(running)}
    norms = sum(
        size for n, size in named.items() if ".bn" in n or ".downsample.1" in n
    )  # of the backbone
    wanted = sum(named.values()) - (norms if version == 1 else 0)
    assert parameters_in_original(model) == wanted


# ---------------------------------------------------------------- the command line


def test_a_file_of_torchs_is_described_verified_converted_and_predicts(tmp_path, capsys):
    described = "\n".join(info(THREE))
    assert "a state dict of PyTorch" in described and "version 1 of its Mask R-CNN" in described
    assert "3, the background included: their names are not in the file" in described
    assert any("whole. Mask R-CNN" in line for line in verify(THREE))
    target = tmp_path / "three.h5"
    assert (
        cli.main(["weights", "convert", str(THREE), str(target), "--class-names", "cat,dog"]) == 0
    )
    assert load(target).config == replace(TORCHVISION, class_names=NAMES)
    assert "torchvision" in "\n".join(info(target))
    photo = tmp_path / "grey.png"
    from PIL import Image

    Image.fromarray(np.full((40, 50, 3), 128, np.uint8)).save(photo)
    capsys.readouterr()
    options = ["--class-names", "cat,dog", "--size", "96", "--json"]
    assert cli.main(["predict", str(photo), "--weights", str(THREE), *options]) == 0
    assert capsys.readouterr().out.startswith('{"source"')


def test_selftest_says_what_another_file_of_torchs_differs_in(tmp_path):
    verdicts = [verdict for verdict, _ in selftest_torchvision(load(THREE), THREE)]
    assert verdicts == [False, False, None]
    convert(THREE, tmp_path / "own.h5")
    lines = list(selftest_torchvision(load(THREE), tmp_path / "own.h5"))
    assert [verdict for verdict, _ in lines] == [False, False, None]
    sha256 = hashlib.sha256(THREE.read_bytes()).hexdigest()
    assert f"{THREE.stat().st_size} bytes, SHA-256 {sha256}; published 169.84 MiB" in lines[0][1]
    assert "no proof" not in lines[0][1]


def test_a_second_dense_layer_behind_convolutions_is_found():
    arrays = seeded(NARROW, 2, 7, 5)
    head, hidden = "roi_heads.box_head", arrays["roi_heads.box_head.5.bias"].shape[0]
    more = np.eye(hidden, dtype=np.float32), np.ones(hidden, np.float32)
    arrays |= {f"{head}.7.weight": more[0], f"{head}.7.bias": more[1]}
    second = read_torchvision("two", arrays).box_head.hidden2
    assert (second.kernel[0, 0] == more[0]).all() and (second.bias == 1).all()


def test_the_same_weights_in_safetensors_are_the_same_network(tmp_path):
    arrays = seeded(NARROW, 2, 7, 5)
    floats = {name: array for name, array in arrays.items() if array.dtype == np.float32}
    (tmp_path / "model.safetensors").write_bytes(b"".join(safetensors_bytes(floats, {})))
    model, other = load(tmp_path / "model.safetensors"), read_torchvision("seeded", arrays)
    assert (model.box_head.convs[3].kernel == other.box_head.convs[3].kernel).all()
    assert (model.rpn.before[0].kernel == other.rpn.before[0].kernel).all()


# ---------------------------------------------------------------- what does not fit


def without(name):
    return {n: a for n, a in seeded(NARROW, 1, 7, 5).items() if n != name}


def changed(name, change):
    arrays = seeded(NARROW, 1, 7, 5)
    return arrays | {name: change(arrays[name])}


CLS = "roi_heads.box_predictor.cls_score"
WRONG = {
    "a layer is missing": (without("rpn.head.cls_logits.weight"), "has no rpn.head.cls_logits"),
    "a layer is left over": (
        seeded(NARROW, 1, 7, 5) | {"roi_heads.keypoint_head.0.weight": np.zeros(3, np.float32)},
        "holds roi_heads.keypoint_head",
    ),
    "a number is no number": (changed(CLS + ".bias", lambda a: a * np.nan), "not finite"),
    "a kernel is flat": (changed("rpn.head.bbox_pred.weight", np.ravel), "expected 4 dimensions"),
    "a kernel is short": (
        changed("backbone.body.layer2.0.conv2.weight", lambda a: a[:3]),
        "has gamma",
    ),
    "a bias is short": (changed(CLS + ".bias", lambda a: a[:3]), "cls_score.bias has the shape"),
    "a bias is a table": (
        changed("rpn.head.cls_logits.bias", lambda a: a[None]),
        "bias has the shape",
    ),
    "a variance is negative": (
        changed("backbone.body.bn1.running_var", lambda a: a - 9),
        "running_var is below zero",
    ),
    "whole numbers": (changed(CLS + ".weight", lambda a: a.astype(np.int32)), "not of floats"),
    "nothing of it fits": ({"fc.weight": np.zeros((3, 3), np.float32)}, "has no backbone.body"),
    "an odd patch": (changed("roi_heads.box_head.fc6.weight", lambda a: a[:, :9]), "kernel"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_in_one_sentence(case):
    arrays, message = WRONG[case]
    with pytest.raises(WeightsError, match=message) as caught:
        read_torchvision("my.pth", arrays)
    assert str(caught.value).startswith("my.pth: ") and "\n" not in str(caught.value)


def test_a_config_of_the_other_convention_is_refused():
    from minimaskrcnn.config import SHAPES

    with pytest.raises(WeightsError, match="of torchvision's convention"):
        load(THREE, SHAPES)


def test_epsilon_counts_where_variances_are_small():
    arrays = seeded(NARROW, 1, 7, 5)
    arrays["backbone.body.bn1.running_var"][:] = 1e-5
    with_it, without_it = (read_torchvision("x", arrays, epsilon=e) for e in (1e-5, 0.0))
    ratio = without_it.backbone.stem.kernel / with_it.backbone.stem.kernel
    assert np.allclose(ratio, np.sqrt(2), rtol=1e-5)
