"""The small operations between convolutions, and their gradients."""

import warnings

import numpy as np
import pytest
from conftest import stored
from gradients import gradient_error, tape_gradients

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.layers import (
    Deconv,
    Dense,
    concatenate,
    deconv2d,
    dense,
    reshape,
    sigmoid,
    softmax,
)
from minimaskrcnn.resizing import max_pool, subsample, upsample

OPS = stored("ops_layers")


def column(*values):
    """A map of one column and one channel."""
    return np.array(values, np.float32)[:, None, None]


def drawn(*shape, seed=0):
    return np.random.RandomState(seed).uniform(-1, 1, shape)


def floats(*shape, seed=0):
    return drawn(*shape, seed=seed).astype(np.float32)


# Max-pooling


def test_an_even_map_is_padded_at_its_end_only():
    # windows 0 1 2 and 2 3 (beyond)
    assert max_pool(column(5, 1, 2, 3)).ravel().tolist() == [5, 3]
    assert max_pool(column(1, 2, 5, 3)).ravel().tolist() == [5, 5]


def test_an_odd_map_is_padded_on_both_sides():
    # windows (before) 0 1, 1 2 3, 3 4 (beyond)
    assert max_pool(column(1, 2, 9, 3, 4)).ravel().tolist() == [2, 9, 4]


def test_height_and_width_are_padded_each_for_itself():
    x = np.arange(15, dtype=np.float32).reshape(5, 3, 1)
    assert max_pool(x)[..., 0].tolist() == [[4, 5], [10, 11], [13, 14]]
    x = np.arange(8, dtype=np.float32).reshape(4, 2, 1)
    assert max_pool(x)[..., 0].tolist() == [[5], [7]]


def test_what_lies_beyond_the_map_is_never_the_largest():
    assert (max_pool(-np.ones((4, 5, 2), np.float32)) == -1).all()


def test_channels_and_images_of_a_batch_do_not_mix():
    batch = floats(3, 6, 7, 4)
    pooled = max_pool(batch)
    assert pooled.shape == (3, 3, 4, 4) and pooled.dtype == np.float32
    for n in range(3):
        for k in range(4):
            assert (max_pool(batch[n, :, :, k : k + 1]) == pooled[n, :, :, k : k + 1]).all()


def test_one_cell_is_its_own_maximum():
    assert max_pool(column(3)).tolist() == [[[3]]]
    assert max_pool(np.zeros((0, 4, 4, 2), np.float32)).shape == (0, 2, 2, 2)


def test_nan_shows_in_every_window_that_holds_it():
    assert np.isnan(max_pool(column(1, 2, np.nan, 3))).ravel().tolist() == [True, True]
    assert np.isnan(max_pool(column(1, 2, 5, np.nan))).ravel().tolist() == [False, True]


@pytest.mark.parametrize("size", ["16x12", "15x13"])
def test_max_pool_is_that_of_the_original(size):
    name = f"maxpool3_stride2_same_{size}"
    assert (max_pool(OPS[f"{name}_in"]) == OPS[f"{name}_out"]).all()


# Doubling, halving, padding


def test_upsample_repeats_every_cell_two_by_two():
    x = np.array([[[1, -1], [2, -2]]], np.float32)
    rows = [[[1, -1], [1, -1], [2, -2], [2, -2]]] * 2
    assert upsample(x).tolist() == rows
    assert upsample(x[None]).tolist() == [rows]
    assert (upsample(OPS["upsample2_in"]) == OPS["upsample2_out"]).all()


def test_subsample_takes_every_second_cell_from_the_first():
    x = np.arange(15.0).reshape(3, 5, 1)
    assert subsample(x)[..., 0].tolist() == [[0, 2, 4], [10, 12, 14]]
    assert subsample(x[None])[0, ..., 0].tolist() == [[0, 2, 4], [10, 12, 14]]
    assert (subsample(OPS["maxpool1_stride2_in"]) == OPS["maxpool1_stride2_out"]).all()


def test_subsample_of_doubled_is_the_map_itself():
    x = floats(2, 5, 4, 3)
    assert (subsample(upsample(x)) == x).all()


def test_the_padding_of_a_convolution_is_that_of_the_original():
    x = OPS["zeropad3_in"]
    identity = np.eye(5, dtype=np.float32)[None, None]  # a 1x1 kernel that copies the channels
    padded = conv2d(x, Conv(identity, np.zeros(5, np.float32), padding=(3, 3)))
    assert (padded == OPS["zeropad3_out"]).all()


@pytest.mark.parametrize(
    ("operation", "name"),
    [(max_pool, "max_pool"), (upsample, "upsample"), (subsample, "subsample")],
)
@pytest.mark.parametrize(
    "x",
    [np.zeros((4, 4), np.float32), np.zeros((4, 4, 1), np.uint8), np.zeros(4), np.zeros((4,) * 5)],
)
def test_what_is_no_map_of_floats_is_refused(operation, name, x):
    with pytest.raises(ValueError, match=rf"{name} wants \(H, W, C\) or"):
        operation(x)


# Dense and transposed convolution


def test_dense_multiplies_rows_with_columns():
    layer = Dense(np.array([[1, 2, 3], [10, 20, 30]], np.float32), np.array([0, 0, 1], np.float32))
    x = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    assert dense(x, layer).tolist() == [[1, 2, 4], [10, 20, 31], [11, 22, 34]]


def test_dense_is_that_of_the_original():
    layer = Dense(OPS["dense_w0"], OPS["dense_w1"])
    assert np.abs(dense(OPS["dense_in"][None], layer)[0] - OPS["dense_out"]).max() < 2e-6


def test_no_rows_give_no_rows():
    assert dense(floats(0, 5), Dense(floats(5, 3), floats(3))).shape == (0, 3)
    deconv = Deconv(floats(2, 2, 3, 5), floats(3))
    assert deconv2d(floats(0, 4, 6, 5), deconv).shape == (0, 8, 12, 3)


def test_each_cell_paints_a_patch_of_its_own():
    kernel = np.array([[[1], [2]], [[3], [4]]], np.float32)[..., None]  # (2, 2, 1, 1)
    layer = Deconv(kernel, np.array([100], np.float32))
    x = np.array([[[1], [10]]], np.float32)  # one row of two cells
    assert deconv2d(x, layer)[..., 0].tolist() == [[101, 102, 110, 120], [103, 104, 130, 140]]


def test_deconv_is_its_definition():
    layer = Deconv(drawn(2, 2, 3, 5), drawn(3, seed=1))
    x = drawn(2, 4, 6, 5, seed=2)
    y = deconv2d(x, layer)
    assert y.shape == (2, 8, 12, 3)
    for a in range(2):
        for b in range(2):
            expected = np.tensordot(x, layer.kernel[a, b], axes=(3, 1)) + layer.bias
            assert np.allclose(y[:, a::2, b::2], expected, rtol=0, atol=1e-13)
    assert np.array_equal(deconv2d(x[1], layer), y[1])
    assert np.array_equal(deconv2d(x, layer, relu=True), np.maximum(y, 0))


def test_deconv_is_that_of_the_original():
    name = "deconv2x2_stride2_relu"
    layer = Deconv(OPS[f"{name}_w0"], OPS[f"{name}_w1"])
    y = deconv2d(OPS[f"{name}_in"], layer, relu=True)
    assert np.abs(y - OPS[f"{name}_out"]).max() < 2e-6


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: dense(floats(2, 3, 4), Dense(floats(4, 2), floats(2))),
            r"dense wants x \(R, in\)",
        ),
        (lambda: dense(floats(2, 4), Dense(floats(1, 1, 4, 2), floats(2))), "dense wants"),
        (lambda: dense(floats(2, 3), Dense(floats(4, 2), floats(2))), "3 channels, .* for 4"),
        (lambda: dense(np.zeros((2, 4), int), Dense(floats(4, 2), floats(2))), "float"),
        (lambda: dense(drawn(2, 4), Dense(floats(4, 2), floats(2))), "one dtype"),
        (lambda: dense(floats(2, 4), Dense(floats(4, 2), floats(3))), "bias"),
        (lambda: deconv2d(floats(2, 2, 4), Deconv(floats(3, 3, 2, 4), floats(2))), r"\(2, 2, out"),
        (lambda: deconv2d(floats(2, 2, 4), Deconv(floats(2, 2, 4), floats(2))), r"\(2, 2, out"),
        (lambda: deconv2d(floats(2, 2, 3), Deconv(floats(2, 2, 2, 4), floats(2))), "channels"),
        (lambda: deconv2d(floats(2, 3), Deconv(floats(2, 2, 2, 3), floats(2))), r"\(H, W, C\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Probabilities


def test_softmax_by_hand():
    logits = np.log(np.array([[1.0, 2.0, 5.0], [3.0, 3.0, 3.0]]))
    assert np.allclose(softmax(logits), [[1 / 8, 2 / 8, 5 / 8], [1 / 3, 1 / 3, 1 / 3]], atol=1e-15)


def test_softmax_of_huge_logits_does_not_overflow():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert softmax(np.array([1000.0, 1000.0, 0.0])).tolist() == [0.5, 0.5, 0]
        assert softmax(np.array([-1000.0, -1000.0])).tolist() == [0.5, 0.5]


def test_softmax_sums_to_one_along_the_last_axis_and_ignores_a_shift():
    logits = 10 * floats(4, 5, 6)
    probs = softmax(logits)
    assert probs.dtype == np.float32 and np.abs(probs.sum(axis=-1) - 1).max() < 1e-6
    assert np.allclose(softmax(drawn(3, 4) + 7), softmax(drawn(3, 4)), atol=1e-15)
    assert softmax(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_sigmoid_by_hand():
    assert np.allclose(sigmoid(np.log([1.0, 3.0, 1 / 3])), [1 / 2, 3 / 4, 1 / 4], atol=1e-15)


def test_sigmoid_of_huge_logits_does_not_overflow():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sigmoid(np.array([1000.0, -1000.0, -700.0])).tolist() == [1, 0, np.exp(-700)]
        assert sigmoid(np.array([-100.0], np.float32)).dtype == np.float32


def test_softmax_and_sigmoid_are_those_of_the_original():
    assert np.abs(softmax(OPS["softmax_in"]) - OPS["softmax_out"]).max() < 3e-8
    assert np.abs(sigmoid(OPS["sigmoid_in"]) - OPS["sigmoid_out"]).max() < 2e-7


# Gradients

GRADIENTS = {
    "dense": (lambda x, k, b: dense(x, Dense(k, b)), [(3, 4), (4, 5), (5,)]),
    "deconv": (lambda x, k, b: deconv2d(x, Deconv(k, b)), [(2, 2, 3, 3), (2, 2, 4, 3), (4,)]),
    "deconv of one": (lambda x, k, b: deconv2d(x, Deconv(k, b)), [(2, 3, 3), (2, 2, 2, 3), (2,)]),
    "deconv, relu": (
        lambda x, k, b: deconv2d(x, Deconv(k, b), True),
        [(1, 2, 2, 3), (2, 2, 4, 3), (4,)],
    ),
    "max_pool": (max_pool, [(6, 4, 3)]),
    "max_pool, odd": (max_pool, [(5, 7, 2)]),
    "max_pool of a batch": (max_pool, [(2, 5, 4, 2)]),
    "upsample": (upsample, [(3, 2, 2)]),
    "upsample of a batch": (upsample, [(2, 1, 3, 2)]),
    "subsample": (subsample, [(4, 6, 2)]),
    "subsample, odd": (subsample, [(2, 5, 3, 2)]),
    "reshape": (lambda x: reshape(x, (4, 6)), [(2, 3, 4)]),
    "concatenate": (lambda a, b: concatenate([a, b], axis=0), [(2, 3), (4, 3)]),
    "concatenate, inside": (lambda *x: concatenate(x, axis=-2), [(2, 3, 2), (2, 1, 2), (2, 2, 2)]),
    "one array twice": (lambda x: concatenate([x, upsample(subsample(x))], axis=2), [(4, 4, 2)]),
    "two outputs": (lambda x: (upsample(x), reshape(x, (12,))), [(2, 3, 2)]),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_the_gradient_is_that_of_finite_differences(name):
    function, shapes = GRADIENTS[name]
    arrays = [drawn(*shape, seed=i) for i, shape in enumerate(shapes)]
    assert gradient_error(function, arrays) < 1e-6


def test_among_equals_the_first_cell_of_the_window_gets_the_gradient():
    for x, expected in (
        (np.zeros((4, 4, 1)), [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]),
        (np.zeros((3, 3, 1)), [[1, 1, 0], [1, 1, 0], [0, 0, 0]]),
    ):
        (gradient,) = tape_gradients(max_pool, [x], [np.ones((2, 2, 1))])
        assert gradient[..., 0].tolist() == expected


def test_a_map_of_minus_infinity_hands_its_gradient_to_cells_within_the_map():
    for size in (1, 2, 3, 4):
        x = np.full((size, size, 1), -np.inf)
        pooled, first = (size + 1) // 2, 1 - size % 2
        (gradient,) = tape_gradients(max_pool, [x], [np.ones((pooled, pooled, 1))])
        assert (gradient[first::2, first::2] == 1).all()  # the windows' centres
        assert gradient.sum() == pooled * pooled


def test_operations_leave_their_arguments_as_they_were():
    x = floats(2, 4, 4, 3)
    before = x.copy()
    deconv2d(x, Deconv(floats(2, 2, 3, 3), floats(3)), relu=True)
    for operation in (max_pool, upsample, subsample, softmax, sigmoid):
        operation(x)
    assert (x == before).all()


@pytest.mark.parametrize("shape", [(2, 70, 37, 3), (65, 34, 2)])
def test_maps_of_many_blocks_come_out_whole(shape):
    x = floats(*shape)
    h, w = shape[-3:-1]
    around = [(0, 0)] * (len(shape) - 3) + [(h % 2, 1), (w % 2, 1), (0, 0)]
    padded = np.pad(x, around, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(-3, -2))
    expected = windows[..., ::2, ::2, :, :, :].max(axis=(-2, -1))
    np.testing.assert_array_equal(max_pool(x), expected)
    np.testing.assert_array_equal(upsample(x), x.repeat(2, axis=-3).repeat(2, axis=-2))
