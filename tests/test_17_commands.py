"""`minimaskrcnn train`, `evaluate` and `demo`, as they are typed."""

import json
import shlex
from pathlib import Path

import pytest

from minimaskrcnn.cli import main
from minimaskrcnn.coco_masks.rle import encode
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.results.encoding import write_picture
from minimaskrcnn.training.recipe import FINE_TUNING, FROM_NOTHING
from minimaskrcnn.weights import load
from minimaskrcnn.weights.tree import named_arrays

NAMES = {1: "disc", 2: "square", 3: "triangle"}


@pytest.fixture
def dataset(tmp_path):
    """Three annotated pictures: the paths of the JSON file and of the folder."""
    images, annotations = [], []
    for i in range(3):
        example = scene(40 + i)
        write_picture(tmp_path / f"{i}.png", example.image)
        images.append({"id": i, "file_name": f"{i}.png", "height": 128, "width": 128})
        for mask, box, class_id in zip(
            example.masks, example.boxes, example.class_ids, strict=True
        ):
            y1, x1, y2, x2 = box.tolist()
            annotations.append(
                {"id": len(annotations) + 1, "image_id": i, "category_id": int(class_id)}
                | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": int(mask.sum()), "iscrowd": 0}
                | {"segmentation": encode(mask)}
            )
    categories = [{"id": i, "name": name} for i, name in NAMES.items()]
    document = {"images": images, "annotations": annotations, "categories": categories}
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path), str(tmp_path)


def ap(printed):
    """The value of every line of a summary."""
    return [float(line.split()[-1]) for line in printed.splitlines() if " = " in line]


def test_demo_finds_the_shapes_of_a_scene_and_names_the_picture(tmp_path, capsys):
    picture = tmp_path / "seven.png"
    assert main(["demo", "--seed", "7", "--output", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert "scene 7: 1 shapes drawn, 1 found" in printed and "circle" in printed
    assert str(picture) in printed and picture.stat().st_size > 1000
    assert main(["demo", "--seed", "25", "--output", str(picture)]) == 0
    assert "2 found" in capsys.readouterr().out  # a third is doubtful


def test_the_bundled_model_is_good(capsys):
    assert main(["evaluate", "--scenes", "40"]) == 0
    printed = capsys.readouterr().out
    values = ap(printed)
    assert len(values) == 24 and "40 images" in printed
    assert values[0] > 0.75 and values[12] > 0.75  # boxes, masks; 500 scenes say more


def test_training_writes_a_model_that_evaluate_reads(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["train", "--steps", "2", "--output", str(folder)]) == 0
    weights = str(folder / "model.h5")
    printed = capsys.readouterr().out
    assert "step 1/2  loss" in printed and "step 2/2  loss" in printed and weights in printed
    assert main(["weights", "verify", weights]) == 0
    assert "it was trained, not converted" in capsys.readouterr().out
    assert "step 2/2" in (folder / "train.log").read_text()
    assert main(["evaluate", "--scenes", "2", "--weights", weights]) == 0
    assert len(ap(capsys.readouterr().out)) == 24


def test_fine_tuning_takes_other_classes_and_leaves_the_backbone(dataset, tmp_path, capsys):
    annotations, images = dataset
    folder = tmp_path / "run"
    given = ["--dataset", annotations, "--images", images]
    assert main(["train", *given, "--init", "shapes", "--steps", "2", "--output", str(folder)]) == 0
    tuned = load(folder / "model.h5")
    assert tuned.config.class_names == ("background", *NAMES.values())
    from minimaskrcnn import load_model

    before, after = named_arrays(load_model("shapes")), named_arrays(tuned)
    same = {name: (before[name] == after[name]).all() for name in before}
    assert all(same[name] for name in same if name.startswith("backbone"))
    assert not same["rpn.shared.kernel"]
    weights = str(folder / "model.h5")
    capsys.readouterr()
    assert main(["evaluate", *given, "--weights", weights]) == 0
    assert "3 images" in capsys.readouterr().out


def test_a_folder_s_run_goes_on_with_the_same_dataset_and_weights_only(dataset, tmp_path, capsys):
    annotations, images = dataset
    train = ["train", "--images", images, "--steps", "1", "--output", str(tmp_path / "run")]
    assert main([*train, "--dataset", annotations, "--init", "shapes"]) == 0
    other = Path(annotations).with_name("other.json")
    other.write_text(Path(annotations).read_text().replace("disc", "coin"))
    assert main([*train, "--dataset", str(other), "--init", "shapes"]) == 2
    assert "is of a run with class_names" in capsys.readouterr().err
    other.write_text(Path(annotations).read_text() + " ")
    assert main([*train, "--dataset", str(other), "--init", "shapes"]) == 2
    assert "is of a run with dataset annotations.json (SHA-256 " in capsys.readouterr().err
    weights = str(tmp_path / "run" / "model.h5")
    assert main([*train, "--dataset", annotations, "--init", weights]) == 2
    assert "is of a run with init shapes, this one has model.h5 (SHA-256" in capsys.readouterr().err


def test_a_dataset_without_objects_teaches_nothing(dataset, capsys):
    annotations, images = dataset
    document = json.loads(Path(annotations).read_text())
    for record in document["annotations"]:
        record["iscrowd"] = 1
    Path(annotations).write_text(json.dumps(document))
    given = ["--dataset", annotations, "--images", images, "--init", "shapes"]
    assert main(["train", *given, "--output", f"{images}/run"]) == 2
    assert "no image has an object" in capsys.readouterr().err
    assert not Path(images, "run").exists()


def test_the_command_to_go_on_with_can_be_pasted(dataset, tmp_path, capsys):
    annotations, images = dataset
    folder = tmp_path / "my own run"
    given = ["--dataset", annotations, "--images", images]
    assert main(["train", *given, "--init", "shapes", "--steps", "1", "--output", str(folder)]) == 0
    *_, hint, line = capsys.readouterr().out.splitlines()
    assert "which flatters" in hint
    assert shlex.split(line)[:2] == ["minimaskrcnn", "evaluate"]
    assert main(shlex.split(line)[1:]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "3 images, 15 objects, 3 classes" in printed[0]
    assert [line.split()[0] for line in printed[-4:]] == [*NAMES.values(), "-1"]  # none is large


def test_fine_tuning_tells_what_is_too_small_and_which_classes_are_new(dataset, tmp_path, capsys):
    document = json.loads(Path(dataset[0]).read_text())
    for image in document["images"]:
        image["height"] = image["width"] = 512
        write_picture(tmp_path / image["file_name"], scene(image["id"], 512).image)
    for record in document["annotations"]:
        record["segmentation"] = [[10, 10, 90, 10, 90, 12, 10, 12]]  # half a pixel in the frame
        record["bbox"] = [10, 10, 80, 2]
    Path(dataset[0]).write_text(json.dumps(document))
    given = ["--dataset", dataset[0], "--images", dataset[1], "--init", "shapes", "--steps", "1"]
    assert main(["train", *given, "--val", dataset[0], "--output", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert "perhaps not learned: 15 objects (the thinnest has 2 pixels)" in printed
    assert "the weights know 2 of the 3 classes; new: disc" in printed
    assert "flatters" not in printed  # it is judged on what --val names


def test_an_interrupted_training_says_what_is_kept(tmp_path, capsys, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("minimaskrcnn.training.train.train", stopped)
    assert main(["train", "--output", str(tmp_path)]) == 130
    assert "interrupted; before the first checkpoint" in capsys.readouterr().err
    (tmp_path / "checkpoint.npz").touch()
    assert main(["train", "--output", str(tmp_path)]) == 130
    assert "the same command goes on from its last checkpoint" in capsys.readouterr().err


def test_the_help_of_train_says_what_the_recipes_say(capsys):
    assert main(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for words, field in (
        ("batches to learn from", "steps"),
        ("images a batch", "batch_size"),
        ("highest learning rate", "rate"),
    ):
        nothing, tuning = getattr(FROM_NOTHING, field), getattr(FINE_TUNING, field)
        assert f"{words}; default: {nothing}, with --init {tuning}" in text


@pytest.mark.parametrize("command", [["train"], ["evaluate", "--weights", "shapes"]])
def test_pictures_without_annotations_are_refused(command, tmp_path, capsys):
    assert main([*command, "--images", str(tmp_path)]) == 2
    assert "--images belongs to annotations" in capsys.readouterr().err


def test_what_cannot_be_is_said_in_a_sentence_and_leaves_nothing(
    dataset, capsys, tmp_path, monkeypatch
):
    annotations, images = dataset
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    nowhere = ["--images", f"{images}/nowhere"]
    assert main(["train", "--dataset", annotations, *nowhere]) == 2
    assert "the folder of pictures" in capsys.readouterr().err
    assert main(["evaluate", "--dataset", annotations]) == 2
    assert "--images" in capsys.readouterr().err
    given = ["--dataset", annotations, "--images", images]
    assert main(["evaluate", *given]) == 2
    assert "--weights" in capsys.readouterr().err
    assert main(["evaluate", *given, "--weights", "shapes"]) == 2
    assert "'disc', which the weights do not know" in capsys.readouterr().err
    for command in (["train", "--steps", "1"], ["evaluate"]):
        assert main([*command, "--images", images]) == 2
        assert "--images belongs to annotations" in capsys.readouterr().err
    assert main(["train", "--init", ""]) == 2
    assert main(["evaluate", "--weights", ""]) == 2
    assert main(["evaluate", *given, "--weights", "shapes", "--scenes", "3"]) == 2
    assert "--scenes belongs to the shapes" in capsys.readouterr().err
    assert main(["evaluate", "--scenes", "-3"]) == 2
    assert "'-3' is not a whole number" in capsys.readouterr().err
    assert main(["train", "--layers", "heads", "--output", f"{images}/new"]) == 2
    assert "the backbone must learn, too" in capsys.readouterr().err
    assert main(["demo", "--output", f"{images}/demo.gif"]) == 2
    assert "demo.gif: pictures are written as .png" in capsys.readouterr().err
    assert main(["explain", f"{images}/0.png", "-o", f"{images}/page.png"]) == 2
    assert "page.png: the page is HTML" in capsys.readouterr().err
    assert main(["train", "--steps", "1", "--output", annotations]) == 2
    assert f"{annotations}: cannot be written (File exists)" in capsys.readouterr().err
    for seed in ("-1", "4294967296"):
        assert main(["demo", "--seed", seed]) == 2
        assert f"--seed must be from 0 to 4294967295, got {seed}" in capsys.readouterr().err
    for wrong in (["--steps", "0"], ["--rate", "-1"], ["--rate", "nan"], ["--seed", "-3"]):
        assert main(["train", *wrong]) == 2
        assert wrong[1] in capsys.readouterr().err
    assert not list(Path().iterdir())


def changed(dataset, change):
    """The dataset's file with every annotation changed."""
    path = Path(dataset[0])
    document = json.loads(path.read_text())
    for record in document["annotations"]:
        change(record)
    path.write_text(json.dumps(document))


def named_as_shapes(dataset):
    path = Path(dataset[0])
    path.write_text(path.read_text().replace("disc", "circle"))


def test_evaluate_writes_a_report_and_takes_size_detections_and_overlaps(dataset, tmp_path, capsys):
    named_as_shapes(dataset)
    given = ["--dataset", dataset[0], "--images", dataset[1], "--weights", "shapes"]
    more = ["--max-detections", "150", "--iou", "0.5,0.75", "--size", "192"]
    report = tmp_path / "report"
    assert main(["evaluate", *given, *more, "--output", str(report)]) == 0
    printed = capsys.readouterr().out
    assert "IoU=0.50,0.75 | area=   all | maxDets=150" in printed and "confusion.csv" in printed
    results = json.loads((report / "detections.json").read_text())
    assert {record["image_id"] for record in results} == {0, 1, 2}
    assert main(["evaluate", *given, "--iou", "2"]) == 2
    assert "IoU thresholds lie above 0 and not above 1" in capsys.readouterr().err
    assert main(["evaluate", *given, "--size", "100"]) == 2
    assert "multiple of 64" in capsys.readouterr().err


def test_a_report_on_drawn_shapes_numbers_their_classes_from_1(tmp_path):
    assert main(["evaluate", "--scenes", "2", "--output", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "detections.json").read_text())
    for number in (0, 1):
        ids = [record["category_id"] for record in found if record["image_id"] == number]
        assert set(scene(number).class_ids.tolist()) <= set(ids) <= {1, 2, 3}


def test_boxes_only_are_judged_and_not_learned(dataset, capsys):
    named_as_shapes(dataset)
    changed(dataset, lambda record: record.pop("segmentation"))
    given = ["--dataset", dataset[0], "--images", dataset[1]]
    assert main(["evaluate", *given, "--weights", "shapes"]) == 0
    printed = capsys.readouterr().out
    assert "boxes and no masks" in printed and "Masks:" not in printed
    assert len(ap(printed)) == 12 and ap(printed)[0] > 0.5
    assert main(["train", *given, "--init", "shapes", "--output", f"{dataset[1]}/run"]) == 2
    assert "has boxes and no masks" in capsys.readouterr().err


def test_crowds_can_be_taken_for_objects_and_the_bad_be_skipped(dataset, capsys):
    named_as_shapes(dataset)
    changed(dataset, lambda record: record.update(iscrowd=1))
    given = ["evaluate", "--dataset", dataset[0], "--images", dataset[1], "--weights", "shapes"]
    assert main(given) == 2
    assert "give --crowds-are-objects" in capsys.readouterr().err
    changed(dataset, lambda record: record["id"] < 3 and record.update(bbox=[1, 1, 0, 0]))
    assert main([*given, "--crowds-are-objects"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "2 things are wrong" in lines[0] and "annotation 2" in lines[2]
    assert main([*given, "--crowds-are-objects", "--skip-bad", "--check-pictures"]) == 0
    assert "left out, for they are wrong: 2" in capsys.readouterr().out
