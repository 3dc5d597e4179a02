"""Say that the loops are being compiled: on the first run, which takes longer than all later ones.

Idea    Numba turns each hot loop into machine code when it is first called, and keeps the code on
        disk: beside the module, or in the user's cache folder where the package cannot be written,
        or in the folder that the variable NUMBA_CACHE_DIR names, which is needed where neither of
        the two can be written (in some containers). Whoever waits for that should know why, and
        that it happens once.
Source  Numba's events: numba.readthedocs.io, "Event API".
"""

from contextlib import contextmanager

from minimaskrcnn.runtime.terminal import complain, progress_bar


@contextmanager
def progress_of_compiling():
    """While in the block, show on standard error which loop is being compiled, if any is."""
    from numba.core import event

    class Progress(event.Listener):
        """What Numba calls; a bar without an end, as nobody knows which loops will be needed."""

        bar = None

        def on_start(self, happening):
            if self.bar is None:
                complain("compiling its loops, once; kept for later")
                self.bar = progress_bar(unit="loop", leave=False)
            self.bar.set_description(happening.data["dispatcher"].py_func.__name__.strip("_"))

        def on_end(self, happening):
            self.bar.update()

    progress = Progress()
    try:
        with event.install_listener("numba:compile", progress):
            yield
    finally:
        if progress.bar is not None:
            progress.bar.close()
