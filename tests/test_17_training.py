"""It learns: the whole network's gradient, the optimisers, the loop."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import stored
from toy_training import NARROW, TINY, recipe, run, small_scenes

from minimaskrcnn.anchors import normalised_anchors
from minimaskrcnn.boxes import boxes_in_image, in_whole_pixels
from minimaskrcnn.config import SHAPES
from minimaskrcnn.conv import BatchNorm, folded
from minimaskrcnn.datasets import Example, boxes_of_masks
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.errors import TrainingError, WeightsError
from minimaskrcnn.layers import sigmoid
from minimaskrcnn.resnet import backbone
from minimaskrcnn.roi_align import roi_levels
from minimaskrcnn.runtime import tape
from minimaskrcnn.training.batches import (
    augment,
    endless_scenes,
    frame,
    frame_masks,
    make_batch,
    shuffled,
)
from minimaskrcnn.training.classes import with_classes
from minimaskrcnn.training.conventions import MATTERPORT
from minimaskrcnn.training.initialise import Widths, new_model
from minimaskrcnn.training.optimise import adamw, clip_gradients, cosine, sgd, stepped
from minimaskrcnn.training.parameters import learning_weights
from minimaskrcnn.training.recipe import ALL, FROM_NOTHING, HEADS
from minimaskrcnn.training.sampling import (
    Batch,
    HeadTargets,
    draw_head_targets,
    select_for_training,
)
from minimaskrcnn.training.step import learn, losses_of_batch
from minimaskrcnn.training.train import MODEL, follow, train
from minimaskrcnn.weights import load, save
from minimaskrcnn.weights.tree import named_arrays, with_arrays


def rng(seed=0):
    return np.random.RandomState(seed)


# The whole network's gradient.


@pytest.fixture(scope="module")
def tiny_step():
    """A float64 network with no weight at 0, a batch, and its head targets, all fixed."""
    model, random = new_model(TINY, NARROW, seed=3), rng(4)
    arrays = {
        name: array.astype(np.float64) + 0.1 * random.standard_normal(array.shape)
        for name, array in named_arrays(model).items()
    }
    model = with_arrays(model, arrays)
    everything = replace(FROM_NOTHING.sampling, anchors=4000)  # so that all levels are asked
    batch = make_batch(small_scenes, 1, recipe(sampling=everything), TINY, seed=0)
    batch = replace(batch, images=batch.images.astype(np.float64))
    proposals = [np.zeros((0, 4), np.float32)] * 2
    head_targets = draw_head_targets(proposals, batch, FROM_NOTHING.sampling, rng(), TINY)
    assert len(head_targets.mask_class_ids) and (head_targets.class_ids > 0).any()
    return model, batch, head_targets


def losses_at(model, batch, head_targets):
    c_maps = backbone(batch.images, model.backbone)
    losses, _ = losses_of_batch(model, c_maps, batch, FROM_NOTHING.sampling, rng(), head_targets)
    assert min(losses.values()) > 0  # all five take part
    return sum(losses.values())


def test_every_weight_s_gradient_is_the_derivative_along_a_random_direction(tiny_step):
    model, batch, head_targets = tiny_step
    _, gradients, _ = learn(model, batch, FROM_NOTHING.sampling, rng(), True, head_targets)
    weights, random, step = learning_weights(model, ALL), rng(5), 1e-6
    assert set(weights) <= set(gradients)
    errors = {}
    for name, weight in weights.items():
        direction = random.standard_normal(weight.shape)
        direction /= np.linalg.norm(direction)
        ends = [
            losses_at(with_arrays(model, {name: weight + h * direction}), batch, head_targets)
            for h in (step, -step)
        ]
        numeric = (ends[0] - ends[1]) / (2 * step)
        scale = np.linalg.norm(gradients[name])
        assert scale > 0, name
        errors[name] = abs((gradients[name] * direction).sum() - numeric) / scale
    assert max(errors.values()) < 1e-6, max(errors, key=errors.get)


def test_the_gradient_of_all_weights_together_is_the_derivative(tiny_step):
    model, batch, head_targets = tiny_step
    _, gradients, _ = learn(model, batch, FROM_NOTHING.sampling, rng(), True, head_targets)
    weights, random, step = learning_weights(model, ALL), rng(6), 1e-7
    directions = {name: random.standard_normal(w.shape) for name, w in weights.items()}
    ends = [
        losses_at(
            with_arrays(model, {n: w + h * directions[n] for n, w in weights.items()}),
            batch,
            head_targets,
        )
        for h in (step, -step)
    ]
    expected = sum((gradients[name] * directions[name]).sum() for name in weights)
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(expected, rel=1e-6)


def test_without_the_backbone_the_other_gradients_stay_the_same(tiny_step):
    model, batch, head_targets = tiny_step
    both = [
        learn(model, batch, FROM_NOTHING.sampling, rng(), too, head_targets)[1]
        for too in (True, False)
    ]
    assert not any(name.startswith("backbone") for name in both[1])
    for name, gradient in both[1].items():
        assert (gradient == both[0][name]).all()


def test_training_asks_the_same_network_that_predicts():
    config = replace(TINY, level_size=48)
    model = folded(new_model(config, NARROW, seed=1))
    example = small_scenes(5)
    trace = model.trace(example.image, min_score=0)
    image, truth = frame(example, config)
    assert len(set(roi_levels(trace["proposals"], image.shape, 48))) > 2
    rois, boxes = trace["proposals"], trace["detections"][:, :4]
    boxes = in_whole_pixels(boxes, (0, 0, 1, 1), example.image.shape)
    targets = HeadTargets(
        rois=(rois, rois),
        class_ids=np.ones(2 * len(rois), int),
        deltas=np.zeros((2 * len(rois), 4)),
        mask_rois=(boxes, boxes),
        mask_class_ids=np.ones(2 * len(boxes), int),
        masks=np.zeros((2 * len(boxes), 8, 8)),
    )
    twice = np.stack([image, image])
    batch = Batch(
        twice, (truth, truth), np.zeros((2, len(trace["anchors"])), int), np.zeros((0, 4))
    )
    c_maps = backbone(twice, model.backbone)
    _, answers = losses_of_batch(model, c_maps, batch, FROM_NOTHING.sampling, rng(), targets)
    names = ("rpn_logits", "rpn_deltas", "class_logits", "box_deltas")
    assert len(rois) > 20 and len(boxes) > 5
    for (answer, _), name in zip(answers, names, strict=False):
        for half in np.split(answer, 2):  # the images
            np.testing.assert_allclose(half.reshape(trace[name].shape), trace[name], atol=1e-5)
    ids = trace["detections"][:, 4].astype(int)
    for half in np.split(sigmoid(answers[4][0]), 2):
        own = half[np.arange(len(ids)), :, :, ids]
        np.testing.assert_allclose(own, trace["mask_probs"], atol=1e-5)


def test_whole_pixels_are_those_that_the_mask_is_pasted_in():
    starts = rng().uniform(0.2, 0.5, (50, 2))
    boxes = np.concatenate([starts, starts + rng(1).uniform(0.05, 0.3, (50, 2))], axis=1)
    boxes, window, shape = boxes.astype(np.float32), (0.1, 0.0, 0.9, 1.0), (97, 150)
    whole = in_whole_pixels(boxes, window, shape)
    assert (boxes_in_image(whole, window, shape) == boxes_in_image(boxes, window, shape)).all()
    assert (np.abs(whole - boxes) <= [0.51 * 0.8 / 96, 0.51 / 149] * 2).all()
    pixels = (whole - [0.1, 0, 0.1, 0]) / [0.8, 1, 0.8, 1] * [96, 149, 96, 149]
    np.testing.assert_allclose(pixels, np.rint(pixels), atol=1e-4)


def test_an_operation_with_several_outputs_gets_all_their_gradients():
    x = np.array([1.0, 2.0, 3.0])

    def split(x):
        return tape.record([x[:1] * 2, x[1:2] * 3, x[2:] * 4], split_backward, x)

    def split_backward(grads, x):
        assert grads[1] is None  # it led nowhere
        return [(x, np.concatenate([2 * grads[0], [0.0], 4 * grads[2]]))]

    with tape.recording() as steps:
        a, _, c = split(x)
    assert tape.gradients(steps, [(a, np.ones(1)), (c, np.ones(1))])[id(x)].tolist() == [2, 0, 4]
    assert steps == []


def test_the_gradient_of_a_constant_is_left_out_and_the_others_stay(tiny_step):
    model, batch, _ = tiny_step
    found = []
    for constants in ([], [batch.images]):
        with tape.recording(constants) as steps:
            c_maps = backbone(batch.images, model.backbone)
        found.append(tape.gradients(steps, [(c_maps[-1], np.ones_like(c_maps[-1]))]))
    assert tape.wants(batch.images)  # now that the recording has ended
    full, lean = found
    assert full.keys() - lean.keys() == {id(batch.images)}
    for key, gradient in lean.items():
        np.testing.assert_array_equal(gradient, full[key])


# Optimisers.


def test_momentum_keeps_nine_tenths_of_the_last_step():
    weights, memory = {"x.gamma": np.zeros(1)}, {}
    for step in (1, 2):
        sgd(weights, {"x.gamma": np.ones(1)}, memory, rate=1.0, step=step)
    assert weights["x.gamma"].item() == pytest.approx(-1 - 1.9)


def test_the_original_s_decay_is_of_the_mean_square():
    weights = {"kernel": np.array([[2.0, 0.0]])}  # d 0.0001 · mean(w²) / dw = 0.0001 · w
    sgd(weights, {"kernel": np.zeros((1, 2))}, {}, rate=1.0, step=1)
    assert weights["kernel"].tolist() == [[2 - 2e-4, 0]]
    weights = {"a.bias": np.array([2.0]), "a.norm.gamma": np.array([2.0])}
    sgd(weights, {name: np.zeros(1) for name in weights}, {}, rate=1.0, step=1)
    assert weights["a.bias"].item() == 2 - 4e-4 and weights["a.norm.gamma"].item() == 2


def test_adam_s_first_step_is_the_rate_whatever_the_gradient():
    weights = {"bias": np.zeros(3)}
    adamw(weights, {"bias": np.array([1e-3, -5.0, 1e4])}, {}, rate=0.1, step=1)
    np.testing.assert_allclose(weights["bias"], [-0.1, 0.1, -0.1], rtol=1e-4)


def test_only_kernels_decay_under_adam():
    weights = {"a.kernel": np.ones(1), "a.bias": np.ones(1)}
    adamw(weights, {name: np.zeros(1) for name in weights}, {}, rate=0.5, step=1)
    assert weights["a.kernel"].item() == pytest.approx(1 - 0.5 * 0.02)
    assert weights["a.bias"].item() == 1


def test_weights_in_any_order_of_memory_move():
    gradient = rng(0).standard_normal((6, 5))
    plain, turned = {"kernel": np.ones((6, 5))}, {"kernel": np.ones((5, 6)).T}
    for weights in (plain, turned):
        memory = {}
        for step in (1, 2, 3):
            adamw(weights, {"kernel": gradient}, memory, 0.1, step)
    assert (plain["kernel"] == turned["kernel"]).all() and (plain["kernel"] != 1).all()


def test_both_optimisers_walk_as_pytorch_s():
    arrays = stored("torch_optimisers")
    for name, optimiser in (("adamw", adamw), ("sgd", sgd)):
        weights, memory = {"kernel": arrays["start"].copy()}, {}
        for step, gradient in enumerate(arrays["gradients"], start=1):
            optimiser(weights, {"kernel": gradient}, memory, float(arrays["rate"]), step)
        np.testing.assert_allclose(weights["kernel"], arrays[name], rtol=1e-12)


def test_a_short_gradient_is_left_alone_and_a_long_one_keeps_its_direction():
    gradients = {"a": np.array([3.0]), "b": np.array([[4.0]])}
    same, length = clip_gradients(gradients, 5.0)
    assert length == 5 and same["a"] is gradients["a"]
    clipped, _ = clip_gradients(gradients, 2.5)
    assert (clipped["a"].item(), clipped["b"].item()) == (1.5, 2.0)
    clipped, _ = clip_gradients(gradients, 4.0)
    assert (clipped["a"].item(), clipped["b"].item()) == pytest.approx((2.4, 3.2))


def test_schedules():
    assert cosine(75, 6000, 2.0) == 1.0 and cosine(150, 6000, 2.0) == 2.0
    assert cosine(6000, 6000, 2.0) == pytest.approx(0.02)
    assert cosine(3075, 6000, 2.0) == pytest.approx(1.01)  # half-way, half the height
    assert cosine(150 + 1950, 6000, 2.0) == pytest.approx(2 * (0.01 + 0.99 * 0.75))  # a third
    rates = [cosine(step, 6000, 2.0) for step in range(150, 6001)]
    assert (np.diff(rates) < 0).all()
    assert [stepped(step, 9, 1.0) for step in (6, 7, 8, 9)] == pytest.approx([1, 0.1, 0.1, 0.01])


# Batches.


def test_batches_take_one_example_after_the_other_from_the_first_on():
    asked = []

    def example_of(number):
        asked.append(number)
        return small_scenes(number)

    for step in (1, 2):
        make_batch(example_of, step, recipe(), TINY, seed=0)
    assert asked == [0, 1, 2, 3]


def test_an_object_that_the_frame_is_too_coarse_for_is_left_out():
    masks = np.zeros((2, 256, 256), bool)
    masks[0, 1, 1] = True  # of 256 rows every fourth is read, from row 0
    masks[1, 50:200, 60:180] = True
    example = Example(np.zeros((256, 256, 3), np.uint8), np.array([2, 3]), masks)
    _, truth = frame(example, TINY)
    assert truth.class_ids.tolist() == [3] and len(truth.boxes) == len(truth.masks) == 1


def test_a_batch_is_a_function_of_seed_and_step():
    batches = [make_batch(small_scenes, step, recipe(), TINY, seed) for step, seed in
               ((3, 0), (3, 0), (4, 0), (3, 1))]  # fmt: skip
    same = [(batches[0].images == other.images).all() for other in batches[1:]]
    assert same == [True, False, False]
    assert (batches[0].match == batches[1].match).all()


def test_the_same_picture_comes_back_turned_another_way():
    once = scene(7, 64)
    batches = [make_batch(lambda number: once, step, recipe(), TINY, 0) for step in range(1, 6)]
    assert len({image.tobytes() for batch in batches for image in batch.images}) > 5


def test_training_never_sees_the_scenes_of_the_evaluation():
    assert endless_scenes(0)(0).image_id == 1_000_000
    assert endless_scenes(1)(5).image_id == 2_000_005


def test_every_fourth_scene_to_learn_from_is_hard():
    for number in range(8):
        found, wanted = endless_scenes(1)(number), scene(2_000_000 + number, hard=number in (3, 7))
        assert (found.image == wanted.image).all()


def test_an_epoch_has_every_example_once_in_another_order_each_time():
    example_of = shuffled(range(20), seed=0)
    epochs = [[example_of(20 * epoch + i) for i in range(20)] for epoch in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(20)) and epochs[0] != epochs[1]


def test_masks_are_turned_and_mirrored_with_the_picture():
    mask = rng().uniform(size=(1, 64, 64)) < 0.3
    picture = np.repeat(mask[0, :, :, None], 3, axis=2) * np.uint8(200)
    example = Example(picture, np.array([1]), mask)
    seen = set()
    for seed in range(40):
        changed = augment(example, rng(seed))
        assert ((changed.image[:, :, 0] > 0) == changed.masks[0]).all()
        seen.add(changed.masks.tobytes())
    assert len(seen) == 8  # all ways to lay a square on itself


def test_a_frame_is_what_predict_sees_and_its_boxes_are_tight():
    masks = np.zeros((3, 30, 60), bool)
    masks[0, 10:20, 5:50], masks[1, 3:4, 3:4], masks[2, 0:9, 40:60] = True, True, True
    picture = np.full((30, 60, 3), 255, np.uint8)
    image, truth = frame(Example(picture, np.array([2, 1, -3]), masks), TINY)
    assert image.shape == (64, 64, 3) and truth.masks.shape == (2, 64, 64)
    top = (64 - 32) // 2  # 60 pixels become 64, 30 become 32
    assert (image[:top] == -127.5 / 64).all() and image[top:-top].mean() > 1.9
    pixels = truth.boxes * 63 + [0, 0, 1, 1]
    np.testing.assert_allclose(pixels, boxes_of_masks(truth.masks), atol=1e-4)
    np.testing.assert_allclose(pixels[0], [top + 11, 5, top + 21, 54], atol=1.01)
    assert truth.class_ids.tolist() == [2, 1] and len(truth.crowd_boxes) == 1


@pytest.mark.parametrize("case", [f"case0{i}" for i in range(9)])
def test_masks_are_resized_as_the_original_does(case):
    arrays = stored("ops_mask_resize")
    masks, framed = (arrays[f"{case}_mask_{end}"].transpose(2, 0, 1) for end in ("in", "out"))
    ours = frame_masks(masks, arrays[f"{case}_window"], framed.shape[1:])
    assert (ours == framed).all()


# What the heads are asked about.


def head_targets_of(proposals, **changes):
    """Targets of one picture with a square of 20 pixels, all objects and copies left out."""
    mask = np.zeros((1, 64, 64), bool)
    mask[0, 10:30, 20:40] = True
    example = Example(np.zeros((64, 64, 3), np.uint8), np.array([2]), mask)
    plain = recipe(batch_size=1, augment=False)
    batch = make_batch(lambda number: example, 1, plain, TINY, 0)
    sampling = replace(FROM_NOTHING.sampling, object_copies=None, **changes)
    boxes = (np.array(proposals, np.float32) - [0, 0, 1, 1]) / 63
    fine = replace(TINY, mask_pool_size=14)
    return draw_head_targets([boxes.astype(np.float32)], batch, sampling, rng(), fine)


def test_masks_are_learned_on_some_of_the_positives_and_tight_ones_on_the_nearest():
    proposals = [[10, 20, 30, 40 + i] for i in (6, 0, 8, 2, 4)] + [[40, 40, 60, 60]]
    loose = head_targets_of(proposals, mask_rois=2)
    assert len(loose.mask_class_ids) == 2 and (loose.mask_class_ids == 2).all()
    assert (loose.mask_rois[0] == loose.rois[0][:2]).all()
    tight = head_targets_of(proposals, mask_rois=2, tight_masks=True)
    widths = (tight.mask_rois[0][:, 3] - tight.mask_rois[0][:, 1]) * 63 + 1
    np.testing.assert_allclose(widths, [20, 22], atol=1e-4)


def test_a_tight_mask_is_that_of_the_whole_pixels_it_will_be_pasted_in():
    near = [[10.3, 19.6, 30.4, 40.3]]  # rounds to the object's own box, which the square fills
    assert head_targets_of(near, tight_masks=True).masks.min() > 0.7  # half a cell from the edge
    assert head_targets_of(near, tight_masks=False).masks.min() < 0.5


def test_the_second_half_of_a_training_has_its_own_sampling():
    assert FROM_NOTHING.sampling_of(FROM_NOTHING.steps // 2) is FROM_NOTHING.sampling
    assert FROM_NOTHING.sampling_of(FROM_NOTHING.steps // 2 + 1) is FROM_NOTHING.late_sampling
    plain = replace(FROM_NOTHING, late_sampling=None)
    assert plain.sampling_of(plain.steps) is plain.sampling


# The model.


def test_training_takes_the_likeliest_proposals_and_as_many_as_the_recipe_says():
    config, shape = replace(TINY, rpn_nms_threshold=1.0), (64, 64, 3)
    anchors = normalised_anchors(shape, config)
    logits = np.zeros((2, len(anchors), 2), np.float32)
    logits[0, [7, 300, 520, 9], 1] = 3, 9, 6, 1
    logits[1, [11, 400], 1] = 5, 4
    sampling = replace(FROM_NOTHING.sampling, pre_nms_proposals=4, post_nms_proposals=2)
    still = np.zeros((2, len(anchors), 4), np.float32)
    batch = Batch(np.zeros((2, *shape), np.float32), (), None, None)
    found = select_for_training(logits, still, batch, sampling, config)
    for proposals, likeliest in zip(found, ([300, 520], [11, 400]), strict=True):
        np.testing.assert_allclose(proposals, np.clip(anchors[likeliest], 0, 1), atol=1e-6)


def test_the_bundled_network_s_size_and_first_answers():
    model = new_model(SHAPES)
    assert sum(array.size for array in named_arrays(model).values()) < 2_500_000  # 5 MB, 16 bits
    batch = make_batch(endless_scenes(0), 1, recipe(), SHAPES, 0)
    losses, _, _ = learn(model, batch, FROM_NOTHING.sampling, rng())
    assert losses["rpn_class"] == pytest.approx(np.log(2), rel=0.2)
    assert losses["class"] == pytest.approx(np.log(4), rel=0.05)
    assert losses["mask"] == pytest.approx(np.log(2), rel=0.05)


def test_a_norm_s_averages_and_the_bias_before_it_are_not_learned():
    weights = learning_weights(new_model(TINY, NARROW), ALL)
    assert "backbone.stem.kernel" in weights and "backbone.stem.norm.gamma" in weights
    assert "backbone.stem.bias" not in weights and "fpn.lateral.0.bias" in weights
    assert not any(name.endswith(("mean", "variance")) for name in weights)
    heads = learning_weights(new_model(TINY, NARROW), HEADS)
    assert {name.split(".")[0] for name in heads} == set(HEADS)


def test_other_classes_get_new_last_layers_and_the_rest_is_shared():
    model = folded(new_model(TINY, NARROW))
    other = with_classes(model, ("background", "cell", "dust"))
    assert other.box_head.logits.kernel.shape == (6, 3)
    assert other.box_head.deltas.kernel.shape == (6, 12)
    assert other.mask_head.logits.kernel.shape == (1, 1, 4, 3)
    assert other.backbone is model.backbone and other.config.num_classes == 3
    assert other.predict(small_scenes(0).image, min_score=0) is not None
    assert with_classes(model, SHAPES.class_names) is model


# The loop.


def test_a_gradient_that_is_not_finite_is_never_taken():
    for value in (np.nan, np.inf):
        with pytest.raises(FloatingPointError):
            clip_gradients({"a": np.array([value])}, 1.0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_diverging_training_stops_with_a_sentence_and_leaves_no_nan(tmp_path):
    model = new_model(TINY, NARROW)
    with pytest.raises(TrainingError, match="diverged at step .* below 1e\\+30"):
        run(tmp_path, steps=20, model=model, rate=1e30, optimiser=sgd, longest_gradient=1e30)
    for file in tmp_path.glob("*.npz"):
        with np.load(file) as arrays:
            assert all(np.isfinite(arrays[n]).all() for n in arrays if n.startswith("weights"))


def test_the_averages_of_the_norms_become_those_of_all_batches_together():
    norm = BatchNorm(*(np.full(2, value) for value in (1.0, 0.0, 5.0, 9.0)))
    random = rng()
    for _ in range(400):
        batch = random.normal(0, [3.0, 8.0], 2) + random.normal(0, [1.0, 2.0], (50, 2))
        follow([(norm, batch.mean(axis=0), batch.var(axis=0))])
    # the variance between the batches' means counts as well as that within them
    np.testing.assert_allclose(norm.variance, [9 + 1, 64 + 4], rtol=0.4)
    np.testing.assert_allclose(norm.mean / [3, 8], 0, atol=0.6)


def no_objects(number):
    return Example(scene(number, 64).image, np.zeros(0, int), np.zeros((0, 64, 64), bool))


@pytest.mark.parametrize("from_nothing", [True, False])
def test_a_batch_without_an_object_teaches_that_nothing_is_there(from_nothing, tmp_path):
    model = new_model(TINY, NARROW)
    model = model if from_nothing else folded(model)
    how = recipe(steps=2) if from_nothing else replace(recipe(steps=2), learns=HEADS)
    losses = train(model, no_objects, how, 0, tmp_path, say=str)
    assert (losses[:, 0] > 0).all() and (losses[:, 1:5] == 0).all()  # the RPN's class loss only
    assert all(np.isfinite(array).all() for array in named_arrays(model).values())
    norm = model.backbone.stem.norm
    assert norm is None or np.isfinite([norm.mean, norm.variance]).all()


def test_an_untrained_backbone_cannot_stay_as_it_is(tmp_path):
    with pytest.raises(TrainingError, match="the backbone must learn, too"):
        run(tmp_path, learns=HEADS)
    assert not any(tmp_path.iterdir())


def test_class_names_that_no_file_can_hold_are_refused_before_the_training(tmp_path):
    names = ("background", *(f"{i} {'long' * 30}" for i in range(600)))
    model = new_model(replace(TINY, class_names=names), NARROW)
    with pytest.raises(WeightsError, match="model.h5: cannot hold a config of .* shorter names"):
        run(tmp_path / "run", model=model)
    assert not (tmp_path / "run").exists()
    with pytest.raises(WeightsError, match="cannot hold a config"):
        save(model, tmp_path / "model.h5")


def test_every_step_draws_lots_of_its_own(tmp_path, monkeypatch):
    drawn = []

    def advance(model, batch, recipe, progress, rng):
        drawn.append(rng.rand())
        progress.step += 1
        return [1.0] * 7

    monkeypatch.setattr("minimaskrcnn.training.train.advance", advance)
    run(tmp_path)
    assert len(set(drawn)) == 4


def test_frozen_maps_get_no_gradient(monkeypatch):
    model, c_maps, found = folded(new_model(TINY, NARROW)), [], {}

    def watched_backbone(*arguments):
        c_maps.extend(backbone(*arguments))
        return c_maps

    def watched_gradients(steps, seeds, gradients=tape.gradients):
        found.update(gradients(steps, seeds))
        return found

    watched = replace(MATTERPORT, backbone=watched_backbone)
    monkeypatch.setattr("minimaskrcnn.training.step.rules_of", lambda config: watched)
    monkeypatch.setattr(tape, "gradients", watched_gradients)
    batch = make_batch(small_scenes, 1, recipe(), TINY, 0)
    learn(model, batch, recipe().sampling_of(1), rng(), backbone_learns=False)
    assert found and len(c_maps) == 5
    assert not any(id(c_map) in found for c_map in c_maps)


def test_pictures_that_come_out_in_two_sizes_are_no_batch():
    config = replace(TINY, resize_mode="pad64")
    with pytest.raises(TrainingError, match='different sizes with resize_mode="pad64"'):
        make_batch(lambda number: scene(number, 64 * (1 + number)), 1, recipe(), config, 0)


def test_what_is_saved_is_folded_and_predicts(tmp_path):
    model, _ = run(tmp_path)
    saved = load(tmp_path / MODEL)
    assert saved.backbone.stem.norm is None and saved.config == TINY
    ours = named_arrays(folded(model))
    for name, array in named_arrays(saved).items():
        np.testing.assert_allclose(array, ours[name], rtol=1e-3, atol=1e-6)  # 16 bits
    assert (tmp_path / "losses.png").stat().st_size > 1000


def test_fine_tuning_heads_leaves_the_backbone_as_it_was(tmp_path):
    model = folded(new_model(TINY, NARROW))
    before = {name: array.copy() for name, array in named_arrays(model).items()}
    run(tmp_path, model=model, learns=HEADS)
    changed = {n.split(".")[0] for n, a in named_arrays(model).items() if (a != before[n]).any()}
    assert changed == set(HEADS)


def two_shapes():
    """A disc over the corner of a square, on noise."""
    y, x = np.mgrid[:64, :64]
    disc = (y - 22) ** 2 + (x - 24) ** 2 <= 15**2
    square = (np.abs(y - 42) <= 14) & (np.abs(x - 40) <= 16) & ~disc
    picture = rng().randint(90, 120, (64, 64, 3)).astype(np.uint8)
    picture[disc], picture[square] = (200, 80, 60), (40, 130, 190)
    return Example(picture, np.array([1, 2]), np.stack([disc, square]))


def test_it_overfits_one_picture_to_its_masks(tmp_path):
    example = two_shapes()
    widths = Widths(
        stem=16, inner=(8, 8, 8, 8), blocks=(1, 1, 1, 1), pyramid=32, rpn=32, box_head=64,
        mask_head=32, mask_convs=2,
    )  # fmt: skip
    model = new_model(replace(TINY, pool_size=5, mask_pool_size=14), widths, seed=1)
    once = recipe(steps=250, batch_size=1, rate=0.005, schedule=cosine, augment=False)
    losses = train(model, lambda number: example, once, 1, tmp_path, 250, lambda line: None)
    assert losses[-1, :5].sum() < 0.1 * losses[0, :5].sum()
    found = folded(model).predict(example.image, min_score=0.9)
    for mask, class_id in zip(example.masks, example.class_ids, strict=True):
        own = found.masks[found.class_ids == class_id]
        assert max((mask & m).sum() / (mask | m).sum() for m in own) > 0.95
