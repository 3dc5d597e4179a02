"""Stopwatch: measure how many seconds each stage of a prediction takes.

Idea    `model.run` calls `keep(name, value)` as soon as an intermediate is computed. A `keep` that
        reads the clock measures the stages without any extra code in the network.
Shapes  calls of keep  ->  {stage: seconds}, in the order of the data flow
"""

from time import perf_counter

STAGE_OF = {  # first intermediate of a stage -> the stage; those that follow belong to it, too
    "photo": "read",
    "molded": "image",
    "c1": "backbone",
    "p2": "pyramid",
    "anchors": "rpn",
    "proposals": "proposals",
    "roi_features": "box head",
    "detections": "detections",
    "mask_features": "masks",
}


def stopwatch():
    """Start the clock; return `keep(name, value)`, and the dict of seconds that it fills.

    Examples
    --------
    >>> keep, seconds = stopwatch()
    >>> _ = keep("molded", None), keep("window", None), keep("c1", None), keep("c2", None)
    >>> list(seconds)
    ['image', 'backbone']
    """
    seconds, stage, last = {}, "", perf_counter()

    def keep(name, value):
        nonlocal stage, last
        now = perf_counter()
        stage = STAGE_OF.get(name, stage)
        seconds[stage] = seconds.get(stage, 0.0) + now - last
        last = now
        return value

    return keep, seconds
