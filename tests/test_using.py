"""The examples of docs/using.md are run; those that need another library, where it is installed."""

import logging
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minimaskrcnn
from minimaskrcnn.datasets.scenes import scene

PAGE = (Path(__file__).parent.parent / "docs" / "using.md").read_text(encoding="utf-8")


def examples(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def street(tmp_path, monkeypatch):
    """Some scenes as files, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for seed, name in ((3, "street.png"), (7, "seven.png"), (13, "thirteen.png")):
        Image.fromarray(scene(seed).image).save(name)
    return tmp_path


def test_the_examples_in_python_run_one_after_the_other(street, monkeypatch):
    monkeypatch.setattr(logging, "basicConfig", lambda **given: None)
    level = logging.getLogger("minimaskrcnn").level
    names, blocks = {}, examples("python")
    try:
        for block in blocks:
            exec(compile(block, "docs/using.md", "exec"), names)
    finally:
        logging.getLogger("minimaskrcnn").setLevel(level)
    assert len(blocks) >= 5 and len(names["result"]) > 2 and (street / "found.png").exists()
    assert names["both"] == names["result"]


def test_the_server_answers_with_what_was_found_and_refuses_in_a_sentence(street):
    pytest.importorskip("fastapi")
    testclient = pytest.importorskip("fastapi.testclient")
    names = {"__name__": "server"}
    block = examples("python server")[0]
    exec(compile(block, "docs/using.md", "exec"), names)
    client = testclient.TestClient(names["app"])
    answer = client.post("/predict", content=Path("street.png").read_bytes())
    assert answer.status_code == 200
    found = minimaskrcnn.Detections.from_dict(answer.json(), "street.png")
    assert found == names["model"].predict("street.png", min_score=0.5)
    refused = client.post("/predict", content=b"not a picture")
    assert refused.status_code == 422 and refused.json()["detail"]


def test_workers_of_dask_find_what_one_process_finds(street, monkeypatch):
    distributed = pytest.importorskip("distributed")
    (street / "recipe.py").write_text(examples("python dask")[0], encoding="utf-8")
    monkeypatch.syspath_prepend(street)
    monkeypatch.setenv("PYTHONPATH", str(street), prepend=":")
    import recipe

    photographs = ["street.png", "seven.png", "thirteen.png"]
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        rows, records = recipe.predict_all(client, photographs)
    model = minimaskrcnn.load_model("shapes")
    results = [model.predict(path, min_score=0.5) for path in photographs]
    wanted = [one for i, result in enumerate(results, start=1) for one in result.to_coco(i)]
    assert records == wanted and len(wanted) > 3
    assert [row["file_name"] for row in rows] == [
        path for path, result in zip(photographs, results, strict=True) for _ in result
    ]


def test_every_option_of_predict_s_formats_is_on_the_page():
    from minimaskrcnn.results.folder import FORMS

    for form in FORMS:
        assert f"| `{form}` |" in PAGE


def test_what_happens_is_told_to_the_logger(street, caplog):
    with caplog.at_level(logging.INFO, logger="minimaskrcnn"):
        model = minimaskrcnn.load_model("shapes")
        list(model.predict_each(["street.png", b"nothing"], on_error=lambda *both: None))
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == "loaded shapes" and re.match(r"\d+ objects in street.png, \d", told[1])
    assert told[2].startswith("left out: ") and caplog.records[2].levelname == "WARNING"


def test_a_program_that_wants_no_log_is_told_nothing(capsys):
    logging.getLogger("minimaskrcnn").warning("nobody asked")
    assert "nobody asked" not in capsys.readouterr().err


def test_after_warming_up_nothing_is_left_to_compile():
    from numba.core import event

    class Counter(event.Listener):
        compiled = 0

        def on_start(self, happening):
            Counter.compiled += 1

        def on_end(self, happening):
            pass

    model = minimaskrcnn.load_model("shapes")
    assert model.warm_up() is None
    with event.install_listener("numba:compile", Counter()):
        result = model.predict(np.asarray(scene(3).image), min_score=0.5)
        result.to_json(), result.polygons(), result.draw(), result.label_map()
    assert Counter.compiled == 0 and len(result)


def test_all_exceptions_can_be_had_from_the_package():
    for name in ("ImageError", "SettingError", "WeightsError", "DatasetError", "TrainingError"):
        assert issubclass(getattr(minimaskrcnn, name), minimaskrcnn.MiniMaskRCNNError)
        assert name in PAGE


def test_objects_are_followed_through_a_video(street):
    av = pytest.importorskip("av")
    pytest.importorskip("trackers")
    with av.open("street.mp4", "w") as film:
        stream = film.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 128
        for _ in range(4):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(scene(3).image, format="rgb24")))
        film.mux(stream.encode())
    names = {"model": minimaskrcnn.load_model("shapes")}
    exec(compile(examples("python video")[0], "docs/using.md", "exec"), names)
    followed = [number for number in names["tracked"].tracker_id if number >= 0]
    assert len(set(followed)) == len(followed) > 2  # -1: not sure enough to be followed
