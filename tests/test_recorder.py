"""Every intermediate of the network can be recorded, and replaced on the way."""

from dataclasses import replace

import numpy as np
import pytest
from torchvision_cases import PHOTOS
from torchvision_weights import NARROW, seeded

from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.errors import SettingError
from minimaskrcnn.runtime.recorder import NAMES, recorder
from minimaskrcnn.weights.torchvision import read_torchvision


@pytest.fixture(scope="module")
def model():
    return load_model("shapes")


def narrow_of_torchvision():
    model = read_torchvision("seeded", seeded(NARROW, 1, 7, 5))
    return replace(model, config=replace(model.config, image_min_size=128, image_max_size=213))


def test_what_is_recorded_is_what_comes_back():
    keep, kept = recorder()
    value = np.ones(3)
    assert keep("p2", value) is value and kept == {"p2": value}


def test_a_change_replaces_the_value_for_the_network_and_in_the_record():
    keep, kept = recorder({"p2": lambda p2: p2 + 1})
    assert keep("p2", 1) == 2 and keep("p3", 1) == 1 and kept == {"p2": 2, "p3": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [({"q2": abs}, "no intermediate 'q2'; choose from molded,"), ({"p2": 0}, "must be a function")],
)
def test_a_change_of_nothing_or_by_no_function_is_refused(change, said):
    with pytest.raises(SettingError, match=said):
        recorder(change)


def test_no_features_on_any_level_no_object(model):
    photo = scene(13).image
    blind = {f"p{level}": np.zeros_like for level in range(2, 7)}
    assert len(model.trace(photo)["result"]) > 0
    assert len(model.trace(photo, change=blind, min_score=0.5)["result"]) == 0


def moved(value):
    """The same numbers in another order, or shifted: different wherever it is read."""
    if value.shape == (4,):  # the window, of which the lower right quarter is left
        return np.concatenate([(value[:2] + value[2:]) / 2, value[2:]]).astype(value.dtype)
    return value[::-1].copy()


def changes(names, model, photo):
    """What the steps after a change hold, compared with the trace as it is."""
    plain = model.trace(photo)
    for name in names:
        changed = model.trace(photo, change={name: moved})
        later = NAMES[NAMES.index(name) + 1 :]
        yield name, [n for n in later if n != "result" and not same(plain[n], changed[n])]


def same(a, b):
    return np.shape(a) == np.shape(b) and np.array_equal(a, b)


def test_each_change_reaches_the_steps_that_follow_from_it(model):
    photo = scene(13).image
    reached = dict(changes([n for n in NAMES if n not in ("result", "mask_probs")], model, photo))
    assert missed_by(reached) == {}


def missed_by(reached):
    """{name: its reader} of the changes that do not reach what is read next."""
    readers = {
        "molded": "c1", "window_pixels": "window", "window": "detections",
        "c1": "c2", "c2": "c3", "c3": "c4", "c4": "c5", "c5": "p2",
        "p2": "rpn_logits", "p3": "rpn_logits", "p4": "rpn_logits", "p5": "rpn_logits",
        "p6": "rpn_logits", "anchors": "proposals", "rpn_logits": "rpn_probs",
        "rpn_probs": "proposals", "rpn_deltas": "proposals", "proposals": "roi_features",
        "roi_features": "class_logits", "class_logits": "class_probs", "class_probs": "detections",
        "box_deltas": "detections", "detections": "mask_features", "mask_features": "mask_probs",
    }  # fmt: skip
    return {name: reader for name, reader in readers.items() if reader not in reached[name]}


def test_each_change_reaches_what_follows_in_torchvisions_convention_as_well():
    model, photo = narrow_of_torchvision(), PHOTOS["small"]
    reached = dict(changes([n for n in NAMES if n not in ("result", "mask_probs")], model, photo))
    assert missed_by(reached) == {}


def test_changed_probabilities_rank_the_proposals_in_torchvisions_convention():
    """Anchors are ranked by logits there: a change of the probabilities must reach them."""
    model, photo = narrow_of_torchvision(), PHOTOS["small"]
    plain = model.trace(photo)
    halved = model.trace(
        photo, change={"rpn_probs": lambda p: np.stack([1 - p[:, 1] / 2, p[:, 1] / 2], 1)}
    )
    assert plain["proposal_scores"][0] > 0.5 > halved["proposal_scores"][0]
    # the order is the same, and so are the first proposals, with half the score
    assert (plain["proposals"][:20] == halved["proposals"][:20]).all()
    np.testing.assert_allclose(
        halved["proposal_scores"][:20], plain["proposal_scores"][:20] / 2, rtol=1e-5
    )
    left = model.trace(photo, change={"rpn_probs": lambda p: p})
    assert (left["proposals"] == plain["proposals"]).all()


def test_the_last_changes_reach_the_result(model):
    photo = scene(13).image
    empty = model.trace(photo, change={"mask_probs": np.zeros_like})["result"]
    assert len(empty) > 0 and not empty.masks.any()
    assert model.trace(photo, change={"result": len})["result"] == len(empty)


def test_the_record_has_every_name_in_the_order_of_the_data(model):
    assert tuple(model.trace(scene(13).image)) == NAMES
