"""What the scripts that attack on purpose share: limits, the count of what became of each try.

A try is a function of a random state: it returns what became of it in a word or two, or raises if
it did not go as promised. Its number and the seed make the same try again.
"""

import argparse
import collections
import re
import time
import tracemalloc
from pathlib import Path

import numpy as np

SECONDS, MEGABYTES = 10, 1000


def memory(field):
    """Linux' `VmRSS` (in use) or `VmHWM` (the most there has been) of this process, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024


def measured(action):
    """The result of `action()`, its seconds of processor time, and the MB that it took more.

    What the process had taken before does not count, so a test may run after any other.
    """
    again, start = Path("/proc/self/clear_refs"), time.process_time()
    if again.exists():
        again.write_text("5")  # the peak begins again, at what is in use
        before = memory("VmRSS")
        result = action()
        megabytes = memory("VmHWM") - before
    else:  # not Linux
        tracemalloc.start()
        result = action()
        megabytes = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    return result, time.process_time() - start, megabytes


def within_limits(action, seconds=SECONDS, megabytes=MEGABYTES):
    """The result of `action()`, which must take neither too long nor too much memory."""
    result, took, grown = measured(action)
    assert took <= seconds and grown <= megabytes, f"{took:.1f} s, {grown:.0f} MB"
    return result


def attack(kind, count, seed, attempt, first=0):
    """Make `count` tries `attempt(rs)`; prints what became of them. Returns how many failed."""
    outcomes = collections.Counter()
    for number in range(first, first + count):
        try:
            outcomes[attempt(np.random.RandomState([seed, number]))] += 1
        except Exception as error:
            outcomes["failed"] += 1
            print(f"{kind}, number {number} of seed {seed}: {error!r:.500}", flush=True)
    failed = outcomes.pop("failed", 0)
    became = ", ".join(f"{times} {word}" for word, times in sorted(outcomes.items()))
    print(f"{kind}: {count} tried with seed {seed}, {failed} failed; {became}", flush=True)
    return failed


def parser_of(doc, count):
    """The command line of a script: how many tries, the seed, and where to begin."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--count", type=int, default=count, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other tries")
    parser.add_argument("--first", type=int, default=0, help="number of the first try")
    return parser


def arguments(doc, count):
    """What the command line says: `count`, `seed` and `first`."""
    return parser_of(doc, count).parse_args()
