"""Checks of the functions that readers write in the chapters' "your turn" cells.

`check.nms(my_nms)` says "not written yet", what goes wrong in the first case that differs, or "all
agree"; it never raises. A check has the name of the function of the package that it is about.
"""

from minimaskrcnn.check.nms_cases import nms

__all__ = ["nms"]
