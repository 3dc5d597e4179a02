"""Fetched weights: where they are kept, by how many at once, and what a failure leaves."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import unreliable_server as says
from fetching import (  # noqa: F401
    CONVERTED,
    PAUSES,
    assert_nothing_but_leftovers,
    flipped,
    get,
    release_of,
)
from unreliable_server import Server

from minimaskrcnn import api, cli, weights
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.runtime.files import written_whole
from minimaskrcnn.weights import download, lock
from minimaskrcnn.weights.download import fetch
from minimaskrcnn.weights.known import COCO_FILE


def test_a_home_of_nobody_is_refused(monkeypatch):
    monkeypatch.setenv("MINIMASKRCNN_HOME", "~nosuchuser/x")
    with pytest.raises(WeightsError, match="MINIMASKRCNN_HOME is '~nosuchuser/x'"):
        download.weights_home()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links cannot be told apart here")
@pytest.mark.parametrize("name", ["toy.h5.part", "toy.h5.part.version", "fetch.lock", CONVERTED])
def test_a_link_in_a_shared_folder_is_not_followed(content, home, tmp_path, name):
    home.mkdir()
    (tmp_path / "precious").write_bytes(b"mine")
    (home / name).symlink_to(tmp_path / "precious")
    with Server(content, [says.good]) as server:
        try:
            get(server, content, home)
        except WeightsError as error:
            assert "cannot be written" in str(error)
    assert (tmp_path / "precious").read_bytes() == b"mine"


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links cannot be told apart here")
def test_a_lock_is_not_made_at_the_end_of_a_link(tmp_path):
    (tmp_path / "fetch.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), lock.locked(tmp_path / "fetch.lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_what_a_killed_process_left_is_removed(content, home):
    home.mkdir()
    with suppress(ZeroDivisionError), written_whole(home / CONVERTED) as beside:
        beside.write_bytes(b"half")
        copied = beside.read_bytes()
        raise ZeroDivisionError
    beside.write_bytes(copied)  # as if nobody had come to remove it
    with Server(content, [says.good]) as server:
        get(server, content, home)
    assert sorted(p.name for p in home.iterdir()) == ["fetch.lock", CONVERTED]


def test_who_waits_for_another_process_is_told_so(tmp_path, capsys, monkeypatch):
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(lock.time, "monotonic", lambda: next(clock))
    with lock.locked(tmp_path / "fetch.lock"):
        waiting = threading.Thread(target=lambda: lock.locked(tmp_path / "fetch.lock").__enter__())
        waiting.start()
        time.sleep(0.4)
    waiting.join(timeout=20)
    assert "another process is using" in capsys.readouterr().err


def test_what_a_killed_conversion_left_is_removed_and_nothing_else(content, home):
    home.mkdir()
    writers = written_whole(home / CONVERTED), written_whole(home / "mine.h5")  # never finished
    killed, of_others = (writer.__enter__() for writer in writers)
    for path in (killed, of_others):
        path.write_bytes(b"half")
    with Server(content, [says.good]) as server:
        get(server, content, home)
    assert not killed.exists() and of_others.exists()


def test_a_file_that_is_there_is_not_fetched_again(content, home):
    with Server(content, [says.good]) as server:
        get(server, content, home)
        get(server, content, home)
    assert len(server.ranges) == 1


def test_a_damaged_converted_file_is_fetched_again(content, home):
    with Server(content, [says.good]) as server:
        path = get(server, content, home)
        whole = path.read_bytes()
        path.write_bytes(whole[:-100])
        get(server, content, home)
    assert len(server.ranges) == 2 and path.read_bytes() == whole


def test_offline_never_touches_the_network(content, home, monkeypatch):
    monkeypatch.setenv("MINIMASKRCNN_OFFLINE", "1")
    with Server(content, [says.good]) as server:
        with pytest.raises(WeightsError, match="MINIMASKRCNN_OFFLINE is set"):
            get(server, content, home)
        assert server.ranges == []


def test_a_file_put_there_by_hand_is_verified_converted_and_kept(content, home, monkeypatch):
    monkeypatch.setenv("MINIMASKRCNN_OFFLINE", "1")
    home.mkdir()
    (home / "toy.h5").write_bytes(content)
    assert fetch(release_of(content, "http://nowhere"), home) == home / CONVERTED
    assert (home / "toy.h5").read_bytes() == content


def test_another_file_put_there_by_hand_is_refused(content, home):
    home.mkdir()
    (home / "toy.h5").write_bytes(flipped(content))
    with pytest.raises(WeightsError, match="home/toy.h5: is not the published toy.h5"):
        fetch(release_of(content, "http://nowhere"), home)
    assert not (home / CONVERTED).exists()


def test_a_file_that_passes_only_the_md5_is_refused(content, home):
    with Server(content, [says.good]) as server:
        release = replace(release_of(content, server.url), sha256="0" * 64)
        with pytest.raises(WeightsError, match="is not the published toy.h5"):
            fetch(release, home, pauses=PAUSES)
    assert_nothing_but_leftovers(home)


def test_a_file_in_the_folder_that_states_another_source_is_fetched_anew(content, home, tmp_path):
    home.mkdir()
    (tmp_path / "other.h5").write_bytes(content)
    weights.save(weights.load(tmp_path / "other.h5"), home / CONVERTED, {"source": "another"})
    with Server(content, [says.good]) as server:
        path = get(server, content, home)
    assert weights.provenance_of(path)["source"] == "toy.h5" and len(server.ranges) == 1


def test_nobody_can_forge_where_a_file_comes_from(toy_model, tmp_path, capsys):
    told = {"source": COCO_FILE.name, "source_bytes": COCO_FILE.size,
            "source_sha256": COCO_FILE.sha256}  # fmt: skip
    weights.save(toy_model, tmp_path / "forged.h5", told)
    assert cli.main(["weights", "verify", str(tmp_path / "forged.h5")]) == 0
    text = capsys.readouterr().out
    assert "it states that it was made from the published mask_rcnn_coco.h5" in text
    assert "only the published file itself could prove that" in text
    cli.main(["weights", "selftest", "--weights", str(tmp_path / "forged.h5")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("not run  SHA-256") and "states so, which is no proof" in lines[0]
    assert "cannot prove what it was made from" in lines[-1]


@pytest.fixture(scope="module")
def toy_model(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "toy.h5"
    path.write_bytes(content)
    return weights.load(path)


def test_several_threads_fetch_once(content, home):
    found = []
    with Server(content, [says.good]) as server:
        threads = [
            threading.Thread(target=lambda: found.append(get(server, content, home)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 4 and len(server.ranges) == 1


SCRIPT = """
import resource, sys
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.download import fetch
from minimaskrcnn.weights.known import Release
name, url, size, sha256, md5, home, limit = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    print(fetch(Release(name, url, int(size), sha256, md5), home, timeout=5))
except WeightsError as error:
    print(error)
    sys.exit(2)
"""


def process(content, url, home, limit=0):
    """`fetch` in a process of its own; no file may grow beyond `limit` bytes."""
    release = release_of(content, url)
    arguments = [release.name, url, release.size, release.sha256, release.md5, home, limit]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_fetch_once(content, home):
    with Server(content, [says.good]) as server:
        both = [process(content, server.url, home) for _ in range(2)]
        texts = [p.communicate(timeout=60) for p in both]
    assert [p.returncode for p in both] == [0, 0], texts
    assert len(server.ranges) == 1
    for _, error in texts:  # no bar where there is no terminal; who waits long is told so
        assert error.count("another process is using") == error.count("\n")


def test_ctrl_c_leaves_what_the_next_try_continues_from(content, home):
    with Server(content, [says.stalls(100_000), says.good]) as server:
        child = process(content, server.url, home)
        part = home / "toy.h5.part"
        for _ in range(3000):
            if part.exists() and part.stat().st_size >= 65_536:
                break
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in child.communicate(timeout=60)[1]
        assert_nothing_but_leftovers(home)
        kept = part.stat().st_size
        get(server, content, home)
    assert server.ranges == [None, f"bytes={kept}-"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_disk_that_fills_up_gives_the_sentence_and_its_space_back(content, home):
    with Server(content, [says.good]) as server:
        child = process(content, server.url, home, limit=100_000)
        text, _ = child.communicate(timeout=60)
    assert child.returncode == 2 and "toy.h5.part cannot be written (File too large)" in text
    assert [path.name for path in home.iterdir()] == ["fetch.lock"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_disk_that_fills_up_while_converting_leaves_nothing_half_done(content, home):
    home.mkdir()
    (home / "toy.h5").write_bytes(content)
    child = process(content, "http://nowhere", home, limit=100_000)
    text, error = child.communicate(timeout=60)
    assert child.returncode == 2 and f"{CONVERTED}: cannot be written" in text, error
    assert sorted(path.name for path in home.iterdir()) == ["fetch.lock", "toy.h5"]


def test_too_little_space_is_noticed_before(content, home, monkeypatch):
    free = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: free)
    with Server(content, [says.good]) as server:
        with pytest.raises(WeightsError, match="has 0 MB left, 1 are needed"):
            get(server, content, home)
        assert server.ranges == []


def test_a_folder_that_cannot_be_written_is_named_with_the_variable(content, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(WeightsError, match="file/home cannot be written to .*MINIMASKRCNN_HOME"):
        fetch(release_of(content, "http://nowhere"), tmp_path / "file" / "home")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(download, "locked", refuse)
    with pytest.raises(WeightsError, match="cannot be written to .Permission denied"):
        fetch(release_of(content, "http://nowhere"), tmp_path)


def test_predict_without_coco_weights_says_where_they_are_to_be_put(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINIMASKRCNN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINIMASKRCNN_OFFLINE", "1")
    with pytest.raises(WeightsError) as caught:
        api.load_model()
    for needed in (COCO_FILE.url, str(tmp_path / "home"), COCO_FILE.sha256, 'weights="shapes"'):
        assert needed in str(caught.value)
    assert cli.main(["weights", "fetch"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == f"minimaskrcnn: {caught.value}\n"


def test_the_home_is_the_variable_or_the_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIMASKRCNN_HOME", str(tmp_path))
    assert download.weights_home() == tmp_path
    monkeypatch.delenv("MINIMASKRCNN_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert "minimaskrcnn" in str(download.weights_home())
