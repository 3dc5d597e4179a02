"""The threads of BLAS, the library behind `@`: held to one while our own threads are at work.

Idea    BLAS shares a product among threads of its own. When each of our threads multiplies its own
        block, those would fight with ours for the cores. The switch is the whole process's, so
        the calls in flight are counted: the first sets it, the last puts back what was there.
Note    threadpoolctl lets only that thread change OpenBLAS's number which did so first, and ignores
        others in silence. Here the first call and the last may come from any two threads; the
        count keeps them in order, so that rule is lifted around each change.
"""

import os
import threading
from contextlib import contextmanager
from functools import cache

RULE = "clear_controlling_thread"  # threadpoolctl 3.8 and later; before, any thread could

_lock = threading.Lock()  # guards the two names below
_calls = 0  # in flight
_limiter = None  # knows the numbers of threads that were there before


@contextmanager
def one_thread():
    """Within the `with` block BLAS works in the calling thread only.

    The block that ends last gives BLAS its threads back. To begin one and to end it takes 15
    microseconds, next to nothing within another: a caller that is going to call `threads.run`
    hundreds of times puts one block around them all.
    """
    global _calls, _limiter
    with _lock:
        if _calls == 0:
            _limiter = _as_any_thread(lambda: _libraries().limit(limits=1))
        _calls += 1
    try:
        yield
    finally:
        with _lock:
            _calls -= 1
            if _calls == 0:
                _as_any_thread(_limiter.restore_original_limits)
                _limiter = None


def architectures():
    """Return the kinds of processor that the BLAS libraries have chosen their routines for."""
    return {library.get("architecture") for library in _libraries().info()}


@cache
def _libraries():
    """The BLAS libraries that are loaded, NumPy's among them; looking for them takes a while."""
    from threadpoolctl import ThreadpoolController  # takes 30 ms

    return ThreadpoolController().select(user_api="blas")


def _as_any_thread(change):
    controllers = _libraries().lib_controllers
    lift_rules = [c.clear_controlling_thread for c in controllers if hasattr(c, RULE)]
    for lift_rule in lift_rules:
        lift_rule(force=True)
    try:
        return change()
    finally:
        for lift_rule in lift_rules:
            lift_rule(force=True)


def _after_fork():
    """In a forked child none of the calls goes on: give BLAS its threads back."""
    global _lock, _calls, _limiter
    if _limiter is not None:
        _as_any_thread(_limiter.restore_original_limits)
    _lock, _calls, _limiter = threading.Lock(), 0, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
