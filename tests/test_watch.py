"""Validation while training: what is judged, kept, drawn and told; and who may write where."""

import csv
import json
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from minimaskrcnn.cli import main
from minimaskrcnn.commands import own_pictures
from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.annotations import load_annotations
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.errors import TrainingError
from minimaskrcnn.evaluate import Found, GroundTruth
from minimaskrcnn.training import run_folder
from minimaskrcnn.training.batches import endless_scenes
from minimaskrcnn.training.checkpoint import Progress, begun_steps
from minimaskrcnn.training.clock import Clock
from minimaskrcnn.training.initialise import Widths, new_model
from minimaskrcnn.training.interrupt import held_back
from minimaskrcnn.training.recipe import FROM_NOTHING
from minimaskrcnn.training.train import train
from minimaskrcnn.training.validation import evaluate_pairs, rules_for
from minimaskrcnn.training.watch import Chosen, Watch, has_stopped, is_better
from minimaskrcnn.weights import load, provenance_of
from minimaskrcnn.weights.lock import locked_alone

SMALL = Widths(8, (4, 4, 8, 8), (1, 1, 1, 1), 8, 8, 16, 8, 1)
RECIPE = replace(FROM_NOTHING, steps=4, batch_size=1)
SCENES = [scene(i, 64) for i in range(3)]


def model(seed=0):
    return new_model(replace(SHAPES, image_min_size=64, image_max_size=64), SMALL, seed)


def example_of(number):
    return SCENES[number % 3]


def run(folder, steps=4, watch=None, **more):
    lines = []
    recipe = replace(RECIPE, steps=steps)
    train(model(), example_of, recipe, 0, folder, 100, lines.append, None, watch, **more)
    return lines


@pytest.fixture
def scores(monkeypatch):
    """What the validations will find, one after the other: mask APs."""
    coming = []
    monkeypatch.setattr(run_folder, "look", lambda *_: (0.5, coming.pop(0)))
    return coming


def test_more_than_a_hundred_objects_count_where_the_model_keeps_them():
    boxes = np.array([[y, x, y + 4, x + 4] for y in range(0, 60, 6) for x in range(0, 90, 6)])
    masks = np.zeros((150, 60, 90), bool)
    for mask, (y1, x1, y2, x2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    truth = GroundTruth(boxes.astype(np.int32), np.ones(150, int), masks)
    found = Found(truth.boxes, np.ones(150, int), np.linspace(1, 0.5, 150, dtype=np.float32), masks)
    for most, least, greatest in ((200, 1.0, 1.0), (100, 0.6, 0.7)):
        rules = rules_for(replace(model(), config=replace(SHAPES, max_detections=most)))
        result = evaluate_pairs([(truth, found)], ("background", "a"), True, rules)
        assert least <= result.mask.stats[0] <= greatest  # 100 of 150 are found at most


def test_the_best_model_is_kept_while_the_training_goes_on(tmp_path, scores):
    scores += [0.1, 0.3, 0.2]
    lines = run(tmp_path, 6, Watch(SCENES, 2))
    assert [line for line in lines if "validation" in line] == [
        "step 2: validation AP boxes 0.500, masks 0.100, the best",
        "step 4: validation AP boxes 0.500, masks 0.300, the best",
        "step 6: validation AP boxes 0.500, masks 0.200",
    ]
    assert load(tmp_path / "best.h5").config == load(tmp_path / "model.h5").config
    assert provenance_of(tmp_path / "best.h5")["steps_done"] == "4"
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["mask_ap"] for row in rows] == ["", "0.1", "", "0.3", "", "0.2"]
    assert all(float(row["mask"]) > 0 and float(row["rate"]) > 0 for row in rows)


def test_the_last_step_is_looked_at_whatever_its_number(tmp_path, scores):
    scores += [0.1, 0.3, 0.2]
    lines = run(tmp_path, 5, Watch(SCENES, 2))
    assert [line.split(":")[0] for line in lines if "validation" in line] == [
        "step 2",
        "step 4",
        "step 5",
    ]


def test_it_stops_early_when_asked_to_and_only_then(tmp_path, scores):
    scores += [0.4, 0.3, 0.2, 0.5]
    lines = run(tmp_path / "a", 8, Watch(SCENES, 2, patience=2))
    assert "stopped: no better for 2 validations" in "".join(lines[-2:]) and scores == [0.5]
    scores[:] = [0.4, 0.3, 0.2, 0.1]
    run(tmp_path / "b", 8, Watch(SCENES, 2))
    assert scores == []


def test_better_and_stopped_by_hand():
    looks = [[100, 0.1, 0.3], [200, 0.9, 0.2]]
    assert is_better(looks[:1]) and not is_better(looks)
    assert is_better([*looks, [300, 0, 0.31]]) and not is_better([*looks, [300, 1, 0.3]])
    assert has_stopped(looks, 1) and not has_stopped(looks, 2)
    assert not has_stopped(looks, 0) and not has_stopped([], 1)


def test_a_validation_predicts_the_pictures_and_draws_them(tmp_path):
    lines = run(tmp_path, 1, Watch(Chosen(SCENES, [2, 0]), 1))
    assert "step 1: validation AP boxes 0.0" in lines[0]
    with Image.open(tmp_path / "validation.jpg") as sheet:
        assert sheet.size == (3 * 262, 2 * 262)
        first = np.asarray(sheet)[:256, :256]
        second = np.asarray(sheet)[:256, 262 : 262 + 256]
    shown = SCENES[2].image.repeat(4, axis=0).repeat(4, axis=1)
    far = [np.abs(tile.astype(int) - shown).mean() for tile in (first, second)]
    assert far[0] < 12 and far[0] < far[1]  # the picture itself comes first, then its objects


def test_validation_changes_nothing_in_what_is_learned(tmp_path, scores):
    scores += [0.1, 0.2]
    run(tmp_path / "a", 4, Watch(SCENES, 2))
    run(tmp_path / "b", 4)
    arrays = [dict(np.load(tmp_path / name / "checkpoint.npz")) for name in "ab"]
    same = [name for name in arrays[0] if name.startswith("weights/")]
    assert same and all((arrays[0][name] == arrays[1][name]).all() for name in same)


def test_many_validation_pictures_are_thinned_out_evenly():
    watch = Watch(range(1000), 1, most=5)
    assert watch.indices.tolist() == [0, 249, 499, 749, 999]
    assert Watch("abc", 1).indices.tolist() == [0, 1, 2]
    assert list(Chosen("abc", [2, 0])) == ["c", "a"]


# Going on


def test_a_finished_run_is_prolonged_only_when_asked_for(tmp_path, scores):
    scores += [0.1, 0.2, 0.3]
    run(tmp_path, 2, Watch(SCENES, 2))
    assert begun_steps(tmp_path / "checkpoint.npz") == 2
    with pytest.raises(TrainingError, match="is of a run with steps 2, this one has 4"):
        run(tmp_path, 4)
    lines = run(tmp_path, 4, Watch(SCENES, 2), prolong=True)
    assert lines[0].startswith("going on after step 2")
    with np.load(tmp_path / "checkpoint.npz") as file:
        assert int(file["step"]) == 4 and file["scores"][:, 0].tolist() == [2, 4]
    with pytest.raises(TrainingError, match="has 4 steps behind it, more than 3"):
        run(tmp_path, 3, prolong=True)
    with pytest.raises(TrainingError, match="has no checkpoint to go on from"):
        run(tmp_path / "new", 4, prolong=True)


def test_two_trainings_do_not_write_into_one_folder(tmp_path):
    (tmp_path / "run").mkdir()
    busy = pytest.raises(TrainingError, match="another training is writing")
    with locked_alone(tmp_path / "run" / "lock"), busy:
        run(tmp_path / "run", 1)
    run(tmp_path / "run", 1)


def test_ctrl_c_finishes_the_step_and_saves_it(tmp_path):
    def pressing(number):
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return example_of(number)

    recipe = replace(RECIPE, steps=50)
    with pytest.raises(KeyboardInterrupt):
        train(model(), pressing, recipe, 0, tmp_path, 100, print)
    with np.load(tmp_path / "checkpoint.npz") as file:
        assert 1 <= int(file["step"]) <= 4
    assert (tmp_path / "model.h5").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_is_not_held_back():
    with pytest.raises(KeyboardInterrupt), held_back() as pressed:
        os.kill(os.getpid(), signal.SIGINT)
        assert pressed()
        os.kill(os.getpid(), signal.SIGINT)


def test_the_time_left_counts_what_steps_have_taken_on_average(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("minimaskrcnn.training.clock.time.perf_counter", lambda: now[0])
    clock, lines, progress = Clock(replace(RECIPE, steps=200), 0), [], Progress()
    for step in range(1, 101):
        progress.step, now[0] = step, now[0] + (60 if step == 1 else 7 if step == 60 else 1)
        progress.losses.append([0.1] * 7)
        clock.tick(progress, lines.append)
    assert [line.split(", ")[-1] for line in lines] == [
        "199.0 min left",  # nothing else is known yet
        "2.5 min left",
        f"{100 * 105 / 99 / 60:.1f} min left",
    ]


# The command


@pytest.fixture
def files(tmp_path):
    """Four pictures of 96 x 96 with annotations in polygons."""
    images, annotations = [], []
    for i in range(4):
        example = scene(60 + i, 96)
        Image.fromarray(example.image).save(tmp_path / f"{i}.png")
        images.append({"id": i + 1, "file_name": f"{i}.png", "height": 96, "width": 96})
        for y1, x1, y2, x2 in example.boxes.tolist():
            corners = [x1, y1, x2, y1, x2, y2, x1, y2]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": i + 1, "category_id": 1}
                | {"segmentation": [corners], "iscrowd": 0}
            )
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "thing"}],
    }
    path = tmp_path / "things.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return ["--dataset", str(path), "--images", str(tmp_path)]


def test_from_nothing_it_tells_the_plan_keeps_it_in_the_file_and_predicts(files, tmp_path, capsys):
    folder = tmp_path / "run"
    given = ["train", *files, "--output", str(folder), "--val-share", "0.3", "--val-every", "2"]
    assert main([*given, "--steps", "2", "--batch", "1"]) == 0
    printed = capsys.readouterr().out
    assert "plan: crops of" in printed and "anchors" in printed and "minutes" in printed
    assert "with objects, to learn from: 3 images" in printed
    assert "step 2: validation AP" in printed and "step 2/2" in printed
    kept = load(folder / "model.h5").config
    assert kept.resize_mode == "scale" and kept.every_class and kept.class_names[1] == "thing"
    names = {path.name for path in folder.iterdir()}
    wanted = {"checkpoint.npz", "model.h5", "best.h5", "losses.png", "log.csv", "validation.jpg"}
    assert wanted <= names
    assert (
        main(["predict", files[3] + "/0.png", "--weights", str(folder / "model.h5"), "--json"]) == 0
    )


def test_options_overrule_the_plan(files, tmp_path, capsys):
    folder = tmp_path / "run"
    given = ["--size", "64", "--anchor-scales", "8,16,32,64,128", "--max-detections", "7"]
    given += ["--augment", "mirror", "--steps", "1", "--batch", "1", "--output", str(folder)]
    assert main(["train", *files, *given]) == 0
    printed = capsys.readouterr().out
    assert "crops of 64 x 64 pixels" in printed and "augmentation mirror (" in printed
    kept = load(folder / "model.h5").config
    assert kept.anchor_scales == (8, 16, 32, 64, 128) and kept.max_detections == 7


def test_a_preview_is_a_picture_and_nothing_is_learned(files, tmp_path, capsys):
    given = ["--preview", str(tmp_path / "sheet.jpg"), "--output", str(tmp_path / "run")]
    assert main(["train", *files, *given]) == 0
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.size == (6 * 262, 4 * 262)
        row = np.asarray(sheet)[:256].astype(int)
    tiles = [row[:, 262 * i : 262 * i + 256] for i in range(6)]
    assert min(np.abs(tile - tiles[0]).mean() for tile in tiles[1:]) > 5  # changed at random
    assert not (tmp_path / "run").exists()


def options(**given):
    """What `train` is given, as its parser would have it; all else is left to the plan."""
    names = "val_share val val_images images steps batch rate minutes size anchor_scales augment"
    names += " max_detections network val_every patience"
    return SimpleNamespace(**dict.fromkeys(names.split()) | {"seed": 0} | given)


@pytest.mark.parametrize(("share", "count"), [(0.3, 1), (0.5, 2), (0.01, 1), (0.99, 3)])
def test_a_share_leaves_something_to_learn_from_and_something_to_look_at(share, count):
    images = [SimpleNamespace(objects=[1]) for _ in range(4)] + [SimpleNamespace(objects=[])]
    learned, looked_at = own_pictures.split(
        SimpleNamespace(images=images), options(val_share=share)
    )
    assert len(looked_at) == count and sorted(learned + looked_at) == [0, 1, 2, 3]


def test_the_looks_are_an_eighth_of_the_steps_apart_or_as_asked(files):
    dataset = SimpleNamespace(class_names=("background", "thing"))
    for given, every, patience in (
        ({}, 100, 0), ({"val_every": 7}, 7, 0), ({"patience": 3}, 100, 3),
    ):  # fmt: skip
        watch = own_pictures.watch_of(options(**given), dataset, [0, 2], replace(RECIPE, steps=800))
        assert (watch.every, watch.patience) == (every, patience)
    other = options(val=files[1], val_images=files[3], patience=4, skip_bad=False)
    vars(other).update(crowds_are_objects=False, ignore_orientation=False, check_pictures=False)
    watch = own_pictures.watch_of(other, dataset, [], RECIPE)
    assert (watch.patience, len(watch.examples)) == (4, 4)  # those of --val
    few = own_pictures.watch_of(options(), dataset, [0], replace(RECIPE, steps=3))
    assert few.every == 1


def test_minutes_become_steps_by_the_pace_of_the_first_ones(files, tmp_path, monkeypatch):
    monkeypatch.setattr("minimaskrcnn.training.pace.tried", lambda *_: (0.5, 0))
    dataset = load_annotations(files[1], files[3])
    lesson = own_pictures.from_nothing(options(minutes=2.0, output=tmp_path / "new"), dataset)
    assert lesson.recipe.steps == 200  # 240 of half a second, in whole fifties
    assert any("about 2 minutes" in line for line in lesson.told)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--init", "shapes", "--size", "128"], "--size belongs to training from nothing"),
        (["--layers", "heads"], "--layers heads belongs to --init"),
        (["--patience", "3"], "--patience belongs to validation"),
        (["--val-share", "0.2", "--val", "x.json"], "--val or --val-share, not both"),
        (["--minutes", "3", "--steps", "5"], "--minutes or --steps, not both"),
        (["--augment", "flip"], "augmentation 'flip' is unknown"),
        (["--val-share", "1.5"], "is not a share between 0 and 1"),
        (["--size", "100"], "is not a multiple of 64"),
        (["--anchor-scales", "1,2,3"], "is not five sides"),
        (["--anchor-scales", "0,8,16,32,64"], "is not five sides"),
        (["--anchor-scales", "8,16,32,64,20000"], "is not five sides"),
        (["--val", "nothing.json"], "nothing.json: cannot be read"),
    ],
)
def test_options_that_cannot_be_are_refused_in_a_sentence(files, options, words, tmp_path, capsys):
    assert main(["train", *files, *options, "--output", str(tmp_path / "run")]) == 2
    assert words in capsys.readouterr().err


def test_the_drawn_shapes_have_no_plan(capsys):
    assert main(["train", "--val-share", "0.1"]) == 2
    assert "--val-share belongs to your own pictures" in capsys.readouterr().err
    assert endless_scenes(0)
