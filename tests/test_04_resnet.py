"""The backbone: residual blocks, where the stride sits, and depths read off the weights."""

import dataclasses

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn.conv import BatchNorm, Conv, conv2d, fold_batch_norm
from minimaskrcnn.resnet import Bottleneck, ResNet, backbone, bottleneck, stage, stem


def random_conv(random, size, channels, out, stride=1):
    kernel = random.randn(size, size, channels, out) / np.sqrt(size * size * channels)
    before = size // 2
    bias = random.randn(out).astype(np.float32)
    return Conv(kernel.astype(np.float32), bias, stride, (before, before))


def random_block(random, channels, inner, stride=1, shortcut=False):
    return Bottleneck(
        random_conv(random, 1, channels, inner, stride),
        random_conv(random, 3, inner, inner),
        random_conv(random, 1, inner, 4 * inner),
        random_conv(random, 1, channels, 4 * inner, stride) if shortcut else None,
    )


def small_resnet(random, depths=(1, 2, 1, 1)):
    stages, channels = [], 8
    for number, (depth, inner) in enumerate(zip(depths, (2, 4, 8, 16), strict=True)):
        blocks = [random_block(random, channels, inner, 1 if number == 0 else 2, shortcut=True)]
        channels = 4 * inner
        blocks += [random_block(random, channels, inner) for _ in range(depth - 1)]
        stages.append(tuple(blocks))
    stem_conv = dataclasses.replace(random_conv(random, 7, 3, 8), stride=2)
    return ResNet(stem_conv, tuple(stages))


@pytest.fixture
def random():
    return np.random.RandomState(4)


def test_a_block_that_learned_nothing_passes_its_input_through_relu(random):
    block = random_block(random, 8, 2)
    nothing = Conv(np.zeros((1, 1, 2, 8), np.float32), np.zeros(8, np.float32))
    x = random.randn(5, 6, 8).astype(np.float32)
    y = bottleneck(x, dataclasses.replace(block, expand=nothing))
    assert np.array_equal(y, np.maximum(x, 0))


def of_one_channel(size, value, bias, padding=0):
    """A convolution with all weights of its kernel alike."""
    kernel = np.full((size, size, 1, 1), value, np.float32)
    return Conv(kernel, np.array([bias], np.float32), 1, (padding, padding))


def test_a_block_by_hand():
    """One channel, all kernels 1: x -> relu(x - 1) -> sum of 3x3 -> · 2, and x added."""
    reduce, spatial, expand = (
        of_one_channel(1, 1, -1),
        of_one_channel(3, 1, 0, padding=1),
        of_one_channel(1, 2, 0),
    )
    x = np.zeros((3, 3, 1), np.float32)
    x[1, 1], x[0, 0] = 4, -5
    y = bottleneck(x, Bottleneck(reduce, spatial, expand))
    # relu(x - 1) is 3 in the middle, 0 elsewhere: every 3x3 sum is 3, doubled 6; then + x, ReLU
    assert y[..., 0].tolist() == [[1, 6, 6], [6, 10, 6], [6, 6, 6]]


def test_what_the_3x3_finds_below_zero_adds_nothing():
    x = np.full((3, 3, 1), 10, np.float32)
    one = of_one_channel(1, 1, 0)
    y = bottleneck(x, Bottleneck(one, of_one_channel(3, -1, 0, padding=1), one))
    assert (y == 10).all()


def test_a_shortcut_of_its_own_may_be_negative():
    """The ReLU comes after the sum: relu(3 - x), not relu(3 + relu(-x))."""
    x = np.ones((3, 3, 1), np.float32)
    one, three = of_one_channel(1, 1, 0), of_one_channel(1, 0, 3)
    block = Bottleneck(one, of_one_channel(3, 1, 0, padding=1), three, of_one_channel(1, -1, 0))
    assert (bottleneck(x, block) == 2).all()


def test_the_stride_sits_in_the_first_1x1_so_every_second_cell_is_never_read(random):
    block = random_block(random, 8, 4, stride=2, shortcut=True)
    x = random.randn(6, 8, 8).astype(np.float32)
    changed = x.copy()
    changed[1::2], changed[:, 1::2] = 99, -99
    assert bottleneck(x, block).shape == (3, 4, 16)
    assert np.array_equal(bottleneck(x, block), bottleneck(changed, block))


def test_the_stem_quarters_the_image(random):
    assert stem(np.zeros((64, 128, 3), np.float32), random_conv(random, 7, 3, 8)).shape[2] == 8
    resnet = small_resnet(random)
    assert stem(np.zeros((64, 128, 3), np.float32), resnet.stem).shape == (16, 32, 8)


def test_the_stem_never_answers_below_zero(random):
    image = random.randn(64, 64, 3).astype(np.float32)
    assert stem(image, small_resnet(random).stem).min() >= 0


def test_maps_halve_from_stage_to_stage_but_not_into_the_first(random):
    c_maps = backbone(random.randn(64, 64, 3).astype(np.float32), small_resnet(random))
    shapes = [c_map.shape for c_map in c_maps]
    assert shapes == [(16, 16, 8), (16, 16, 8), (8, 8, 16), (4, 4, 32), (2, 2, 64)]


def test_a_stage_is_its_blocks_one_after_the_other(random):
    blocks = small_resnet(random).stages[1]
    x = random.randn(6, 6, 8).astype(np.float32)
    assert np.array_equal(stage(x, blocks), bottleneck(bottleneck(x, blocks[0]), blocks[1]))


@pytest.mark.parametrize("depths", [(1, 1, 1, 1), (2, 1, 4, 3)])
def test_every_block_of_the_weights_is_run(depths, random):
    resnet, image = small_resnet(random, depths), random.randn(64, 64, 3).astype(np.float32)
    x = stem(image, resnet.stem)
    for c_map, blocks in zip(backbone(image, resnet)[1:], resnet.stages, strict=True):
        for block in blocks:
            x = bottleneck(x, block)
        assert np.array_equal(c_map, x)


def test_a_batch_gives_what_its_images_give_one_by_one(random):
    images = random.randn(3, 64, 64, 3).astype(np.float32)
    resnet = small_resnet(random)
    together = backbone(images, resnet)
    for n, image in enumerate(images):
        for whole, alone in zip(together, backbone(image, resnet), strict=True):
            np.testing.assert_allclose(whole[n], alone, rtol=0, atol=2e-5 * np.abs(alone).max())


def test_no_operation_writes_into_its_input(random):
    image = random.randn(64, 64, 3).astype(np.float32)
    before = image.copy()
    c_maps = backbone(image, small_resnet(random))
    assert np.array_equal(image, before)
    kept = c_maps[1].copy()
    stage(c_maps[1], small_resnet(random).stages[1])
    assert np.array_equal(c_maps[1], kept)


def batch_norm_by_hand(x, gamma, beta, mean, variance):
    return gamma * (x - mean) / np.sqrt(variance + 0.001) + beta


def test_folding_gives_the_originals_batch_norm():
    """A convolution that changes nothing, folded, is the original's batch normalisation."""
    arrays = stored("ops_layers")
    identity = Conv(np.eye(5, dtype=np.float32)[None, None], np.zeros(5, np.float32))
    norm = BatchNorm(*(arrays[f"batchnorm_w{i}"] for i in range(4)))
    ours = conv2d(arrays["batchnorm_in"], fold_batch_norm(identity, norm))
    np.testing.assert_allclose(ours, arrays["batchnorm_out"], rtol=0, atol=1e-6)


def test_a_folded_convolution_equals_convolution_then_batch_norm(random):
    conv = random_conv(random, 3, 4, 6)
    gamma = np.array([1, -2, 0.5, 0, 3, -0.1], np.float32)  # some negative: the sign stays
    variance = np.array([1, 2e-13, 0.3, 1, 5, 0.01], np.float32)  # tiny: epsilon decides
    beta, mean = random.randn(2, 6).astype(np.float32)
    x = random.randn(7, 5, 4).astype(np.float32)
    expected = batch_norm_by_hand(conv2d(x, conv).astype(np.float64), gamma, beta, mean, variance)
    folded = fold_batch_norm(conv, BatchNorm(gamma, beta, mean, variance))
    assert np.abs(conv2d(x, folded) - expected).max() < 2e-6 * np.abs(expected).max()
    assert folded.norm is None and (folded.stride, folded.padding) == (1, (1, 1))
