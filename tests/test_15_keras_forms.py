"""The original's files in every form in which people have them, and the settings they do not hold.

Independent of the code under test: `data/make_keras_forms.py` writes the files with h5py alone, as
each version of Keras does, and makes the anchors with a loop of its own.
"""

import importlib.util
import json
import warnings
from dataclasses import replace

import h5py
import numpy as np
import pytest
from conftest import DATA

from minimaskrcnn import cli, weights
from minimaskrcnn.commands.options import settings_of
from minimaskrcnn.config import COCO, Config
from minimaskrcnn.errors import SettingError, WeightsError
from minimaskrcnn.settings import class_ids
from minimaskrcnn.weights import tree
from minimaskrcnn.weights.found_anchors import find_anchors
from minimaskrcnn.weights.given import read_given

spec = importlib.util.spec_from_file_location("make_keras_forms", DATA / "make_keras_forms.py")
forms = importlib.util.module_from_spec(spec)
spec.loader.exec_module(forms)

SMALL = (1, 1, 1, 1)  # residual blocks
TF2 = Config(
    image_min_size=128,
    image_max_size=128,
    anchor_scales=forms.SCALES,
    anchor_ratios=forms.RATIOS,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """{form: path} of the files of all forms."""
    folder = tmp_path_factory.mktemp("forms")
    return {form: forms.write(form, folder / f"{form}.h5", blocks=SMALL) for form in forms.FORMS}


def load(path, config=None, **how):
    """The model, and the warnings as one text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = weights.load(path, config, **how)
    return model, "\n".join(str(warning.message) for warning in caught)


def same_arrays(a, b):
    a, b = tree.named_arrays(a), tree.named_arrays(b)
    return a.keys() == b.keys() and all(np.array_equal(a[n], b[n]) for n in a)


EQUAL = [
    *("keras_2_2_4", "second_model", "parallel_model", "whole_model"),
    *("tf2", "tf2_anchors_twice", "tf2_anchors_plain", "float64"),
]


@pytest.mark.parametrize("form", EQUAL)
def test_a_form_that_holds_the_same_numbers_loads_equal(files, form):
    wanted = weights.load(files["keras_2_0_8"], COCO)
    config = TF2 if form.startswith("tf2") else COCO
    found, said = load(files[form], config)
    assert same_arrays(found, wanted) and found.config == config
    assert ("holds float64" in said) == (form == "float64")


def test_float16_is_taken_as_it_is_and_told(files):
    found, said = load(files["float16"], COCO)
    wanted = tree.named_arrays(weights.load(files["keras_2_0_8"], COCO))
    for name, array in tree.named_arrays(found).items():
        np.testing.assert_allclose(array, wanted[name], rtol=5e-3, atol=5e-4)
    assert "float16.h5: holds float16, not float32" in said


REFUSED = {
    "tf2_other_step": "holds 1,023 anchors that no scales and ratios.*RPN_ANCHOR_STRIDE",
    "keras_3": r"is a .weights.h5 file of Keras 3.*model.save\(\"model.h5\"\)",
    "gray": "was trained on pictures with 1 instead of 3 channels",
    "rgba": "was trained on pictures with 4 instead of 3 channels",
    "five_ratios": "has 5 anchors per cell.*3 anchor_ratios .RPN_ANCHOR_RATIOS in matterport",
    "no_bias": "the layer res2a_branch2a has no bias; in the original every convolution has",
    "gzip": "holds a compressed array, at byte .*: `h5repack",
    "chunked": "holds an array that is not stored in one piece.*`h5repack",
    "track_order": "holds an object in a newer form of HDF5 .*track_order",
    "user_block": "begins with a user block of 512 bytes",
    "libver_latest": "is in a form of HDF5 that Keras does not write.*libver",
}


@pytest.mark.parametrize("form", REFUSED)
def test_a_form_that_does_not_fit_is_refused_in_the_sentence_it_deserves(files, form):
    with pytest.raises(WeightsError, match=f"{form}.h5: {REFUSED[form]}") as caught:
        weights.load(files[form])
    assert "damaged" not in str(caught.value) and str(caught.value).isprintable()


def test_anchors_that_nothing_gives_are_refused_with_a_configuration_too(files):
    wanted = r"other anchors than the configuration has \(scales .*\): no scales and ratios give"
    with pytest.raises(WeightsError, match=wanted):
        weights.load(files["tf2_other_step"], TF2)


GUIDE = DATA.parent.parent / "docs" / "own_matterport_model.md"


def test_every_form_is_tested():
    assert set(forms.FORMS) == {"keras_2_0_8", "float16", *EQUAL, *REFUSED}


@pytest.mark.skipif(not GUIDE.exists(), reason="the documents are not beside the tests")
def test_the_guide_tells_of_every_form():
    guide = GUIDE.read_text(encoding="utf-8")
    assert [form for form in forms.FORMS if f"`{form}`" not in guide] == []


def test_five_ratios_fit_a_config_that_names_them(files):
    ratios = (0.25, 0.5, 1, 2, 4)
    model = weights.load(files["five_ratios"], replace(COCO, anchor_ratios=ratios))
    assert model.rpn.logits.kernel.shape[-1] == 10


# Anchors that a file holds


@pytest.mark.parametrize(
    "size, scales, ratios",
    [
        (1024, (32, 64, 128, 256, 512), (0.5, 1, 2)),
        (192, (12, 24, 48, 96, 140), (0.5, 1, 2)),
        (512, (8, 16, 32, 64, 128), (0.25, 0.5, 1, 2, 4)),
        (320, (10.5, 20, 40, 80, 160), (1,)),
        (256, (16, 32, 64, 128, 256), (0.33, 0.75, 1.5)),
        (448, (32, 64, 128, 256, 512), (1 / 3, 1, 3)),
    ],
)
def test_settings_are_found_from_the_anchors_that_they_make(size, scales, ratios):
    found = find_anchors(forms.anchors(size, scales, ratios))
    assert found.size == (size, size) and found.scales == scales
    np.testing.assert_allclose(found.ratios, ratios, rtol=1e-5)


def test_no_settings_are_found_where_none_make_the_anchors():
    boxes = forms.anchors(128)
    assert find_anchors(forms.anchors(128, step=2)) is None
    assert find_anchors(boxes[:-1]) is None and find_anchors(boxes[::-1]) is None
    moved = boxes.copy()
    moved[1000] += 1e-4
    assert find_anchors(boxes) is not None and find_anchors(moved) is None
    for odd in (np.zeros_like(boxes), np.full_like(boxes, np.nan), -boxes, boxes[:1]):
        assert find_anchors(odd) is None


def test_without_a_config_the_anchors_decide_and_it_is_said(files):
    model, said = load(files["tf2"])
    assert model.config.image_max_size == model.config.image_min_size == 128
    assert model.config.anchor_scales == forms.SCALES
    assert "its anchors show size 128, anchor scales 8, 16, 32, 64, 128, ratios 0.5, 1, 2" in said


def test_anchors_that_differ_between_the_pictures_of_a_batch_are_refused(files, tmp_path):
    path = tmp_path / "anchors.h5"
    path.write_bytes(files["tf2_anchors_twice"].read_bytes())
    with h5py.File(path, "r+") as file:
        (name,) = (n for n in file["anchors"].attrs["weight_names"])
        anchors = file["anchors"][name.decode()]
        assert anchors.shape[0] == 2
        anchors[1, 0] += 0.5
    with pytest.raises(WeightsError, match="should hold the same boxes"):
        load(path)


def test_a_config_of_other_anchors_is_refused_with_those_of_the_file(files):
    with pytest.raises(
        WeightsError, match="other anchors.*size 128 x 128, scales 8, 16, 32, 64, 12"
    ):
        weights.load(files["tf2"], COCO)
    model, said = load(files["tf2"], replace(TF2, image_max_size=192))
    assert "was trained on pictures of 128 pixels; the configuration has 192" in said
    assert model.config.image_max_size == 192
    assert load(files["tf2"], TF2)[1] == ""


# What a file does not say


def test_assumed_settings_are_stated_and_given_ones_are_not(files, capsys, tmp_path):
    said = load(files["keras_2_0_8"])[1]
    for needed in ("keras_2_0_8.h5: holds no settings", "size 1024", "scales 32, 64", "--config"):
        assert needed in said
    assert load(files["keras_2_0_8"], COCO)[1] == ""
    for command in (["info"], ["convert", "-o", str(tmp_path / "out.h5")]):
        assert cli.main(["weights", command[0], str(files["keras_2_0_8"]), *command[1:]]) == 0
        shown = " ".join("".join(capsys.readouterr()).split())
        assert "holds no settings; assumed are size 1024" in shown, command
    assert load(tmp_path / "out.h5")[1] == ""  # now the file holds them


DISPLAYED = """
Using TensorFlow backend.

Configurations:
BACKBONE                       resnet50
BACKBONE_STRIDES               [4, 8, 16, 32, 64]
BATCH_SIZE                     1
BBOX_STD_DEV                   [0.1 0.1 0.2 0.2]
COMPUTE_BACKBONE_SHAPE         None
DETECTION_MAX_INSTANCES        50
DETECTION_MIN_CONFIDENCE       0.5
DETECTION_NMS_THRESHOLD        0.25
FPN_CLASSIF_FC_LAYERS_SIZE     1024
GPU_COUNT                      1
IMAGE_CHANNEL_COUNT            3
IMAGE_MAX_DIM                  192
IMAGE_META_SIZE                16
IMAGE_MIN_DIM                  128
IMAGE_MIN_SCALE                0
IMAGE_RESIZE_MODE              square
IMAGE_SHAPE                    [192 192   3]
LOSS_WEIGHTS                   {'rpn_class_loss': 1.0, 'mrcnn_mask_loss': 1.0}
MEAN_PIXEL                     [100.  110.5 120. ]
NAME                           shapes
NUM_CLASSES                    4
POST_NMS_ROIS_INFERENCE        300
RPN_ANCHOR_RATIOS              [0.5, 1, 2]
RPN_BBOX_STD_DEV               [0.1 0.1 0.2 0.2]
RPN_ANCHOR_SCALES              (12, 24, 48, 96, 140)
RPN_NMS_THRESHOLD              0.65
TRAIN_BN                       False
"""
WANTED = Config(
    class_names=("background", "a", "b", "c"),
    image_min_size=128,
    image_max_size=192,
    mean_pixel=(100.0, 110.5, 120.0),
    anchor_scales=(12, 24, 48, 96, 140),
    post_nms_proposals=300,
    rpn_nms_threshold=0.65,
    min_score=0.5,
    detection_nms_threshold=0.25,
    max_detections=50,
)
AS_JSON = {
    "BACKBONE": "resnet50", "IMAGE_MIN_DIM": 128, "IMAGE_MAX_DIM": 192, "NUM_CLASSES": 4,
    "MEAN_PIXEL": [100, 110.5, 120], "RPN_ANCHOR_SCALES": [12, 24, 48, 96, 140],
    "POST_NMS_ROIS_INFERENCE": 300, "RPN_NMS_THRESHOLD": 0.65, "DETECTION_MIN_CONFIDENCE": 0.5,
    "DETECTION_NMS_THRESHOLD": 0.25, "max_detections": 50, "LEARNING_RATE": 0.001,
}  # fmt: skip


def given(tmp_path, text, names="a,b,c"):
    (tmp_path / "config").write_bytes(text.encode() if isinstance(text, str) else text)
    return read_given(tmp_path / "config", names)[0]


def test_the_originals_names_are_understood_as_json_and_as_display_prints_them(tmp_path):
    assert given(tmp_path, DISPLAYED) == WANTED
    assert given(tmp_path, json.dumps(AS_JSON)) == WANTED
    assert given(tmp_path, DISPLAYED.replace("\n", "\r\n").encode("utf-16")) == WANTED
    assert given(tmp_path, b"\xef\xbb\xbf" + json.dumps(AS_JSON).encode()) == WANTED


@pytest.mark.parametrize(
    "values, message",
    [
        (
            {"IMAGE_MAX_DIMM": 1},
            "unknown field 'IMAGE_MAX_DIMM'; did you mean IMAGE_MAX_DIM.*Known",
        ),
        (
            {"image_max_sise": 1},
            "unknown field 'image_max_sise'; did you mean image_max_size.*Known",
        ),
        ({"MY_OWN": 1}, "unknown field 'MY_OWN'.*IMAGE_MIN_DIM.*RPN_ANCHOR_RATIOS"),
        ({"IMAGE_MAX_DIM": 64, "image_max_size": 128}, "gives image_max_size twice"),
        ({"RPN_ANCHOR_STRIDE": 2}, "RPN_ANCHOR_STRIDE = 2; this network has 1"),
        (
            {"BACKBONE": "mobilenet"},
            "BACKBONE = 'mobilenet'; this network has resnet50 or resnet101",
        ),
        ({"BACKBONE_STRIDES": [4, 8]}, "BACKBONE_STRIDES"),
        ({"IMAGE_CHANNEL_COUNT": 4}, "IMAGE_CHANNEL_COUNT = 4; this network has 3"),
        ({"IMAGE_RESIZE_MODE": "crop"}, "resize_mode"),
        ({"NUM_CLASSES": 7}, "NUM_CLASSES = 7, the background included, but 4 class names"),
        ({"MEAN_PIXEL": "red"}, "mean_pixel"),
        ({"IMAGE_MAX_DIM": None}, "image_max_size"),
    ],
)
def test_a_field_that_is_unknown_or_of_another_network_is_refused(tmp_path, values, message):
    with pytest.raises(WeightsError, match=f"config: .*{message}"):
        given(tmp_path, json.dumps(values))


def test_limits_that_are_off_are_none_in_the_original(tmp_path):
    config = given(tmp_path, json.dumps({"DETECTION_MIN_CONFIDENCE": None, "IMAGE_MIN_DIM": None}))
    assert config.min_score == 0 and config.image_min_size == 0


def test_what_is_no_configuration_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="neither JSON nor the text that config.display"):
        given(tmp_path, "size 1024\n")
    with pytest.raises(WeightsError, match="is not the JSON it should be"):
        given(tmp_path, '{"IMAGE_MAX_DIM": 64,}')
    with pytest.raises(WeightsError, match="is not a text"):
        given(tmp_path, b"IMAGE_MAX_DIM      \xff\n")
    with pytest.raises(WeightsError, match="has NUM_CLASSES = 4.*--class-names"):
        given(tmp_path, DISPLAYED, names=None)
    with pytest.raises(WeightsError, match="nothing.json: cannot be read .No such file"):
        read_given(tmp_path / "nothing.json")


# Names of classes


def test_a_byte_order_mark_is_no_part_of_the_first_class(tmp_path):
    path = tmp_path / "names.txt"
    for content in (b"\xef\xbb\xbfcat\r\ndog\r\n", "cat\ndog".encode("utf-16"), b"BG\ncat\ndog\n"):
        path.write_bytes(content)
        assert read_given(None, str(path)) == (None, ("background", "cat", "dog"))


def test_a_file_of_names_that_is_not_there_is_no_class(tmp_path):
    for name in ("lables.txt", str(tmp_path / "names"), "names.names"):
        with pytest.raises(WeightsError, match="there is no such file of class names"):
            read_given(None, name)
    assert read_given(None, "traffic light,st. bernard")[1][2] == "st. bernard"
    assert read_given(None, "balloon")[1] == ("background", "balloon")
    with pytest.raises(WeightsError, match="names no class"):
        read_given(None, " , ")


def test_a_class_with_a_comma_can_be_chosen_beside_others():
    names = ("background", "cup, small", "dog", "cat")
    assert class_ids(["cup, small"], names) == class_ids("cup, small", names) == (1,)
    assert class_ids(["cup, small", "dog"], names) == (1, 2)
    assert class_ids(["dog,cat", "cup, small"], names) == (1, 2, 3)
    with pytest.raises(SettingError, match="'bird' is not among them"):
        class_ids(["dog,bird"], names)
    chosen = ["--classes", "cup, small", "--classes", "dog"]
    args = cli.build_parser().parse_args(["predict", "photo.jpg", *chosen])
    assert settings_of(args)["classes"] == ["cup, small", "dog"]


# What describes a file


def test_info_describes_a_file_of_our_own_that_lacks_a_layer(files, tmp_path, capsys):
    path = tmp_path / "own.h5"
    weights.convert(files["keras_2_0_8"], path, COCO)
    with h5py.File(path, "r+", libver="earliest") as file:
        del file["fpn/smooth/0"]
    assert cli.main(["weights", "info", str(path)]) == 0
    assert "pyramid of ? channels" in capsys.readouterr().out
    assert cli.main(["weights", "verify", str(path)]) == 2
    assert "has no fpn.smooth.0" in capsys.readouterr().err


def test_verify_takes_a_configuration(files, tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"RPN_ANCHOR_RATIOS": [0.25, 0.5, 1, 2, 4]}')
    command = ["weights", "verify", str(files["five_ratios"])]
    assert cli.main(command) == 2 and "has 5 anchors per cell" in capsys.readouterr().err
    assert cli.main([*command, "--config", str(tmp_path / "config.json")]) == 0
    assert "whole" in capsys.readouterr().out


def test_safetensors_holds_the_same_model_and_no_name_decides(files, tmp_path):
    weights.convert(files["keras_2_0_8"], tmp_path / "own.safetensors", TF2)
    content = (tmp_path / "own.safetensors").read_bytes()
    assert content[8:9] == b"{"  # behind the length of the header
    (tmp_path / "renamed.h5").write_bytes(content)
    weights.convert(tmp_path / "renamed.h5", tmp_path / "back.h5")
    wanted = weights.load(files["keras_2_0_8"], TF2)
    for name in ("own.safetensors", "renamed.h5", "back.h5"):
        model = weights.load(tmp_path / name)
        assert same_arrays(model, wanted) and model.config == TF2
    source = weights.provenance_of(tmp_path / "back.h5")
    assert source == weights.provenance_of(tmp_path / "own.safetensors")
    assert source["source"] == "keras_2_0_8.h5"
