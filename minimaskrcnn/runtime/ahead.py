"""Working ahead: the next result is computed while the caller still uses the last one.

Idea    A prediction keeps all cores busy, but writing results mostly one. So a second thread
        predicts the next photograph while the first one draws and writes what was found in the
        last. It is never more than one ahead, so that at most two results are in memory.
Shapes  an iterator  ->  the same items, in the same order
"""

from concurrent.futures import ThreadPoolExecutor

END = object()


def ahead(items):
    """Yield what an iterator yields; another thread asks it for the next item meanwhile.

    Parameters
    ----------
    items : iterator

    Yields
    ------
    its items. An exception that it raises is raised here, after the items before it.

    Examples
    --------
    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    pool = ThreadPoolExecutor(1)
    try:
        coming = pool.submit(next, items, END)
        while (item := coming.result()) is not END:
            coming = pool.submit(next, items, END)
            yield item
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def outcomes(function, items, errors):
    """Call a function with each item, and go on where it fails.

    Parameters
    ----------
    function : called with one item at a time
    items : iterable
    errors : exception classes; others end the iteration

    Yields
    ------
    item, and what the function returned or the exception that it raised
    """
    for item in items:
        try:
            yield item, function(item)
        except errors as error:
            yield item, error
