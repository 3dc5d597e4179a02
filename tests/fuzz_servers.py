"""Fetch weights from servers that misbehave at random: verified weights, or one clear error.

    python tests/fuzz_servers.py --count 40 --seed 0

Each server answers one request after another with another misbehaviour: it cuts, stalls, drips,
redirects, lies about lengths and ranges, packs, pours, speaks no HTTP. Some become good in the end.
What counts as a failure: any exception but a `WeightsError` of one printable sentence, other
weights than those asked for, files left behind that the next try does not use, a minute, 1 GB of
memory, or that a good server does not help afterwards.
"""

import gzip
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import unreliable_server as says
from attack import arguments, attack, within_limits
from fetching import CONVERTED, assert_nothing_but_leftovers, get
from toy_weights import write_toy
from unreliable_server import Server, reply

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights import load

HEADS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n",
    b"HTTP/1.1 200 \x1b[31mred\x07\r\n\r\n",
    b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 9-3/x\r\n\r\n",
    b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-99/\xff\r\nETag: \xff\xfe\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"x" * 70_000 + b"\r\nhello\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno gzip at all",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    b"HTTP/1.1 99999 What\r\n\r\n",
    b"HTTP/7.3 200 OK\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"\x15\x03\x01\x00\x02\x02\x50",
    b"\x00" * 1000,
    b"",
)
PLACES = ("file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "//", "http://127.0.0.1:1/x",
          "http://127.0.0.1:99999/", "javascript:x", "\x1b[2J", "http://a" + "b" * 5000, "", " ",
          "http://127.0.0.1:0/\u00fc", "https://127.0.0.1:1/")  # fmt: skip


def raw(head):
    """Sends these bytes, whatever they are, and closes the connection."""

    def behave(handler, content):
        handler.wfile.write(head)
        handler.close_connection = True

    return behave


def packed(handler, content):
    """Two hundred MB of zeros, packed."""
    body = gzip.compress(bytes(200 << 20), 1)
    reply(handler, 200, {"Content-Encoding": "gzip", "Content-Length": len(body)}, body)


def pours(handler, content):
    """Far more than the file has, with no end in sight."""
    reply(handler, 200, {})
    for _ in range(200):
        handler.wfile.write(bytes(1 << 20))


def pauses(handler, content):
    time.sleep(1.5)
    says.good(handler, content)


def behaviours(rs, size):
    """One to six misbehaviours at random; half of the servers are good after that."""
    some = int(rs.randint(1, size))
    kinds = [
        *(says.cut(some), says.without_length(some), says.cut_and_ignores_range(some), pauses),
        *(
            says.status(int(rs.choice([204, 301, 401, 403, 404, 416, 429, 500, 503]))),
            packed,
            pours,
        ),
        *(says.status(503, **{"Retry-After": str(rs.choice(["1", "-1", "never", "9" * 30]))}),),
        *(says.wrong_part, says.redirect, says.redirect_for_ever, says.web_page, says.endless),
        *(says.web_page_in_disguise, says.hangs_up, says.stalls(some), says.drips),
        *(says.drips_its_head, says.chunk_of(rs.choice([b"-5", b"zz", b"", b"1" * 40]))),
        *(says.changed(rs.bytes(size)), says.changed(rs.bytes(some)), says.changed(b"")),
        *(says.cut(some, etag=str(etag)) for etag in ("W/weak", '"' + "v" * 5000 + '"', "\x01")),
        *(raw(HEADS[rs.randint(len(HEADS))]) for _ in range(8)),
        *(says.redirect_to(PLACES[rs.randint(len(PLACES))]) for _ in range(4)),
    ]
    chosen = [kinds[rs.randint(len(kinds))] for _ in range(rs.randint(1, 7))]
    return [*chosen, says.good] if rs.rand() < 0.5 else chosen


def fetched(server, content, home):
    """Fetch, and open what came; 'fetched' or 'refused'."""
    try:
        path = get(server, content, home, timeout=1)
    except WeightsError as error:
        text = str(error)
        assert text.isprintable() and 20 < len(text) < 1500, text
        assert_nothing_but_leftovers(home)
        return "refused"
    assert path.name == CONVERTED and load(path)
    return "fetched"


def main(count, seed=0, first=0):
    """Fetch from `count` servers; prints what became of them. Returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        content = write_toy(Path(folder) / "toy.h5").read_bytes()

        def attempt(rs):
            with tempfile.TemporaryDirectory() as home, suppress(ConnectionError):
                home, start = Path(home) / "home", time.monotonic()
                with Server(content, behaviours(rs, len(content))) as server:
                    outcome = within_limits(lambda: fetched(server, content, home), seconds=20)
                assert time.monotonic() - start < 60, "more than a minute"
                with Server(content, [says.good]) as server:
                    assert fetched(server, content, home) == "fetched", "not even a good one helps"
                return outcome

        return 1 if attack("servers", count, seed, attempt, first) else 0


if __name__ == "__main__":
    said = arguments(__doc__, count=40)
    sys.exit(main(said.count, said.seed, said.first))
