"""Downloading one file over a connection that may fail: resume, wait, try again.

Idea    What has arrived is kept in a part file, and the next try asks for the rest: `Range` names
        the first byte wanted, `If-Range` the version it must belong to (RFC 9110, 13.1.5 and 14.2).
        A server that cannot resume, or whose file has changed, sends everything, and the part file
        begins anew. Nothing that arrives is believed: size and checksum are verified afterwards.
"""

import re
import sys
import time
from dataclasses import replace
from pathlib import Path

from minimaskrcnn.runtime.opening import open_own
from minimaskrcnn.runtime.terminal import complain, progress_bar
from minimaskrcnn.weights.asking import ask, chunks
from minimaskrcnn.weights.causes import PROXY, DownloadError
from minimaskrcnn.weights.watching import watched

PAUSES = (1, 2, 4, 8, 16)  # seconds before each further try that brings nothing new
TIMEOUT = 30  # seconds without a single byte
DEADLINE = 6 * 3600  # seconds for the whole download, all tries together
CHUNK = 1 << 13  # bytes; of a chunk that breaks off, nothing is kept


def download(release, part, progress=True, pauses=PAUSES, timeout=TIMEOUT, deadline=DEADLINE):
    """Fetch the file of a release into `part`, until it has its size.

    Parameters
    ----------
    release : Release
    part : Path of the part file; what an earlier, broken download left there is continued
    progress : whether to show a bar, if standard error is a terminal
    pauses : seconds to wait after each failure in a row; one more failure gives up
    timeout : seconds without any byte after which a try has failed
    deadline : seconds after which the whole download has failed

    Raises
    ------
    DownloadError
        If the file cannot be obtained.
    OSError
        If `part` cannot be written.
    """
    failures, furthest, end = 0, _size(part), time.monotonic() + deadline
    while release.size is None or _size(part) != release.size:
        try:
            release = with_size(release, timeout)
            _try_once(release, part, progress, timeout, end)
        except DownloadError as error:
            if _size(part) > furthest + (release.size or 0) // 100:  # it went on
                failures, furthest = 0, _size(part)
            tries = min(1, len(pauses)) if error.briefly else len(pauses)
            if not error.again or failures >= tries:
                raise
            _wait(error, pauses[failures], progress)
            failures += 1


def with_size(release, timeout=TIMEOUT):
    """The release with its size in bytes: asked of the server, if only the rounded one is known.

    Raises
    ------
    DownloadError
        If the server does not answer, or names another size.
    """
    if release.size is not None:
        return release
    with ask(release.url, {"Accept-Encoding": "identity"}, timeout) as response:
        _check_answer(response)
        length = response.headers.get("Content-Length", "")
    if not length.isdecimal() or round(int(length) / 2**20, 2) != release.mebibytes:
        raise DownloadError(
            f"the file there has {length or 'an unknown number of'} bytes, the published one "
            f"{release.mebibytes} MiB",
            again=False,
        )
    return replace(release, size=int(length))


def _wait(error, seconds, progress):
    """Say what failed, and wait before the next try."""
    if progress:
        complain(f"{error}; trying again in {seconds:g} s")
    time.sleep(seconds)


def _try_once(release, part, progress, timeout, deadline):
    have, version = _size(part), _read_version(part)
    headers = {"Accept-Encoding": "identity"}
    if have and version:
        headers |= {"Range": f"bytes={have}-", "If-Range": version}

    def transfer(watch):
        with ask(release.url, headers, timeout) as response:
            start = _where_it_starts(response, release, part)
            with open_own(part, "ab") as file:
                file.truncate(start)
                with open_own(_version_file(part), "wb") as note:
                    note.write(_version(response).encode("ascii"))
                _write_body(response, file, start, release, progress, watch)

    def word():
        if progress and not (sys.stderr and sys.stderr.isatty()):
            complain(f"{release.name}: {_size(part) / 1e6:,.0f} of {release.size / 1e6:,.0f} MB")

    watched(transfer, lambda: _size(part), deadline, word)
    if _size(part) < release.size:
        raise DownloadError("the connection was lost", again=True)


def _write_body(response, file, start, release, progress, watch):
    position, bar = (
        start,
        progress_bar(
            total=release.size,
            initial=start,
            desc=release.name,
            unit="B",
            unit_scale=True,
            hidden=not progress,
        ),
    )
    with bar:
        for chunk in chunks(response, CHUNK):
            position += len(chunk)
            if position > release.size:
                raise DownloadError("the server sends more than the file", again=False)
            watch.write(file, chunk)
            bar.update(len(chunk))


def _where_it_starts(response, release, part):
    """Judge the server's answer; return at which byte of the file its body begins."""
    status = response.status_code
    if status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if found and (int(found[1]), int(found[2])) == (_size(part), release.size):
            return _size(part)
    if status in (206, 416):  # another part than was asked for, or none
        forget(part)
        raise DownloadError("the server cannot resume the download", again=True)
    _check_answer(response)
    length = response.headers.get("Content-Length", str(release.size))
    if length != str(release.size):
        raise DownloadError(
            f"the file there has {length} bytes, the published one {release.size}", again=False
        )
    return 0


def _check_answer(response):
    """Raise a DownloadError unless the server sends a whole file."""
    status, kind = response.status_code, response.headers.get("Content-Type", "")
    if status == 407:
        raise DownloadError(f"the proxy wants a name and a password: set {PROXY}", again=False)
    if status in (403, 408, 425, 429) or status >= 500:  # 403: a signed address has expired
        raise DownloadError(f"the server answers {status} {response.reason}", again=True)
    if status != 200:
        raise DownloadError(f"the server answers {status} {response.reason}", again=False)
    if kind.startswith("text/html"):
        raise DownloadError(
            "the server sends a web page in place of the file (a login page of your network?)",
            again=False,
        )


def forget(part):
    """Remove a part file and what was remembered about it."""
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def _version(response):
    """What names this version of the file: a strong ETag, or else its date; "" for neither."""
    etag = response.headers.get("ETag", "")
    return _sendable(etag if etag.startswith('"') else response.headers.get("Last-Modified", ""))


def _sendable(version):
    """The version, if it can stand in a request's header."""
    return version if re.fullmatch("[ -~]{1,200}", version) else ""


def _version_file(part):
    return Path(f"{part}.version")


def _read_version(part):
    file = _version_file(part)
    return _sendable(file.read_bytes()[:201].decode("latin-1")) if file.exists() else ""


def _size(part):
    return part.stat().st_size if part.exists() else 0
