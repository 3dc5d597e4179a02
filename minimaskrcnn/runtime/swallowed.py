"""Ctrl-C that Python swallows: pressed once more, a moment later.

Idea    Python raises KeyboardInterrupt in whatever function it enters next. If that one is called
        because an object dies (a destructor, a weak reference's callback), the exception cannot
        leave it: Python prints it, ignores it, and goes on. The command would run to its end.
"""

import _thread
import sys
import threading
from contextlib import contextmanager

PAUSE = 0.02  # seconds, in which the callback ends


@contextmanager
def ctrl_c_is_heard():
    """Inside the `with` block no Ctrl-C is lost."""
    before = sys.unraisablehook

    def hook(ignored):
        if not isinstance(ignored.exc_value, KeyboardInterrupt):
            return before(ignored)
        again = threading.Timer(PAUSE, _thread.interrupt_main)
        again.daemon = True
        again.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
