"""A local HTTP server of one file that misbehaves as told.

Each request is answered by the next behaviour of the list; the last one answers all that follow.
A behaviour is a function of (handler, content).
"""

import base64
import itertools
import re
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """`with Server(content, behaviours) as server:`; `server.ranges` is what was asked for.

    `server.versions` are the versions that it had to belong to (If-Range).
    """

    def __init__(self, content, behaviours):
        self.content, self.behaviours = content, list(behaviours)
        self.ranges, self.versions = [], []
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with server.lock:
                    server.ranges.append(self.headers.get("Range"))
                    server.versions.append(self.headers.get("If-Range"))
                    rest = server.behaviours
                    behave = rest.pop(0) if len(rest) > 1 else rest[0]
                with suppress(BrokenPipeError, ConnectionResetError):
                    behave(self, server.content)

            def do_HEAD(self):  # as where GitHub keeps its files: signed for GET alone
                self.send_error(403)

            def do_CONNECT(self):  # a proxy that lets nobody through
                self.send_error(*server.tunnel)

            def log_message(self, *args):
                pass

        self.tunnel = (407, "Proxy Authentication Required")
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/file.h5"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self.http.shutdown()
        self.http.server_close()


def reply(handler, status, headers, body=b""):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


DATE = "Sun, 22 Nov 2026 10:00:00 GMT"


def good(handler, content, etag='"v1"', cut=None, honest=True):
    """As it should be, but may close after `cut` bytes, or, not `honest`, ignore If-Range."""
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    start = int(asked[1]) if asked else 0
    weak = etag.startswith("W/")  # "about the same file": no part may be asked for by it
    if honest and handler.headers.get("If-Range") != (DATE if weak else etag):
        start, asked = 0, None
    if start >= len(content):
        return reply(handler, 416, {"Content-Range": f"bytes */{len(content)}"})
    headers = {"Content-Length": len(content) - start, "ETag": etag, "Last-Modified": DATE}
    if asked:
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    reply(handler, 206 if asked else 200, headers, content[start:][:cut])


def cut(count, **how):
    """Sends `count` bytes of what was asked for, then closes the connection."""
    return lambda handler, content: good(handler, content, cut=count, **how)


def changed(content, **how):
    """The file is another one now."""
    return lambda handler, _: good(handler, content, **how)


def ignores_range(handler, content):
    reply(handler, 200, {"Content-Length": len(content), "ETag": '"v1"'}, content)


def cut_and_ignores_range(count):
    return lambda handler, content: reply(
        handler, 200, {"Content-Length": len(content), "ETag": '"v1"'}, content[:count]
    )


def without_length(count=None):
    """No Content-Length: the end of the connection is the end of the file, or so it seems."""
    return lambda handler, content: reply(handler, 200, {}, content[:count])


def status(code, **headers):
    return lambda handler, content: reply(handler, code, {"Content-Length": 5, **headers}, b"sorry")


def wrong_part(handler, content):
    """Answers a range with another one."""
    if "Range" not in handler.headers:
        return good(handler, content)
    headers = {"Content-Length": 10, "Content-Range": f"bytes 0-9/{len(content)}"}
    reply(handler, 206, headers, content[:10])


def redirect(handler, content):
    """To the same file at another address."""
    if handler.path.startswith("/moved"):
        return good(handler, content)
    reply(handler, 302, {"Location": "/moved/file.h5", "Content-Length": 0})


def redirect_for_ever(handler, content):
    reply(handler, 302, {"Location": handler.path, "Content-Length": 0})


def web_page(handler, content):
    page = b"<!DOCTYPE html><title>Please log in</title>"
    reply(handler, 200, {"Content-Length": len(page), "Content-Type": "text/html"}, page)


def web_page_in_disguise(handler, content):
    page = b"<!DOCTYPE html>".ljust(len(content))
    headers = {"Content-Length": len(page), "Content-Type": "application/octet-stream"}
    reply(handler, 200, headers, page)


def hangs_up(handler, content):
    """Closes the connection without a word."""
    handler.close_connection = True


def stalls(count):
    """Sends so many bytes, then nothing, the connection open."""

    def behave(handler, content):
        good(handler, content, cut=count)
        handler.wfile.flush()
        time.sleep(3)

    return behave


def endless(handler, content):
    reply(handler, 200, {}, content + content)


def signed_elsewhere(storage):
    """GitHub: a redirect to a signed address of another server, another signature each time."""
    count = itertools.count(1)

    def behave(handler, content):
        place = f"{storage.url}?signature={next(count)}"
        reply(handler, 302, {"Location": place, "Content-Length": 0})

    return behave


def once_per_signature(*behaviours):
    """Each signature is good for one request; what is asked for again has expired (403)."""
    used, behaviours = set(), list(behaviours)

    def behave(handler, content):
        if handler.path in used:
            return status(403)(handler, content)
        used.add(handler.path)
        (behaviours.pop(0) if len(behaviours) > 1 else behaviours[0])(handler, content)

    return behave


def proxy(password=None):
    """A proxy that fetches what it is asked for, if the password is right."""

    def behave(handler, content):
        if not handler.path.startswith("http://github.invalid/"):
            return status(502)(handler, content)
        given = handler.headers.get("Proxy-Authorization", "")
        if password and base64.b64encode(f"me:{password}".encode()).decode() not in given:
            return status(407)(handler, content)
        good(handler, content)

    return behave


def redirect_to(address):
    return lambda handler, content: reply(handler, 302, {"Location": address, "Content-Length": 0})


def chunk_of(size):
    """Sends the body in chunks, the first of which has a size that is none."""

    def behave(handler, content):
        reply(handler, 200, {"Transfer-Encoding": "chunked", "Connection": "close"})
        handler.wfile.write(size + b"\r\n" + content[:5] + b"\r\n0\r\n\r\n")
        handler.close_connection = True

    return behave


def drips(handler, content):
    """Sends a byte every twentieth of a second."""
    reply(handler, 200, {"Content-Length": len(content)})
    for i in range(200):
        handler.wfile.write(content[i : i + 1])
        time.sleep(0.05)


def drips_its_head(handler, content):
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Long: ")
    for _ in range(200):
        handler.wfile.write(b"x")
        time.sleep(0.05)
