"""The region proposal network."""

import numpy as np
import pytest
from conftest import stored
from gradients import gradient_error

from minimaskrcnn.anchors import make_anchors
from minimaskrcnn.conv import Conv
from minimaskrcnn.rpn import RPN, region_proposals

TORCH = stored("torch_stages")


def conv(kernel, bias, **more):
    return Conv(np.array(kernel, np.float32), np.array(bias, np.float32), **more)


def constant_rpn():
    """Says the same everywhere: logits 0 … 5, deltas 0 … 11, whatever the map."""
    shared = conv(np.zeros((3, 3, 1, 1)), [0], padding=(1, 1))
    logits = conv(np.zeros((1, 1, 1, 6)), np.arange(6))
    return RPN(shared, logits, conv(np.zeros((1, 1, 1, 12)), np.arange(12)))


def reading_rpn():
    """Its logits and deltas are the map's values, times 1, 2, … for the channels."""
    kernel = np.zeros((3, 3, 1, 1))
    kernel[1, 1] = 1
    shared = conv(kernel, [0], padding=(1, 1))
    logits = conv(np.arange(1, 7).reshape(1, 1, 1, 6), np.zeros(6))
    return RPN(shared, logits, conv(np.arange(1, 13).reshape(1, 1, 1, 12), np.zeros(12)))


def drawn_rpn(dtype=np.float32):
    random = np.random.RandomState(5)
    draw = lambda *shape: random.uniform(-1, 1, shape).astype(dtype)  # noqa: E731
    shared = Conv(draw(3, 3, 2, 3), draw(3), padding=(1, 1))
    return RPN(shared, Conv(draw(1, 1, 3, 6), draw(6)), Conv(draw(1, 1, 3, 12), draw(12)))


def torch_rpn():
    weights = {
        name: (TORCH[f"rpn_{name}_kernel"], TORCH[f"rpn_{name}_bias"])
        for name in ("shared", "logits", "deltas")
    }
    shared = Conv(*weights["shared"], padding=(1, 1))
    return RPN(shared, Conv(*weights["logits"]), Conv(*weights["deltas"]))


def test_the_channels_of_a_cell_are_its_ratios_and_then_class_or_coordinate():
    logits, deltas = region_proposals([np.zeros((1, 1, 1), np.float32)], constant_rpn())
    assert logits.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert deltas.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_anchors_go_level_by_level_row_by_row():
    fine = np.array([[1, 2, 3], [4, 5, 6]], np.float32)[..., None]
    logits, deltas = region_proposals([fine, np.full((1, 1, 1), 7, np.float32)], reading_rpn())
    cells = np.arange(1, 8)  # times the number of the channel, from 1
    assert np.allclose(logits.reshape(7, 6), cells[:, None] * np.arange(1, 7), rtol=1e-5)
    assert np.allclose(deltas.reshape(7, 12), cells[:, None] * np.arange(1, 13), rtol=1e-5)


def test_there_is_a_verdict_for_every_anchor():
    maps = [np.zeros((n, 2 * n, 2), np.float32) for n in (16, 8, 4, 2, 1)]
    logits, deltas = region_proposals(maps, drawn_rpn())
    count = len(make_anchors((64, 128), (8,) * 5, (0.5, 1, 2)))
    assert logits.shape == (count, 2) and deltas.shape == (count, 4)
    assert logits.dtype == deltas.dtype == np.float32


def test_negative_features_are_cut_off_before_the_verdict_but_not_after():
    logits, _ = region_proposals([np.full((1, 1, 1), -7, np.float32)], reading_rpn())
    assert (logits == 0).all()
    negative = RPN(reading_rpn().shared, conv([[[[-1] * 6]]], [0] * 6), reading_rpn().deltas)
    logits, _ = region_proposals([np.full((1, 1, 1), 7, np.float32)], negative)
    assert np.allclose(logits, -7, rtol=1e-5)


def test_the_verdicts_are_those_of_pytorch():
    logits, deltas = region_proposals([TORCH["rpn_p2"], TORCH["rpn_p3"]], torch_rpn())
    for ours, theirs in ((logits, TORCH["rpn_logits"]), (deltas, TORCH["rpn_deltas"])):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 2e-6 * np.abs(theirs).max()


def test_a_batch_is_its_images_one_by_one():
    random = np.random.RandomState(6)
    batch = [random.uniform(-1, 1, (3, n, n, 2)).astype(np.float32) for n in (4, 2)]
    logits, deltas = region_proposals(batch, drawn_rpn())
    assert logits.shape == (3, 60, 2) and deltas.shape == (3, 60, 4)
    for n in range(3):
        alone = region_proposals([p_map[n] for p_map in batch], drawn_rpn())
        assert np.allclose(logits[n], alone[0], rtol=0, atol=1e-6)
        assert np.allclose(deltas[n], alone[1], rtol=0, atol=1e-6)


def test_gradients_reach_every_map_and_every_weight():
    rpn = drawn_rpn(np.float64)
    maps = [np.random.RandomState(n).uniform(-1, 1, (2, n, n, 2)) for n in (2, 1)]
    weights = [a for c in (rpn.shared, rpn.logits, rpn.deltas) for a in (c.kernel, c.bias)]

    def function(fine, coarse, k1, b1, k2, b2, k3, b3):
        moved = RPN(Conv(k1, b1, padding=(1, 1)), Conv(k2, b2), Conv(k3, b3))
        return region_proposals([fine, coarse], moved)

    assert gradient_error(function, [*maps, *weights]) < 1e-6


def test_weights_of_two_numbers_of_anchors_are_refused():
    rpn = constant_rpn()
    for channels in (8, 16):
        other = RPN(rpn.shared, rpn.logits, conv(np.zeros((1, 1, 1, channels)), np.zeros(channels)))
        with pytest.raises(ValueError, match=f"and 4 deltas per anchor, .* 6 and {channels} chan"):
            region_proposals([np.zeros((1, 1, 1), np.float32)], other)


def test_maps_of_another_width_or_dtype_are_refused():
    with pytest.raises(ValueError, match="channels"):
        region_proposals([np.zeros((2, 2, 3), np.float32)], drawn_rpn())
    with pytest.raises(ValueError, match="float"):
        region_proposals([np.zeros((2, 2, 2), np.uint8)], drawn_rpn())
