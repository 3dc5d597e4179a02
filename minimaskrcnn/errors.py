"""The exceptions a user may meet: one sentence each, what was wrong with what, and what to do.

Bad arguments of a single stage (a shape, a dtype) are plain `ValueError`s.
"""

import os


class MiniMaskRCNNError(Exception):
    """Any failure that is the input's and not the program's; the command line prints it, exit 2."""


class ImageError(MiniMaskRCNNError, ValueError):
    """A photograph that cannot be read or used: names the file or says what the array is."""


class SettingError(MiniMaskRCNNError, ValueError):
    """A threshold, size or class name that makes no sense: names it and says what is allowed."""


class WeightsError(MiniMaskRCNNError, ValueError):
    """A weight file that is missing, damaged, of another network, or not to be had."""


class DatasetError(MiniMaskRCNNError, ValueError):
    """Annotations that are corrupt or do not fit: names file, image and annotation."""


class TrainingError(MiniMaskRCNNError, RuntimeError):
    """A training that cannot go on: says at which step, why, and what is kept."""


def sentence(error):
    """An exception in words; an OSError's begins with its file and has no number."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)
