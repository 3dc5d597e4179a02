"""Config from JSON: every field is known, and `Config` itself checks its value."""

from dataclasses import fields

from minimaskrcnn.config import Config
from minimaskrcnn.errors import SettingError, WeightsError
from minimaskrcnn.runtime.json_texts import parse_json


def json_object(path, text):
    """Return the dict that a JSON text means; `path` is the file's, for the message."""
    try:
        value = parse_json(text)
    except ValueError as error:
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
    known = [field.name for field in fields(Config)]
    for name in values:
        if name not in known:
            raise WeightsError(
                f"{path}: the configuration has an unknown field {ascii(name)[:60]}; known are "
                f"{', '.join(known)}"
            )
    try:
        return Config(**values)
    except SettingError as error:
        raise WeightsError(f"{path}: the configuration is wrong: {error}") from error
