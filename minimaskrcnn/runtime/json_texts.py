"""JSON from anybody: parsed, unless it would take far more memory than the text has bytes.

Idea    The three bytes `{},` become an object of 64 bytes, `[1],` a list of 88: text that is nearly
        nothing but brackets grows thirtyfold. Data have names and numbers between their brackets;
        a file of annotations grows sevenfold. So the brackets are counted first.
Shapes  bytes or str  ->  what `json.loads` returns
"""

import json

LIST, OBJECT = 96, 192  # bytes in memory of one with a member or two
GROWTH, FREE = 16, 2**26  # bytes allowed for each byte of text, and on top of that


def parse_json(text):
    """Return what a JSON text means.

    Parameters
    ----------
    text : bytes in UTF-8, UTF-16 or UTF-32, or str

    Returns
    -------
    dict, list, str, int, float, bool or None

    Raises
    ------
    ValueError
        If it is no JSON (`json.JSONDecodeError`, `UnicodeDecodeError`), is nested too deep, has a
        number of thousands of digits, or would take too much memory.

    Examples
    --------
    >>> parse_json('[1, {"a": 2}]')
    [1, {'a': 2}]
    """
    lists, objects = (text.count(mark if isinstance(text, str) else mark.encode()) for mark in "[{")
    if LIST * lists + OBJECT * objects > GROWTH * len(text) + FREE:
        raise ValueError(f"it is little but brackets, {lists:,} lists and {objects:,} objects in "
                         f"{len(text):,} bytes, and would take many times as much memory; write "
                         "it without what is empty, or in parts")  # fmt: skip
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its brackets are nested too deep") from None
