"""The exceptions a user may meet. Each message says what happened, to what, and what to do next.

A wrong argument of a single stage (its shape or dtype) raises a plain `ValueError` instead.
"""

import os


class MiniMaskRCNNError(Exception):
    """The input is at fault, not the program. The command line prints the message and exits with 2.

    All exceptions below are of this kind: catch this one to catch them all.
    """


class ImageError(MiniMaskRCNNError, ValueError):
    """A photograph cannot be read or used; the message names the file or describes the array."""


class SettingError(MiniMaskRCNNError, ValueError):
    """A setting, such as a threshold, makes no sense; the message says which values are allowed."""


class WeightsError(MiniMaskRCNNError, ValueError):
    """The weights cannot be obtained, are damaged, or belong to a different network."""


class DatasetError(MiniMaskRCNNError, ValueError):
    """Annotations are corrupt or do not fit their images; the message names file and annotation."""


class TrainingError(MiniMaskRCNNError, RuntimeError):
    """Training cannot continue; the message says at which step, why, and what has been kept."""


def sentence(error):
    """Return an exception's message; that of an OSError begins with the file, without a number."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)
