"""The five losses: by hand, against finite differences, and as the original computes them."""

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn.layers import sigmoid
from minimaskrcnn.training.losses import (
    box_loss,
    class_loss,
    mask_loss,
    rpn_box_loss,
    rpn_class_loss,
)

LN2 = np.log(2)


def numeric_gradient(loss_of, answers, step=1e-5):
    """(f(x + h) - f(x - h)) / 2h for every element of the answers."""
    gradient = np.zeros_like(answers)
    for place in np.ndindex(answers.shape):
        moved = [answers.copy(), answers.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        gradient[place] = (loss_of(moved[0]) - loss_of(moved[1])) / (2 * step)
    return gradient


def assert_gradient_holds(loss, answers, *targets):
    _, gradient = loss(answers, *targets)
    numeric = numeric_gradient(lambda moved: loss(moved, *targets)[0], answers)
    assert gradient.dtype == answers.dtype == np.float64 and gradient.shape == answers.shape
    assert np.abs(gradient - numeric).max() < 1e-6 * np.abs(numeric).max()


# By hand.


def test_an_undecided_network_is_surprised_by_ln_2():
    loss, gradient = rpn_class_loss(np.zeros((1, 2, 2)), np.array([[1, -1]]))
    assert loss == pytest.approx(LN2)
    assert gradient.tolist() == [[[0.25, -0.25], [-0.25, 0.25]]]  # (1/2 - truth) / 2 anchors


def test_neutral_anchors_are_not_asked():
    logits = np.array([[0.0, 0.0], [9.0, -9.0], [5.0, 5.0]])
    loss, gradient = rpn_class_loss(logits, np.array([1, 0, 0]))
    assert loss == pytest.approx(LN2) and (gradient[1:] == 0).all()


def test_smooth_l1_is_squared_up_to_one_and_proportional_beyond():
    deltas = np.array([[0.5, -0.5, 3.0, -1.0]])
    loss, gradient = rpn_box_loss(deltas, np.array([1]), np.zeros((1, 4)))
    assert loss == (0.125 + 0.125 + 2.5 + 0.5) / 4
    assert gradient.tolist() == [[0.125, -0.125, 0.25, -0.25]]


def test_only_positive_anchors_learn_to_move_and_in_their_order():
    deltas, match = np.zeros((2, 3, 4)), np.array([[-1, 1, 0], [1, -1, -1]])
    targets = np.array([[0.4] * 4, [-0.8] * 4])
    _, gradient = rpn_box_loss(deltas, match, targets)
    assert (gradient[0, 1] == -0.4 / 8).all() and (gradient[1, 0] == 0.8 / 8).all()
    gradient[0, 1] = gradient[1, 0] = 0
    assert (gradient == 0).all()


def test_a_region_taken_for_an_unlabelled_class_is_not_asked():
    logits = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    known = np.array([True, True, False])
    loss, gradient = class_loss(logits, np.array([0, 1]), known)
    assert loss == class_loss(logits[:1], np.array([0]))[0]
    assert (gradient[1] == 0).all() and (gradient[0] != 0).any()


def test_a_box_learns_from_its_own_class_and_background_from_none():
    deltas = np.ones((2, 3, 4))
    loss, gradient = box_loss(deltas, np.array([2, 0]), np.zeros((2, 4)))
    assert loss == 0.5 and gradient[0, 2].tolist() == [0.25] * 4
    gradient[0, 2] = 0
    assert (gradient == 0).all()


def test_masks_of_classes_do_not_compete():
    logits = np.zeros((1, 2, 1, 3))
    loss, gradient = mask_loss(logits, np.array([1]), np.array([[[1.0], [0.0]]]))
    assert loss == pytest.approx(LN2)
    assert gradient[0, :, 0].tolist() == [[0, -0.25, 0], [0, 0.25, 0]]


def test_a_soft_mask_target_is_best_met_by_itself():
    target = np.array([[[0.3]]])
    logit = np.log(0.3 / 0.7)
    _, gradient = mask_loss(np.full((1, 1, 1, 2), logit), np.array([1]), target)
    assert np.abs(gradient).max() < 1e-12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sure_mistake_costs_no_more_than_sixteen_and_overflows_nothing(dtype):
    logits = np.array([[[[0, 500.0]]]], dtype)
    loss, gradient = mask_loss(logits, np.array([1]), np.zeros((1, 1, 1), dtype))
    assert loss == pytest.approx(-np.log(1e-7), rel=0.02) and (gradient == 0).all()
    loss, gradient = class_loss(np.array([[800.0, -800.0]], dtype), np.array([1]))
    assert loss == 1600 and gradient.tolist() == [[1, -1]]


def test_a_loss_that_asks_about_nothing_is_zero():
    none = np.zeros(0, np.int64)
    for loss, gradient in (
        rpn_class_loss(np.ones((1, 5, 2)), np.zeros((1, 5), int)),
        rpn_box_loss(np.ones((1, 5, 4)), np.full((1, 5), -1), np.zeros((0, 4))),
        class_loss(np.ones((0, 3)), none),
        box_loss(np.ones((2, 3, 4)), np.zeros(2, int), np.zeros((2, 4))),
        mask_loss(np.ones((0, 28, 28, 3)), none, np.zeros((0, 28, 28))),
    ):
        assert loss == 0 and (gradient == 0).all()


# Finite differences, in float64 and away from the kink of smooth L1.


def test_the_gradient_of_the_rpn_class_loss_is_its_derivative():
    rng = np.random.RandomState(0)
    assert_gradient_holds(rpn_class_loss, rng.normal(0, 2, (2, 7, 2)), rng.randint(-1, 2, (2, 7)))


def test_the_gradient_of_the_rpn_box_loss_is_its_derivative():
    rng = np.random.RandomState(1)
    match = np.array([[1, 0, -1, 1], [-1, 1, 1, 0]])
    assert_gradient_holds(
        rpn_box_loss, rng.normal(0, 2, (2, 4, 4)), match, rng.normal(0, 1, (4, 4))
    )


def test_the_gradient_of_the_class_loss_is_its_derivative():
    rng = np.random.RandomState(2)
    logits, known = rng.normal(0, 2, (9, 4)), np.array([True, True, False, True])
    assert_gradient_holds(class_loss, logits, rng.randint(0, 4, 9))
    assert_gradient_holds(class_loss, logits, rng.randint(0, 4, 9), known)


def test_the_gradient_of_the_box_loss_is_its_derivative():
    rng = np.random.RandomState(3)
    ids = np.array([0, 2, 1, 3, 0])
    assert_gradient_holds(box_loss, rng.normal(0, 2, (5, 4, 4)), ids, rng.normal(0, 1, (5, 4)))


def test_the_gradient_of_the_mask_loss_is_its_derivative():
    rng = np.random.RandomState(4)
    targets = rng.uniform(0, 1, (3, 4, 5))
    assert_gradient_holds(mask_loss, rng.normal(0, 2, (3, 4, 5, 3)), np.array([2, 1, 2]), targets)


# The original.

both_cases = pytest.mark.parametrize("letter", ["a", "b"])


def original(letter):
    """A case's arrays without the batch axis of 1."""
    arrays = {k[2:]: v for k, v in stored("ops_losses").items() if k.startswith(f"{letter}_")}
    return {k: v[0] if v.ndim else float(v) for k, v in arrays.items()}


def check(ours, case, name):
    loss, gradient = ours
    assert loss == pytest.approx(case[name], rel=1e-6)
    if f"grad_{name}" in case:
        scale = np.abs(case[f"grad_{name}"]).max()
        assert np.abs(gradient - case[f"grad_{name}"]).max() < 1e-6 * scale
    else:
        assert gradient.dtype == np.float32


@both_cases
def test_the_rpn_class_loss_is_the_original_s(letter):
    case = original(letter)
    check(rpn_class_loss(case["rpn_class_logits"], case["rpn_match"][:, 0]), case, "rpn_class_loss")


@both_cases
def test_the_rpn_box_loss_is_the_original_s(letter):
    case = original(letter)
    match = case["rpn_match"][:, 0]
    targets = case["rpn_target_bbox"][: (match == 1).sum()]  # the rest fills the sample up
    check(rpn_box_loss(case["rpn_bbox"], match, targets), case, "rpn_bbox_loss")


@both_cases
def test_the_class_loss_is_the_original_s(letter):
    case = original(letter)
    known = case["active_class_ids"] > 0
    logits, ids = case["class_logits"], case["target_class_ids"]
    if letter == "a":
        assert (~known[logits.argmax(axis=1)]).any()  # some are not asked about
    check(class_loss(logits, ids, known), case, "mrcnn_class_loss")


@both_cases
def test_the_box_loss_is_the_original_s(letter):
    case = original(letter)
    ours = box_loss(case["pred_bbox"], case["target_class_ids"], case["target_bbox"])
    check(ours, case, "mrcnn_bbox_loss")


@both_cases
def test_the_mask_loss_is_the_original_s(letter):
    case = original(letter)
    rows = np.flatnonzero(case["target_class_ids"] > 0)
    probs = case["pred_masks"][rows].astype(np.float64)  # the original is given probabilities
    with np.errstate(divide="ignore"):
        logits = np.log(probs) - np.log1p(-probs)  # some are 0 and 1
    np.testing.assert_allclose(sigmoid(logits), probs)
    ids, targets = case["target_class_ids"][rows], case["target_masks"][rows]
    loss, gradient = mask_loss(logits.astype(np.float32), ids, targets)
    assert loss == pytest.approx(case["mrcnn_mask_loss"], rel=1e-6)
    if len(rows):
        theirs = case["grad_mrcnn_mask_loss"]  # by the probability; d p / d logit = p (1 - p)
        by_logit = theirs[rows] * probs * (1 - probs)
        assert np.abs(gradient - by_logit).max() < 1e-6 * np.abs(by_logit).max()
        assert (np.delete(theirs, rows, axis=0) == 0).all()
