"""What the tests of downloads share: `get`, and what may be left of it."""

import hashlib

from minimaskrcnn.weights.download import fetch
from minimaskrcnn.weights.known import Release

PAUSES = (0.01, 0.01, 0.01)  # seconds


CONVERTED = "toy.converted.h5"


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
