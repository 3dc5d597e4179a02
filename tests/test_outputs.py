"""The files of `predict`: each photograph's own, none lost, and what is told about them."""

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import made_up
from PIL import Image
from pycocotools.coco import COCO
from toy_weights import own_toy

from minimaskrcnn import cli
from minimaskrcnn.config import SHAPES
from minimaskrcnn.errors import DatasetError, SettingError
from minimaskrcnn.results.folder import FAILED, FORMS, ResultsFolder
from minimaskrcnn.results.like import Like
from minimaskrcnn.results.naming import file_names, list_names, mark
from minimaskrcnn.weights import load, save

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # within pycocotools
ALL = "png,json,masks,crops,labelme,yolo,coco,polygons,results,csv"


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return str(own_toy(tmp_path_factory.mktemp("toy"), seed=5))


def photograph(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.RandomState(seed).randint(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(coarse).resize((80, 60), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def same(tmp_path):
    """Two folders, each with an x.png of its own."""
    photograph(tmp_path / "a" / "x.png", 1)
    photograph(tmp_path / "b" / "x.png", 2)
    return tmp_path


@pytest.fixture
def predict(toy, tmp_path, capsys):
    """Run `minimaskrcnn predict …`; returns status, output and errors."""

    def run(*arguments):
        given = ["predict", *map(str, arguments), "--weights", toy, "--size", "64"]
        status = cli.main([*given, "--min-score", "0", "-o", str(tmp_path / "out")])
        return status, *capsys.readouterr()

    return run


def listed(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def files_of(folder):
    return {name: (folder / name).read_bytes() for name in listed(folder)}


def names_in(path):
    return {image["file_name"] for image in json.loads(path.read_text())["images"]}


# Whose they are


def test_two_photographs_of_one_name_stay_apart_in_one_run(same, predict):
    assert predict(same / "a" / "x.png", same / "b" / "x.png", "--format", "json,coco")[0] == 0
    out = same / "out"
    assert listed(out) == ["a/x.detections.json", "b/x.detections.json", "detections.coco.json"]
    assert names_in(out / "detections.coco.json") == {"a/x.png", "b/x.png"}


def test_a_second_run_replaces_nothing_of_other_photographs(same, predict):
    predict(same / "a", "--format", ALL)
    before = files_of(same / "out")
    status, out, _ = predict(same / "b", "--format", ALL)
    after = files_of(same / "out")
    assert status == 0 and "wrote" in out
    assert before.pop("yolo/data.yaml") != after["yolo/data.yaml"]  # names both now
    assert {name: after[name] for name in before} == before
    told = (
        json.loads(after["x-2.detections.json"])["photograph"],
        json.loads(after["x.detections.json"]),
    )
    assert told[0] == "../b/x.png" and told[1]["photograph"] == "../a/x.png"
    assert set(json.loads(after["yolo/data.yaml"])["photographs"]) == {"x", "x-2"}


@pytest.mark.parametrize("form", ALL.split(","))
def test_the_same_photograph_s_files_are_replaced(same, predict, form):
    predict(same / "a", "--format", form)
    before = listed(same / "out")
    predict(same / "a", "--format", form)
    assert listed(same / "out") == before


@pytest.mark.parametrize("form", ["png", "json", "masks", "crops", "labelme", "yolo"])
def test_each_form_alone_knows_whose_it_is(same, predict, form):
    predict(same / "a", "--format", form)
    before = files_of(same / "out")
    before.pop("yolo/data.yaml", None)
    predict(same / "b", "--format", form)
    after = files_of(same / "out")
    assert {name: after[name] for name in before} == before and len(after) > len(before)


def test_names_are_those_below_the_folder_that_was_asked_for(same, predict):
    predict(same / "*" / "x.png", "--format", "json")
    assert listed(same / "out") == ["a/x.detections.json", "b/x.detections.json"]


def test_of_several_photographs_of_one_name_each_has_its_path():
    photos = {"p/1/x.png": "x.png", "p/2/x.png": "x.png", "q/X.PNG": "X.PNG", "y.png": "y.png"}
    names = list_names(photos)
    assert list(names.values()) == ["p/1/x.png", "p/2/x.png", "q/X.PNG", "y.png"]
    stems = file_names({"a": "x.png", "b": "x.jpg", "c": "X.tif"})
    assert list(stems.values()) == ["x", "x-2", "X-3"]
    assert file_names({"a": "x-2.png", "b": "x.png", "c": "X.jpg"})["c"] == "X-3"


@pytest.mark.parametrize("letter", ["n", "é", "猫", "😀"])
def test_a_name_as_long_as_a_disk_allows_is_no_failure(tmp_path, predict, letter):
    stem = letter * (240 // len(letter.encode()))
    photos = [photograph(tmp_path / "long" / f"{stem}{i}.png") for i in range(2)]
    status, _, err = predict(*photos, "--format", ALL)
    assert status == 0, err
    assert len(list((tmp_path / "out").glob("*.detections.png"))) == 2
    assert all(
        len(os.fsencode(name)) <= 255 for p in listed(tmp_path / "out") for name in p.split("/")
    )


# What they hold


def test_an_index_picture_shows_the_objects_and_keeps_their_numbers(same, predict):
    predict(same / "a", "--format", "masks,json")
    picture = Image.open(same / "out" / "x.masks.png")
    count = len(json.loads((same / "out" / "x.detections.json").read_text())["objects"])
    numbers = np.asarray(picture)
    assert picture.mode == "P" and numbers.min() >= 0 and 1 <= numbers.max() <= count
    shown = np.asarray(picture.convert("RGB"))
    assert (shown[numbers == 0] == 0).all() and (shown[numbers > 0].max(axis=-1) > 100).all()


def test_more_objects_than_a_palette_has_room_for_keep_their_numbers():
    from minimaskrcnn.results.encoding import index_picture

    result = made_up(300, 400, 400, largest=0.1)
    np.testing.assert_array_equal(np.asarray(index_picture(result)), result.label_map())
    for few in (result[:255], result[:256]):
        np.testing.assert_array_equal(np.asarray(index_picture(few)), few.label_map())


def test_crops_of_an_earlier_run_are_gone_and_somebody_s_own_files_stay(same, predict):
    predict(same / "a", "--format", "crops")
    crops = same / "out" / "x.crops"
    first = len(listed(crops))
    (crops / "mine.txt").write_text("mine")
    predict(same / "a", "--format", "crops", "--max-detections", "1")
    left = listed(crops)
    assert first > 1 and len(left) == 2 and "mine.txt" in left
    assert sorted(os.listdir(same / "out")) == ["x.crops"]


def test_a_class_of_300_letters_has_a_crop(tmp_path):
    names = ("background", "é" * 300, "a/b\\c\n", "..")
    results = ResultsFolder(tmp_path, {"p.png": "p.png"}, ("crops",), names)
    results.write("p.png", made_up(6, names=names))
    assert len(listed(tmp_path / "p.crops")) == 6 and listed(tmp_path)[0].startswith("p.crops/")


def test_the_table_has_a_row_for_each_object(same, predict):
    predict(same / "a", same / "b", "--format", "csv,json")
    with open(same / "out" / "detections.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name in ("a/x", "b/x"):
        objects = json.loads((same / "out" / f"{name}.detections.json").read_text())["objects"]
        own = [row for row in rows if row["file_name"] == f"{name}.png"]
        assert [row["label"] for row in own] == [one["label"] for one in objects]
        assert [float(row["score"]) for row in own] == [one["score"] for one in objects]
        assert [int(row["area"]) for row in own] == [one["area"] for one in objects]


def test_labelme_finds_the_photograph(same, predict):
    predict(same / "a", "--format", "labelme")
    file = same / "out" / "labelme" / "x.json"
    path = file.parent / json.loads(file.read_text())["imagePath"]
    assert path.resolve() == (same / "a" / "x.png").resolve()


def test_datasets_with_polygons_and_with_run_lengths_have_the_same_masks(same, predict):
    predict(same / "a", same / "b", "--format", "coco,polygons")
    with_runs = COCO(same / "out" / "detections.coco.json")
    with_polygons = COCO(same / "out" / "detections.polygons.json")
    assert (
        with_runs.imgs == with_polygons.imgs and len(with_runs.anns) == len(with_polygons.anns) > 2
    )
    assert list(with_runs.anns) == list(range(1, len(with_runs.anns) + 1))  # 0 is no id for COCO
    for i, annotation in with_runs.anns.items():
        other = with_polygons.anns[i]
        np.testing.assert_array_equal(
            with_runs.annToMask(annotation), with_polygons.annToMask(other)
        )
        assert isinstance(other["segmentation"], list) and other["area"] == annotation["area"]


# Like a dataset


def annotations(path, names, encoding="utf-8"):
    dataset = {
        "images": [{"id": i, "file_name": n, "height": 60, "width": 80} for n, i in names],
        "categories": [{"id": 1, "name": "person"}, {"id": 90, "name": "toothbrush"}],
        "annotations": [],
    }
    path.write_text(json.dumps(dataset), encoding=encoding)
    return path


def test_ids_are_those_of_the_dataset_and_the_lists_load(same, predict):
    like = annotations(same / "like.json", [("b/x.png", 30), ("a/x.png", 7)])
    status, _, err = predict(same / "a", same / "b", "--format", "results", "--like", like)
    assert status == 0, err
    truth = COCO(like)
    for name, absent in (("boxes", "segmentation"), ("masks", "bbox")):
        records = json.loads((same / "out" / f"detections.{name}.json").read_text())
        assert {r["image_id"] for r in records} == {7, 30} and absent not in records[0]
        assert len(truth.loadRes(records).anns) == len(records)


def test_a_photograph_that_the_dataset_does_not_have_fails_before_the_work(same, predict):
    like = annotations(same / "like.json", [("a/x.png", 7)])
    photograph(same / "a" / "y.png")
    status, _, err = predict(same / "a", "--format", "coco", "--like", like)
    assert status == 1 and "y.png: " in err and "no image of this name" in err
    assert names_in(same / "out" / "detections.coco.json") == {"x.png"}


def test_ids_by_name(tmp_path):
    path = tmp_path / "like.json"
    given = [("u\\x.png", 1), ("v/x.png", 2), ("y.png", 3)]
    many = Like(annotations(path, given, encoding="utf-8-sig"))
    assert (many.image_id("v/x.png"), many.image_id("u/x.png")) == (2, 1)
    assert many.image_id("anywhere/y.png") == 3
    with pytest.raises(DatasetError, match="2 images of this name"):
        many.image_id("x.png")
    ids = many.categories(("background", "toothbrush", "new", "person", "newer"))
    assert ids == (0, 90, 92, 1, 94)
    with pytest.raises(DatasetError, match="none of the model's classes"):
        many.categories(SHAPES.class_names)
    for text in ("", "[]", "{}", '{"images": 3}', '{"images": [], "categories": [3]}'):
        path.write_text(text)
        with pytest.raises(DatasetError, match="as COCO's annotations do"):
            Like(path)


# Going on


def test_what_is_there_is_skipped_and_the_files_of_all_go_on(same, predict):
    predict(same / "a", "--format", "json,coco,csv")
    before = files_of(same / "out")
    photograph(same / "a" / "y.png", 3)
    status, out, err = predict(same / "a", "--format", "json,coco,csv", "--skip-existing")
    assert status == 0 and "1 were done before and skipped" in err and "x.png" not in out
    after = files_of(same / "out")
    assert after["x.detections.json"] == before["x.detections.json"]
    dataset = COCO(same / "out" / "detections.coco.json")
    assert {image["file_name"] for image in dataset.imgs.values()} == {"x.png", "y.png"}
    count = sum(len(json.loads(after[f"{n}.detections.json"])["objects"]) for n in "xy")
    assert len(dataset.anns) == count and after["detections.csv"].count(b"\n") == count + 1
    assert predict(same / "a", "--format", "json,coco,csv", "--skip-existing")[0] == 0
    assert files_of(same / "out") == after


def test_a_photograph_without_all_its_files_is_done_again(same, predict):
    predict(same / "a", "--format", "json")
    assert "skipped" not in predict(same / "a", "--format", "json,png", "--skip-existing")[2]
    assert (same / "out" / "x.detections.png").exists()


def test_a_dataset_of_other_classes_is_not_continued(tmp_path):
    results = ResultsFolder(tmp_path, {"p.png": "p.png"}, ("coco",), SHAPES.class_names)
    results.write("p.png", made_up(2, names=SHAPES.class_names))
    results.close()
    with pytest.raises(SettingError, match=r"other classes \(circle, square, triangle\)"):
        ResultsFolder(tmp_path, {}, ("coco",), ("background", "cat"), skip_existing=True)


def test_the_files_of_all_are_there_long_before_the_end(tmp_path):
    paths = {f"{i}.png": f"{i}.png" for i in range(40)}
    results = ResultsFolder(tmp_path, paths, ("coco", "csv"), SHAPES.class_names)
    for done, path in enumerate(paths, start=1):
        results.write(path, made_up(1, names=SHAPES.class_names))
        assert len(names_in(tmp_path / "detections.coco.json")) >= done / 1.1 - 1


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_an_interruption_loses_nothing_that_was_done(tmp_path, toy):
    for i in range(60):
        photograph(tmp_path / "many" / f"{i:02d}.png", i)
    (tmp_path / "many" / "00.png").write_bytes(b"broken")
    given = [
        "predict",
        "many",
        "--weights",
        toy,
        "--size",
        "64",
        "-o",
        "out",
        "--format",
        "json,coco",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "minimaskrcnn", *given], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    for _ in range(3):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130 and err.endswith("minimaskrcnn: interrupted\n"), err
    written = [name for name in listed(tmp_path / "out") if name.endswith(".detections.json")]
    named = {
        f"{Path(n).stem}.detections.json" for n in names_in(tmp_path / "out/detections.coco.json")
    }
    assert named == set(written) and 3 <= len(written) < 59
    assert "00.png" in (tmp_path / "out" / FAILED).read_text()


def test_a_full_disk_ends_the_run_with_what_there_is(same, predict, monkeypatch):
    for i in range(5):
        photograph(same / "a" / f"{i}.png", i)
    from minimaskrcnn.results import outputs

    original, calls = outputs.write_result, []

    def full_after_two(*given):
        calls.append(given)
        if len(calls) > 2:
            raise OSError(28, "cannot be written (No space left on device)", "out/2.detections.png")
        return original(*given)

    monkeypatch.setattr(outputs, "write_result", full_after_two)
    status, out, err = predict(same / "a", "--format", "json,coco")
    assert status == 1 and len(calls) == 3 and "wrote 3 files" in out
    assert "No space left" in err and "3 photographs were not begun" in err
    assert names_in(same / "out" / "detections.coco.json") == {"0.png", "1.png"}


def test_a_list_that_cannot_be_written_at_the_end_is_a_failure_of_its_own(same, predict):
    (same / "out" / "detections.coco.json").mkdir(parents=True)
    (same / "out" / "detections-2.coco.json").mkdir()
    photograph(same / "a" / "y.png").write_bytes(b"broken")
    status, _, err = predict(same / "a", "--format", "json,coco")
    assert status in (0, 1) and "y.png" in err


def test_failures_are_kept_until_their_photograph_succeeds(same, predict):
    (same / "a" / "y.png").write_bytes(b"broken")
    status, _, err = predict(same / "a", "--format", "json")
    assert status == 1
    failed = same / "out" / FAILED
    with open(failed, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["photograph", "why"] and rows[1][0] == "../a/y.png" and len(rows) == 2
    predict(same / "b", "--format", "json")
    assert "../a/y.png" in failed.read_text()
    photograph(same / "a" / "y.png")
    assert predict(same / "a", "--format", "json")[0] == 0 and not failed.exists()


# What is told


def test_an_output_that_cannot_be_written_is_found_out_before_the_weights(
    same, capsys, monkeypatch
):
    monkeypatch.setattr("minimaskrcnn.api.load_model", lambda weights: pytest.fail("loaded"))
    (same / "file").write_text("")
    for output in (same / "file", same / "file" / "below"):
        assert cli.main(["predict", str(same / "a"), "-o", str(output)]) == 2
        err = capsys.readouterr().err
        assert str(output) in err and len(err.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="locales of POSIX")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_json_is_json_in_any_locale(toy, tmp_path, encoding):
    photograph(tmp_path / "Straße 猫 \x7f.png")
    given = ["predict", "Straße 猫 \x7f.png", "--weights", toy, "--size", "64", "--json", "--quiet"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-m", "minimaskrcnn", *given],
        cwd=tmp_path,
        capture_output=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("utf-16" if encoding == "utf-16" else "utf-8")
    assert json.loads(text)["source"] == "Straße 猫 \x7f.png"
    assert text.strip().isascii() and text.strip().isprintable()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux")
def test_where_the_output_is_full_the_files_are_written_all_the_same(toy, same):
    given = [
        "predict",
        "a",
        "b",
        "--weights",
        toy,
        "--size",
        "64",
        "-o",
        "out",
        "--format",
        "json,coco",
    ]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "minimaskrcnn", *given], cwd=same, stdout=full,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 1 and done.stderr.count("standard output: cannot be written") == 1
    assert names_in(same / "out" / "detections.coco.json") == {"a/x.png", "b/x.png"}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux")
def test_where_nobody_would_see_the_rest_it_is_not_begun(toy, same):
    given = ["predict", "a", "b", "--weights", toy, "--size", "64", "--json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "minimaskrcnn", *given], cwd=same, stdout=full,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 1 and "1 photograph was not begun" in done.stderr


def test_a_notebook_s_backend_does_not_reach_the_command(toy, same):
    given = ["predict", "a", "--weights", toy, "--size", "64", "-o", "out", "--quiet"]
    environment = {**os.environ, "MPLBACKEND": "module://no_such_backend", "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-m", "minimaskrcnn", *given],
        cwd=same,
        capture_output=True,
        env=environment,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_bundled_model_has_the_limit_of_the_demo(tmp_path, capsys, monkeypatch):
    assert cli.main(["demo", "--seed", "3", "-o", str(tmp_path / "d.png"),
                     "--scene", str(tmp_path / "s.png")]) == 0  # fmt: skip
    told = capsys.readouterr().out
    assert f"minimaskrcnn explain {tmp_path / 's.png'} --weights shapes" in told
    assert Image.open(tmp_path / "s.png").size == (128, 128)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["predict", "s.png", "--weights", "shapes", "--json", "-o", "out"]) == 0
    objects = json.loads(capsys.readouterr().out)["objects"]
    assert f"{len(objects)} found" in told and min(one["score"] for one in objects) >= 0.5
    asked = ["predict", "s.png", "--weights", "shapes", "--json", "--min-score", "0.9999"]
    assert cli.main(asked) == 0
    fewer = json.loads(capsys.readouterr().out)["objects"]
    assert len(fewer) < len(objects) and all(one["score"] >= 0.9999 for one in fewer)


def test_other_weights_have_the_limit_of_their_own(toy, same, capsys):
    model = load(toy)
    save(replace(model, config=replace(model.config, min_score=0.0)), same / "doubtful.h5")
    given = ["predict", str(same / "a" / "x.png"), "--weights", str(same / "doubtful.h5")]
    assert cli.main([*given, "--size", "64", "--json"]) == 0
    scores = [one["score"] for one in json.loads(capsys.readouterr().out)["objects"]]
    assert scores and min(scores) < 0.5


def test_a_photograph_comes_through_standard_input(toy, same):
    given = [sys.executable, "-m", "minimaskrcnn", "predict", "-", "--weights", toy, "--json"]
    encoded = (same / "a" / "x.png").read_bytes()
    done = subprocess.run([*given, "--size", "64"], cwd=same, input=encoded, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["height"] == 60


def test_pictures_are_drawn_as_asked(same, predict):
    from minimaskrcnn.results import Detections

    options = ["--colour-by", "class", "--opacity", "0.9", "--no-boxes", "--no-scores"]
    predict(same / "a", "--format", "png,json", *options)
    text = (same / "out" / "x.detections.json").read_text()
    result = Detections.from_json(text, same / "a" / "x.png")
    drawn = result.draw(colour_by="class", opacity=0.9, boxes=False, scores=False)
    np.testing.assert_array_equal(np.asarray(Image.open(same / "out" / "x.detections.png")), drawn)


def test_marks_are_paths_from_the_folder():
    assert mark("a/x.png", "out") == "../a/x.png" and mark("out/x.png", "out") == "x.png"
    assert mark(os.fsdecode(b"caf\xe9.png"), ".") == "caf\\xe9.png"
    assert set(FORMS) == set(ALL.split(","))
