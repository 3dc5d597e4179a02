"""Weight files corrupted at random: refused in one sentence, or loaded as they were."""

import time
import tracemalloc

import numpy as np
import pytest
from damage import FORMATS, outcome, toy

from minimaskrcnn.weights.hdf5 import Array, open_file


def data_bytes(path):
    """Which bytes of a file are numbers of an array: (size,) bool."""
    with open_file(path) as (file, root):
        inside = np.zeros(file.size, bool)
        groups = [root]
        for group in groups:
            for member in group.members.values():
                if isinstance(member, Array):
                    size = int(np.prod(member.shape)) * member.dtype.itemsize
                    inside[member.offset : member.offset + size] = True
                else:
                    groups.append(member)
    return inside


def corrupted(content, inside, rng):
    """One of five kinds of damage; returns the bytes and which of them were touched."""
    content, kind = bytearray(content), rng.randint(5)
    at = rng.choice(np.flatnonzero(~inside)) if kind == 0 else rng.randint(len(content) - 8)
    if kind < 2:  # one bit; of kind 0 never in the numbers
        touched = slice(at, at + 1)
        content[at] ^= 1 << rng.randint(8)
    elif kind == 2:  # one byte
        touched = slice(at, at + 1)
        content[at] = rng.randint(256)
    elif kind == 3:  # eight bytes: an address or a size
        touched = slice(at, at + 8)
        content[touched] = (rng.bytes(8), b"\xff" * 8, bytes(8))[rng.randint(3)]
    else:  # a lost block
        touched = slice(at, at + rng.randint(1, 5000))
        content[touched] = bytes(len(content[touched]))
    return bytes(content), touched


@pytest.mark.parametrize("kind", FORMATS)
def test_a_thousand_corruptions_are_refused_or_change_nothing_but_numbers(tmp_path, kind):
    path = tmp_path / "bad.h5"
    path.write_bytes(toy(kind))
    inside, rng, counts = data_bytes(path), np.random.RandomState(8), {}
    for _ in range(1000):
        content, touched = corrupted(toy(kind), inside, rng)
        begin = time.perf_counter()
        found = outcome(path, content)
        assert time.perf_counter() - begin < 5
        if found == "numbers":  # only the original's format has no checksum
            assert kind == "keras" and inside[touched].any()
        counts[found] = counts.get(found, 0) + 1
    assert counts["refused"] > 300 and counts["same"] > 300


@pytest.mark.parametrize("kind", FORMATS)
def test_damage_costs_no_more_memory_than_twice_the_file(tmp_path, kind):
    path = tmp_path / "bad.h5"
    path.write_bytes(toy(kind))
    inside, rng = data_bytes(path), np.random.RandomState(9)
    for _ in range(10):
        content, _ = corrupted(toy(kind), inside, rng)
        tracemalloc.start()
        outcome(path, content)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2 * len(content) + 200_000  # what Python itself takes for a small file
