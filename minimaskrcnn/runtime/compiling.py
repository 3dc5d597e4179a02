"""Tell the user when loops are being compiled, which makes the first run slower than later ones.

Idea    Numba compiles each hot loop when it is first called, and keeps the machine code on disk
        (`caching`). A user who waits for the compiler should know why, and that it happens only
        once. A listener hears of the loops of all threads, even of a loop that another thread was
        already compiling when the listener was installed.
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
    """Inside the `with` block, show on standard error which loop is being compiled, if any."""
    from numba.core import event

    class Progress(event.Listener):
        """What Numba calls. The bar has no end, because it is unknown which loops are needed."""

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
