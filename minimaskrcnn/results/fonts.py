"""Fonts: letters of every script that some font of this machine has.

Idea    DejaVu Sans, which comes with matplotlib, has Latin, Greek, Cyrillic and more. What it lacks
        (Chinese, Hindi, Thai …) is looked for in the fonts of the system; a text is drawn in runs,
        each in a font that has its letters. What no font has is not drawn as empty boxes: an emoji
        is spelled by its Unicode name, and the caller is warned about a whole word.
Notes   Matplotlib is not imported: it would read its own settings, which may be another program's.
Shapes  text  ->  runs [(font, piece), …]
"""

import os
import sys
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from math import sqrt

NOBODYS = "\U0010ffff"  # no font has it: drawn as the sign for a letter that is missing
MOST_FONTS = 3000  # files that are looked at
MATPLOTLIB = find_spec("matplotlib")
DEJAVU = os.path.join(
    os.path.dirname(MATPLOTLIB.origin if MATPLOTLIB and MATPLOTLIB.origin else ""),
    *("mpl-data", "fonts", "ttf", "DejaVuSans.ttf"),
)


@dataclass(frozen=True)
class Lettering:
    """Fonts of one size, in pixels."""

    size: int

    def runs(self, text):
        """The text in pieces, each with a font that has its letters: [(font, piece), …]."""
        found = []
        for letter in text:
            path = _path_with(letter) or DEJAVU
            if found and (found[-1][0] == path or _is_bound(letter)):
                found[-1][1] += letter
            else:
                found.append([path, letter])
        return [(_font(path, self.size), piece) for path, piece in found]

    def length(self, text):
        """Width of a text, pixels."""
        return sum(font.getlength(piece) for font, piece in self.runs(text))

    def height(self):
        """Height of a line, pixels."""
        return sum(_font(DEJAVU, self.size).getmetrics())

    def write(self, pen, place, text, fill):
        """Write a text with a pen of `PIL.ImageDraw`, its top left corner at place (x, y)."""
        x, y = place
        line = y + _font(DEJAVU, self.size).getmetrics()[0]  # all runs stand on it
        for font, piece in self.runs(text):
            pen.text((x, line), piece, fill=fill, font=font, anchor="ls")
            x += font.getlength(piece)


def lettering_for(shape):
    """Fonts in scale with a picture (H, W, ...): some 18 pixels high on 1000 x 1000."""
    return Lettering(max(12, round(sqrt(shape[0] * shape[1]) / 55)))


def spelled(text):
    """A text whose emoji that no font has are spelled: "(dog face)"; None if other letters lack.

    Parameters
    ----------
    text : str, printable

    Returns
    -------
    str or None
    """
    letters = []
    for letter in text:
        if _path_with(letter):
            letters.append(letter)
        elif unicodedata.category(letter) in ("So", "Sk"):
            letters.append(f"({unicodedata.name(letter, 'sign').lower()})")
        else:
            return None
    return "".join(letters)


def _is_bound(letter):
    """Whether a letter belongs to the one before it: a mark above it, a joiner, a blank."""
    return unicodedata.category(letter) in ("Mn", "Mc", "Me", "Cf", "Zs")


@cache
def _path_with(letter):
    """The file of the first font that has a letter, DejaVu before all; "" if none has."""
    if unicodedata.category(letter) in ("Cf", "Zs") or "\ufe00" <= letter <= "\ufe0f":
        return DEJAVU  # invisible
    return next((path for path in (DEJAVU, *system_fonts()) if has(path, letter)), "")


def has(path, letter):
    """Whether the font of a file has a letter; False for a file that cannot be used."""
    try:
        font = _font(path, 20)
        return _drawn(font, letter) != _drawn(font, NOBODYS)
    except (OSError, ValueError):  # no font, or one of bitmaps in other sizes
        return False


def _drawn(font, letter):
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


@cache
def _font(path, size):
    from PIL import ImageFont

    return ImageFont.truetype(path, size)


@cache
def system_fonts():
    """The files of the fonts that the system and the user have installed, a tuple of paths."""
    found = []
    for folder in font_folders():
        for root, _, names in os.walk(folder):
            fonts = [
                name for name in sorted(names) if name.lower().endswith((".ttf", ".otf", ".ttc"))
            ]
            found += [os.path.join(root, name) for name in fonts]
    return tuple(found[:MOST_FONTS])


def font_folders():
    """Where this system keeps fonts, a list of paths."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", home)
        windows = os.environ.get("WINDIR", r"C:\Windows")
        return [rf"{windows}\Fonts", rf"{local}\Microsoft\Windows\Fonts"]
    if sys.platform == "darwin":
        return [f"{home}/Library/Fonts", "/Library/Fonts", "/System/Library/Fonts"]
    data = os.environ.get("XDG_DATA_HOME") or f"{home}/.local/share"
    return [f"{data}/fonts", "/usr/local/share/fonts", "/usr/share/fonts"]
