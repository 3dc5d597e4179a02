"""Recorder: keep every intermediate of a run by its name, and change some on the way.

Idea    The network shows each result to `keep(name, value)` and goes on with what comes back. To
        hand back another value is to intervene: "what would it find if P2 were zero?"
Shapes  {name: function}  ->  keep, and the dict that it fills
"""

from minimaskrcnn.errors import SettingError

NAMES = (  # every intermediate, in the order of the data flow
    *("molded", "window_pixels", "window", "c1", "c2", "c3", "c4", "c5"),
    *("p2", "p3", "p4", "p5", "p6", "anchors", "rpn_logits", "rpn_probs", "rpn_deltas"),
    *("proposals", "proposal_scores", "roi_features", "class_logits", "class_probs"),
    *("box_deltas", "detections", "detection_proposals", "mask_features", "mask_probs", "result"),
)


def recorder(change=None):
    """Make a function that records what it is shown.

    Parameters
    ----------
    change : dict from a name to the function that is given the value and returns another; or None

    Returns
    -------
    keep : function from a name and a value to the value to go on with
    kept : dict from name to value, filled by `keep`

    Raises
    ------
    SettingError
        If a name is none of the intermediates, or what belongs to it is no function.

    Examples
    --------
    >>> keep, kept = recorder({"p2": lambda p2: 0 * p2})
    >>> keep("p2", 7), keep("p3", 7), kept
    (0, 7, {'p2': 0, 'p3': 7})
    """
    change = dict(change or {})
    for name, function in change.items():
        if name not in NAMES:
            raise SettingError(f"change has no intermediate {name!r}; there are {', '.join(NAMES)}")
        if not callable(function):
            raise SettingError(f"change[{name!r}] must be a function, got {function!r}")
    kept = {}

    def keep(name, value):
        kept[name] = change[name](value) if name in change else value
        return kept[name]

    return keep, kept
