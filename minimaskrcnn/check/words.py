"""A value in few words, for the sentences of the checks.

Idea    A reader compares what was wanted with what came: small arrays are written out, large ones
        are told by their shape, and of a dataclass only what is not as usual is shown.
Shapes  anything  ->  str, on one line
"""

import re
from dataclasses import MISSING, fields, is_dataclass

import numpy as np

SHOWN = 40  # numbers of an array that are written out
_FORMAT = {"float_kind": lambda number: f"{number:.4g}"}


def shown(value):
    """A value in few words."""
    if isinstance(value, np.ndarray) and value.size > SHOWN:
        return f"an array of shape {value.shape}"
    if isinstance(value, np.ndarray):
        text = np.array2string(value, separator=", ", threshold=SHOWN + 1, formatter=_FORMAT)
        text = " ".join(text.split())
        return f"{text} of shape {value.shape}" if value.ndim > 2 or not value.size else text
    if isinstance(value, tuple | list) and any(isinstance(v, np.ndarray) for v in value):
        return f"[{'; '.join(map(shown, value))}]"
    if is_dataclass(value):
        told = [
            f"{field.name}={shown(getattr(value, field.name))}"
            for field in fields(value)
            if field.default is MISSING or getattr(value, field.name) != field.default
        ]
        return f"{type(value).__name__}({', '.join(told)})"
    return short(value)


def short(value):
    """The repr of anything, whatever it is, on a line of its own."""
    try:
        text = repr(value)
    except BaseException:
        text = f"a broken {type(value).__name__}"
    text = re.sub(
        " at 0x[0-9A-Fa-f]+", "", " ".join(text.split())
    )  # an address in memory tells a reader nothing
    return text if len(text) <= 200 else f"{text[:200]}…"
