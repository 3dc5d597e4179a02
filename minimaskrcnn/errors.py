"""The exceptions a user may meet. Each message says what happened, to what, and what to do next.

A wrong argument of a single stage (its shape or dtype) raises a plain `ValueError` instead.

Idea    A message is one line, or several, each an argument of its own. The names in it come from
        outside (files, annotations, servers), so that a line is made printable before it is shown.
Source  Unicode's general categories; "Trojan Source" (CVE-2021-42574) for marks of direction.
"""

import os
import unicodedata

JOINERS = "\u200c\u200d"  # invisible, but scripts and emoji need them within words
UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format, surrogate, line, paragraph


class MiniMaskRCNNError(Exception):
    """The input is at fault, not the program. The command line prints the message and exits with 2.

    All exceptions below are of this kind: catch this one to catch them all.
    """

    def __str__(self):
        return "\n".join(printable(str(line)) for line in self.args)


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


def printable(text):
    """A text as one line that a terminal shows and does not obey: the rest becomes escapes.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> print(printable("cat\\x1b[31m.jpg\\nall fine"))
    cat\\x1b[31m.jpg\\nall fine
    """
    if text.isprintable():
        return text
    return "".join(_escaped(letter) for letter in text)


def _escaped(letter):
    if unicodedata.category(letter) not in UNPRINTABLE or letter in JOINERS:
        return letter
    return ascii(letter)[1:-1]


def shortened(text, most):
    """A text made printable and cut to at most so many letters, the last one then an ellipsis.

    Parameters
    ----------
    text : str
    most : int

    Returns
    -------
    str

    Examples
    --------
    >>> shortened("hippopotamus", 6)
    'hippo…'
    """
    line = printable(text)
    return line if len(line) <= most else line[: most - 1] + "…"


def sentence(error):
    """Return an exception's message, printable; an OSError's begins with its file, not a number."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return printable(f"{os.fsdecode(error.filename)}: {error.strerror}")
    return str(error) if isinstance(error, MiniMaskRCNNError) else printable(str(error))
