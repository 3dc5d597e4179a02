"""Many photographs: the results one after the other, the next one computed ahead.

Idea    While a result is drawn or written, the next photograph is predicted in another thread. That
        holds for lists, folders and patterns. A generator may be a camera: it is asked for a
        photograph only when the last result has been used, and always from the caller's thread.
Shapes  photographs  ->  Detections
"""

import logging
import os
from itertools import chain

from minimaskrcnn.errors import ImageError, WeightsError
from minimaskrcnn.photo.sources import each_source
from minimaskrcnn.runtime.ahead import ahead, outcomes

LOG = logging.getLogger(__name__)
END = object()


def each_result(predict, photos, on_error=None):
    """Yield the result of each photograph; errors are raised or handed over in their turn.

    Parameters
    ----------
    predict : from a photograph to Detections
    photos : as `each_source` takes them
    on_error : function(photo, error), or None: the error is raised

    Yields
    ------
    Detections
    """
    results = _outcomes(predict, photos)
    known = isinstance(photos, str | os.PathLike | list | tuple)
    for photo, outcome in ahead(results) if known else results:
        if not isinstance(outcome, Exception):
            yield outcome
        elif on_error is None:
            raise outcome
        else:
            LOG.warning("left out: %s", outcome)
            on_error(photo, outcome)


def _outcomes(predict, photos):
    """Yield each photograph, or folder without pictures, with its Detections or its error."""
    missing = []  # folders and patterns without pictures
    sources = each_source(photos, lambda *failure: missing.append(failure))
    for photo in chain(sources, [END]):
        yield from missing
        missing.clear()
        if photo is not END:  # weights may overflow on some pictures only
            yield from outcomes(predict, [photo], (ImageError, WeightsError))
