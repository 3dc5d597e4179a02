"""The rules of an evaluation: how much overlap makes a detection right, and how many count.

Idea    The numbers are COCO's. Thresholds and limits may be others: where a picture holds hundreds
        of objects, the limit of 100 detections keeps recall and AP low however good a model is.
Source  The COCO API, described at cocodataset.org/#detection-eval.
"""

from dataclasses import dataclass

import numpy as np

from minimaskrcnn.errors import SettingError

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # least overlap of a right detection
RECALLS = np.linspace(0, 1, 101)  # where the curve is read off
AREA_RANGES = {  # pixels, both ends included
    "all": (0, 1e5**2),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e5**2),
}
LIMITS = (1, 10, 100)  # detections of a class that count in an image, best first


@dataclass(frozen=True)
class Rules:
    """What counts as right, and how many detections count; the defaults are COCO's."""

    thresholds: tuple[float, ...] = tuple(THRESHOLDS.tolist())  # of overlap, ascending
    limits: tuple[int, ...] = LIMITS  # detections, ascending


COCO_RULES = Rules()


def make_rules(thresholds=None, most=100):
    """Return Rules with checked numbers.

    Parameters
    ----------
    thresholds : numbers above 0 and at most 1, or None for COCO's ten
    most : int, detections of a class that count in an image

    Returns
    -------
    Rules

    Raises
    ------
    SettingError
        If a number makes no sense.

    Examples
    --------
    >>> make_rules([0.75, 0.5], most=500)
    Rules(thresholds=(0.5, 0.75), limits=(1, 10, 500))
    """
    chosen = COCO_RULES.thresholds if thresholds is None else tuple(sorted(set(thresholds)))
    if not chosen or not all(0 < threshold <= 1 for threshold in chosen):
        raise SettingError(f"IoU thresholds lie above 0 and not above 1, got {list(chosen)}")
    if most < 1:
        raise SettingError(f"at least 1 detection has to count in an image, got {most}")
    return Rules(chosen, tuple(sorted({1, min(10, most), most})))
