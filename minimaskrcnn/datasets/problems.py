"""Problems: everything that is wrong with a dataset, reported together.

Idea    With 21 bad annotations you want to hear of all of them, not of one per run. Each check
        raises a `DatasetError` at its first complaint; `noted` writes it down and goes on with the
        next record.
Shapes  sentences  ->  one message of at most SHOWN of them
"""

from contextlib import contextmanager

from minimaskrcnn.errors import DatasetError

SHOWN = 10  # problems that are written out
KEPT, BEYOND = 1000, "one thing more"  # those that are remembered in full, and what stands for more


@contextmanager
def noted(problems):
    """Append a DatasetError's sentence to the list instead of raising it."""
    try:
        yield
    except DatasetError as error:
        problems.append(str(error) if len(problems) < KEPT else BEYOND)


def listed(problems):
    """Yield several problems as indented lines, those beyond SHOWN counted.

    Examples
    --------
    >>> list(listed(["annotation 3: no mask"] * 11))[-1]
    '  … and 1 more'
    """
    yield from (f"  {problem}" for problem in problems[:SHOWN])
    if len(problems) > SHOWN:
        yield f"  … and {len(problems) - SHOWN} more"


def refuse(path, problems, skip_bad=False, left=True):
    """Raise what is wrong as one DatasetError, unless nothing is, or the bad is to be skipped.

    Parameters
    ----------
    path : of the dataset
    problems : list of str
    skip_bad : whether to go on without what is wrong …
    left : … and whether anything is left then
    """
    if not problems or (skip_bad and left):
        return
    way_out = "--skip-bad (skip_bad=True) goes on without" if left else "nothing is left without"
    if len(problems) == 1:
        raise DatasetError(f"{path}: {problems[0]}; {way_out} it")
    first = f"{path}: {len(problems)} things are wrong; {way_out} them:"
    raise DatasetError(first, *listed(problems))
