"""Fetching weights over a connection that fails in every way: a verified file, or one sentence."""

import hashlib
import random
import time

import pytest
import requests
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

from minimaskrcnn import weights
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights import asking, http, watching
from minimaskrcnn.weights.causes import DownloadError, cause_of
from minimaskrcnn.weights.download import fetch

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


def test_no_password_in_an_address_is_shown():
    error = requests.exceptions.InvalidURL("no host in http://me:secret@/file.h5")
    text = str(cause_of(error))
    assert "secret" not in text and "me" not in text.split("//")[1] and "//…@/file.h5" in text
    error = requests.exceptions.InvalidURL("bad http://me:se@cret@host/f and http://you:pw@other/")
    assert "(bad http://…@host/f and http://…@other/)" in str(cause_of(error))
