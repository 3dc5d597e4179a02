"""Sending a request and following its redirects, each of which is looked at first.

Idea    A server may send on to another address, and what stands there comes from outside: it may be
        no address at all, lead in a circle, or leave the encrypted connection, on which nobody can
        read or change what is sent. Each step is therefore done here, not by the library.
Source  RFC 9110, 15.4 (redirection).
"""

from http.client import HTTPException
from urllib.parse import urljoin, urlsplit

from minimaskrcnn.errors import printable
from minimaskrcnn.weights.causes import DownloadError, cause_of

REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 10


def ask(url, headers, timeout):
    """Send a request; returns the response, of which only the head has arrived.

    Parameters
    ----------
    url : str
    headers : dict of str by name
    timeout : seconds without a byte after which it fails

    Raises
    ------
    DownloadError
        If there is no answer, or the server sends on to where nobody should go.
    """
    for _ in range(MOST_REDIRECTS + 1):
        response = _get(url, headers, timeout)
        if response.status_code not in REDIRECTS:
            return response
        response.close()
        url = _next_address(url, response.headers.get("Location", ""))
    raise DownloadError("the server redirects in a circle", again=False)


def chunks(response, size):
    """Yield the body of a response in pieces; what breaks off raises a DownloadError."""
    try:
        yield from response.iter_content(size)
    except Exception as error:  # requests lets exceptions of three other libraries through
        raise cause_of(error) from error


def _get(url, headers, timeout):
    import requests  # takes a quarter of a second

    times = (min(timeout, 10), timeout)  # to connect; between two bytes
    try:
        return requests.get(url, headers=headers, stream=True, timeout=times, allow_redirects=False)
    except (OSError, ValueError, HTTPException) as error:
        raise cause_of(error) from error  # an OSError: all of requests, certificates not there


def _next_address(url, location):
    """Where a redirect leads to, if that is an address to go to."""
    try:
        target = urljoin(url, location)
        scheme, host = urlsplit(target).scheme, urlsplit(target).hostname
    except ValueError:
        scheme, host = "", ""
    if not location or scheme not in ("http", "https") or not host:
        raise DownloadError(
            f"the server redirects to what is not an address: {printable(location)[:100]!r}",
            again=False,
        )
    if scheme == "http" and urlsplit(url).scheme == "https":
        raise DownloadError(
            f"the server redirects from https to http ({printable(target)[:100]}), where anybody "
            "on the way could change the file: refused",
            again=False,
        )
    return target
