"""Stopwatch: how many seconds each stage of a prediction took.

Idea    `run` shows every intermediate to `keep(name, value)` as soon as it is there. Reading a
        clock at these moments times the stages without a line in the network.
Shapes  calls of keep  ->  {stage: seconds}, in the order of the data flow
"""

from time import perf_counter

STAGE_OF = {  # the first name shown -> the stage that has just ended; the others belong to it, too
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
    """Start the clock; returns `keep(name, value)` and the dict of seconds that it fills.

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
