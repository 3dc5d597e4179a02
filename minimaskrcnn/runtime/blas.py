"""The threads of BLAS, the library behind `@`: held to one while our own threads are at work.

Idea    BLAS shares a product among threads of its own. When each of our threads multiplies its own
        block, those would fight with ours for the cores. The switch is the whole process's, so
        the calls in flight are known: the first sets it, the last puts back what was there.
Safe    Ctrl-C may come between any two lines. A call in flight is therefore an object that its
        caller holds: when the caller's frame is gone, for whatever reason, so is the object, and
        `_ended` is called. `_settle` compares what should be with what is; it may be broken off at
        any line, and called again.
Note    threadpoolctl lets only that thread change OpenBLAS's number which did so first, and ignores
        others in silence. Here the first call and the last may come from any two threads; the
        lock keeps them in order, so that rule is lifted around each change.
"""

import os
import threading
import weakref
from contextlib import contextmanager
from functools import cache

RULE = "clear_controlling_thread"  # threadpoolctl 3.8 and later; before, any thread could

_lock = threading.RLock()  # guards the two names below; a call may end wherever memory is freed
_in_flight: dict[int, weakref.ref] = {}  # by identity, a weak reference to each call
_before = None  # while BLAS is held to one thread: [(library, its number of threads before), …]


class _Call:
    """One `with` block that is under way."""


@contextmanager
def one_thread():
    """Within the `with` block BLAS works in the calling thread only.

    The block that ends last gives BLAS its threads back. To begin one and to end it takes some 20
    microseconds, next to nothing within another: a caller that is going to call `threads.run`
    hundreds of times puts one block around them all.
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
    """A call's frame is gone, though its `with` block was left between two lines."""
    _in_flight.pop(id(reference), None)
    _settle()


def _settle():
    """Give BLAS one thread if a call is in flight, and its own number of threads if none is."""
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
    """Return the kinds of processor that the BLAS libraries have chosen their routines for."""
    return {library.get("architecture") for library in _libraries().info()}


@cache
def _libraries():
    """The BLAS libraries that are loaded, NumPy's among them; looking for them takes a while."""
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
    """In a forked child none of the calls goes on: give BLAS its threads back."""
    global _lock, _in_flight
    _lock, _in_flight = threading.RLock(), {}
    _settle()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
