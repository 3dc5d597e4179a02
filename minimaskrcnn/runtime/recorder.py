"""Recorder: keep every intermediate of a run by its name, and replace some on request.

Idea    The network calls `keep(name, value)` with each intermediate result, and continues with the
        value that `keep` returns. Returning a different value answers questions such as "what
        would the network find if P2 were zero?"
Shapes  {name: function}  ->  keep, and the dict that it fills
"""

from minimaskrcnn.errors import SettingError

NAMES = (  # every intermediate, in the order of the data flow
    *("molded", "window_pixels", "window", "c1", "c2", "c3", "c4", "c5"),
    *("p2", "p3", "p4", "p5", "p6", "anchors", "rpn_logits", "rpn_probs", "rpn_deltas"),
    *("proposals", "proposal_scores", "roi_features", "class_logits", "class_probs"),
    *("box_deltas", "detections", "detection_proposals", "mask_features", "mask_probs", "result"),
)


def unchanged(name, value):
    """Return the value: a `keep` that records and changes nothing.

    Parameters
    ----------
    name : str
    value : any intermediate

    Returns
    -------
    value
    """
    return value


def recorder(change=None):
    """Return a function `keep` that records intermediates, and the dict that it fills.

    Parameters
    ----------
    change : dict from a name to a function that takes the value and returns another; or None

    Returns
    -------
    keep : function from a name and a value to the value with which the network continues
    kept : dict from name to value, filled by `keep`

    Raises
    ------
    SettingError
        If a name is not one of the intermediates, or its value in `change` is not a function.

    Examples
    --------
    >>> keep, kept = recorder({"p2": lambda p2: 0 * p2})
    >>> keep("p2", 7), keep("p3", 7), kept
    (0, 7, {'p2': 0, 'p3': 7})
    """
    change = dict(change or {})
    for name, function in change.items():
        if name not in NAMES:
            raise SettingError(
                f"change: there is no intermediate {name!r}; choose from {', '.join(NAMES)}"
            )
        if not callable(function):
            raise SettingError(f"change[{name!r}] must be a function, got {function!r}")
    kept = {}

    def keep(name, value):
        kept[name] = change[name](value) if name in change else value
        return kept[name]

    return keep, kept
