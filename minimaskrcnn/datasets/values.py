"""Values as annotation programs write them: what can mean one thing only is taken as meant.

Idea    One program writes the id 1, another "1", a third 1.0. Numbers in quotes and blanks around
        words are no mistakes that anybody has to mend. What could mean two things is refused, and
        so is every value that is none of its kind.
Shapes  a record of JSON, a key  ->  id (int or str), float, bool, str
"""

import re
import reprlib

from minimaskrcnn.errors import DatasetError

WHOLE = re.compile(r"[+-]?[0-9]{1,30}(\.0+)?")  # a whole number, written as text
LONGEST = 500  # letters of an id, which sentences name
FLAGS = {0: False, 1: True, "": False, "0": False, "1": True, "false": False, "true": True}

short = reprlib.Repr().repr  # writes whatever a file may contain, however long or deep


def identity(record, key, where):
    """The id under a key: an int for 1, 1.0, "1" and " 1 ", else the text without outer blanks.

    Examples
    --------
    >>> [identity({"id": value}, "id", "entry 0") for value in (1, 1.0, " 1", "img 1")]
    [1, 1, 1, 'img 1']
    """
    value = record.get(key)
    if isinstance(value, str | int) and len(str(value)) > LONGEST:
        raise DatasetError(f"{where}: '{key}' has {len(str(value))} letters; an id has at most "
                           f"{LONGEST}")  # fmt: skip
    if isinstance(value, str) and value.strip():
        text = value.strip()
        return int(text.split(".")[0]) if WHOLE.fullmatch(text) else text
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise DatasetError(f"{where}: '{key}' has to be a number or a text, {found(record, key)}")
    return value


def order_of_ids(value):
    """A sort key for ids: numbers by size, then texts."""
    return isinstance(value, str), 0 if isinstance(value, str) else value, str(value)


def number(value):
    """A finite number as float, also one in quotes; None for anything else.

    Examples
    --------
    >>> number("12.5"), number(3), number(True), number(float("nan"))
    (12.5, 3.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        value = float(value)
    except (ValueError, OverflowError):
        return None
    return value if abs(value) < 1e300 else None  # NaN is not, either


def numbers(values):
    """A list of finite numbers as a list of float; None for anything else."""
    if not isinstance(values, list):
        return None
    converted = [number(value) for value in values]
    return None if None in converted else converted


def flag(record, key, where):
    """A yes or no: 0, 1, false, true, in quotes or not; missing or null is no."""
    value = record.get(key)
    if value is None:
        return False
    value = value.strip().lower() if isinstance(value, str) else value
    try:
        return FLAGS[value]
    except (KeyError, TypeError):
        raise DatasetError(f"{where}: '{key}' is 0 or 1, not {short(record[key])}") from None


def text(record, key, where):
    """The text under a key, without blanks around it; a number is taken as its digits."""
    value = record.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise DatasetError(f"{where}: '{key}' has to be a text, {found(record, key)}")
    return value.strip()


def found(record, key):
    """What stands under a key instead, for the end of a sentence."""
    return f"not {short(record[key])}" if key in record else "but is missing"
