"""Downloading one file over a connection that may fail: resume, wait, try again.

Idea    What has arrived is kept in a part file, and the next try asks for the rest: `Range` names
        the first byte wanted, `If-Range` the version it must belong to (RFC 9110, 13.1.5 and 14.2).
        A server that cannot resume, or whose file has changed, sends everything, and the part file
        begins anew. Nothing that arrives is believed: size and checksum are verified afterwards.
"""

import re
import time
from pathlib import Path

from minimaskrcnn.runtime.terminal import complain, progress_bar
from minimaskrcnn.weights.causes import PROXY, DownloadError, cause_of

PAUSES = (1, 2, 4, 8, 16)  # seconds before each further try that brings nothing new
TIMEOUT = 30  # seconds without a single byte
CHUNK = 1 << 13  # bytes; of a chunk that breaks off, nothing is kept


def download(release, part, progress=True, pauses=PAUSES, timeout=TIMEOUT):
    """Fetch the file of a release into `part`, until it has its size.

    Parameters
    ----------
    release : Release
    part : Path of the part file; what an earlier, broken download left there is continued
    progress : whether to show a bar, if standard error is a terminal
    pauses : seconds to wait after each failure in a row; one more failure gives up
    timeout : seconds without any byte after which a try has failed

    Raises
    ------
    DownloadError
        If the file is not to be had.
    OSError
        If `part` cannot be written.
    """
    failures, furthest = 0, _size(part)
    while _size(part) != release.size:
        try:
            _try_once(release, part, progress, timeout)
        except DownloadError as error:
            if _size(part) > furthest + release.size // 100:  # it went on: patience begins anew
                failures, furthest = 0, _size(part)
            tries = min(1, len(pauses)) if error.briefly else len(pauses)
            if not error.again or failures >= tries:
                raise
            _wait(error, pauses[failures], progress)
            failures += 1


def _wait(error, seconds, progress):
    """Say what failed, and wait before the next try."""
    if progress:
        complain(f"{error}; next try in {seconds:g} s")
    time.sleep(seconds)


def _try_once(release, part, progress, timeout):
    have, version = _size(part), _read_version(part)
    headers = {"Accept-Encoding": "identity"}
    if have and version:
        headers |= {"Range": f"bytes={have}-", "If-Range": version}
    with _ask(release.url, headers, timeout) as response:
        start = _where_it_starts(response, release, part)
        with open(part, "ab") as file:
            file.truncate(start)
            _version_file(part).write_text(_version(response), encoding="utf-8")
            _write_body(response, file, start, release, progress)
    if _size(part) < release.size:
        raise DownloadError("the connection broke off", again=True)


def _ask(url, headers, timeout):
    """Send the request; returns the response, of which only the head has arrived."""
    import requests  # a quarter of a second; pooch needs it, too

    times = (min(timeout, 10), timeout)  # to connect; between two bytes
    try:
        return requests.get(url, headers=headers, stream=True, timeout=times)
    except OSError as error:  # all of requests are, and so is a bundle of certificates not there
        raise cause_of(error) from error


def _chunks(response):
    """The body, in pieces; what breaks off raises a DownloadError."""
    import requests

    try:
        yield from response.iter_content(CHUNK)
    except requests.RequestException as error:
        raise cause_of(error) from error


def _write_body(response, file, start, release, progress):
    bar = progress_bar(
        total=release.size,
        initial=start,
        desc=release.name,
        unit="B",
        unit_scale=True,
        hidden=not progress,
    )
    with bar:
        for chunk in _chunks(response):
            if file.tell() + len(chunk) > release.size:
                raise DownloadError("the server sends more than the file", again=False)
            file.write(chunk)
            bar.update(len(chunk))


def _where_it_starts(response, release, part):
    """Judge the server's answer; return at which byte of the file its body begins."""
    status, kind = response.status_code, response.headers.get("Content-Type", "")
    if status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if found and (int(found[1]), int(found[2])) == (_size(part), release.size):
            return _size(part)
    if status in (206, 416):  # another part than was asked for, or none
        forget(part)
        raise DownloadError("the server cannot resume the download", again=True)
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
    length = response.headers.get("Content-Length", str(release.size))
    if length != str(release.size):
        raise DownloadError(
            f"the file there has {length} bytes, the published one {release.size}", again=False
        )
    return 0


def forget(part):
    """Remove a part file and what was remembered about it."""
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def _version(response):
    """What names this version of the file: a strong ETag, or else its date; "" for neither."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _version_file(part):
    return Path(f"{part}.version")


def _read_version(part):
    file = _version_file(part)
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _size(part):
    return part.stat().st_size if part.exists() else 0


def _first(error):
    """The first line of an exception's text, not too long."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
