"""Ctrl-C while a step is under way: finish the step first, so that it can be saved.

Idea    An interrupt may come when half of the weights have moved. It is therefore noted, and
        handled between two steps. A second one ends the program immediately.
"""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def held_back():
    """Yield a function that says whether Ctrl-C was pressed since; outside the main thread: never.

    When the `with` block ends, Ctrl-C works as before.
    """
    pressed = []

    def note(number, frame):
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
