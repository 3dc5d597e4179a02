"""Fetching weights over a connection that fails in every way: a verified file, or one sentence."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import unreliable_server as says
from toy_weights import write_toy
from unreliable_server import Server

from minimaskrcnn import api, cli, weights
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.runtime.files import written_whole
from minimaskrcnn.weights import asking, download, http, lock, watching
from minimaskrcnn.weights.causes import DownloadError, cause_of
from minimaskrcnn.weights.download import fetch
from minimaskrcnn.weights.known import COCO_FILE, Release

PAUSES = (0.01, 0.01, 0.01)  # seconds
CONVERTED = "toy.converted.h5"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return write_toy(tmp_path_factory.mktemp("toy") / "toy.h5").read_bytes()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def release_of(content, url):
    sha256, md5 = hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest()
    return Release("toy.h5", url, len(content), sha256, md5)


def flipped(content):
    return content[:1000] + bytes([content[1000] ^ 1]) + content[1001:]


def get(server, content, home, timeout=20):
    return fetch(release_of(content, server.url), home, pauses=PAUSES, timeout=timeout)


def assert_nothing_but_leftovers(home):
    """No file under a final name; at most what the next try continues from."""
    leftovers = {"fetch.lock", "toy.h5.part", "toy.h5.part.version"}
    assert {path.name for path in home.iterdir()} <= leftovers


CUTS = [says.cut(n) for n in random.Random(7).sample(range(60_000), 20)]

ENDS_WELL = {
    "a good server": [says.good],
    "cuts the connection at twenty random points": [*CUTS, says.good],
    "cuts before the first byte": [says.cut(0), says.good],
    "cuts, then ignores Range": [says.cut(100_000), says.ignores_range],
    "cuts and ignores Range again and again": [
        *[says.cut_and_ignores_range(n) for n in (100_000, 50_000, 150_000)],
        says.good,
    ],
    "sends no length and cuts": [says.without_length(70_000), says.without_length()],
    "answers a range with another": [says.cut(100_000), says.wrong_part, says.good],
    "answers 416": [says.cut(100_000), says.status(416), says.good],
    "answers 500 twice": [says.status(500), says.status(503), says.good],
    "answers 429": [says.status(429), says.good],
    "answers 403 once": [says.status(403), says.good],
    "redirects": [says.redirect],
    "hangs up": [says.hangs_up, says.good],
}


@pytest.mark.parametrize("behaviours", ENDS_WELL.values(), ids=ENDS_WELL)
def test_a_server_that_at_last_sends_the_file_leaves_it_verified_and_converted(
    content, home, behaviours
):
    with Server(content, behaviours) as server:
        path = get(server, content, home)
    assert path == home / CONVERTED
    assert sorted(p.name for p in home.iterdir()) == ["fetch.lock", CONVERTED]
    assert len(weights.load(path).backbone.stages) == 4
    assert weights.provenance_of(path) == {
        "source": "toy.h5",
        "source_bytes": len(content),
        "source_sha256": hashlib.sha256(content).hexdigest(),
    }


def test_only_the_rest_is_asked_for(content, home):
    with Server(content, [says.cut(98_304), says.cut(49_152), says.good]) as server:
        get(server, content, home)
    assert server.ranges == [None, "bytes=98304-", "bytes=147456-"]


def test_a_part_file_that_ends_near_the_end_is_begun_anew_by_a_server_that_cannot_resume(
    content, home
):
    home.mkdir()
    (home / "toy.h5.part").write_bytes(content[:-100])
    with Server(content, [says.ignores_range]) as server:
        assert get(server, content, home).exists()


@pytest.mark.parametrize(
    "version", [b"\xff\xfe", "\u201cv\u201d".encode(), b'"a\r\nX: y"', b"x" * 9999]
)
def test_a_version_that_is_no_text_begins_anew(content, home, version):
    home.mkdir()
    (home / "toy.h5.part").write_bytes(content[:1000])
    (home / "toy.h5.part.version").write_bytes(version)
    with Server(content, [says.good]) as server:
        assert get(server, content, home).exists()
    assert server.ranges == [None]


def test_an_etag_that_no_request_can_carry_is_not_kept(content, home):
    odd = says.cut(100_000, etag='"caf\xe9"')
    with Server(content, [odd, says.good]) as server:
        assert get(server, content, home).exists()


BROKEN = ("http://[", "http://", "ftp://a/b", "//", "file:///etc/passwd", "http://a b/", "", "\x00",
          "http://" + "a" * 300 + ".com/", "https://:99999/", "javascript:1")  # fmt: skip


@pytest.mark.parametrize("address", BROKEN)
def test_a_redirect_to_what_is_no_address_ends_in_the_sentence(content, home, address):
    server = Server(content, [says.redirect_to(address)])
    with server, pytest.raises(WeightsError, match="cannot be obtained: "):
        get(server, content, home)
    assert_nothing_but_leftovers(home)


@pytest.mark.parametrize(
    "address", ["http://[", "http://", "ftp://a/b", "file:///etc/passwd", "", "mailto:a@b"]
)
def test_what_is_no_address_is_told_before_anything_is_asked(address):
    with pytest.raises(DownloadError, match="redirects to what is not an address"):
        asking._next_address("https://github.com/file", address)


def test_a_redirect_from_https_to_http_is_refused():
    with pytest.raises(DownloadError, match="from https to http"):
        asking._next_address("https://github.com/file", "http://elsewhere.org/file")
    moved = asking._next_address("https://github.com/a/file", "/b/file")
    assert moved == "https://github.com/b/file"


@pytest.mark.parametrize("size", [b"-5", b"zz", b"", b"fffffffffffffffff", b"5"])
def test_a_chunk_of_a_size_that_is_none_is_a_connection_that_failed(content, home, size):
    with Server(content, [says.chunk_of(size), says.chunk_of(size), says.good]) as server:
        try:
            assert get(server, content, home).exists()
        except WeightsError as error:
            assert "cannot be obtained: " in str(error) and str(error).isprintable()


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


def test_a_server_that_drips_is_given_up(content, home, monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 0.5)
    server = Server(content, [says.drips])
    with server, pytest.raises(WeightsError, match="less than 1,000 bytes per second"):
        get(server, content, home)


@pytest.mark.parametrize("behaviour", [says.drips, says.drips_its_head])
def test_the_whole_download_has_a_deadline(content, home, behaviour):
    with Server(content, [behaviour]) as server:
        began = time.monotonic()
        with pytest.raises(WeightsError, match="longer than the time allowed"):
            fetch(release_of(content, server.url), home, pauses=PAUSES, deadline=1)
    assert time.monotonic() - began < 15


def test_a_long_download_says_a_word_now_and_then(content, home, monkeypatch, capsys):
    monkeypatch.setattr(watching, "WORD_AFTER", 0.1)
    with Server(content, [says.drips]) as server, pytest.raises(WeightsError):
        fetch(release_of(content, server.url), home, pauses=PAUSES, deadline=1)
    assert "minimaskrcnn: toy.h5: 0 of 0 MB" in capsys.readouterr().err


def test_who_waits_for_another_process_is_told_so(tmp_path, capsys, monkeypatch):
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(lock.time, "monotonic", lambda: next(clock))
    with lock.locked(tmp_path / "fetch.lock"):
        waiting = threading.Thread(target=lambda: lock.locked(tmp_path / "fetch.lock").__enter__())
        waiting.start()
        time.sleep(0.4)
    waiting.join(timeout=20)
    assert "another process is using" in capsys.readouterr().err


def test_a_version_is_named_by_a_strong_etag_and_where_there_is_none_by_its_date(content, home):
    cut, cut_weak = says.cut(98_304), says.cut(49_152, etag='W/"v1"')
    with Server(content, [cut, cut_weak, says.good]) as server:
        get(server, content, home)
    assert server.versions == [None, '"v1"', says.DATE]  # RFC 9110, 13.1.5: never a weak one


def test_a_file_that_changes_between_tries_is_taken_from_the_beginning(content, home):
    older = says.changed(flipped(content), etag='"v0"', cut=98_304)
    with Server(content, [older, says.good]) as server:
        get(server, content, home)
    assert server.ranges == [None, "bytes=98304-"]  # answered with 200: If-Range did not match


def test_parts_of_two_versions_are_noticed_and_fetched_anew(content, home):
    older = says.changed(flipped(content), cut=98_304)
    with Server(content, [older, says.cut(None, honest=False), says.good]) as server:
        get(server, content, home)
    assert server.ranges == [None, "bytes=98304-", None]


def test_a_part_file_that_is_too_long_is_begun_anew(content, home):
    home.mkdir()
    (home / "toy.h5.part").write_bytes(content + b"more")
    (home / "toy.h5.part.version").write_text('"v1"')
    with Server(content, [says.good]) as server:
        get(server, content, home)
    assert server.ranges == [f"bytes={len(content) + 4}-", None]


ENDS_IN_A_SENTENCE = {
    "404": ([says.status(404)], "the server answers 404", 1),
    "403 for ever": ([says.status(403)], "the server answers 403", 4),
    "500 for ever": ([says.status(500)], "the server answers 500", 4),
    "416 for ever": ([says.status(416)], "cannot resume", 4),
    "a web page": ([says.web_page], "sends a web page", 1),
    "a web page of the right size": ([says.web_page_in_disguise], "not the published file", 2),
    "a file of another size": ([says.changed(b"x" * 9)], "has 9 bytes", 1),
    "one flipped byte": ([lambda h, c: says.good(h, flipped(c))], "not the published file", 2),
    "more than the file": ([says.endless], "sends more than the file", 1),
    "redirects in a circle": ([says.redirect_for_ever], "redirects in a circle", 11),
    "wants a password for the proxy": ([says.status(407)], "the proxy wants a name and a pass", 1),
    "hangs up for ever": ([says.hangs_up], "there is no connection", 4),
    "cuts at the same point for ever": (
        [says.cut_and_ignores_range(50_000)],
        "the connection was lost",
        4,
    ),
}


@pytest.mark.parametrize("case", ENDS_IN_A_SENTENCE.values(), ids=ENDS_IN_A_SENTENCE)
def test_a_server_that_never_sends_the_file_ends_in_one_sentence(content, home, case):
    behaviours, reason, requests = case
    with (
        Server(content, behaviours) as server,
        pytest.raises(WeightsError, match=f"toy.h5 cannot be obtained: .*{reason}") as caught,
    ):
        get(server, content, home)
    assert len(server.ranges) == requests
    sentence = str(caught.value)
    assert sentence.count("\n") == 0
    for needed in (server.url, str(home), hashlib.sha256(content).hexdigest()):
        assert needed in sentence
    for needed in ("weights fetch", "MINIMASKRCNN_HOME", 'weights="shapes"'):
        assert needed in sentence
    assert_nothing_but_leftovers(home)


def test_a_server_that_stalls_is_left_and_asked_for_the_rest(content, home):
    with Server(content, [says.stalls(98_304), says.good]) as server:
        assert get(server, content, home, timeout=1).exists()
    assert server.ranges == [None, "bytes=98304-"]


def test_a_server_that_never_sends_a_byte_is_given_up(content, home):
    with (
        Server(content, [says.stalls(0)]) as server,
        pytest.raises(WeightsError, match="toy.h5 cannot be obtained: there is no connection"),
    ):
        get(server, content, home, timeout=0.2)
    assert len(server.ranges) == 4
    assert_nothing_but_leftovers(home)


def test_no_server_at_all_ends_in_the_sentence(content, home):
    with Server(content, [says.good]) as server:
        pass
    with pytest.raises(WeightsError, match="there is no connection"):
        get(server, content, home)


def test_a_signed_address_that_expires_between_tries_is_asked_for_anew(content, home):
    """GitHub redirects to another server, with a signature for a few minutes and for GET alone."""
    expiring = says.once_per_signature(
        says.cut(98_304), says.status(403), says.cut(49_152), says.good
    )
    with Server(content, [expiring]) as storage:
        with Server(content, [says.signed_elsewhere(storage)]) as github:
            path = get(github, content, home)
        assert storage.ranges == [None, "bytes=98304-", "bytes=98304-", "bytes=147456-"]
    assert len(github.ranges) == 4 and weights.load(path).config.num_classes == 81


def through(monkeypatch, proxy):
    """All connections go through a proxy: its address, with a name and password or without."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy)


def test_a_proxy_is_used_and_its_password_given(content, home, monkeypatch):
    with Server(content, [says.proxy("secret")]) as server:
        address = server.url.removesuffix("/file.h5").removeprefix("http://")
        through(monkeypatch, f"http://{address}")
        release = release_of(content, "http://github.invalid/file.h5")
        with pytest.raises(WeightsError, match="the proxy wants a name and a password: set HTTPS_"):
            fetch(release, home, pauses=PAUSES, timeout=20)
        assert len(server.ranges) == 1
        through(monkeypatch, f"http://me:secret@{address}")
        assert fetch(release, home, pauses=PAUSES, timeout=20).exists()


@pytest.mark.parametrize(
    "answer, message",
    [
        ((407, "Proxy Authentication Required"), "the proxy wants a name and a password .*407"),
        ((403, "Blocked by policy"), "the proxy does not let the connection through .*Blocked by"),
    ],
)
def test_a_proxy_that_lets_nobody_through_is_named_with_what_it_said(
    content, home, monkeypatch, answer, message
):
    with Server(content, [says.good]) as server:
        server.tunnel = answer
        address = server.url.removesuffix("/file.h5").removeprefix("http://")
        through(monkeypatch, f"http://me:secret@{address}")
        release = release_of(content, "https://github.invalid/" + "x" * 300)
        with pytest.raises(WeightsError, match=message) as caught:
            fetch(release, home, pauses=PAUSES, timeout=20)
    assert "secret" not in str(caught.value)


def test_a_proxy_that_is_not_there_is_named(content, home, monkeypatch):
    through(monkeypatch, "http://me:secret@127.0.0.1:9")
    with pytest.raises(WeightsError, match="the proxy cannot be reached .*refused.*HTTPS_PROXY"):
        fetch(release_of(content, "https://github.invalid/file.h5"), home, pauses=PAUSES)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_are_not_there_are_no_fault_of_the_disk(
    content, home, monkeypatch, variable
):
    home.mkdir()
    (home / "toy.h5.part").write_bytes(content[:1000])
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(variable, "/nowhere/bundle.pem")
    through(monkeypatch, "")
    with pytest.raises(WeightsError, match="invalid path: /nowhere/bundle.pem.*REQUESTS_CA_BUNDLE"):
        fetch(release_of(content, "https://127.0.0.1:9/file.h5"), home, pauses=PAUSES)
    assert (home / "toy.h5.part").read_bytes() == content[:1000]


def test_a_certificate_that_is_not_accepted_names_the_variable(content, home, monkeypatch):
    through(monkeypatch, "")
    with Server(content, [says.good]) as server:  # speaks no TLS at all
        url = server.url.replace("http:", "https:")
        with pytest.raises(WeightsError, match="certificate was not accepted.*REQUESTS_CA_BUNDLE"):
            fetch(release_of(content, url), home, pauses=PAUSES)


def test_without_a_network_it_is_said_at_once_and_tried_once_more(
    content, home, monkeypatch, capsys
):
    through(monkeypatch, "")
    waited = []
    monkeypatch.setattr(http.time, "sleep", waited.append)
    release = release_of(content, "https://nowhere.invalid/file.h5")
    with pytest.raises(WeightsError, match="no connection .*nowhere.invalid.*--weights shapes"):
        fetch(release, home)
    assert [pause for pause in waited if pause >= 0.5] == [1]  # shorter ones wait for a thread
    assert "there is no connection" in capsys.readouterr().err


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


def test_no_password_in_an_address_is_shown():
    error = requests.exceptions.InvalidURL("no host in http://me:secret@/file.h5")
    text = str(cause_of(error))
    assert "secret" not in text and "me" not in text.split("//")[1] and "//…@/file.h5" in text
    error = requests.exceptions.InvalidURL("bad http://me:se@cret@host/f and http://you:pw@other/")
    assert "(bad http://…@host/f and http://…@other/)" in str(cause_of(error))
