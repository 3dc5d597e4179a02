"""The thread pool: work is divided into blocks, and each thread takes the next block that is left.

Idea    A stage divides its output into blocks and calls `run(task, count)`, which calls `task(i)`
        for every block i, on all cores. The blocks depend on shapes (and the kind of processor),
        never on the number of threads, and no two blocks write to the same place. So the result is
        the same to the bit, however many threads there are and whichever takes which block. The
        tasks spend their time in `nogil` kernels and in matrix products, which both release
        Python's global interpreter lock (GIL).
BLAS    The library behind `@` has threads of its own, which would compete with ours. During a call
        of `run` it is limited to one thread (`blas`).
Safe    Several threads may call `run` at once. A task may call `run` itself; the inner blocks then
        run one after the other in the same thread. A forked child process makes a new pool. If the
        system allows no further thread, the existing ones share the work.
"""

import os
import threading
from contextlib import suppress
from math import prod
from queue import SimpleQueue

import numpy as np

from minimaskrcnn.runtime import blas
from minimaskrcnn.runtime.cores import check_number, threads_to_begin_with

_lock = threading.Lock()  # guards the three names below
_num_threads = None  # not decided yet
_jobs = None  # the queue that the workers wait at; None: no workers yet
_workers = 0  # how many wait there

_here = threading.local()  # of each thread: `working`, its scratch arrays


def set_num_threads(number):
    """Set the number of threads that share the work (default: one per usable core).

    What is under way is finished by the threads that have begun it.

    The environment variable MINIMASKRCNN_NUM_THREADS sets the number to begin with.

    Parameters
    ----------
    number : int, 1 … 1024

    Raises
    ------
    SettingError
        If `number` is no such integer.
    """
    global _num_threads, _jobs
    number = check_number(number)
    with _lock:
        if _jobs is not None:
            _jobs.put(None)  # ends all workers, once the jobs before it are done
        _num_threads, _jobs = number, None


def get_num_threads():
    """Return the number of threads that share the work."""
    global _num_threads
    with _lock:
        if _num_threads is None:
            _num_threads = threads_to_begin_with()
        return _num_threads


def run(task, count):
    """Call task(0) … task(count - 1), shared among the threads; return when all are done.

    Parameters
    ----------
    task : function of a block's number; its result is ignored. No block may depend on another, or
        write where another reads or writes.
    count : number of blocks; it must not depend on the number of threads

    Raises
    ------
    Exception
        The first exception that a task raised. Blocks that have not begun by then are skipped.

    Examples
    --------
    >>> import numpy as np
    >>> squares = np.zeros(5, int)
    >>> def square(i):
    ...     squares[i] = i * i
    >>> run(square, 5)
    >>> squares.tolist()
    [0, 1, 4, 9, 16]
    """
    if getattr(_here, "working", False):  # this is a task of an outer call
        for i in range(count):
            task(i)
        return
    job = _Job(task, count)
    with blas.one_thread():
        get_num_threads()  # a number that is wrong is refused before anything has begun
        _offer(job, count - 1)
        job.work()
        job.done.wait()
    if job.error is not None:
        error, job.error = job.error, None  # the error knows the frames, these must not know it:
        try:
            raise error
        finally:
            del error  # else the task's arrays would wait for the garbage collector


class _Job:
    """One call of `run`: the blocks that are left, the number unfinished, the first error."""

    def __init__(self, task, count):
        self.task, self.blocks, self.unfinished = task, iter(range(count)), count
        self.lock, self.done, self.error = threading.Lock(), threading.Event(), None
        if count == 0:
            self.done.set()

    def work(self):
        """Take blocks until none is left."""
        _here.working = True
        try:
            while (block := self._next()) is not None:
                self._do(block)
        finally:
            _here.working = False

    def _do(self, block):
        try:
            if self.error is None:
                self.task(block)
        except BaseException as error:  # to be raised by the caller's thread
            self.error = self.error or error
        with self.lock:
            self.unfinished -= 1
            if self.unfinished == 0:
                self.done.set()

    def _next(self):
        with self.lock:
            return next(self.blocks, None)


def _offer(job, most):
    """Offer the job to at most this many workers; start the workers if there are none yet."""
    with _lock:
        if most > 0 and _jobs is None:
            _start_workers()
        for _ in range(min(most, _workers)):
            _jobs.put(job)


def _start_workers():
    global _jobs, _workers
    _jobs, _workers = SimpleQueue(), 0
    with suppress(RuntimeError):  # can't start new thread: go on with those there are
        while _workers < _num_threads - 1:
            threading.Thread(target=_worker, args=(_jobs,), daemon=True).start()
            _workers += 1


def _worker(jobs):
    while (job := jobs.get()) is not None:
        job.work()
        del job  # lets go of its arrays while waiting
    jobs.put(None)  # for the next worker


def scratch(name, shape, dtype):
    """Return an uninitialised array, which this thread keeps and reuses under this name.

    New memory from the system costs more time than one pass of arithmetic over it. The next call
    with the same name reuses the memory, so a task must not call a stage that uses this name.

    Parameters
    ----------
    name : str
    shape : tuple of int
    dtype : NumPy dtype

    Returns
    -------
    array of this shape and dtype
    """
    arrays = _here.__dict__.setdefault("scratch", {})
    flat = arrays.get((name, dtype))
    if flat is None or flat.size < prod(shape):
        flat = arrays[name, dtype] = np.empty(prod(shape), dtype)
    return flat[: prod(shape)].reshape(shape)


def _after_fork():
    """Start again without workers: in a forked child process the other threads do not exist."""
    global _lock, _jobs, _here
    _lock, _jobs, _here = threading.Lock(), None, threading.local()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
