"""Reuse memory: what one step of training no longer needs, the next step writes into.

Idea    The system has to find and clear new memory first, which takes time, and every step of
        training asks for the same hundred maps as the step before. Inside `reuse()`, the block of
        memory under an array is kept when the last view of it is gone, and lent to the next array
        of about the same size. Elsewhere `empty` is just `np.empty`: a single prediction, whose
        maps differ in size, would only hold more memory.
Shapes  shape, dtype  ->  uninitialised array
"""

import threading
import weakref
from contextlib import contextmanager
from math import prod

import numpy as np

from minimaskrcnn.runtime import threads

SMALL = 2**15  # bytes; smaller arrays come from the system, which is quick for them
LARGE = 2**20  # bytes; larger arrays are copied by all threads

_active = threading.local()  # the pool of this thread, if it is inside `reuse()`


@contextmanager
def reuse():
    """Reuse the memory of `empty`'s arrays in this thread until the `with` block ends."""
    outer = getattr(_active, "pool", None)
    _active.pool = outer or _Pool()
    try:
        yield
    finally:
        _active.pool = outer


def empty(shape, dtype):
    """Return an uninitialised array, as `np.empty` does; inside `reuse()` it may reuse memory.

    The array can be used like any other: its memory is not lent again while a view of it exists,
    even after the `with` block.

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
    """Return x as a contiguous array, as `np.ascontiguousarray` does; a copy is made by `empty`.

    Parameters
    ----------
    x : array with at least one axis

    Returns
    -------
    array equal to x, C-contiguous; x itself if it is so already
    """
    if x.flags.c_contiguous:
        return x
    return filled(_copied, x)


def filled(function, *inputs):
    """Return function(*inputs, out=y) for a new y like the first input, on all threads.

    Parameters
    ----------
    function : of arrays and `out`, such as `np.add`, that treats every number for itself
    inputs : arrays of one shape and dtype

    Returns
    -------
    array of this shape and dtype

    Examples
    --------
    >>> filled(np.add, np.ones(3), np.arange(3.0)).tolist()
    [1.0, 2.0, 3.0]
    """
    y = empty(inputs[0].shape, inputs[0].dtype)
    if y.nbytes <= LARGE:
        return function(*inputs, out=y)
    parts = min(len(y), 8)

    def part(i):
        here = slice(i * len(y) // parts, (i + 1) * len(y) // parts)
        function(*(x[here] for x in inputs), out=y[here])

    threads.run(part, parts)
    return y


def _copied(x, out):
    out[...] = x
    return out


class _Pool:
    """Blocks of memory: the free ones by length, and a weak reference to each that is lent."""

    def __init__(self):
        self.free, self.lent = {}, {}

    def lend(self, size):
        """Return a (size,) uint8 array that gives its block back when it and its views are gone."""
        step = 1 << (size.bit_length() - 4)  # of 100,000 bytes (17 bits): 8192, so 13 of them
        length = -(-size // step) * step  # up to an eighth more, so that similar sizes meet
        free = self.free.setdefault(length, [])
        block = free.pop() if free else np.empty(length, np.uint8)
        # The base of a NumPy view is always the array at the bottom. Here that is `bottom`, because
        # below it lies a memoryview, which is not an array.
        bottom = np.frombuffer(memoryview(block), np.uint8)
        reference = weakref.ref(bottom, self.take_back)
        self.lent[id(reference)] = reference, block  # a reference to an array cannot be hashed
        return bottom[:size]

    def take_back(self, reference):
        _, block = self.lent.pop(id(reference))
        self.free[len(block)].append(block)
