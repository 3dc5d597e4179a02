"""A network that has learned nothing: its first numbers; and a batch with its own targets."""

from dataclasses import replace

import numpy as np
import pytest

from minimaskrcnn.boxes import apply_deltas, iou_matrix
from minimaskrcnn.config import SHAPES
from minimaskrcnn.conv import conv2d
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.resnet import bottleneck
from minimaskrcnn.training.batches import make_batch
from minimaskrcnn.training.classes import with_classes
from minimaskrcnn.training.initialise import Widths, new_model
from minimaskrcnn.training.recipe import FROM_NOTHING
from minimaskrcnn.training.sampling import draw_head_targets
from minimaskrcnn.weights.tree import named_arrays

TINY = replace(SHAPES, image_min_size=64, image_max_size=64, pool_size=3, mask_pool_size=4)
NARROW = Widths(
    stem=8, inner=(8, 8, 8, 8), blocks=(2, 1, 1, 1), pyramid=8, rpn=8, box_head=40, mask_head=8,
    mask_convs=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return new_model(TINY, NARROW, seed=3)


def test_a_residual_block_does_nothing_at_first(model):
    x = np.random.RandomState(0).standard_normal((8, 8, 32)).astype(np.float32)
    first, second = model.backbone.stages[0]
    assert (bottleneck(x, second) == np.maximum(x, 0)).all()
    x = x[:, :, :8]
    assert np.array_equal(bottleneck(x, first), np.maximum(conv2d(x, first.shortcut), 0))


def test_kernels_before_a_relu_have_variance_2_over_their_inputs():
    wide = replace(NARROW, inner=(32, 32, 32, 32), pyramid=64, rpn=64, mask_head=64)
    for name, array in named_arrays(new_model(TINY, wide)).items():
        inside = name.startswith(("backbone", "fpn", "mask_head.convs", "rpn.shared"))
        if inside and name.endswith("kernel") and array.size > 10_000:
            inputs = array[..., 0].size
            assert array.var() * inputs == pytest.approx(2, rel=0.1), name


def test_outputs_begin_near_0_boxes_nearer_still(model):
    wide = new_model(replace(TINY, class_names=SHAPES.class_names * 9), NARROW)
    for part, deviation in (("rpn.logits", 0.01), ("rpn.deltas", 0.01), ("mask_head.logits", 0.01),
                            ("box_head.logits", 0.01), ("box_head.deltas", 0.001)):  # fmt: skip
        arrays = named_arrays(wide)
        assert arrays[f"{part}.kernel"].std() == pytest.approx(deviation, rel=0.3), part
        assert not arrays[f"{part}.bias"].any()


def test_the_seed_decides_every_number(model):
    again, other = named_arrays(new_model(TINY, NARROW, seed=3)), new_model(TINY, NARROW, seed=4)
    other = named_arrays(other)
    for name, array in named_arrays(model).items():
        assert np.array_equal(array, again[name])
        random = name.endswith("kernel")
        assert not random or not np.array_equal(array, other[name])


def test_only_the_first_block_of_a_stage_has_a_shortcut_and_from_the_second_stage_on_a_stride(
    model,
):
    stages = model.backbone.stages
    assert [block.shortcut is not None for block in stages[0]] == [True, False]
    assert [blocks[0].reduce.stride for blocks in stages] == [1, 2, 2, 2]
    assert [blocks[0].shortcut.stride for blocks in stages] == [1, 2, 2, 2]


def test_new_classes_get_new_last_layers_of_the_same_deviations(model):
    other = with_classes(model, ("background", *(f"class {i}" for i in range(30))))
    assert other.box_head.logits.kernel.std() == pytest.approx(0.01, rel=0.2)
    assert other.box_head.deltas.kernel.std() == pytest.approx(0.001, rel=0.2)
    assert other.box_head.deltas.kernel.shape[1] == 4 * 31
    assert other.mask_head.logits.kernel.shape[3] == 31
    assert other.backbone is model.backbone


def test_each_picture_of_a_batch_has_its_own_targets():
    recipe = replace(FROM_NOTHING, steps=4, batch_size=3)
    batch = make_batch(lambda number: scene(1000 + number, 64), 1, recipe, TINY, seed=0)
    nothing = [np.zeros((0, 4), np.float32)] * 3
    drawn = draw_head_targets(nothing, batch, recipe.sampling, np.random.RandomState(0), TINY)
    ends = np.cumsum([len(rois) for rois in drawn.rois])
    deltas = np.split(drawn.deltas, ends[:-1])
    classes = np.split(drawn.class_ids, ends[:-1])
    for truth, rois, moves, ids in zip(batch.truths, drawn.rois, deltas, classes, strict=True):
        moved = apply_deltas(rois[ids > 0], moves[ids > 0] * np.float32(TINY.delta_std))
        nearest = iou_matrix(moved, truth.boxes)
        assert nearest.max(axis=1).min() > 0.999  # on an object of this very picture
        assert (truth.class_ids[nearest.argmax(axis=1)] == ids[ids > 0]).all()
