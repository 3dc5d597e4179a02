"""Say that the loops are being compiled: on the first run, which takes longer than all later ones.

Idea    Numba turns each hot loop into machine code when it is first called, and keeps the code on
        disk (`caching`). Whoever waits for that should know why, and that it happens once.
        Numba tells every listener of all threads: also of a loop that another thread was already
        compiling when this one began to listen.
Source  Numba's events: numba.readthedocs.io, "Event API".
"""

import os
import sys
import threading
from contextlib import contextmanager

from minimaskrcnn.runtime.caching import until
from minimaskrcnn.runtime.terminal import complain, progress_bar


@contextmanager
def progress_of_compiling():
    """While in the block, show on standard error which loop is being compiled, if any is."""
    from numba.core import event

    class Progress(event.Listener):
        """What Numba calls; a bar without an end, as nobody knows which loops will be needed."""

        bar = None

        def on_start(self, happening):
            with lock:
                if self.bar is None:
                    complain(f"compiling its loops, {until()}")
                    self.bar = progress_bar(unit="loop", leave=False)
                self.bar.set_description(happening.data["dispatcher"].py_func.__name__.strip("_"))

        def on_end(self, happening):
            with lock:
                if self.bar is not None:
                    self.bar.update()

    lock, progress = threading.Lock(), Progress()
    try:
        with event.install_listener("numba:compile", progress):
            yield
    finally:
        with lock:
            if progress.bar is not None:
                progress.bar.close()


def _hold_compiler():
    """Before a fork: wait until no thread compiles, for the child would wait for it for ever."""
    if "numba.core.compiler_lock" in sys.modules:
        sys.modules["numba.core.compiler_lock"].global_compiler_lock.acquire()


def _release_compiler():
    if "numba.core.compiler_lock" in sys.modules:
        sys.modules["numba.core.compiler_lock"].global_compiler_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_hold_compiler,
        after_in_parent=_release_compiler,
        after_in_child=_release_compiler,
    )
