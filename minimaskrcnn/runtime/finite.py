"""Numbers that are not finite, noticed where they first appear.

Idea    Weights can be finite, one by one, and still overflow when the network multiplies and adds
        them. What follows is NaN, which compares with nothing and ends as an error far from its
        cause, or as an empty result. So the pyramid and the raw answers of the heads are looked at.
"""

import numpy as np

from minimaskrcnn.errors import WeightsError

WATCHED = ("p2", "p3", "p4", "p5", "p6", "rpn_logits", "rpn_deltas", "class_logits", "box_deltas")


def only_finite(keep):
    """Return a `keep(name, value)` that refuses values which are not finite, then does as `keep`.

    Parameters
    ----------
    keep : function from a name and a value to the value to go on with

    Returns
    -------
    function of the same kind, which raises a WeightsError

    Examples
    --------
    >>> only_finite(lambda name, value: value)("p2", np.array([1.0, np.inf]))
    Traceback (most recent call last):
    minimaskrcnn.errors.WeightsError: the network's numbers are not finite from p2 on: the weights \
are damaged, or were trained for another kind of picture
    """

    def checked(name, value):
        with np.errstate(over="ignore", invalid="ignore"):
            if name in WATCHED and not np.isfinite(np.sum(value)):
                raise WeightsError(
                    f"the network's numbers are not finite from {name} on: the weights are "
                    "damaged, or were trained for another kind of picture"
                )
        return keep(name, value)

    return checked
