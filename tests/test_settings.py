"""The five settings of a call: passed on by every way in, and a wrong name told before any work."""

import inspect

import numpy as np
import pytest
from PIL import Image

import minimaskrcnn
from minimaskrcnn import api, load_model
from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.errors import SettingError
from minimaskrcnn.settings import OTHER_NAMES

PHOTO = scene(160).image
SETTINGS = ("orient", "min_score", "nms_threshold", "max_detections", "classes", "size")


@pytest.fixture(scope="module")
def model():
    return load_model("shapes")


WAYS = {
    "minimaskrcnn.predict": lambda model, **given: api.predict(PHOTO, "shapes", **given),
    "model.predict": lambda model, **given: model.predict(PHOTO, **given),
    "model.predict_each": lambda model, **given: next(model.predict_each([PHOTO], **given)),
    "model.trace": lambda model, **given: model.trace(PHOTO, **given)["result"],
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@each_way
def test_each_setting_reaches_the_network(way, model):
    everything = way(model, min_score=0)
    assert len(everything) > len(way(model, min_score=0.9)) > 0
    assert len(way(model, max_detections=2)) == 2
    assert set(way(model, classes=["circle"]).labels) == {"circle"}
    assert len(way(model, min_score=0, nms_threshold=1)) > len(everything)
    assert (way(model, size=64).scores[:1] != way(model).scores[:1]).all()


@each_way
@pytest.mark.parametrize("name", ["min_score", "nms_threshold"])
@pytest.mark.parametrize("value", [-0.1, 1.5, np.nan, True, "much"])
def test_a_share_is_from_0_to_1(way, model, name, value):
    with pytest.raises(SettingError, match=f"{name} must be a number in 0 … 1, got"):
        way(model, **{name: value})


def test_orient_reaches_the_reader_of_the_picture(model, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(PHOTO[:64]).save(tmp_path / "turned.jpg", exif=exif)
    for orient, shape in ((True, (128, 64, 3)), (False, (64, 128, 3))):
        given = tmp_path / "turned.jpg", {"orient": orient}
        assert api.predict(given[0], "shapes", **given[1]).image.shape == shape
        assert model.predict(given[0], **given[1]).image.shape == shape
        assert next(model.predict_each([given[0]], **given[1])).image.shape == shape
        assert model.trace(given[0], **given[1])["result"].image.shape == shape


@each_way
@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        *(("threshold", "min_score"), ("conf", "min_score"), ("iou", "nms_threshold")),
        *(("imgsz", "size"), ("min_scores", "min_score"), ("maxdetections", "max_detections")),
        *(("class_names", "classes"), ("orientation", "orient")),
    ],
)
def test_an_unknown_setting_is_told_with_the_one_that_may_be_meant(way, model, wrong, meant):
    with pytest.raises(SettingError, match=f"no setting '{wrong}'; did you mean {meant}?"):
        way(model, **{wrong: 0.5})


def test_a_name_that_is_near_nothing_gets_the_list():
    with pytest.raises(SettingError, match="there are min_score, nms_threshold, max_detections"):
        api.predict(PHOTO, "shapes", banana=1)


@pytest.mark.parametrize("function", [minimaskrcnn.predict, minimaskrcnn.explain])
def test_an_unknown_setting_is_told_before_anything_is_loaded(function, monkeypatch):
    monkeypatch.setattr(api, "load_model", lambda *_: pytest.fail("it was loaded"))
    with pytest.raises(SettingError, match="did you mean min_score"):
        function("there is no such file.jpg", "neither.h5", threshold=0.5)


def test_predict_each_checks_its_settings_at_the_call(model):
    with pytest.raises(SettingError, match="min_score must be"):
        model.predict_each([PHOTO], min_score=2)
    with pytest.raises(SettingError, match="did you mean min_score"):
        model.predict_each([PHOTO], threshold=0.5)


def test_orient_is_reachable_by_its_name_only(model):
    for way in (minimaskrcnn.predict, minimaskrcnn.explain, model.predict, model.trace):
        named = inspect.signature(way).parameters
        kinds = {name: named[name].kind for name in SETTINGS}
        assert set(kinds.values()) == {inspect.Parameter.KEYWORD_ONLY}


def test_what_others_call_a_setting_is_no_name_of_ours():
    for others in OTHER_NAMES.values():
        assert not set(others) & set(SETTINGS)


def test_a_model_says_in_three_lines_what_it_is(model):
    lines = repr(model).splitlines()
    assert len(lines) == 3 and max(map(len, lines)) < 100
    assert "ResNet(3, 3, 2, 1 blocks)" in lines[0] and "circle, square, triangle" in lines[1]
    parts = [model.backbone, model.backbone.stem, model.fpn, model.rpn, model.box_head]
    assert max(len(repr(part)) for part in parts) < 500


def test_models_and_their_parts_can_be_compared_and_hashed(model):
    other = load_model("shapes")
    assert model == model and model != other and len({model, other, model}) == 2
    assert model.backbone.stem == model.backbone.stem != other.backbone.stem
    assert model.config == SHAPES and hash(model.config) == hash(SHAPES)


def test_settings_do_not_change_the_model(model):
    before = model.config
    model.predict(PHOTO, min_score=0.9, size=64)
    assert model.config is before and np.isclose(model.config.min_score, 0.05)
