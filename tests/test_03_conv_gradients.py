"""The gradients of convolution and of batch normalisation, and what the trainer reads off."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import stored
from gradients import gradient_error, tape_gradients

from minimaskrcnn.conv import BatchNorm, Conv, batch_norm, batch_statistics, conv2d
from minimaskrcnn.conv.choose import gradient_by_winograd
from minimaskrcnn.conv.im2col import windows
from minimaskrcnn.conv.winograd_gradient import kernel_gradient_winograd
from minimaskrcnn.runtime import tape, threads
from minimaskrcnn.runtime.tape import gradients, recording

TORCH = stored("conv_gradients")
NAMES = sorted(key.removesuffix("_args") for key in TORCH if key.endswith("_args"))
each = pytest.mark.parametrize


def draw(seed, *shape, dtype=np.float64):
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype(dtype)


# ---------------------------------------------------------------- by hand


def test_the_gradients_of_one_product():
    x, add = np.array([[[3.0]]]), np.array([[[10.0]]])
    conv = Conv(np.array([[[[2.0]]]]), np.array([-1.0]))

    def found(relu, add):
        with recording() as steps:
            y = conv2d(x, conv, relu, add)
        pairs = gradients(steps, [(y, np.full((1, 1, 1), 7.0))])
        return [pairs[id(a)].item() for a in (x, conv.kernel, conv.bias)]

    assert found(False, None) == found(True, add) == [14, 21, 7]  # 7 * kernel, 7 * x, 7
    assert found(True, -add) == [0, 0, 0]  # ReLU of 6 - 1 - 10 is flat


def test_an_array_of_zeros_before_relu_gets_no_gradient():
    x, conv = np.zeros((2, 2, 1)), Conv(np.ones((1, 1, 1, 1)), np.zeros(1))
    found = tape_gradients(lambda x: conv2d(x, conv, relu=True), [x], [np.ones((2, 2, 1))])
    assert (found[0] == 0).all()  # the original's convention at the kink


# ---------------------------------------------------------------- finite differences

SHAPES = [  # x, kernel, stride, padding
    ((4, 5, 2), (3, 3, 2, 3), 1, (1, 1)),
    ((2, 4, 3, 2), (3, 3, 2, 3), 1, (0, 0)),
    ((2, 5, 6, 2), (3, 3, 2, 2), 2, (0, 1)),
    ((1, 6, 5, 2), (3, 3, 2, 2), 1, (2, 0)),
    ((5, 4, 3), (1, 1, 3, 2), 1, (0, 0)),
    ((2, 5, 4, 3), (1, 1, 3, 2), 2, (0, 0)),
    ((9, 8, 1), (7, 7, 1, 2), 2, (3, 3)),
    ((3, 2, 2, 3), (2, 2, 3, 2), 1, (0, 0)),  # the kernel as large as the map
    ((4, 4, 2), (2, 3, 2, 2), 1, (1, 1)),  # not square
    ((3, 3, 1), (1, 1, 1, 2), 1, (1, 2)),  # more zeros than the kernel reaches over
    ((3, 4, 1), (2, 2, 1, 2), 1, (2, 0)),  # as many
    ((6, 7, 1), (2, 2, 1, 2), 3, (0, 1)),  # some inputs are seen by no window
]


@each("x_shape, kernel_shape, stride, padding", SHAPES)
@each("relu", [False, True])
def test_every_gradient_of_conv2d_agrees_with_finite_differences(
    x_shape, kernel_shape, stride, padding, relu
):
    arrays = [draw(0, *x_shape), draw(1, *kernel_shape), draw(2, kernel_shape[3])]
    y = conv2d(arrays[0], Conv(arrays[1], arrays[2], stride, padding))
    add = draw(3, *y.shape)
    add += 0.01 * np.sign(y + add)  # nothing within 0.01 of ReLU's kink

    def function(x, kernel, bias, add):
        return conv2d(x, Conv(kernel, bias, stride, padding), relu, add)

    assert gradient_error(function, [*arrays, add]) < 1e-7
    if not relu:
        assert gradient_error(lambda x, k, b: function(x, k, b, None), arrays) < 1e-7


@each("norm", [None, BatchNorm(*np.ones((4, 2)))])
@each("size", [1, 3])
def test_without_a_single_region_nothing_is_learned_and_nothing_breaks(norm, size):
    x, conv = np.ones((0, 4, 4, 3)), Conv(np.ones((size, size, 3, 2)), np.ones(2), 1, (0, 0), norm)
    with tape.recording() as steps:
        y = conv2d(x, conv, relu=True)
    assert y.shape == (0, 5 - size, 5 - size, 2)
    assert all(np.isfinite(mean).all() for _, mean, _ in batch_statistics(steps))
    found = tape.gradients(steps, [(y, y.copy())])
    assert found[id(x)].shape == x.shape and not found[id(conv.kernel)].any()


@each("relu", [False, True])
def test_every_gradient_of_batch_norm_agrees_with_finite_differences(relu):
    x, gamma, beta = draw(0, 2, 4, 3, 5), draw(1, 5), draw(2, 5)
    constants = np.zeros(5), np.ones(5)
    y = batch_norm(x, BatchNorm(gamma, beta, *constants))
    add = draw(3, *y.shape)
    add += 0.01 * np.sign(y + add)

    def function(x, gamma, beta, add):
        return batch_norm(x, BatchNorm(gamma, beta, *constants), relu, add)

    assert gradient_error(function, [x, gamma, beta, add]) < 1e-6


def test_the_gradients_of_a_convolution_with_its_norm_agree_with_finite_differences():
    arrays = [draw(0, 2, 4, 5, 2), draw(1, 3, 3, 2, 3), draw(2, 3), draw(3, 3)]

    def function(x, kernel, gamma, beta):
        norm = BatchNorm(gamma, beta, np.zeros(3), np.ones(3))
        return conv2d(x, Conv(kernel, np.ones(3), 1, (1, 1), norm))

    assert gradient_error(function, arrays) < 1e-6


# ---------------------------------------------------------------- PyTorch


@each("dtype, tolerance", [(np.float64, 2e-7), (np.float32, 3e-6)])
@each("name", NAMES)
def test_outputs_and_gradients_equal_pytorchs(name, dtype, tolerance):
    case = {key.removeprefix(name + "_"): v for key, v in TORCH.items() if key.startswith(name)}
    stride, before, after, relu = case.pop("args").tolist()
    inputs = {key[1:]: case[key[1:]].astype(dtype) for key in case if key[1:] in case}
    norm = None
    if "gamma" in inputs:
        outputs = len(inputs["gamma"])
        norm = BatchNorm(inputs["gamma"], inputs["beta"], np.zeros(outputs), np.ones(outputs))
    conv = Conv(inputs["kernel"], inputs["bias"], stride, (before, after), norm)
    with recording() as steps:
        y = conv2d(inputs["x"], conv, bool(relu), inputs["add"])
    found = gradients(steps, [(y, case["grad"].astype(dtype))])
    assert np.abs(y - case["y"]).max() < tolerance * np.abs(case["y"]).max()
    for key, array in inputs.items():
        gradient = found[id(array)]
        assert gradient.shape == array.shape and gradient.dtype == dtype
        largest = max(1, np.abs(case["d" + key]).max())  # a bias before a norm has gradient 0
        assert np.abs(gradient - case["d" + key]).max() < tolerance * largest, key


# ---------------------------------------------------------------- Winograd's form

TILED = [  # x, outputs, padding
    ((1, 6, 6, 1), 1, (0, 0)),  # a single tile
    ((1, 6, 9, 2), 3, (1, 1)),  # the last tiles are not whole
    ((3, 7, 4, 2), 1, (2, 0)),  # no tile reaches over two images
    ((2, 3, 3, 1), 2, (0, 2)),
    ((2, 9, 1100, 1), 2, (1, 1)),  # several blocks beside and below each other
    ((90, 8, 8, 2), 2, (1, 1)),  # several blocks in a part
]


@each("x_shape, outputs, padding", TILED)
def test_the_kernels_gradient_by_winograd_is_the_sum_over_all_windows(x_shape, outputs, padding):
    x, conv = draw(0, *x_shape), Conv(draw(1, 3, 3, x_shape[3], outputs), np.zeros(outputs))
    conv = replace(conv, padding=padding)
    grad = draw(2, *conv2d(x, conv).shape)
    by_windows = windows(x, conv).T @ grad.reshape(-1, outputs)
    found = kernel_gradient_winograd(grad, x, conv)
    assert found.shape == conv.kernel.shape
    assert np.abs(found.reshape(by_windows.shape) - by_windows).max() < 1e-10


def test_winograds_form_is_taken_where_it_pays():
    def takes(images=4, size=16, channels=32, outputs=32, kernel=3, stride=1, dtype=np.float32):
        conv = Conv(np.ones((kernel, kernel, channels, outputs)), np.ones(outputs), stride)
        x = np.ones((images, size + 2, size + 2, channels), dtype)
        return gradient_by_winograd(np.ones((images, size, size, outputs), dtype), x, conv)

    assert takes() and takes(images=1, size=29) and not takes(images=1, size=28)
    assert not takes(images=3)  # 48 tiles
    assert not (takes(channels=31) or takes(outputs=31) or takes(kernel=1) or takes(stride=2))
    assert not takes(dtype=np.float64)  # for gradient checks


# ---------------------------------------------------------------- blocks, threads, statistics


def gradients_of(x, conv, grad):
    with recording() as steps:
        y = conv2d(x, conv, relu=True)
    found = gradients(steps, [(y, grad)])
    return [found[id(array)] for array in (x, conv.kernel, conv.bias)]


@each("x_shape, kernel_shape, stride, padding", [
    ((4, 60, 60, 16), (3, 3, 16, 32), 1, (1, 1)),
    ((3, 44, 44, 32), (3, 3, 32, 36), 1, (1, 1)),  # by Winograd
    ((4, 64, 64, 3), (7, 7, 3, 32), 2, (3, 3)),
    ((6, 64, 64, 32), (1, 1, 32, 16), 1, (0, 0)),
    ((600, 7, 7, 16), (7, 7, 16, 64), 1, (0, 0)),
])  # fmt: skip
def test_gradients_of_many_blocks_equal_float64_and_do_not_depend_on_the_threads(
    x_shape, kernel_shape, stride, padding
):
    x, kernel, bias = draw(0, *x_shape), draw(1, *kernel_shape), draw(2, kernel_shape[3]) + 100
    conv = Conv(kernel, bias, stride, padding)  # the large bias keeps all away from the kink
    grad = draw(3, *conv2d(x, conv).shape)
    narrow = Conv(kernel.astype(np.float32), bias.astype(np.float32), stride, padding)
    arguments = x.astype(np.float32), narrow, grad.astype(np.float32)
    expected, before, found = gradients_of(x, conv, grad), threads.get_num_threads(), {}
    try:
        for number in (1, 2, 3):
            threads.set_num_threads(number)
            found[number] = gradients_of(*arguments)
    finally:
        threads.set_num_threads(before)
    for i in range(3):
        assert np.abs(found[1][i] - expected[i]).max() < 1e-5 * np.abs(expected[i]).max()
        assert (found[1][i] == found[2][i]).all() and (found[1][i] == found[3][i]).all()


def test_the_gradients_of_a_kernel_and_a_bias_are_sums_over_all_blocks_of_a_part():
    whole = np.random.RandomState(0).randint(-2, 3, size=(2, 400, 500, 8)).astype(np.float64)
    conv = Conv(np.eye(8)[None, None], np.full(8, 9.0))  # 25 blocks in 8 parts, nothing at the kink
    _, dkernel, dbias = gradients_of(whole, conv, whole[::-1])
    rows, grad = whole.reshape(-1, 8), whole[::-1].reshape(-1, 8)
    np.testing.assert_array_equal(dkernel[0, 0], rows.T @ grad)  # whole numbers: exact
    np.testing.assert_array_equal(dbias, grad.sum(0))


def test_blocks_of_different_means_and_lengths_have_the_variance_of_the_whole():
    x = draw(0, 40_000, 4)  # two full blocks and a shorter one
    x += 10 * (np.arange(40_000) > 20_000)[:, None]
    one, zero = np.ones(4), np.zeros(4)
    y = batch_norm(x, BatchNorm(one, zero, zero, one))
    expected = (x - x.mean(0)) / np.sqrt(x.var(0) + 0.001)
    np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-11)


def test_a_normalised_batch_has_mean_0_and_variance_1():
    x = draw(0, 3, 50, 60, 8, dtype=np.float32) * 5 + 1000  # several blocks, far from 0
    ones = np.ones(8, np.float32)
    y = batch_norm(x, BatchNorm(ones, 0 * ones, 0 * ones, ones)).reshape(-1, 8).astype(np.float64)
    assert np.abs(y.mean(0)).max() < 1e-4 and np.abs(y.var(0) - 1).max() < 1e-3


def test_the_trainer_reads_the_batch_statistics_off_the_tape():
    norms = [BatchNorm(*np.ones((4, 3), np.float32)) for _ in range(2)]
    kernel = np.eye(3, dtype=np.float32)[None, None]
    convs = [Conv(kernel, np.zeros(3, np.float32), norm=norm) for norm in norms]
    x = draw(0, 2, 6, 7, 3, dtype=np.float32)
    with recording() as steps:
        conv2d(conv2d(conv2d(x, convs[0]), convs[1], relu=True), convs[0])
    found = batch_statistics(steps)
    assert [norm is norms[i] for (norm, _, _), i in zip(found, (0, 1, 0), strict=True)] == [
        True
    ] * 3
    _, mean, variance = found[0]
    assert np.allclose(mean, x.mean((0, 1, 2)), atol=1e-6)
    assert np.allclose(variance, x.var((0, 1, 2)), rtol=1e-5)  # divided by the count, not less 1
    assert all((getattr(norms[0], name) == 1).all() for name in ("mean", "variance"))  # untouched
