"""Documents: a file of annotations as JSON, or the sentence that says why it is none.

Idea    Files come cut off by a full disk, with a comma too many from an editor, as UTF-16 from
        Windows, or are something else altogether. Nothing is guessed; each has a sentence of its
        own, so that one knows what to do next.
Shapes  path  ->  what `parse_json` returns
"""

import json
import os

from minimaskrcnn.errors import DatasetError
from minimaskrcnn.runtime.json_texts import parse_json
from minimaskrcnn.runtime.opening import open_regular

MAX_FILE = 2**29  # bytes of JSON; the largest of COCO's own files has 450 million


def read_json(path):
    """Return what a JSON file holds.

    Parameters
    ----------
    path : Path; UTF-8 with or without a byte order mark, UTF-16 or UTF-32

    Returns
    -------
    dict, list, str, int, float, bool or None

    Raises
    ------
    DatasetError
        Naming the file: it cannot be read, is too large, is not JSON.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            contents = file.read() if size <= MAX_FILE else b""
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror or error})") from error
    if size > MAX_FILE:
        raise DatasetError(f"{path}: has {size} bytes, more than {MAX_FILE}; split the dataset")
    try:
        return parse_json(contents)
    except json.JSONDecodeError as error:
        raise DatasetError(f"{path}: is not JSON: {_what_it_is(error)}") from error
    except UnicodeDecodeError as error:
        why = f"byte {error.start} is no {error.encoding}; save it as UTF-8, or give another file"
        raise DatasetError(f"{path}: is not JSON in a known encoding: {why}") from error
    except ValueError as error:  # numbers of thousands of digits, brackets and little else
        raise DatasetError(f"{path}: is not JSON that can be read ({error})") from error


def _what_it_is(error):
    """Why a text is not JSON, as far as its looks tell."""
    text, where = error.doc, f"line {error.lineno}, column {error.colno}"
    before, begin = text[: error.pos].rstrip(), text[:200].lstrip()
    if not begin:
        return "it is empty"
    if begin.startswith("<"):
        return "it is XML or HTML; export the annotations in COCO's format (JSON)"
    if begin.startswith("PK\x03\x04"):
        return "it is a ZIP archive; unpack it and give the JSON file inside"
    if error.msg == "Extra data" and before.endswith("}"):
        return f"a second object begins at {where}; export the annotations in COCO's format"
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"it ends in the middle (after {where}), cut off; copy or export it again"
    if before.endswith(","):
        return f"there is a comma too many before {where}; delete it"
    return f"{error.msg} at {where}; export the annotations again"
