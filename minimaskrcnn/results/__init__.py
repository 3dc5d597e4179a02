"""What `predict` returns, and every form in which it leaves the program.

`detection` is one object and `found` all of them, `exports` writes them as data, `picture` draws
them (`placing` finds room for the labels, `captions` sets their letters), `outputs` names files.
"""

from minimaskrcnn.results.detection import Detection
from minimaskrcnn.results.found import Detections, make_detections

__all__ = ["Detection", "Detections", "make_detections"]
