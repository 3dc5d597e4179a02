"""How a result is drawn: the options of `draw`, `plot`, `save` and `show`, by name.

Shapes  keyword arguments  ->  checked ones
"""

from typing import Literal, TypedDict

from minimaskrcnn.errors import SettingError


class Style(TypedDict, total=False):
    """The options; what is not given is as in `picture.draw`."""

    colour_by: Literal["object", "class"]  # neighbours differ, or a class is of one colour
    masks: bool  # whether objects are tinted and outlined
    boxes: bool  # whether their boxes are drawn
    opacity: float  # 0 … 1, of the tint
    scores: bool  # whether labels say the score


def check_style(colour_by, opacity):
    """Raise a SettingError for a colouring that there is not, or an opacity beyond 0 … 1."""
    if colour_by not in ("object", "class"):
        raise SettingError(f'colour_by must be "object" or "class", got {colour_by!r}')
    number = isinstance(opacity, int | float) and not isinstance(opacity, bool)
    if not number or not 0 <= opacity <= 1:
        raise SettingError(f"opacity must be a number in 0 … 1, got {opacity!r}")
