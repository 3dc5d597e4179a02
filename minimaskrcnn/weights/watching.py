"""Watching a transfer from outside: a server that drips never lets a read time out.

Idea    The transfer runs in a thread of its own, which may wait for a server as long as that likes.
        The calling thread looks at how much has arrived: it gives up when that grows too slowly or
        the deadline has passed, says a word now and then, and hears Ctrl-C. From then on the other
        thread writes nothing more, whenever its read returns.
"""

import threading
import time

from minimaskrcnn.weights.causes import DownloadError

SLOWEST = 1000  # bytes per second, over …
PATIENCE = 60  # … so many seconds: less is given up
WORD_AFTER = 10  # seconds between two words


class Watch:
    """What the thread of the transfer and the one that watches it share."""

    def __init__(self):
        self.lock, self.done = threading.Lock(), threading.Event()
        self.given_up, self.error = False, None

    def write(self, file, chunk):
        """Write a chunk, unless the transfer has been given up."""
        with self.lock:
            if self.given_up:
                raise DownloadError("given up", again=False)
            file.write(chunk)
            file.flush()

    def work(self, transfer):
        """The thread of the transfer."""
        try:
            transfer(self)
        except BaseException as error:  # raised by the thread that watches
            self.error = error
        finally:
            self.done.set()


def watched(transfer, arrived, deadline, word):
    """Run `transfer(watch)` in a thread, and wait for its end.

    Parameters
    ----------
    transfer : function of a Watch, whose `write` it uses
    arrived : function that says how many bytes there are
    deadline : of `time.monotonic()`, when to give up
    word : function that is called every few seconds

    Raises
    ------
    DownloadError
        If it is given up; else what the transfer raised.
    """
    watch = Watch()
    threading.Thread(target=watch.work, args=(transfer,), daemon=True).start()
    try:
        _wait(watch, arrived, deadline, word)
    finally:
        with watch.lock:
            watch.given_up = True
    if watch.error is not None:
        raise watch.error


def _wait(watch, arrived, deadline, word):
    began = spoke = time.monotonic()
    before = arrived()
    while not watch.done.wait(0.2):
        now = time.monotonic()
        if now > deadline:
            raise DownloadError("it takes longer than the time allowed", again=False)
        if now > began + PATIENCE:
            if arrived() - before < SLOWEST * PATIENCE:
                raise DownloadError(
                    f"the server sends less than {SLOWEST:,} bytes per second", again=True
                )
            began, before = now, arrived()
        if now > spoke + WORD_AFTER:
            word()
            spoke = now
