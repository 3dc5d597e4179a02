"""Config from JSON: every field is known, and `Config` itself checks its value."""

import json
import os
from dataclasses import fields

from minimaskrcnn.config import Config
from minimaskrcnn.errors import SettingError, WeightsError


def json_object(path, text):
    """Return the dict that a JSON text means; `path` is the file's, for the message."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: is not the JSON it should be ({error})") from error
    if not isinstance(value, dict):
        raise WeightsError(f"{path}: is JSON, but not an object {{…}}")
    return value


def config_from_dict(path, values):
    """Return the Config of the given fields; those not given have their defaults.

    Parameters
    ----------
    path : of the file, for the message
    values : dict from a field's name to its value, lists for tuples, as JSON has them

    Raises
    ------
    WeightsError
        If a field is unknown or of another type, or its value cannot work: a number that is not
        finite or negative, no pixel, a share above 1, scales for more levels than there are, …
    """
    known = {field.name for field in fields(Config)}
    for name in values:
        if name not in known:
            raise WeightsError(f"{path}: the configuration has an unknown field {name!r}")
    try:
        return Config(**values)
    except SettingError as error:
        raise WeightsError(f"{path}: the configuration is wrong: {error}") from error


def read_config(path=None, class_names=None):
    """Return the Config that the command line describes, None if it describes none.

    Parameters
    ----------
    path : of a JSON file with fields of Config, or None
    class_names : "one,two", or the path of a text file with one name a line, or None; without the
        background, which is added, or with it in the first place ("background" or "BG")
    """
    if path is None and class_names is None:
        return None
    values = json_object(path, _text(path)) if path is not None else {}
    if class_names is not None:
        listed = _text(class_names).splitlines() if os.path.isfile(class_names) else []
        names = [n.strip() for n in listed or class_names.split(",") if n.strip()]
        if names and names[0].lower() in ("background", "bg"):
            names = names[1:]
        values["class_names"] = ["background", *names]
    return config_from_dict(path or "--class-names", values)


def _text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: cannot be read as text ({error})") from error
