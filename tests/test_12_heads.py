"""The box head and the mask head."""

import numpy as np
import pytest
from conftest import stored
from gradients import gradient_error

from minimaskrcnn.conv import Conv
from minimaskrcnn.heads import BoxHead, MaskHead, box_head, mask_head
from minimaskrcnn.layers import Deconv, Dense

TORCH = stored("torch_stages")


def drawn(seed, *shape, dtype=np.float32):
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype(dtype)


def full(value, *shape):
    return np.full(shape, value, np.float32)


def drawn_box_head(dtype=np.float32, grid=2, channels=3, width=4, classes=3):
    d = lambda seed, *shape: drawn(seed, *shape, dtype=dtype)  # noqa: E731
    return BoxHead(
        Conv(d(1, grid, grid, channels, width), d(2, width)),
        Conv(d(3, 1, 1, width, width), d(4, width)),
        Dense(d(5, width, classes), d(6, classes)),
        Dense(d(7, width, 4 * classes), d(8, 4 * classes)),
    )


def drawn_mask_head(dtype=np.float32, channels=2, classes=2):
    d = lambda seed, *shape: drawn(seed, *shape, dtype=dtype)  # noqa: E731
    c, around = channels, (1, 1)
    return MaskHead(
        tuple(Conv(d(i, 3, 3, c, c), d(i + 10, c), padding=around) for i in range(2)),
        Deconv(d(30, 2, 2, c, c), d(31, c)),
        Conv(d(32, 1, 1, c, classes), d(33, classes)),
    )


def torch_weights(name):
    return TORCH[f"{name}_kernel"], TORCH[f"{name}_bias"]


def close(ours, theirs):
    assert ours.shape == theirs.shape and ours.dtype == np.float32
    return np.abs(ours - theirs).max() < 3e-6 * np.abs(theirs).max()


# The box head


def test_a_region_goes_through_two_hidden_layers_by_hand():
    head = BoxHead(
        Conv(np.array([1, 2, 3, 4], np.float32).reshape(2, 2, 1, 1), full(-20, 1)),
        Conv(full(3, 1, 1, 1, 1), full(0.5, 1)),
        Dense(np.array([[1, -1]], np.float32), np.array([0, 7], np.float32)),
        Dense(np.arange(8, dtype=np.float32)[None], full(0, 8)),
    )
    features = np.array([[[1, 2], [3, 4]], [[1, 1], [1, 1]]], np.float32)[..., None]
    logits, deltas = box_head(features, head)
    # 1 + 4 + 9 + 16 - 20 = 10, · 3 + 0.5 = 30.5; the other 10 - 20 is cut off to 0, then 0.5
    assert logits.tolist() == [[30.5, 7 - 30.5], [0.5, 6.5]]
    assert deltas.tolist() == [
        [[0, 30.5, 61, 91.5], [122, 152.5, 183, 213.5]],
        [[0, 0.5, 1, 1.5], [2, 2.5, 3, 3.5]],
    ]


def test_the_second_hidden_layer_cuts_off_negative_values_too():
    head = drawn_box_head(classes=2)
    dead = BoxHead(head.hidden1, Conv(full(-1, 1, 1, 4, 4), full(0, 4)), head.logits, head.deltas)
    logits, _ = box_head(drawn(9, 3, 2, 2, 3), dead)
    assert (logits == head.logits.bias).all()


def test_the_box_head_is_that_of_pytorch():
    names = ("hidden1", "hidden2", "logits", "deltas")
    hidden1, hidden2, logits, deltas = (torch_weights(f"box_{name}") for name in names)
    head = BoxHead(Conv(*hidden1), Conv(*hidden2), Dense(*logits), Dense(*deltas))
    class_logits, box_deltas = box_head(TORCH["box_features"], head)
    assert close(class_logits, TORCH["box_class_logits"])
    assert close(box_deltas, TORCH["box_deltas"])


def test_regions_do_not_influence_each_other():
    features, head = drawn(9, 6, 2, 2, 3), drawn_box_head()
    logits, deltas = box_head(features, head)
    for r in range(6):
        alone = box_head(features[r : r + 1], head)
        assert np.allclose(logits[r], alone[0][0], rtol=0, atol=1e-6)
        assert np.allclose(deltas[r], alone[1][0], rtol=0, atol=1e-6)


def test_no_regions_have_no_classes():
    logits, deltas = box_head(full(0, 0, 2, 2, 3), drawn_box_head(classes=5))
    assert logits.shape == (0, 5) and deltas.shape == (0, 5, 4)


def test_the_gradients_of_the_box_head_are_those_of_finite_differences():
    head = drawn_box_head(np.float64)
    weights = [head.hidden1, head.hidden2, head.logits, head.deltas]

    def function(x, k1, b1, k2, b2, k3, b3, k4, b4):
        return box_head(x, BoxHead(Conv(k1, b1), Conv(k2, b2), Dense(k3, b3), Dense(k4, b4)))

    arrays = [array for layer in weights for array in (layer.kernel, layer.bias)]
    assert gradient_error(function, [drawn(9, 3, 2, 2, 3, dtype=np.float64), *arrays]) < 1e-6


@pytest.mark.parametrize("shape", [(5, 3, 3, 3), (5, 2, 2, 4), (2, 2, 3), (5, 12), (5, 1, 2, 3)])
def test_features_of_another_head_are_refused(shape):
    with pytest.raises(ValueError, match=r"box_head wants \(2, 2, 3\) for each region, got"):
        box_head(full(0, *shape), drawn_box_head())


# The mask head


def test_a_mask_is_twice_as_fine_as_its_features_by_hand():
    centre = np.zeros((3, 3, 1, 1), np.float32)
    centre[1, 1] = 2
    head = MaskHead(
        (Conv(centre, full(-1, 1), padding=(1, 1)),),
        Deconv(np.array([1, 10, 100, 1000], np.float32).reshape(2, 2, 1, 1), full(0, 1)),
        Conv(np.array([1, -1], np.float32).reshape(1, 1, 1, 2), np.array([0, 5], np.float32)),
    )
    features = np.array([1, 0], np.float32).reshape(1, 1, 2, 1)  # to 1 and -1, which is cut off
    logits = mask_head(features, head)
    assert logits.shape == (1, 2, 4, 2)
    expected = np.array([[1, 10, 0, 0], [100, 1000, 0, 0]])
    assert np.allclose(logits[0, ..., 0], expected, rtol=1e-5)
    assert np.allclose(logits[0, ..., 1], 5 - expected, rtol=1e-5)


def test_negative_values_are_cut_off_after_the_deconvolution():
    head = drawn_mask_head()
    dead = MaskHead(head.convs, Deconv(full(-1, 2, 2, 2, 2), full(0, 2)), head.logits)
    assert (mask_head(drawn(9, 2, 3, 3, 2), dead) == head.logits.bias).all()


def test_the_mask_head_is_that_of_pytorch():
    convs = tuple(Conv(*torch_weights(f"mask_conv{i}"), padding=(1, 1)) for i in range(2))
    logits = Conv(*torch_weights("mask_logits"))
    head = MaskHead(convs, Deconv(*torch_weights("mask_deconv")), logits)
    assert close(mask_head(TORCH["mask_features"], head), TORCH["mask_logits"])


def test_no_objects_have_no_masks():
    assert mask_head(full(0, 0, 14, 14, 2), drawn_mask_head(classes=5)).shape == (0, 28, 28, 5)


def test_objects_do_not_influence_each_other():
    features, head = drawn(9, 3, 4, 4, 2), drawn_mask_head()
    logits = mask_head(features, head)
    for n in range(3):
        alone = mask_head(features[n : n + 1], head)[0]
        assert np.allclose(logits[n], alone, rtol=0, atol=1e-6)


def test_the_gradients_of_the_mask_head_are_those_of_finite_differences():
    head = drawn_mask_head(np.float64)
    layers = (*head.convs, head.deconv, head.logits)

    def function(x, k1, b1, k2, b2, k3, b3, k4, b4):
        convs = Conv(k1, b1, padding=(1, 1)), Conv(k2, b2, padding=(1, 1))
        return mask_head(x, MaskHead(convs, Deconv(k3, b3), Conv(k4, b4)))

    arrays = [array for layer in layers for array in (layer.kernel, layer.bias)]
    assert gradient_error(function, [drawn(9, 2, 2, 3, 2, dtype=np.float64), *arrays]) < 1e-6


def test_features_of_another_shape_are_refused():
    with pytest.raises(
        ValueError, match=r"mask_head wants features \(N, P, P, C\), got \(4, 4, 2\)"
    ):
        mask_head(full(0, 4, 4, 2), drawn_mask_head())
    with pytest.raises(ValueError, match="channels"):
        mask_head(full(0, 1, 4, 4, 3), drawn_mask_head())
