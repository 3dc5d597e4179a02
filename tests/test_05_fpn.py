"""The feature pyramid."""

import numpy as np
import pytest
from conftest import stored
from gradients import gradient_error

from minimaskrcnn.conv import Conv
from minimaskrcnn.fpn import FPN, pyramid

TORCH = stored("torch_stages")
SIZES = (8, 4, 2, 1)  # of C2 … C5


def scalar(value, bias=0.0):
    """A 1x1 convolution of one channel."""
    return Conv(np.full((1, 1, 1, 1), value, np.float32), np.array([bias], np.float32))


def centre(value):
    """A 3x3 convolution of one channel that multiplies every cell and looks at no other."""
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 1] = value
    return Conv(kernel, np.zeros(1, np.float32), padding=(1, 1))


def levels(*values):
    """C2 … C5 of one channel, each of one value all over."""
    return [np.full((n, n, 1), value, np.float32) for n, value in zip(SIZES, values, strict=True)]


def assert_constant(p_maps, values):
    """Each level has one value all over, up to the rounding of a fast convolution."""
    for p_map, value in zip(p_maps, values, strict=True):
        assert np.allclose(p_map, value, rtol=1e-5)


def drawn_pyramid(dtype=np.float32, channels=(2, 3, 4, 5), width=6):
    """Random C2 … C5 and a pyramid that suits them."""
    random = np.random.RandomState(4)
    draw = lambda *shape: random.uniform(-1, 1, shape).astype(dtype)  # noqa: E731
    lateral = tuple(Conv(draw(1, 1, c, width), draw(width)) for c in channels)
    around = (1, 1)
    smooth = tuple(Conv(draw(3, 3, width, width), draw(width), padding=around) for _ in channels)
    sizes = [2**i for i in range(len(channels) - 1, -1, -1)]
    return [draw(n, 2 * n, c) for n, c in zip(sizes, channels, strict=True)], FPN(lateral, smooth)


def test_every_level_adds_what_comes_from_the_deeper_ones():
    fpn = FPN((scalar(1),) * 4, (centre(1),) * 4)
    p_maps = pyramid(levels(1, 10, 100, 1000), fpn)
    assert [p.shape for p in p_maps] == [(n, n, 1) for n in (8, 4, 2, 1, 1)]
    assert_constant(p_maps, [1111, 1110, 1100, 1000, 1000])


def test_what_travels_down_is_the_sum_before_its_3x3():
    fpn = FPN((scalar(1),) * 4, tuple(centre(v) for v in (2, 3, 5, 7)))
    p_maps = pyramid(levels(1, 10, 100, 1000), fpn)
    assert_constant(p_maps, [2 * 1111, 3 * 1110, 5 * 1100, 7 * 1000, 7 * 1000])


def test_each_level_has_its_own_lateral_convolution_with_its_bias():
    lateral = tuple(scalar(value, bias) for value, bias in ((2, 1), (3, 10), (5, 100), (7, 1000)))
    p_maps = pyramid(levels(1, 1, 1, 1), FPN(lateral, (centre(1),) * 4))
    # C5: 7 + 1000; C4: 5 + 100 more; C3: 3 + 10 more; C2: 2 + 1 more
    assert_constant(p_maps, [1128, 1125, 1112, 1007, 1007])


def test_there_is_no_relu_in_the_pyramid():
    p_maps = pyramid(levels(-1, -10, -100, -1000), FPN((scalar(1),) * 4, (centre(1),) * 4))
    assert_constant(p_maps, [-1111, -1110, -1100, -1000, -1000])


def test_cells_are_doubled_by_repetition():
    c_maps = levels(0, 0, 0, 0)
    c_maps[2][:, :, 0] = [[1, 2], [3, 4]]
    p3 = pyramid(c_maps, FPN((scalar(1),) * 4, (centre(1),) * 4))[1]
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert np.allclose(p3[..., 0], expected, rtol=1e-5)


def test_p6_is_every_second_cell_of_p5_after_its_3x3():
    c_maps, fpn = drawn_pyramid()
    c_maps = [np.tile(c_map, (4, 2, 1)) for c_map in c_maps]  # C5 4 x 4
    *_, p5, p6 = pyramid(c_maps, fpn)
    assert p5.shape == (4, 4, 6) and p6.shape == (2, 2, 6)
    assert (p6 == p5[::2, ::2]).all()


def test_the_pyramid_is_that_of_pytorch():
    weights = {
        kind: tuple(
            Conv(TORCH[f"fpn_{kind}{i}_kernel"], TORCH[f"fpn_{kind}{i}_bias"], padding=padding)
            for i in range(2, 6)
        )
        for kind, padding in (("lateral", (0, 0)), ("smooth", (1, 1)))
    }
    p_maps = pyramid([TORCH[f"fpn_c{i}"] for i in range(2, 6)], FPN(**weights))
    for i, p_map in enumerate(p_maps, start=2):
        theirs = TORCH[f"fpn_p{i}"]
        assert p_map.shape == theirs.shape and p_map.dtype == np.float32
        assert np.abs(p_map - theirs).max() < 2e-6 * np.abs(theirs).max()


def test_a_batch_is_its_images_one_by_one():
    c_maps, fpn = drawn_pyramid()
    others = [c_map[::-1] for c_map in c_maps]
    batch = pyramid([np.stack(pair) for pair in zip(c_maps, others, strict=True)], fpn)
    for n, image in enumerate((c_maps, others)):
        for ours, alone in zip(batch, pyramid(image, fpn), strict=True):
            assert np.allclose(ours[n], alone, rtol=0, atol=1e-5)


def test_two_levels_work_as_well_as_four():
    c_maps, fpn = drawn_pyramid(channels=(2, 3))
    p2, p3, p4 = pyramid(c_maps, fpn)
    assert p2.shape == (2, 4, 6) and p3.shape == (1, 2, 6) and p4.shape == (1, 1, 6)


def test_gradients_reach_every_map_and_every_weight():
    c_maps, fpn = drawn_pyramid(np.float64, channels=(1, 2, 2), width=2)
    convs = (*fpn.lateral, *fpn.smooth)
    kernels, biases = [conv.kernel for conv in convs], [conv.bias for conv in convs]

    def function(*arrays):
        maps, kernels, biases = arrays[:3], arrays[3:9], arrays[9:]
        moved = [Conv(k, b) for k, b in zip(kernels, biases, strict=True)]
        smooth = tuple(Conv(conv.kernel, conv.bias, padding=(1, 1)) for conv in moved[3:])
        return pyramid(maps, FPN(tuple(moved[:3]), smooth))

    assert gradient_error(function, [*c_maps, *kernels, *biases]) < 1e-6


def test_maps_that_do_not_halve_are_refused():
    fpn = FPN((scalar(1),) * 4, (centre(1),) * 4)
    c_maps = levels(1, 1, 1, 1)
    with pytest.raises(ValueError, match=r"4 maps, each twice as large .* \(2, 2\), \(2, 1\)\]"):
        pyramid([*c_maps[:3], np.zeros((2, 1, 1), np.float32)], fpn)
    with pytest.raises(ValueError, match="4 maps, each twice as large"):
        pyramid(c_maps[1:], fpn)
    with pytest.raises(ValueError, match="4 maps"):
        pyramid(c_maps[::-1], fpn)
