"""Other classes: what is known by name keeps what it has learned, the rest is told."""

import numpy as np
import pytest

from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.training.classes import classes_told, with_classes

SHAPES = ("background", "circle", "square", "triangle")


@pytest.fixture(scope="module")
def model():
    return load_model("shapes")


def found(model, names=SHAPES[1:]):
    result = model.predict(scene(40).image, min_score=0.5)
    rows = [i for i, label in enumerate(result.labels) if label in names]
    return sorted((result.labels[i], *result.boxes[i].tolist()) for i in rows)


def test_the_same_classes_in_another_order_find_the_same(model):
    other = with_classes(model, ("background", "triangle", "circle", "square"))
    assert other.config.class_names[1] == "triangle"
    assert found(model) and found(other) == found(model)


def test_a_class_less_leaves_the_others_as_they_were(model):
    other = with_classes(model, ("background", "triangle", "circle"))
    before = found(model, ("triangle", "circle"))
    assert len(before) == 4 and set(before) <= set(found(other))


def test_a_class_more_begins_with_random_numbers_and_the_others_keep_theirs(model):
    other = with_classes(model, ("background", "cross", *SHAPES[1:]))
    for layer, each in (("logits", 1), ("deltas", 4)):
        new, old = getattr(other.box_head, layer), getattr(model.box_head, layer)
        for k, name in ((0, 0), (2, 1), (3, 2), (4, 3)):
            ours, theirs = slice(each * k, each * k + each), slice(each * name, each * name + each)
            assert np.array_equal(new.kernel[:, ours], old.kernel[:, theirs])
            assert np.array_equal(new.bias[ours], old.bias[theirs])
        assert new.kernel[:, each : 2 * each].std() > 0 and not new.bias[each : 2 * each].any()
    masks, old = other.mask_head.logits.kernel, model.mask_head.logits.kernel
    assert np.array_equal(masks[..., 2:], old[..., 1:])


def test_nothing_is_kept_where_no_class_is_known(model):
    other = with_classes(model, ("background", "cat", "dog"))
    assert not other.box_head.logits.bias.any() and not other.mask_head.logits.bias.any()


def test_what_is_new_and_what_is_gone_is_told(model):
    (line,) = classes_told(model, ("background", "cross", "circle"))
    assert line.strip() == (
        "the weights know 1 of the 2 classes; new: cross; no longer looked for: square, triangle"
    )
    assert not list(classes_told(model, ("background", *SHAPES[:0:-1])))
