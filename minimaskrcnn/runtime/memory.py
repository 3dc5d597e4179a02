"""Memory that is used again: what one step of training has let go, the next one writes into.

Idea    Memory fresh from the system comes in pages that have to be found and zeroed first, and
        every step of training asks for the same hundred maps as the one before. Within `reuse()`
        the block under an array is kept when the last array that looks into it is gone, and lent
        to the next array of about that size. Elsewhere `empty` is `np.empty`: a single
        prediction, whose maps differ in size, would only hold more memory.
Shapes  shape, dtype  ->  array with anything in it
"""

import threading
import weakref
from contextlib import contextmanager
from math import prod

import numpy as np

from minimaskrcnn.runtime import threads

SMALL = 2**15  # bytes; for less, the system's own bookkeeping is quick
LARGE = 2**20  # bytes; for more, copying is shared among the threads

_active = threading.local()  # the pool of the thread that is within `reuse()`, if it is


@contextmanager
def reuse():
    """Keep the blocks of `empty` for one another, in this thread, until the `with` block ends."""
    outer = getattr(_active, "pool", None)
    _active.pool = outer or _Pool()
    try:
        yield
    finally:
        _active.pool = outer


def empty(shape, dtype):
    """Return an uninitialised array, as `np.empty` does; within `reuse()` perhaps in used memory.

    The array is the caller's like any other: its block is lent to nobody else while a view of it
    exists, also after the `with` block.

    Parameters
    ----------
    shape : tuple of int
    dtype : NumPy dtype

    Returns
    -------
    array of this shape and dtype, C-contiguous

    Examples
    --------
    >>> with reuse():
    ...     first = empty((100, 100), np.float64)
    ...     address, row = first.ctypes.data, first[3]
    ...     del first  # but `row` looks into it
    ...     second = empty((100, 100), np.float64)
    ...     del row
    ...     third = empty((100, 100), np.float64)
    >>> second.ctypes.data == address, third.ctypes.data == address
    (False, True)
    """
    pool = getattr(_active, "pool", None)
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize  # bytes
    if pool is None or size < SMALL:
        return np.empty(shape, dtype)
    return pool.lend(size).view(dtype).reshape(shape)


def contiguous(x):
    """Return x as `np.ascontiguousarray` does, a copy lying in `empty` memory.

    Parameters
    ----------
    x : array with at least one axis

    Returns
    -------
    array like x, C-contiguous; x itself if it is
    """
    if x.flags.c_contiguous:
        return x
    y = empty(x.shape, x.dtype)
    parts = min(len(x), 8) if y.nbytes > LARGE else 1

    def copy(i):
        part = slice(i * len(x) // parts, (i + 1) * len(x) // parts)
        y[part] = x[part]

    threads.run(copy, parts)
    return y


class _Pool:
    """Blocks by length: those that are free, and a weak reference to each that is lent."""

    def __init__(self):
        self.free, self.lent = {}, {}

    def lend(self, size):
        """A (size,) uint8 array that gives its block back when it and its views are gone."""
        step = 1 << (size.bit_length() - 4)  # of 100,000 bytes (17 bits): 8192, so 13 of them
        length = -(-size // step) * step  # up to an eighth more, so that similar sizes meet
        free = self.free.setdefault(length, [])
        block = free.pop() if free else np.empty(length, np.uint8)
        # NumPy keeps as the base of a view the array at the bottom, whatever lies between: this
        # one, because below it is a memoryview, which is no array.
        bottom = np.frombuffer(memoryview(block), np.uint8)
        reference = weakref.ref(bottom, self.take_back)
        self.lent[id(reference)] = reference, block  # arrays have no hash, nor references to them
        return bottom[:size]

    def take_back(self, reference):
        _, block = self.lent.pop(id(reference))
        self.free[len(block)].append(block)
