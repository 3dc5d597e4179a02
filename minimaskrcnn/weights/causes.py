"""Why a request failed, in words: the innermost cause, and what to do about it.

Idea    requests wraps a cause in three or four exceptions, whose text begins with what nobody
        needs. The cause stands at the bottom; from it follows whether another try may help.
Shapes  exception  ->  DownloadError
"""

import re

from minimaskrcnn.errors import printable

PROXY = "HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT"


class DownloadError(Exception):
    """Why a download failed, and whether another try may help: not at all, briefly, or patiently.

    Parameters
    ----------
    reason : a sentence
    again : whether another try may help
    briefly : whether one more try is enough to know
    """

    def __init__(self, reason, again, briefly=False):
        super().__init__(reason)
        self.again = again
        self.briefly = briefly


def cause_of(error):
    """Return the DownloadError that an exception of requests, or an OSError from it, means."""
    import requests

    cause = _innermost(error)
    text = _in_words(cause)
    if isinstance(error, requests.exceptions.ProxyError):
        return _of_proxy(text)
    if isinstance(error, requests.exceptions.SSLError):
        return DownloadError(
            f"the server's certificate was not accepted ({text}). Where a proxy or a virus scanner "
            "looks into connections, set REQUESTS_CA_BUNDLE to the file of its certificate",
            again=False,
        )
    if isinstance(error, requests.TooManyRedirects):
        return DownloadError("the server redirects in a circle", again=False)
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return DownloadError("the connection was lost", again=True)
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        unknown = type(cause).__name__ == "NameResolutionError" or "unreachable" in text
        return DownloadError(f"there is no connection ({text})", again=True, briefly=unknown)
    if "TLS CA certificate bundle" in text:
        return DownloadError(
            f"the certificates cannot be read ({text}): the variable REQUESTS_CA_BUNDLE or "
            "CURL_CA_BUNDLE names a file that is not there; correct it, or unset it",
            again=False,
        )
    return DownloadError(f"the request failed ({text})", again=False)


def _of_proxy(text):
    if "407" in text:
        return DownloadError(
            f"the proxy wants a name and a password ({text}): set {PROXY}", again=False
        )
    if "Tunnel connection failed" in text:
        return DownloadError(
            f"the proxy does not let the connection through ({text}): ask its administrator, or "
            "fetch the file by other means",
            again=False,
        )
    return DownloadError(
        f"the proxy cannot be reached ({text}): correct HTTPS_PROXY, or unset it", again=False
    )


def _innermost(error):
    """The exception at the bottom: of a reason, of an argument, of an argument of that."""
    for _ in range(10):
        inner = [getattr(error, "reason", None), *getattr(error, "args", ())]
        inner = [cause for cause in inner if isinstance(cause, BaseException)]
        if not inner:
            break
        error = inner[-1]
    return error


def _in_words(error):
    """The text of an exception in one printable line, without objects and without passwords."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = re.sub(r"^<?[\w.]*Connection[^:]*: ", "", text)
    text = re.sub(r"//[^/\s]*@", "//…@", text)
    return printable(text)[:400]
