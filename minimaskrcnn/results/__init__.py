"""What `predict` returns, and every form in which it leaves the program.

`detection` is one object and `found` all of them (`making` makes them, `joining` joins two).
As data: `plain`, `coco`, `rows`, `labelme`, `yolo`, `table`. As a picture: `picture` draws with
`colours`, in a `style`; `placing` finds room for the labels, `captions` writes them in `fonts`;
`encoding` makes files of pictures, `showing` opens them. In a folder: `folder` decides what goes
where, `naming` and `like` give names and ids, `outputs` and `collected` write.
"""

from minimaskrcnn.results.detection import Detection
from minimaskrcnn.results.found import Detections
from minimaskrcnn.results.making import make_detections

__all__ = ["Detection", "Detections", "make_detections"]
