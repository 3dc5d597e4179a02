"""Stand in for a function of the package, and call the reader's function with the same arguments.

Idea    While the network runs, the package goes on with its own answers. The reader's function is
        given the arguments of the first calls, and its answers are compared.
Shapes  function  ->  function
"""

import threading
from copy import deepcopy
from time import perf_counter

import numpy as np

from minimaskrcnn.check.adapters import all_arguments, core_of, like
from minimaskrcnn.check.calling import Trouble, call

PATIENCE = 60.0  # seconds that one function may take of the whole run; slower ones are left out
ASKED = 4  # calls of a function whose answers are compared


class Asked:
    """Stands in for the package's function, and compares the first answers of both."""

    def __init__(self, name, own, theirs):
        self.own, self.theirs, self.trouble = own, theirs, ""
        self.core = core_of(name, own, theirs)
        self.calls, self.seconds, self.least = 0, 0.0, 0.0
        self.lock = threading.Lock()  # the network may call from several threads

    def __call__(self, *arguments, **named):
        with self.lock:
            return self._asked(arguments, named)

    def _asked(self, arguments, named):
        given, start = all_arguments(self.theirs, arguments, named), perf_counter()
        wanted = self.theirs(*given)
        self.calls += 1
        if not self.trouble and self.calls <= ASKED and self.seconds < PATIENCE:
            self.least += perf_counter() - start
            self._compare(wanted, deepcopy(given))
        return wanted

    def _compare(self, wanted, given):
        start = perf_counter()
        try:
            answer = like(call(self.core, given, PATIENCE, whose=self.own), wanted)
        except Trouble as trouble:
            self.trouble = f"call {self.calls}: {trouble}"
            return
        self.seconds += perf_counter() - start
        self.trouble = _apart(answer, wanted)

    def expected(self):
        """Seconds that all calls of a prediction would take, judging by those that were tried."""
        return self.seconds / max(min(self.calls, ASKED), 1) * self.calls

    def times(self):
        """How many times longer the reader's function takes than the package's."""
        return self.seconds / max(self.least, 1e-6)


def _apart(answer, wanted):
    """How an answer differs from the package's, in words; "" if it does not."""
    if isinstance(wanted, tuple | list):
        if not isinstance(answer, tuple | list) or len(answer) != len(wanted):
            return f"it should return {len(wanted)} things"
        return next(filter(None, map(_apart, answer, wanted)), "")
    got, right = np.asarray(answer), np.asarray(wanted)
    if got.shape != right.shape:
        return f"wanted the shape {right.shape}, got {got.shape}"
    if not got.size or np.allclose(got, right, rtol=1e-3, atol=1e-4 * max(np.abs(right).max(), 1)):
        return ""
    if not np.isfinite(got).all():
        return "some of its numbers are NaN or infinite"
    return f"the numbers differ, by up to {np.abs(got.astype(float) - right).max():.3g}"


def first_lines(text):
    """The first and the last line of a text, in one line: what is wrong, and why.

    Where the last one only shows the line of code, the one before it says what that raised.
    """
    lines = [line.strip() for line in text.splitlines()]
    why = lines[-2:] if lines[-1].startswith("in the line:") else lines[-1:]
    return "; ".join(dict.fromkeys((lines[0], *why)))
