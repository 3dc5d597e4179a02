"""Training by torchvision's rules: its losses and gradients, and learning from its files."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from conftest import DATA, stored
from gradients import gradient_error
from reference import error
from torchvision_lesson import CLASSES, pictures
from torchvision_weights import NARROW, seeded

from minimaskrcnn import cli
from minimaskrcnn.coco_masks.rle import encode
from minimaskrcnn.config import Config
from minimaskrcnn.datasets import Example, boxes_of_masks
from minimaskrcnn.resizing import max_pool
from minimaskrcnn.results.encoding import write_picture
from minimaskrcnn.roi_align import mean_of_samples
from minimaskrcnn.training.checkpoint import Progress
from minimaskrcnn.training.conventions import MATTERPORT, TORCHVISION, rules_of
from minimaskrcnn.training.losses import LOSS_NAMES
from minimaskrcnn.training.optimise import cosine
from minimaskrcnn.training.recipe import AS_TORCHVISION, FINE_TUNING, Recipe, fine_tuning
from minimaskrcnn.training.sampling import draw_head_targets
from minimaskrcnn.training.step import learn
from minimaskrcnn.training.torchvision import frame, make_batch, mask_targets
from minimaskrcnn.training.train import advance
from minimaskrcnn.weights import load
from minimaskrcnn.weights.torchvision import read_torchvision
from minimaskrcnn.weights.tree import named_arrays, with_arrays

ALL = 10**6
EXAMPLES = [Example(photo, ids, masks, i) for i, (photo, masks, ids) in enumerate(pictures())]
EVERYTHING = replace(AS_TORCHVISION, anchors=ALL, rois=ALL, mask_rois=ALL)


def narrow(version):
    """The narrow network of a version, and the arrays that it was read from."""
    arrays = seeded(NARROW, version, 7, CLASSES)
    model = read_torchvision("seeded", arrays)
    config = replace(model.config, image_min_size=128, image_max_size=213)
    return replace(model, config=config), arrays


def one_step(model, dtype=np.float32):
    """Losses and gradients; in float64 there is no rounding that a ReLU could tip over."""
    recipe = Recipe(steps=1, batch_size=2, sampling=EVERYTHING)
    batch = make_batch(lambda number: EXAMPLES[number], 1, recipe, model.config, seed=0)
    batch = replace(batch, images=batch.images.astype(dtype))
    arrays = {name: array.astype(dtype) for name, array in named_arrays(model).items()}
    return learn(with_arrays(model, arrays), batch, EVERYTHING, np.random.RandomState(0))[:2]


def as_folded(gradients, arrays):
    """torchvision's gradients as weights of a file, so that the reader orders and names them.

    A kernel k that is followed by a norm is folded to s k, s = weight / sqrt(variance + epsilon).
    So the gradient for the folded kernel is that for k, divided by s. The reader multiplies a
    kernel by the norm's scale: here that is 1 / s.
    """
    file = dict(gradients)
    for name in arrays:
        norm, _, part = name.rpartition(".")
        if part == "running_var":
            scale = arrays[f"{norm}.weight"] / np.sqrt(arrays[name] + np.float32(1e-5))
            file[f"{norm}.weight"] = 1 / scale
            file[name] = np.full_like(scale, 1 - 1e-5)
            file[f"{norm}.running_mean"] = np.zeros_like(scale)
    file |= {name: arrays[name] for name in arrays if name.endswith("num_batches_tracked")}
    return read_torchvision("gradients", file)


@pytest.mark.parametrize("version", [1, 2])
def test_losses_and_all_gradients_are_torchvisions(version):
    model, arrays = narrow(version)
    prefix = f"v{version}_"
    theirs = {
        name.removeprefix(prefix): array
        for name, array in stored("torchvision_training").items()
        if name.startswith(prefix)
    }
    expected_losses = {name: float(theirs.pop(f"loss_{name}")) for name in LOSS_NAMES}
    expected = named_arrays(as_folded(theirs, arrays))
    for dtype, exact in ((np.float64, 5e-5), (np.float32, 1e-3)):
        losses, gradients = one_step(model, dtype)
        assert losses == pytest.approx(expected_losses, rel=1e-6)
        assert set(gradients) == set(named_arrays(model))
        for name, gradient in gradients.items():
            assert error(gradient, expected[name]) < exact, name


def test_the_logit_of_the_background_that_torchvision_does_not_have_stays_as_it_is():
    _, gradients = one_step(narrow(1)[0])
    for name in ("rpn.logits.kernel", "rpn.logits.bias"):
        assert (gradients[name][..., 0::2] == 0).all() and gradients[name][..., 1::2].any()


def test_no_more_regions_learn_a_mask_than_the_sample_allows():
    model = narrow(1)[0]
    few = replace(EVERYTHING, mask_rois=1)
    batch = make_batch(lambda number: EXAMPLES[number], 1, Recipe(steps=1), model.config, seed=0)
    proposals = [truth.boxes for truth in batch.truths]
    given = proposals, batch, few, np.random.RandomState(0), model.config, TORCHVISION.masks_of
    targets = draw_head_targets(*given)
    assert [len(rois) for rois in targets.mask_rois] == [1, 1] and len(targets.masks) == 2


def test_means_of_samples_and_early_pooling_have_the_gradients_of_finite_differences():
    random = np.random.RandomState(0)
    feature_map = random.uniform(-1, 1, (5, 6, 2))
    rois = np.array([[0.3, -0.6, 3.1, 4.4], [2.2, 1.7, 2.4, 1.9], [-3, 2, 9, 5.5]])
    sample = partial(mean_of_samples, rois=rois, size=(2, 3), least=1, reach=1)
    assert gradient_error(sample, [feature_map]) < 1e-8
    for size in ((5, 6), (4, 7)):
        tall = random.permutation(2 * size[0] * size[1]).reshape(*size, 2) / 2  # no two are equal
        assert gradient_error(partial(max_pool, padding=1), [tall]) < 1e-8


def test_pictures_keep_their_proportions_and_are_padded_to_the_largest():
    model = narrow(1)[0]
    batch = make_batch(lambda number: EXAMPLES[number], 1, Recipe(steps=1), model.config, seed=0)
    assert [window.tolist() for window in batch.windows] == [[0, 0, 128, 160], [0, 0, 201, 128]]
    assert batch.images.shape == (2, 224, 160, 3)
    assert not batch.images[0, 128:].any() and not batch.images[1, :, 128:].any()
    image, truth, _ = frame(EXAMPLES[1], model.config)
    assert image.shape == (224, 128, 3) and truth.masks.shape == (3, 201, 128)
    tight = boxes_of_masks(truth.masks)
    assert np.abs(truth.boxes - tight).max() < 128 / 70  # one pixel of the picture


def test_a_mask_target_counts_the_pixels_of_each_cell():
    mask = np.zeros((1, 8, 8), bool)
    mask[0, :, 4:] = True
    inside = mask_targets(mask, np.array([[0.5, 0.5, 6.5, 6.5]], np.float32), 2)[0]
    # columns 0.5 … 3.5 and 3.5 … 6.5: samples at 1, 2, 3 and at 4, 5, 6
    assert inside.tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert mask_targets(mask, np.array([[1, 5, 3, 7]], np.float32), 2).tolist() == [[[1, 1]] * 2]


def test_crowds_and_objects_without_a_pixel_are_no_objects():
    example = EXAMPLES[1]
    masks = example.masks.copy()
    masks[0] = False
    ids = np.array([2, 4, -2])
    _, truth, _ = frame(Example(example.image, ids, masks, 0), narrow(1)[0].config)
    assert truth.class_ids.tolist() == [4] and len(truth.crowd_boxes) == 1


def test_fine_tuning_follows_the_rules_that_the_weights_were_trained_by():
    ours, theirs = Config(), narrow(1)[0].config
    assert rules_of(ours) is MATTERPORT and rules_of(theirs) is TORCHVISION
    assert fine_tuning(ours) is FINE_TUNING
    assert fine_tuning(theirs).sampling is AS_TORCHVISION


@pytest.mark.parametrize("file", ["torchvision_three.pth", "torchvision_three_checkpoint.pth"])
def test_a_file_of_torchvisions_is_fine_tuned_saved_and_judged(file, tmp_path, capsys):
    dataset, folder = write_dataset(tmp_path), tmp_path / "run"
    given = ["--dataset", dataset, "--images", str(tmp_path)]
    train = ["train", *given, "--init", str(DATA / file), "--output", str(folder)]
    train += ["--layers", "heads", "--rate", "0.002"]
    assert cli.main([*train, "--steps", "4"]) == 0
    assert cli.main([*train, "--steps", "5", "--resume"]) == 0
    assert "going on after step 4" in capsys.readouterr().out
    before, after = load(DATA / file), load(folder / "model.h5")
    assert after.config.convention == "torchvision"
    assert after.config.class_names == ("background", "cat", "dog", "owl")
    old, new = named_arrays(before), named_arrays(after)
    for name in old:
        if name.startswith("backbone."):  # what is trained is saved in 16 bits
            assert (old[name].astype(np.float16) == new[name]).all(), name
    for name in ("fpn.smooth.0", "rpn.shared", "box_head.hidden1", "mask_head.convs.0"):
        name = f"{name}.kernel"
        assert (old[name].astype(np.float16) != new[name]).any(), name
    assert cli.main(["evaluate", *given, "--weights", str(folder / "model.h5")]) == 0
    assert "2 images" in capsys.readouterr().out
    assert len(after.predict(EXAMPLES[0].image, min_score=0.0).boxes)


def write_dataset(folder):
    """The two pictures as a dataset in COCO's form; the path of its JSON."""
    images, annotations = [], []
    for example in EXAMPLES:
        name, (height, width) = f"{example.image_id}.png", example.image.shape[:2]
        write_picture(folder / name, example.image)
        images.append({"id": example.image_id, "file_name": name, "height": height, "width": width})
        for mask, box in zip(example.masks, boxes_of_masks(example.masks).tolist(), strict=True):
            y1, x1, y2, x2 = box
            annotations.append(
                {"id": len(annotations) + 1, "image_id": example.image_id, "iscrowd": 0}
                | {"category_id": 1 + len(annotations) % 3, "bbox": [x1, y1, x2 - x1, y2 - y1]}
                | {"area": int(mask.sum()), "segmentation": encode(mask)}
            )
    categories = [{"id": i, "name": n} for i, n in enumerate(("cat", "dog", "owl"), 1)]
    path = folder / "annotations.json"
    document = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def test_losses_fall_while_it_learns():
    model, _ = narrow(2)
    recipe = replace(fine_tuning(model.config), steps=12, rate=0.002, schedule=cosine)
    losses, progress = [], Progress()
    for step in range(1, 13):
        batch = make_batch(lambda number: EXAMPLES[number % 2], step, recipe, model.config, 0)
        losses.append(sum(advance(model, batch, recipe, progress, np.random.RandomState(step))[:5]))
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
