"""The command line: what is written, what is printed, and which exit status says what."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
from fuzz_photos import encoded, sample_files
from PIL import Image
from pycocotools.coco import COCO
from toy_weights import own_toy

import minimaskrcnn
from minimaskrcnn import cli
from minimaskrcnn.errors import ImageError, SettingError
from minimaskrcnn.model import MaskRCNN
from minimaskrcnn.results import Detections
from minimaskrcnn.results.naming import file_names, image_ids, list_names
from minimaskrcnn.runtime import stopwatch
from minimaskrcnn.settings import adjusted
from minimaskrcnn.weights import load

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # within pycocotools
COMMAND = [sys.executable, "-m", "minimaskrcnn"]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A tiny network with seeded weights, which finds some nonsense in anything."""
    return str(own_toy(tmp_path_factory.mktemp("toy"), seed=5))


def picture(seed=0, height=60, width=80):
    rs = np.random.RandomState(seed)
    coarse = Image.fromarray(rs.randint(0, 256, (6, 8, 3), np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def photos(tmp_path):
    """A folder with two pictures, a broken one and a text."""
    folder = tmp_path / "photos"
    folder.mkdir()
    picture(1).save(folder / "beach.jpg")
    picture(2).save(folder / "street.png")
    (folder / "broken.jpg").write_bytes(sample_files()["baseline.jpg"][:-200])
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture(scope="module", autouse=True)
def compiled(toy, tmp_path_factory):
    """The very first prediction says that it compiles; the tests' own are not the first."""
    folder = tmp_path_factory.mktemp("first")
    picture().save(folder / "first.png")
    given = ["predict", str(folder / "first.png"), "--weights", toy, "--size", "64", "--quiet"]
    given += ["--min-score", "0", "--format", "png,json,coco,masks,crops", "--output", str(folder)]
    assert cli.main(given) == 0


@pytest.fixture
def predict(toy, tmp_path, capsys):
    """Run `minimaskrcnn predict …` here; returns status, output, errors, names of files written."""

    def run(*arguments):
        out = tmp_path / "out"
        given = ["predict", *map(str, arguments), "--weights", toy, "--size", "64"]
        given += ["--min-score", "0", "--output", str(out)]
        status = cli.main(given)
        captured = capsys.readouterr()
        written = sorted(p.name for p in out.iterdir()) if out.exists() else []
        return status, captured.out, captured.err, written

    return run


# Exit status and messages


def test_one_photograph_gives_its_picture_and_its_list(predict, photos, tmp_path):
    status, out, err, written = predict(photos / "beach.jpg")
    assert status == 0 and err == ""
    assert written == ["beach.detections.json", "beach.detections.png"]
    plain = json.loads((tmp_path / "out" / "beach.detections.json").read_text(encoding="utf-8"))
    count = len(plain["objects"])
    assert count > 0 and out.startswith(
        f"{count} objects in {photos / 'beach.jpg'} (60 x 80 pixels"
    )
    assert len(out.splitlines()) == count + 3  # the table, and what was written
    assert out.endswith(f"wrote 2 files to {tmp_path / 'out'}\n")
    assert Image.open(tmp_path / "out" / "beach.detections.png").size[0] >= 480


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux")
def test_a_file_name_that_is_no_text_is_written_in_escapes(photos, toy, tmp_path):
    os.rename(photos / "beach.jpg", os.fsencode(photos) + b"/caf\xe9.jpg")
    os.unlink(photos / "broken.jpg")
    for more in ([], ["--json"]):
        given = ["predict", str(photos), "--weights", toy, "--size", "64", "--min-score", "0"]
        done = subprocess.run(
            [*COMMAND, *given, *more, "--output", str(tmp_path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "caf\\udce9.jpg" in done.stdout and "street.png" in done.stdout
    name = os.fsdecode(b"caf\xe9")
    found = json.loads((tmp_path / f"{name}.detections.json").read_text(encoding="utf-8"))
    assert os.path.exists(found["source"])


def test_a_result_that_cannot_be_written_fails_alone(predict, photos, tmp_path):
    (tmp_path / "out" / "beach.detections.json").mkdir(parents=True)
    (photos / "broken.jpg").unlink()
    status, out, err, written = predict(photos)
    assert status == 1 and "street.detections.json" in written
    assert "beach.jpg" in err and "beach.detections.json: cannot be written" in err
    assert "1 of 2 failed, the rest is done" in err


def test_what_was_written_beside_the_photographs_is_not_taken_for_one(toy, photos, monkeypatch):
    (photos / "broken.jpg").unlink()
    monkeypatch.chdir(photos)
    given = ["predict", ".", "--weights", toy, "--size", "64", "--format", "png,masks"]
    for _ in range(2):
        assert cli.main(given) == 0
    names = ("beach", "street")
    ours = [f"{name}.{kind}.png" for name in names for kind in ("detections", "masks")]
    assert sorted(p.name for p in photos.glob("*.png")) == sorted([*ours, "street.png"])


def test_names_are_found_quickly_for_very_many_photographs():
    paths = [f"a/{i % 100}.{i}" for i in range(99_999)]
    names = file_names(list_names({path: path for path in paths}))
    assert len(set(names.values())) == 99_999


def test_a_file_that_cannot_be_written_is_named_in_a_sentence(tmp_path, capsys):
    nowhere = tmp_path / "nowhere" / "demo.png"
    assert cli.main(["demo", "--seed", "7", "--output", str(nowhere)]) == 2
    assert capsys.readouterr().err.endswith(
        f"minimaskrcnn: {nowhere}: cannot be written (No such file or directory)\n"
    )


def test_too_little_memory_is_said_in_a_sentence(monkeypatch, capsys):
    def hungry(args):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr("minimaskrcnn.commands.demo.run", hungry)
    assert cli.main(["demo"]) == 2
    assert "there is not enough memory (Unable to allocate 9 TiB)" in capsys.readouterr().err


def test_a_folder_with_a_broken_image_gives_status_1_and_says_which(predict, photos):
    status, out, err, written = predict(photos)
    assert status == 1
    assert [line.split(":")[0] for line in out.splitlines()[:-1]] == [
        str(photos / "beach.jpg"),
        str(photos / "street.png"),
    ]
    assert "left out 1 file: 1 .txt" in err
    assert "broken.jpg: is damaged or cut off" in err and "1 of 3 failed" in err
    assert re.search(r"^minimaskrcnn: 2 photographs, \d+ per minute$", err, re.MULTILINE)
    assert len(err.splitlines()) == 4 and len(written) == 5  # with the list of failures


@pytest.mark.parametrize("bad", ["none.jpg", "photos/broken.jpg", "empty", "photos/*.gif"])
def test_nothing_readable_gives_status_2_and_one_sentence(predict, photos, tmp_path, bad):
    (tmp_path / "empty").mkdir()
    status, out, err, written = predict(tmp_path / bad)
    assert (status, out) == (2, "") and set(written) <= {"detections.failed.csv"}
    assert err.startswith("minimaskrcnn: ") and bad in err and len(err.splitlines()) == 1


def test_what_is_there_is_done_though_other_arguments_lead_nowhere(predict, photos, tmp_path):
    given = [photos / "beach.jpg", tmp_path / "none.jpg", photos / "*.gif"]
    status, _, err, written = predict(*given)
    assert status == 1 and len(written) == 2
    assert "none.jpg: no such file" in err and "*.gif: no file matches" in err
    assert "2 of 3 failed" in err


def test_without_any_image_no_weights_are_loaded_or_fetched(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("minimaskrcnn.api.load_model", lambda weights: pytest.fail("loaded"))
    assert cli.main(["predict", str(tmp_path / "none.jpg")]) == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--min-score", "2"], "min_score must be a number in 0 … 1"),
        (["--nms-threshold", "-1"], "nms_threshold must be"),
        (["--max-detections", "0"], "max_detections must be a whole number from 1"),
        (["--size", "100"], "size must be a multiple of 64 pixels, got 100; try 128"),
        (["--classes", "person,cowboy"], "'cowboy' is not among them; did you mean 'cow'"),
        (["--classes", ","], "classes names no class"),
        (["--weights", "none.h5"], "none.h5"),
    ],
)
def test_settings_that_make_no_sense_give_status_2(toy, photos, capsys, tmp_path, arguments, says):
    given = ["predict", str(photos / "beach.jpg"), "--weights", toy]
    assert cli.main([*given, "--output", str(tmp_path / "o"), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and says in captured.err and len(captured.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [["predict"], ["nonsense"], ["predict", "a.jpg", "--format", "png,gif"],
     ["predict", "a.jpg", "--min-score", "high"], ["predict", "a.jpg", "--nonsense"]],
)  # fmt: skip
def test_wrong_usage_gives_status_2(arguments, capsys):
    assert cli.main(arguments) == 2
    assert "usage: minimaskrcnn" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_known_before_the_work(
    toy, photos, tmp_path, capsys, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("minimaskrcnn.api.load_model", lambda weights: pytest.fail("loaded"))
    given = ["predict", str(photos / "beach.jpg"), "--weights", toy, "--size", "64"]
    assert cli.main([*given, "--output", str(tmp_path / "file")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("minimaskrcnn: ") and len(err.splitlines()) == 1


def test_an_animation_is_said_to_be_one(predict, tmp_path):
    (tmp_path / "wave.gif").write_bytes(encoded(picture(), "GIF", 3))
    status, _, err, _ = predict(tmp_path / "wave.gif")
    assert status == 0
    assert err.startswith("minimaskrcnn: ") and "wave.gif: several frames" in err
    assert len(err.splitlines()) == 1


# Formats


def test_all_formats(predict, photos, tmp_path):
    status, _, _, written = predict(photos, "--format", "png,json,coco,masks,crops")
    out = tmp_path / "out"
    assert written == sorted(
        [f"{name}.{end}" for name in ("beach", "street") for end in
         ("detections.png", "detections.json", "masks.png", "crops")]
        + ["detections.coco.json", "detections.failed.csv"]
    )  # fmt: skip
    plain = json.loads((out / "beach.detections.json").read_text(encoding="utf-8"))
    objects = plain["objects"]
    labels = np.asarray(Image.open(out / "beach.masks.png"))
    assert labels.shape == (60, 80) and 1 in labels and labels.max() <= len(objects)
    crops = sorted((out / "beach.crops").iterdir())
    assert len(crops) == len(objects)
    assert crops[0].name == f"00_{objects[0]['label'].replace(' ', '_')}.png"
    y1, x1, y2, x2 = objects[0]["box"]
    crop = np.asarray(Image.open(crops[0]))
    assert crop.shape == (y2 - y1, x2 - x1, 4)
    assert (crop[..., 3] > 0).sum() == objects[0]["area"] == (labels == 1).sum()


def test_the_coco_file_is_a_dataset_that_pycocotools_reads(predict, photos, tmp_path):
    predict(photos, "--format", "coco,json")
    dataset = COCO(tmp_path / "out" / "detections.coco.json")
    assert {i: dataset.imgs[i]["file_name"] for i in dataset.imgs} == {
        1: "beach.jpg",
        3: "street.png",
    }
    assert len(dataset.cats) == 80 and dataset.cats[90]["name"] == "toothbrush"
    for image_id, name in ((1, "beach"), (3, "street")):
        text = (tmp_path / "out" / f"{name}.detections.json").read_text(encoding="utf-8")
        annotations = dataset.loadAnns(dataset.getAnnIds([image_id]))
        for one, annotation in zip(json.loads(text)["objects"], annotations, strict=True):
            assert dataset.annToMask(annotation).sum() == one["area"] == annotation["area"]
            assert dataset.cats[annotation["category_id"]]["name"] == one["label"]
    assert dataset.loadRes(dataset.dataset["annotations"]).anns  # and as results


def test_json_lines_go_to_standard_output_and_nothing_to_disk(toy, photos, capsys, monkeypatch):
    monkeypatch.chdir(photos)
    before = sorted(os.listdir())
    given = ["predict", "beach.jpg", "street.png", "--weights", toy, "--size", "64", "--json"]
    assert cli.main([*given, "--min-score", "0"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["source"] for line in lines] == ["beach.jpg", "street.png"]
    assert lines[0]["objects"] and sorted(os.listdir()) == before


def test_json_and_files_can_be_had_together(predict, photos, tmp_path):
    status, out, err, written = predict(photos / "beach.jpg", "--json", "--format", "png")
    assert status == 0 and json.loads(out)["objects"] and written == ["beach.detections.png"]
    assert err == f"minimaskrcnn: wrote 1 file to {tmp_path / 'out'}\n"


def test_quiet_prints_nothing_but_errors(predict, photos):
    status, out, err, written = predict(photos, "--quiet")
    assert status == 1 and out == "" and len(err.splitlines()) == 2 and len(written) == 5


def test_by_default_files_go_to_the_current_folder_and_never_over_a_photograph(
    toy, photos, monkeypatch, capsys
):
    monkeypatch.chdir(photos)
    before = {path: path.read_bytes() for path in photos.iterdir()}
    assert cli.main(["predict", "street.png", "--weights", toy, "--size", "64"]) == 0
    assert (photos / "street.detections.png").exists()
    assert all(path.read_bytes() == contents for path, contents in before.items())


def test_photographs_of_the_same_name_do_not_overwrite_each_other(predict, tmp_path):
    for folder, suffix in (("a", "png"), ("b", "png"), ("b", "jpg")):
        (tmp_path / folder).mkdir(exist_ok=True)
        picture().save(tmp_path / folder / f"dog.{suffix}")
    given = [tmp_path / "a" / "dog.png", tmp_path / "b"]
    assert predict(*given, "--format", "json,coco")[3] == [
        "a", "b", "detections.coco.json", "dog.detections.json",
    ]  # fmt: skip
    dataset = json.loads((tmp_path / "out" / "detections.coco.json").read_text())
    named = {image["file_name"] for image in dataset["images"]}
    assert named == {"a/dog.png", "b/dog.png", "dog.jpg"}


def test_names_that_differ_only_in_case_or_number_stay_apart():
    paths = ["dog.png", "Dog.tif", "dog-2.jpg", "dog.jpg"]
    names = list(file_names({path: path for path in paths}).values())
    assert len({name.casefold() for name in names}) == 4 and names[0] == "dog"


def test_image_ids_are_the_file_s_numbers_if_all_have_one():
    assert image_ids({"x": "000139.jpg", "y": "a/285.png"}) == {"x": 139, "y": 285}
    assert image_ids({"x": "139.jpg", "y": "a.jpg"}) == {"x": 1, "y": 2}
    assert image_ids({"x": "1.jpg", "y": "001.jpg"}) == {"x": 1, "y": 2}  # not unique


def test_settings_reach_the_network(predict, photos):
    everything = json.loads(predict(photos / "beach.jpg", "--json")[1])["objects"]
    name = everything[0]["label"]
    some = json.loads(predict(photos / "beach.jpg", "--json", "--classes", name)[1])["objects"]
    assert some and {one["label"] for one in some} == {name}
    few = json.loads(predict(photos / "beach.jpg", "--json", "--max-detections", "2")[1])
    assert few["objects"] == everything[:2]


def test_orientation_can_be_ignored(predict, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture().save(tmp_path / "turned.jpg", exif=exif)
    shapes = [
        (found["height"], found["width"])
        for options in ([], ["--ignore-orientation"])
        for found in [json.loads(predict(tmp_path / "turned.jpg", "--json", *options)[1])]
    ]
    assert shapes == [(80, 60), (60, 80)]


# Many images


def test_of_200_images_three_broken_ones_are_named_and_the_rest_is_done(predict, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(200):
        picture(i).save(folder / f"{i:03d}.png")
    broken = {
        "017.png": b"",
        "118.png": b"text",
        "199.png": (folder / "199.png").read_bytes()[:-99],
    }
    for name, contents in broken.items():
        (folder / name).write_bytes(contents)
    status, out, err, written = predict(folder, "--format", "json,coco", "--max-detections", "2")
    assert status == 1 and len(out.splitlines()) == 198 and len(written) == 199
    assert "3 of 200 failed" in err and "197 photographs, " in err and len(err.splitlines()) == 5
    assert all(name in err for name in broken)


def test_memory_does_not_grow_with_the_number_of_images(toy):
    model = load(toy)
    photo = np.asarray(picture(height=1000, width=1000))  # 3 MB

    def peak(count):
        tracemalloc.start()
        for result in model.predict_each((photo.copy() for _ in range(count)), size=64):
            assert result.image.shape == (1000, 1000, 3)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)
    assert peak(20) < peak(2) + 1e6


# The model's own methods


def test_predict_takes_every_kind_of_input_and_names_it(toy, photos):
    model = load(toy)
    path = photos / "street.png"
    expected = model.predict(path, size=64, min_score=0)
    assert isinstance(expected, Detections) and len(expected) and expected.source == str(path)
    pixels = np.asarray(Image.open(path))
    for source in (str(path), path.read_bytes(), Image.open(path), pixels, pixels / 255):
        result = model.predict(source, size=64, min_score=0)
        np.testing.assert_array_equal(result.boxes, expected.boxes)
        np.testing.assert_array_equal(result.scores, expected.scores)
    assert model.predict(pixels, size=64).source == ""


def test_predict_each_raises_at_a_broken_image_or_hands_it_over(toy, photos):
    model, failed = load(toy), []
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        list(model.predict_each(photos, size=64))
    results = list(model.predict_each(photos, lambda *both: failed.append(both), size=64))
    assert [result.source[-9:] for result in results] == ["beach.jpg", "treet.png"]
    assert failed[0][0] == str(photos / "broken.jpg") and isinstance(failed[0][1], ImageError)


def test_predict_each_is_lazy(toy):
    taken = []
    photos = (taken.append(i) or np.zeros((9, 9, 3), np.uint8) for i in range(5))
    next(load(toy).predict_each(photos, size=64))
    assert taken == [0]


def test_every_stage_is_timed(toy):
    result = load(toy).predict(np.asarray(picture()), size=64)
    assert list(result.seconds) == [
        "read", "image", "backbone", "pyramid", "rpn", "proposals",
        "box head", "detections", "masks",
    ]  # fmt: skip
    assert all(seconds >= 0 for seconds in result.seconds.values())


def test_the_stopwatch_gives_each_stage_the_time_since_the_one_before(monkeypatch):
    clock = iter([10.0, 11.0, 13.0, 17.0, 25.0])
    monkeypatch.setattr(stopwatch, "perf_counter", lambda: next(clock))
    keep, seconds = stopwatch.stopwatch()
    for name in ("molded", "c1", "roi_features", "class_probs"):
        assert keep(name, name) == name
    assert seconds == {"image": 1.0, "backbone": 2.0, "box head": 4.0 + 8.0}


def test_settings_change_one_call_and_not_the_model(toy):
    model, photo = load(toy), np.asarray(picture(3))
    before = model.config
    everything = model.predict(photo, size=64, min_score=0)
    assert len(model.predict(photo, size=64, min_score=float(everything.scores[2]))) == 3
    classes = sorted(set(everything.labels))[:1]
    chosen = model.predict(photo, size=64, min_score=0, classes=classes, max_detections=1)
    assert chosen.labels == classes  # the best of the class, though others are better
    fewer = model.predict(photo, size=64, min_score=0, nms_threshold=0.05)
    assert len(fewer) <= len(everything)
    assert model.trace(photo, size=128)["molded"].shape == (128, 128, 3)
    assert model.config is before and isinstance(model, MaskRCNN)


def test_size_keeps_the_proportion_of_the_two_sides():
    config = adjusted(minimaskrcnn.Config(), size=512)
    assert (config.image_min_size, config.image_max_size) == (400, 512)
    assert adjusted(minimaskrcnn.Config()) == minimaskrcnn.Config()
    assert adjusted(minimaskrcnn.Config(), classes="person").detected_classes == (1,)


@pytest.mark.parametrize(
    "settings",
    [{"min_score": "0.5"}, {"min_score": True}, {"min_score": float("nan")}, {"size": 64.5},
     {"size": 0}, {"max_detections": 2.5}, {"classes": ["background"]}, {"classes": [1]},
     {"classes": []}, {"nms_threshold": 1.01}],
)  # fmt: skip
def test_a_setting_that_makes_no_sense_is_refused_by_name(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        adjusted(minimaskrcnn.Config(), **settings)


# The process


def test_version_and_help(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"minimaskrcnn {minimaskrcnn.__version__}\n"
    assert cli.main(["predict", "--help"]) == 0
    text = capsys.readouterr().out
    assert "examples:" in text and "exit status:" in text
    assert cli.main(["--help"]) == 0
    assert "predict" in capsys.readouterr().out


def test_help_answers_at_once():
    started = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], capture_output=True, check=True)
    assert time.perf_counter() - started < 2  # 0.1 s on an idle machine


def test_a_reader_that_goes_away_ends_it_quietly(toy, photos):
    given = [
        *COMMAND,
        "predict",
        str(photos / "beach.jpg"),
        "--weights",
        toy,
        "--size",
        "64",
        "--json",
    ]
    process = subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 141
    process.stderr.close()


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_an_interruption_is_one_line_and_status_130(monkeypatch, capsys, photos):
    def interrupted(weights, **_):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("minimaskrcnn.api.load_model", interrupted)
    assert cli.main(["predict", str(photos / "beach.jpg")]) == 130
    assert capsys.readouterr().err == "minimaskrcnn: interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_an_interruption_while_an_object_dies_is_not_swallowed(monkeypatch, capsys, photos):
    class Dying:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)
            list(map(len, []))  # here Python raises KeyboardInterrupt, and ignores it

    def interrupted(weights, **_):
        Dying()
        for _ in range(200):
            time.sleep(0.05)

    monkeypatch.setattr("minimaskrcnn.api.load_model", interrupted)
    hook = sys.unraisablehook
    assert cli.main(["predict", str(photos / "beach.jpg")]) == 130
    assert capsys.readouterr().err == "minimaskrcnn: interrupted\n"
    assert sys.unraisablehook is hook


def test_the_function_predict_takes_settings_and_keeps_the_model(toy, photos):
    first = minimaskrcnn.predict(photos / "beach.jpg", toy, size=64, min_score=0)
    assert len(first) > 1 and first.source == str(photos / "beach.jpg")
    again = minimaskrcnn.predict(
        photos / "beach.jpg", toy, size=64, min_score=0, max_detections=1, orient=False
    )
    assert again.scores.tolist() == first.scores[:1].tolist()
