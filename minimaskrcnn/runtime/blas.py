"""Limit BLAS, the library behind `@`, to one thread while our own threads are working.

Idea    BLAS divides a matrix product among threads of its own. When each of our threads multiplies
        its own block, the two kinds of threads would compete for the cores. The limit holds for
        the whole process, so the active calls are recorded: the first one sets the limit, the last
        one restores the previous number.
Safe    Ctrl-C may interrupt between any two lines. An active call is therefore an object that its
        caller holds. When the caller's frame is gone, for whatever reason, so is the object, and
        `_ended` is called. `_settle` compares what should be with what is; it may be interrupted
        at any line and called again.
Note    threadpoolctl allows only the thread that first changed OpenBLAS's number to change it
        again, and silently ignores all others. Here the first and the last call may come from
        different threads. The lock keeps them in order, so that rule is lifted for each change.
"""

import os
import threading
import weakref
from contextlib import contextmanager
from functools import cache

RULE = "clear_controlling_thread"  # threadpoolctl 3.8 and later; before, any thread could

_lock = threading.RLock()  # guards the two names below; a call may end wherever memory is freed
_in_flight: dict[int, weakref.ref] = {}  # by identity, a weak reference to each call
_before = None  # while BLAS is limited to one thread: [(library, its previous number), …]


class _Call:
    """One `with` block that is active."""


@contextmanager
def one_thread():
    """Limit BLAS to the calling thread inside the `with` block.

    The block that ends last gives BLAS its threads back. Entering and leaving a block takes some 20
    microseconds, and almost no time inside another block. So a caller that is going to call
    `threads.run` hundreds of times puts one block around all these calls.
    """
    call = _Call()
    reference = weakref.ref(call, _ended)
    _in_flight[id(reference)] = reference
    _settle()
    try:
        yield
    finally:
        _in_flight.pop(id(reference), None)
        _settle()
        del reference  # all is done: `_ended` need not be called


def _ended(reference):
    """Called when a call's frame is gone, even if its `with` block was interrupted."""
    _in_flight.pop(id(reference), None)
    _settle()


def _settle():
    """Give BLAS one thread if a call is active, and its own number of threads if none is."""
    global _before
    with _lock:
        busy = any(reference() is not None for reference in list(_in_flight.values()))
        if busy and _before is None:
            _before = [(library, library.num_threads) for library in _libraries().lib_controllers]
            _set_threads([(library, 1) for library, _ in _before])
        elif not busy and _before is not None:
            _set_threads(_before)
            _before = None


def architectures():
    """Return the kinds of processor for which the BLAS libraries have chosen their routines."""
    return {library.get("architecture") for library in _libraries().info()}


@cache
def _libraries():
    """The loaded BLAS libraries, NumPy's among them; kept, because finding them takes a while."""
    from threadpoolctl import ThreadpoolController  # takes 30 ms

    return ThreadpoolController().select(user_api="blas")


def _set_threads(numbers):
    for library, number in numbers:
        lift_rule = getattr(library, RULE, None)
        if lift_rule:
            lift_rule(force=True)
        library.set_num_threads(number)
        if lift_rule:
            lift_rule(force=True)


def _after_fork():
    """Give BLAS its threads back: in a forked child process none of the calls continues."""
    global _lock, _in_flight
    _lock, _in_flight = threading.RLock(), {}
    _settle()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
