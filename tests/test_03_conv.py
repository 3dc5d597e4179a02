"""Convolution: its definition, the forms that must equal it, and `conv2d`, which chooses."""

import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn.conv import (
    BatchNorm,
    Conv,
    blocks,
    conv2d,
    conv2d_blocked,
    conv2d_chain,
    conv2d_direct,
    conv2d_im2col,
    conv2d_winograd,
    conv2d_winograd_plain,
    fold_batch_norm,
    output_shape,
    windows,
)
from minimaskrcnn.conv.choose import choose_form
from minimaskrcnn.conv.winograd import matrices
from minimaskrcnn.runtime import tape, threads

OPS = stored("ops_layers")
JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"
ANY = [conv2d_direct, conv2d_im2col, conv2d_blocked, conv2d]  # of any kernel and stride
WINOGRAD = [conv2d_winograd_plain, conv2d_winograd]  # of 3 x 3 kernels and stride 1
each = pytest.mark.parametrize


def draw(seed, *shape, dtype=np.float32):
    return np.random.RandomState(seed).standard_normal(shape).astype(dtype)


def draw_conv(seed, *kernel_shape, stride=1, padding=(0, 0), dtype=np.float32):
    kernel = draw(seed, *kernel_shape, dtype=dtype)
    return Conv(kernel, draw(seed + 1, kernel_shape[3], dtype=dtype), stride, padding)


def error(y, expected):
    """The largest difference, relative to the largest magnitude."""
    assert y.shape == expected.shape and y.dtype == expected.dtype
    return np.abs(y - expected).max() / np.abs(expected).max()


# ---------------------------------------------------------------- by hand


def by_hand(stride, padding, dtype):
    """The map 1 … 9 and the kernel 1, 10, 100, … , 10^8, which writes its window as digits."""
    x = np.arange(1, 10, dtype=dtype).reshape(3, 3, 1)
    kernel = (10.0 ** np.arange(9)).reshape(3, 3, 1, 1).astype(dtype)
    return x, Conv(kernel, np.zeros(1, dtype), stride, padding)


@each("form", [conv2d_direct, conv2d_im2col, conv2d_blocked, conv2d])
def test_a_kernel_of_powers_of_ten_spells_the_window_backwards(form):
    x, conv = by_hand(1, (0, 0), np.float64)
    assert form(x, conv).tolist() == [[[987654321.0]]]
    x, conv = by_hand(2, (1, 1), np.float64)  # around each corner of the map, zeros beyond it
    assert form(x, conv)[..., 0].tolist() == [[540210000, 65032000], [870540, 98065]]


@each("form", ANY + WINOGRAD)
def test_bias_then_shortcut_then_relu(form):
    x = np.full((1, 1, 1), 2, np.float32)
    kernel = np.zeros((3, 3, 1, 3), np.float32)
    kernel[1, 1, 0] = [1, 1, -1]  # the centre: 2, 2, -2
    conv = Conv(kernel, np.array([1, -5, 1], np.float32), padding=(1, 1))
    add = np.array([[[-10, 4, 0.5]]], np.float32)
    for relu, shortcut, expected in (
        (False, None, [3, -3, -1]),
        (True, None, [3, 0, 0]),
        (False, add, [-7, 1, -0.5]),
        (True, add, [0, 1, 0]),
    ):
        assert np.allclose(form(x, conv, relu, shortcut).ravel(), expected, atol=1e-5)


def test_padding_may_differ_before_and_after():
    x = np.arange(1, 5, dtype=np.float32).reshape(2, 2, 1)
    ones = Conv(np.ones((2, 2, 1, 1), np.float32), np.zeros(1, np.float32))
    before, after = (Conv(ones.kernel, ones.bias, 1, p) for p in ((1, 0), (0, 1)))
    for form in ANY:
        assert form(x, before)[..., 0].tolist() == [[1, 3], [4, 10]]
        assert form(x, after)[..., 0].tolist() == [[10, 6], [7, 4]]


def test_the_windows_of_a_pointwise_or_whole_map_kernel_are_no_copy():
    x = draw(0, 5, 7, 7, 3)
    for kernel_shape in ((1, 1, 3, 2), (7, 7, 3, 2)):
        rows = windows(x, draw_conv(1, *kernel_shape))
        assert np.shares_memory(rows, x)
        assert rows.shape == (x.size // (kernel_shape[0] ** 2 * 3), kernel_shape[0] ** 2 * 3)
    assert not np.shares_memory(windows(x, draw_conv(1, 3, 3, 3, 2)), x)


# ---------------------------------------------------------------- against the original


@each(
    "name, stride, padding",
    [
        ("conv3x3_same", 1, (1, 1)),
        ("conv1x1_stride2_valid", 2, (0, 0)),
        ("conv3x3_stride2_same", 2, (0, 1)),  # "same" for an even size pads after only
        ("conv7x7_stride2_valid", 2, (0, 0)),
    ],
)
@each("form", ANY + WINOGRAD)
def test_every_form_equals_the_original(form, name, stride, padding):
    if form in WINOGRAD and name != "conv3x3_same":
        pytest.skip("Winograd's is for 3 x 3 kernels and stride 1")
    conv = Conv(OPS[name + "_w0"], OPS[name + "_w1"], stride, padding)
    assert error(form(OPS[name + "_in"], conv), OPS[name + "_out"]) < 2e-6


def test_a_folded_batch_norm_equals_the_original():
    norm = BatchNorm(*(OPS[f"batchnorm_w{i}"] for i in range(4)))
    same = Conv(np.eye(5, dtype=np.float32)[None, None], np.zeros(5, np.float32))
    y = conv2d(OPS["batchnorm_in"], fold_batch_norm(same, norm))
    assert error(y, OPS["batchnorm_out"]) < 1e-6


def test_folding_is_exact_arithmetic_for_negative_gammas_and_vanishing_variances():
    conv = draw_conv(0, 3, 3, 4, 6, padding=(1, 1))
    gamma = np.array([-2, -1e-3, 0, 1, 1e3, 3], np.float32)
    variance = np.array([2e-13, 1, 4, 0, 1e-6, 1e4], np.float32)
    norm = BatchNorm(gamma, draw(2, 6), draw(3, 6), variance)
    folded = fold_batch_norm(conv, norm)
    x = draw(4, 5, 5, 4)
    wide = Conv(conv.kernel.astype(np.float64), conv.bias.astype(np.float64), 1, (1, 1))
    y = conv2d_direct(x.astype(np.float64), wide)
    deviation = np.sqrt(variance.astype(np.float64) + 0.001)
    expected = gamma * (y - norm.mean) / deviation + norm.beta
    for channel in range(6):  # each by itself: their scales differ by 10^6
        ours = conv2d_direct(x, folded)[..., channel]
        assert error(ours, expected[..., channel].astype(np.float32)) < 1e-6
    assert folded.kernel.dtype == folded.bias.dtype == np.float32 and folded.norm is None
    assert (folded.stride, folded.padding) == (1, (1, 1))
    assert (conv.kernel == draw_conv(0, 3, 3, 4, 6).kernel).all()  # the argument is left as it was


def test_a_norm_of_other_channels_is_refused():
    ones = np.ones(4, np.float32)
    with pytest.raises(ValueError, match="one gamma for each of the 6 output channels"):
        fold_batch_norm(draw_conv(0, 1, 1, 4, 6), BatchNorm(ones, ones, ones, ones))


# ---------------------------------------------------------------- the forms are equal

SIDES = [(1, 1), (1, 9), (6, 1), (2, 3), (4, 4), (5, 8), (7, 13), (12, 17)]


@each("relu", [False, True])
@each("shortcut", [False, True])
@each("sides", SIDES)
def test_winograd_equals_the_definition_on_maps_of_any_size(sides, relu, shortcut):
    for padding in ((1, 1), (0, 1), (2, 0), (0, 0)):
        if min(sides) + sum(padding) < 3:
            continue
        x, conv = draw(1, *sides, 6), draw_conv(2, 3, 3, 6, 8, padding=padding)
        add = draw(3, *output_shape(x, conv)) if shortcut else None
        expected = conv2d_direct(x, conv, relu, add)
        for form in WINOGRAD:
            difference = np.abs(form(x, conv, relu, add) - expected).max()
            assert difference < 3e-6 * np.abs(conv2d_direct(x, conv)).max()


@each("kernel, stride, padding", [
    ((1, 1), 1, (0, 0)), ((1, 1), 2, (0, 0)), ((3, 3), 1, (1, 1)), ((3, 3), 2, (0, 1)),
    ((7, 7), 2, (3, 3)), ((2, 4), 3, (2, 1)), ((3, 1), 1, (0, 0)), ((1, 5), 2, (2, 2)),
    ((5, 5), 1, (4, 4)), ((3, 3), 5, (0, 0)), ((1, 1), 3, (2, 2)),
])  # fmt: skip
@each("relu, shortcut", [(False, False), (True, True)])
def test_the_matrix_products_equal_the_definition(kernel, stride, padding, relu, shortcut):
    for sides in ((5, 5), (8, 11), (2, 7, 6), (3, 13, 9)):
        x = draw(1, *sides, 5)
        conv = draw_conv(2, *kernel, 5, 7, stride=stride, padding=padding)
        add = draw(3, *output_shape(x, conv)) if shortcut else None
        expected = conv2d_direct(x, conv, relu, add)
        for form in (conv2d_im2col, conv2d_blocked, conv2d):
            assert error(form(x, conv, relu, add), expected) < 3e-6


@pytest.mark.skipif(not JIT, reason="too large for plain Python")
@each("shape, channels, outputs", [
    ((33, 70), 64, 64),  # several blocks, the last one smaller in both directions
    ((1, 600), 64, 128),  # a row of tiles longer than a block
    ((3, 14, 14), 256, 256),  # a block holds rows of tiles of several images
    ((9, 6), 512, 64), ((20, 9), 600, 48), ((8, 8), 24, 100), ((5, 5), 1100, 16),
])  # fmt: skip
@each("small_routine", [True, False])
def test_the_forms_are_equal_across_blocks_and_panels(
    monkeypatch, shape, channels, outputs, small_routine
):
    monkeypatch.setattr(blocks, "_has_small_routine", lambda: small_routine)
    x, conv = draw(1, *shape, channels), draw_conv(2, 3, 3, channels, outputs, padding=(1, 1))
    expected = conv2d_im2col(x, conv)
    assert error(conv2d_winograd(x, conv), expected) < 1e-5
    assert error(conv2d_blocked(x, conv), expected) < 2e-6
    add = draw(4, *expected.shape)
    expected = conv2d_im2col(x, conv, True, add)
    assert error(conv2d_winograd(x, conv, True, add), expected) < 1e-5
    assert error(conv2d_blocked(x, conv, True, add), expected) < 2e-6
    pointwise = draw_conv(3, 1, 1, channels, outputs, stride=2)
    assert error(conv2d_blocked(x, pointwise), conv2d_im2col(x, pointwise)) < 2e-6


@pytest.mark.skipif(not JIT, reason="too large for plain Python")
@each("rows", [1, 23, 24, 239, 240, 241, 1000, 5000])
@each("channels, outputs", [(16, 64), (64, 64), (64, 256), (256, 12), (1024, 64), (2048, 32)])
def test_a_pointwise_convolution_is_right_at_every_block_boundary(rows, channels, outputs):
    x, conv = draw(1, rows, 1, channels), draw_conv(2, 1, 1, channels, outputs)
    expected = x.reshape(rows, channels).astype(np.float64) @ conv.kernel[0, 0] + conv.bias
    y = conv2d(x, conv).reshape(rows, outputs)
    assert error(y, expected.astype(np.float32)) < 2e-6


@each("form", ANY + WINOGRAD)
def test_no_images_give_no_outputs(form):
    y = form(np.zeros((0, 6, 5, 4), np.float32), draw_conv(0, 3, 3, 4, 8, padding=(1, 1)))
    assert y.shape == (0, 6, 5, 8) and y.dtype == np.float32


@each("form", ANY + WINOGRAD)
def test_the_arguments_are_left_alone_and_may_lie_in_memory_in_any_order(form):
    x, conv = draw(0, 6, 7, 4), draw_conv(1, 3, 3, 4, 8, padding=(1, 1))
    add = draw(2, 6, 7, 8)
    turned = [np.asfortranarray(a) for a in (x, conv.kernel, add)]
    expected = form(x, conv, True, add)
    y = form(turned[0], Conv(turned[1], conv.bias, 1, (1, 1)), True, turned[2])
    assert error(y, expected) < 1e-6
    assert (turned[0] == draw(0, 6, 7, 4)).all() and (turned[2] == draw(2, 6, 7, 8)).all()
    for array in (x, conv.kernel, conv.bias, add):
        array.flags.writeable = False
    assert (form(x, conv, True, add) == expected).all()  # read-only arguments will do


@each("form", ANY + WINOGRAD)
def test_a_nan_shows_in_the_output_even_through_relu(form):
    x = draw(0, 8, 8, 4)
    x[5, 5, 2] = np.nan
    y = form(x, draw_conv(1, 3, 3, 4, 8, padding=(1, 1)), relu=True)
    assert np.isnan(y[4:7, 4:7]).all()


def test_winograds_matrices_are_exact_for_any_points():
    for points in ((0, 1, -1, 2, -2), (0, 2 / 3, -2 / 3, 1.5, -1.5), (1, 2, 3, 4, 5)):
        at, g, bt = matrices(points)
        kernel, signal = draw(0, 3, dtype=np.float64), draw(1, 6, dtype=np.float64)
        y = at @ ((g @ kernel) * (bt @ signal))
        expected = [signal[i : i + 3] @ kernel for i in range(4)]
        assert np.allclose(y, expected, atol=1e-10)


def test_winograd_in_float64_is_the_convolution_itself():
    x = draw(0, 2, 9, 10, 16, dtype=np.float64)
    conv = draw_conv(1, 3, 3, 16, 8, padding=(1, 1), dtype=np.float64)
    for form in WINOGRAD:
        assert error(form(x, conv), conv2d_direct(x, conv)) < 1e-14


@pytest.mark.skipif(not JIT, reason="too large for plain Python")
@each("channels, limit", [(64, 4e-6), (256, 6e-6), (512, 6e-6)])
def test_winograd_loses_less_than_a_third_of_what_the_networks_stages_may(channels, limit):
    x = np.maximum(draw(0, 40, 40, channels) + np.float32(0.3), 0)  # as after a ReLU
    conv = draw_conv(1, 3, 3, channels, 64, padding=(1, 1))
    wide = Conv(conv.kernel.astype(np.float64), conv.bias.astype(np.float64), 1, (1, 1))
    expected = conv2d_im2col(x.astype(np.float64), wide).astype(np.float32)
    assert error(conv2d_winograd(x, conv), expected) < limit


# ---------------------------------------------------------------- which form, which errors


def test_the_form_is_chosen_by_the_shape():
    def form(*kernel_shape, stride=1, dtype=np.float32):
        conv = draw_conv(0, *kernel_shape, stride=stride, padding=(1, 1), dtype=dtype)
        return choose_form(draw(1, 32, 32, kernel_shape[2], dtype=dtype), conv)

    assert form(3, 3, 64, 64) is form(3, 3, 32, 32) is conv2d_winograd
    assert form(3, 3, 64, 64, stride=2) is conv2d_blocked
    assert form(3, 3, 32, 16) is form(3, 3, 16, 32) is conv2d_blocked
    assert form(1, 1, 64, 64) is conv2d_blocked
    assert form(3, 3, 64, 64, dtype=np.float64) is conv2d_im2col


def test_blocks_of_rows_are_multiples_of_eight_and_neither_too_small_nor_too_large(monkeypatch):
    monkeypatch.setattr(blocks, "_has_small_routine", lambda: True)
    assert blocks.block_rows(256, 64, 192) == 56  # 61 rows of 256 · 64 products are 100^3
    assert blocks.block_rows(4, 64, 192) == 240 and blocks.block_rows(4, 64, 192, most=64) == 64
    assert blocks.block_rows(2048, 64, 192) == 192  # 7 rows are too few
    monkeypatch.setattr(blocks, "_has_small_routine", lambda: False)
    assert blocks.block_rows(256, 64, 192) == 192


@each("count, most, rows", [(8, 7, 4), (16, 3, 3), (4, 14, 2), (21, 4, 4), (1, 5, 1), (64, 1, 1)])
def test_two_cores_get_equally_many_blocks(count, most, rows, monkeypatch):
    monkeypatch.setattr(blocks, "_has_small_routine", lambda: False)
    assert blocks.even_blocks(count, most) == most
    monkeypatch.setattr(blocks, "_has_small_routine", lambda: True)
    assert blocks.even_blocks(count, most) == rows <= most
    assert count == 1 or -(-count // rows) % 2 == 0


LASTS = [draw_conv(7, 1, 1, 64, 6), draw_conv(9, 1, 1, 64, 12)]
CHAINED = {  # name: (maps, the first convolution, whether the map between them is spared)
    "many blocks": ([draw(0, 70, 262, 32)], draw_conv(3, 3, 3, 32, 64, padding=(1, 1)), True),
    "maps of any size": (
        [draw(i, h, w, 32) for i, (h, w) in enumerate([(64, 64), (13, 70), (5, 3), (1, 1)])],
        draw_conv(3, 3, 3, 32, 64, padding=(1, 1)),
        True,
    ),
    "without a border": ([draw(0, 11, 14, 32)], draw_conv(3, 3, 3, 32, 64), True),
    "a batch": ([draw(0, 2, 9, 9, 32)], draw_conv(3, 3, 3, 32, 64, padding=(1, 1)), False),
    "few channels": ([draw(0, 9, 9, 8)], draw_conv(3, 3, 3, 8, 64, padding=(1, 1)), False),
    "a stride": ([draw(0, 9, 9, 32)], draw_conv(3, 3, 3, 32, 64, stride=2), False),
}


@each("maps, conv, spared", CHAINED.values(), ids=CHAINED)
def test_a_chain_gives_what_its_convolutions_give_one_after_the_other(
    maps, conv, spared, monkeypatch
):
    wanted = [conv2d_direct(x, conv, relu=True) for x in maps]
    if spared:  # then nobody convolves a whole map
        monkeypatch.setattr("minimaskrcnn.conv.chain.conv2d", None)
    for x, shared, answers in zip(maps, wanted, conv2d_chain(maps, conv, LASTS), strict=True):
        assert len(answers) == len(LASTS)
        for last, answer in zip(LASTS, answers, strict=True):
            assert error(answer, conv2d_direct(shared, last)) < 3e-6, x.shape


def test_while_learning_a_chain_is_made_of_recorded_convolutions():
    maps, conv, _ = CHAINED["without a border"]
    alone = conv2d_chain(maps, conv, LASTS)
    with tape.recording() as steps:
        recorded = conv2d_chain(maps, conv, LASTS)
    assert len(steps) == 3
    for a, b in zip(alone[0], recorded[0], strict=True):
        assert error(a, b) < 3e-6


def test_what_does_not_fit_into_a_chain_is_refused():
    maps, conv, _ = CHAINED["without a border"]
    with pytest.raises(ValueError, match="x has 31 channels, the kernel is for 32"):
        conv2d_chain([maps[0], maps[0][..., :31]], conv, LASTS)
    with pytest.raises(ValueError, match="x has 64 channels, the kernel is for 63"):
        conv2d_chain(maps, conv, [LASTS[0], draw_conv(0, 1, 1, 63, 6)])
    with pytest.raises(ValueError, match="one dtype, got float32, float64 and float64"):
        conv2d_chain(maps, conv, [LASTS[0], draw_conv(0, 1, 1, 64, 6, dtype=np.float64)])
    with pytest.raises(ValueError, match=r"a bias \(out,\), got \(1, 1, 64, 6\) and \(1,\)"):
        conv2d_chain(maps, conv, [Conv(LASTS[0].kernel, draw(0, 1))])
    for last in (draw_conv(0, 3, 3, 64, 6), draw_conv(0, 1, 1, 64, 6, stride=2)):  # not pointwise
        shared = conv2d_direct(maps[0], conv, relu=True)
        ((answer,),) = conv2d_chain(maps, conv, [last])
        assert error(answer, conv2d_direct(shared, last)) < 3e-6


WRONG = [
    (dict(x=draw(0, 6, 6)), r"wants x \(H, W, C\) or \(B, H, W, C\)"),
    (dict(x=draw(0, 1, 1, 6, 6, 4)), r"wants x \(H, W, C\) or \(B, H, W, C\)"),
    (dict(x=np.ones((6, 6, 4), np.uint8)), "float32 or float64, got .* uint8"),
    (dict(x=draw(0, 6, 6, 5)), "x has 5 channels, the kernel is for 4"),
    (dict(x=draw(0, 6, 6, 4, dtype=np.float64)), "one dtype, got float64, float32 and float32"),
    (dict(x=draw(0, 2, 6, 4)), r"the map \(2, 6\), padded by \(0, 0\), is smaller than the kernel"),
    (dict(kernel=draw(0, 3, 4, 8)), r"wants a kernel \(kh, kw, in, out\)"),
    (dict(bias=draw(0, 7)), r"a bias \(out,\), got \(3, 3, 4, 8\) and \(7,\)"),
    (dict(stride=0), "stride 0 must be 1 or more"),
    (dict(padding=(-1, 1)), "padding .* 0 or more"),
    (dict(add=draw(0, 4, 4, 7)), r"add must be \(4, 4, 8\) float32 as the output"),
    (dict(add=draw(0, 4, 4, 8, dtype=np.float64)), "got .* float64"),
]


@each("form", ANY + WINOGRAD)
@each("wrong, message", WRONG)
def test_what_does_not_fit_is_refused_in_a_sentence(form, wrong, message):
    given = dict(x=draw(0, 6, 6, 4), kernel=draw(1, 3, 3, 4, 8), bias=draw(2, 8), stride=1)
    given |= dict(padding=(0, 0), add=None) | wrong
    conv = Conv(given["kernel"], given["bias"], given["stride"], given["padding"])
    with pytest.raises(ValueError, match=message):
        form(given["x"], conv, add=given["add"])


@each("form", WINOGRAD)
@each("kernel, stride, padding", [
    ((1, 1), 1, (0, 0)), ((3, 3), 2, (0, 0)), ((5, 3), 1, (0, 0)), ((3, 3), 1, (0, 3)),
])  # fmt: skip
def test_winograd_refuses_other_kernels_strides_and_paddings(form, kernel, stride, padding):
    x, conv = draw(0, 8, 8, 4), draw_conv(1, *kernel, 4, 8, stride=stride, padding=padding)
    with pytest.raises(ValueError, match="for 3 x 3 kernels, stride 1 and padding of at most 2"):
        form(x, conv)
    assert error(conv2d(x, conv), conv2d_direct(x, conv)) < 2e-6  # which has other forms for them


# ---------------------------------------------------------------- threads

LAYERS = [  # x, kernel, stride, padding: one for each form, in several blocks
    ((60, 61, 64), (3, 3, 64, 64), 1, (1, 1)),
    ((70, 70, 64), (1, 1, 64, 256), 1, (0, 0)),
    ((90, 91, 3), (7, 7, 3, 64), 2, (3, 3)),
    ((40, 7, 7, 32), (7, 7, 32, 64), 1, (0, 0)),
]


def run_layers():
    outputs = []
    for x_shape, kernel_shape, stride, padding in LAYERS:
        x = draw(0, *x_shape)
        conv = draw_conv(1, *kernel_shape, stride=stride, padding=padding)
        outputs.append(conv2d(x, conv, True, draw(2, *output_shape(x, conv))))
    return outputs


def same_bits(outputs, expected):
    return all((a == b).all() for a, b in zip(outputs, expected, strict=True))


@pytest.fixture
def two_threads():
    before = threads.get_num_threads()
    threads.set_num_threads(2)
    yield
    threads.set_num_threads(before)


needs_jit = pytest.mark.skipif(not JIT, reason="too large for plain Python")


@needs_jit
def test_every_number_of_threads_gives_the_same_bits(two_threads):
    expected = run_layers()
    for number in (1, 2, 3, 5):
        threads.set_num_threads(number)
        assert same_bits(run_layers(), expected)


@needs_jit
def test_threads_that_convolve_at_once_get_what_one_gets_alone(two_threads):
    expected, wrong = run_layers(), []

    def caller():
        for _ in range(3):
            if not same_bits(run_layers(), expected):
                wrong.append(threading.current_thread())

    callers = [threading.Thread(target=caller) for _ in range(4)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    assert not wrong


def child(queue):
    queue.put([y.tobytes() for y in run_layers()])


@needs_jit
@each("method", ["fork", "spawn"])
def test_a_child_process_gets_the_same_bits(two_threads, method, pytestconfig):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("there is no fork here")
    if method == "spawn" and pytestconfig.getoption("--mine"):
        pytest.skip("the child has the package's own function")
    expected = [y.tobytes() for y in run_layers()]  # the parent's workers exist
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    assert queue.get(timeout=60) == expected
    process.join(timeout=60)
    assert process.exitcode == 0


FIRST_CALLS = """
import threading
import numpy as np
from minimaskrcnn.conv import Conv, conv2d
x = np.ones((9, 9, 4), np.float32)
conv = Conv(np.ones((1, 1, 4, 8), np.float32), np.zeros(8, np.float32), stride=2)
results = []
calls = [threading.Thread(target=lambda: results.append(conv2d(x, conv))) for _ in range(4)]
for call in calls: call.start()
for call in calls: call.join()
print([float(y[4, 4, 0]) for y in results])
"""


@needs_jit
def test_the_first_calls_of_all_which_compile_may_come_from_several_threads(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}  # nothing is compiled yet
    run = subprocess.run(
        [sys.executable, "-c", FIRST_CALLS], env=environment, capture_output=True, text=True
    )
    assert run.stdout == "[4.0, 4.0, 4.0, 4.0]\n", run.stderr
