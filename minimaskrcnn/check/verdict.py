"""Try a reader's function on cases, and explain the first wrong answer.

Idea    A check is a list of cases, which are tried in order. The first wrong answer is explained in
        words. Typical mistakes are known, by the answers that they give to a case or as functions
        that make them: the reader is told which of them the wrong answer comes from.
Length  One idea, in many small functions that put a difference into words.
Shapes  function, cases  ->  Verdict
"""

import inspect
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass
from time import perf_counter

import numpy as np

from minimaskrcnn.check.calling import Trouble, call
from minimaskrcnn.check.words import SHOWN, short, shown

RELATIVE, ABSOLUTE = 1e-4, 1e-5  # differences that do not count
NOTICED = 0.1  # seconds for all cases: who is quicker than that is not called slow
MUCH = 10  # times the package's time: a slower function is called slow


@dataclass(frozen=True, eq=False)
class Case:
    """The arguments of a call, the right answer, and the answers of typical mistakes."""

    name: str
    arguments: tuple
    wanted: object  # an array or number; a tuple of them if the function returns several
    hint: str  # shown for an answer that is none of the known mistakes
    mistakes: tuple = ()  # (wrong answer, what to say about it)


@dataclass(frozen=True, repr=False)
class Verdict:
    """The result of a check; a notebook shows its text."""

    agrees: bool
    text: str

    def __repr__(self):
        return self.text


def check_function(function, reference, cases, parts=("the answer",), read=None, wrong=()):
    """Try a reader's function on the cases.

    Parameters
    ----------
    function : the reader's
    reference : the package's function, which names the arguments
    cases : list of Case
    parts : names of what the function returns
    read : function from the reader's answer to the tuple of its parts, if it is not a tuple itself
    wrong : pairs of a function with one typical mistake and the sentence that names it; the first
        that answers as the reader's function does, right and then wrong, has the same mistake

    Returns
    -------
    Verdict; nothing that `function` does makes this raise
    """
    if not callable(function):
        return Verdict(False, f"this is not a function, but {short(function)}: give its name only")
    seconds = 0.0
    for number, case in enumerate(cases, start=1):
        arguments, start = deepcopy(case.arguments), perf_counter()
        try:
            answer = call(function, arguments)
            seconds += perf_counter() - start
        except Trouble as trouble:
            if trouble.unwritten and number == 1:
                return Verdict(False, "not written yet")
            return _differs(case, number, len(cases), reference, [str(trouble)])
        changed = _changed(case.arguments, arguments)
        if changed:
            name = list(inspect.signature(reference).parameters)[changed[0]]
            said = [f"your function writes into its argument `{name}`: work on a copy of it"]
        else:
            said = _said_of(answer, cases[:number], parts, read, wrong)
        if said:
            return _differs(case, number, len(cases), reference, said)
    return Verdict(True, f"all agree: {len(cases)} cases{slowness(seconds, reference, cases)}")


def slowness(seconds, reference, cases):
    """What to say of a right function that took `seconds`; "" if that is quick enough."""
    if seconds < NOTICED:
        return ""
    for _ in range(2):  # the first time the package's loops may be compiled
        start = perf_counter()
        for case in cases:
            reference(*deepcopy(case.arguments))
        times = seconds / max(perf_counter() - start, 1e-6)
    if times < MUCH:
        return ""
    rounded = round(times, 1 - len(str(int(times))))
    return f"; right, but some {rounded:.0f} times slower than the package's"


def _said_of(answer, cases, parts, read, wrong):
    """Lines about a wrong answer to the last of the cases; none about a right one."""
    case = cases[-1]
    try:
        answer = read(answer) if read else (answer if len(parts) > 1 else (answer,))
        got = _as_arrays(answer, parts)
    except Trouble as trouble:
        return [str(trouble)]
    wanted = [np.asarray(w) for w in (case.wanted if len(parts) > 1 else (case.wanted,))]
    for part, w, g in zip(parts, wanted, got, strict=True):
        lines = _difference(part, w, g)
        if lines:
            return [*lines, _reason(cases, got, len(parts), wrong)]
        lines = _other_dtype(part, w, g)
        if lines:
            return lines
    return []


def agree(answer, wanted):
    """Whether an answer, or all its parts, are the wanted numbers within a check's tolerance."""
    if isinstance(wanted, tuple | list):
        same = isinstance(answer, tuple | list) and len(answer) == len(wanted)
        return same and all(map(agree, answer, wanted))
    if is_dataclass(wanted):
        return type(answer) is type(wanted) and all(
            agree(getattr(answer, part.name), getattr(wanted, part.name)) for part in fields(wanted)
        )
    got, right = np.asarray(answer), np.asarray(wanted)
    if right.dtype.kind not in "biuf" or got.dtype.kind not in "biuf":
        return bool(np.array_equal(got, right))
    if got.shape != right.shape or _other_dtype("", right, got):
        return False
    return bool(np.isclose(got, right, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True).all())


def _as_arrays(answer, parts):
    """The parts of an answer as arrays of numbers; Trouble if they are none.

    Several single numbers may stand in one array of one axis.
    """
    if isinstance(answer, np.ndarray) and answer.ndim == 1:
        answer = tuple(answer)
    if not isinstance(answer, tuple | list) or len(answer) != len(parts):
        got = f"{len(answer)}" if isinstance(answer, tuple | list) else short(answer)
        raise Trouble(f"wanted {len(parts)} things, {', '.join(parts)}; got {got}")
    arrays = []
    for part, values in zip(parts, answer, strict=True):
        try:
            array = np.asarray(values)
        except BaseException:  # lists of unequal length, an object with a broken __array__, …
            array = np.asarray(None)
        if array.dtype.kind not in "biuf":
            raise Trouble(f"{part} should be an array of numbers, got {short(values)}")
        arrays.append(array)
    return arrays


def _difference(part, wanted, got):
    """Lines on how two arrays differ; none if they agree."""
    both = [f"{part}: wanted {shown(wanted)}", f"{' ' * len(part)}     got {shown(got)}"]
    if got.shape != wanted.shape:
        if wanted.size > SHOWN or got.size > SHOWN:
            return [f"{part}: wanted the shape {wanted.shape}, got {got.shape}"]
        return both
    wrong = ~np.isclose(got, wanted, rtol=RELATIVE, atol=ABSOLUTE)
    if not wrong.any():
        return []
    if wanted.size <= SHOWN:
        return both
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    return [
        f"{part}: {np.count_nonzero(wrong)} of {wanted.size} numbers differ, the first at "
        f"{list(place)}: wanted {wanted[place]:.6g}, got {got[place]:.6g}"
    ]


def _other_dtype(part, wanted, got):
    """A line if the numbers are right but not whole numbers, or not True and False, as wanted."""
    kinds = {"b": "True and False (bool)", "i": "whole numbers (int64)"}
    kind = "i" if got.dtype.kind == "u" else got.dtype.kind
    if not got.size or wanted.dtype.kind not in kinds or kind == wanted.dtype.kind:
        return []
    return [f"{part}: right, but its dtype is {got.dtype}; wanted {kinds[wanted.dtype.kind]}"]


def _reason(cases, got, count, wrong):
    """What to say about a wrong answer to the last of the cases: a known mistake, or its hint."""
    for answer, sentence in (*cases[-1].mistakes, *_mistakes(cases, wrong)):
        arrays = [np.asarray(a) for a in (answer if count > 1 else (answer,))]
        if all(
            a.shape == g.shape and np.allclose(a, g, rtol=1e-3, atol=1e-4, equal_nan=True)
            for a, g in zip(arrays, got, strict=True)
        ):
            return sentence
    return cases[-1].hint


def _mistakes(cases, wrong):
    """Yield the wrong answers to the last of the cases of functions that are right before that."""
    for function, sentence in wrong:
        with suppress(ValueError, IndexError), np.errstate(all="ignore"):  # shapes may not fit
            answers = [function(*deepcopy(case.arguments)) for case in cases]
            right = [agree(a, case.wanted) for a, case in zip(answers, cases, strict=True)]
            if all(right[:-1]) and not right[-1]:
                yield answers[-1], sentence


def _changed(before, after):
    """The positions of arguments whose arrays the function has changed."""
    return [
        i
        for i, pair in enumerate(zip(before, after, strict=True))
        if any(
            a.shape != b.shape or not np.array_equal(a, b, equal_nan=True)
            for a, b in zip(*map(_arrays_of, pair), strict=True)
        )
    ]


def _arrays_of(argument):
    if is_dataclass(argument):
        values = [getattr(argument, field.name) for field in fields(argument)]
    else:
        values = [argument]
    return [value for value in values if isinstance(value, np.ndarray)]


def _differs(case, number, count, reference, lines):
    names = inspect.signature(reference).parameters
    asked = [
        f"    {name} = {shown(value)}" for name, value in zip(names, case.arguments, strict=False)
    ]
    head = f"differs in case {number} of {count}: {case.name}"
    return Verdict(False, "\n".join([head, *asked, *lines]))
