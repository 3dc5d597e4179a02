"""Stopwatch: how many seconds each stage of a prediction took.

Idea    `run` shows every intermediate to `keep(name=value, …)` as soon as it is there. Reading a
        clock at these moments times the stages without a line in the network.
Shapes  calls of keep  ->  {stage: seconds}, in the order of the data flow
"""

from time import perf_counter

STAGE_OF = {  # the first name shown -> the stage that has just ended
    "photo": "read",
    "molded": "image",
    "c1": "backbone",
    "p2": "pyramid",
    "anchors": "rpn",
    "proposals": "proposals",
    "roi_features": "box head",
    "class_probs": "box head",
    "detections": "detections",
    "mask_features": "masks",
    "result": "masks",
}


def stopwatch():
    """Start the clock; returns `keep(**values)` and the dict of seconds that it fills.

    Examples
    --------
    >>> keep, seconds = stopwatch()
    >>> keep(molded=None)
    >>> keep(c1=None, c2=None)
    >>> list(seconds)
    ['image', 'backbone']
    """
    seconds, last = {}, perf_counter()

    def keep(**values):
        nonlocal last
        now = perf_counter()
        name = next(iter(values))
        stage = STAGE_OF.get(name, name)
        seconds[stage] = seconds.get(stage, 0.0) + now - last
        last = now

    return keep, seconds
