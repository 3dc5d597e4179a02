"""What the command line gives beside a weight file: --config and --class-names.

Shapes  paths and texts  ->  Config and class names, each None where it is not given
"""

import os
import re
from pathlib import Path

from minimaskrcnn.config import COCO
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.configs import config_from_dict
from minimaskrcnn.weights.matterport_config import read_settings
from minimaskrcnn.weights.torchvision_config import read_arguments


def read_given(config_path=None, class_names=None):
    """Return the Config and the class names that the command line gives.

    Parameters
    ----------
    config_path : of a file as `matterport_config.read_settings` or
        `torchvision_config.read_arguments` takes it, or None
    class_names : "one,two", or the path of a text file with one name per line, or None; without
        the background, which is added, or with it in the first place ("background" or "BG")

    Returns
    -------
    config : Config or None
    names : tuple of str, the background first, or None

    Raises
    ------
    WeightsError
        If a file cannot be read, a field is unknown or cannot work, or the names are too few.
    """
    names = None if class_names is None else _names(class_names)
    if config_path is None:
        return None, names
    text = read_text(config_path)
    theirs = read_arguments(config_path, text)
    settings, count = (theirs, None) if theirs else read_settings(config_path, text)
    if names is None and "class_names" not in settings and count not in (None, COCO.num_classes):
        raise WeightsError(
            f"{config_path}: has NUM_CLASSES = {count}; the original keeps no names of classes. "
            "Name them: --class-names one,two,… (or a text file, one name per line)"
        )
    if names is not None:
        settings["class_names"] = list(names)
    config = config_from_dict(config_path, settings)
    if count not in (None, config.num_classes):
        raise WeightsError(
            f"{config_path}: has NUM_CLASSES = {count}, the background included, but "
            f"{config.num_classes} class names are given, the background included"
        )
    return config, None


def _names(text):
    """("background", "one", "two") of what --class-names gives."""
    if os.path.isfile(text):
        listed = read_text(text).splitlines()
    elif "," not in text and (re.search(r"\.\w{1,5}$", text) or os.sep in text):
        raise WeightsError(
            f"{text}: there is no such file of class names. (If it is the name of the only class, "
            "write it into a text file and name that)"
        )
    else:
        listed = text.split(",")
    names = [name.strip() for name in listed if name.strip()]
    if names and names[0].lower() in ("background", "bg"):
        names = names[1:]
    if not names:
        raise WeightsError(f"--class-names {text}: names no class")
    config_from_dict("--class-names", {"class_names": ["background", *names]})
    return ("background", *names)


def read_text(path):
    """Return the text of a file: UTF-8, or UTF-16 where a byte order mark says so."""
    try:
        content = Path(path).read_bytes()
        marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # what Windows's `>` writes
        return content.decode("utf-16" if marked else "utf-8-sig")
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise WeightsError(f"{path}: is not a text (neither UTF-8 nor UTF-16)") from error
