"""The last step: what was detected in the network's frame becomes a result on the photograph.

Shapes  detections (N, 6) normalised, mask_probs (N, 28, 28), window (4,)  ->  Detections
"""

import numpy as np

from minimaskrcnn.boxes import boxes_in_image
from minimaskrcnn.results.found import Detections


def make_detections(photo, detections, mask_probs, window, config):
    """Detections in pixels of the photograph, from those normalised to the network's input.

    Parameters
    ----------
    photo : (H, W, 3) uint8
    detections : (N, 6) float32: normalised box, class, score
    mask_probs : (N, 28, 28) float32
    window : (4,) normalised: where in the input the photograph lies
    config : Config; read is `class_names`

    Returns
    -------
    Detections, without the boxes that have no area in whole pixels
    """
    boxes = boxes_in_image(detections[:, :4], window, photo.shape)
    rows = np.flatnonzero(((boxes[:, 2:] - boxes[:, :2]) > 0).all(axis=1))
    return Detections(
        image=photo,
        boxes=boxes[rows],
        class_ids=detections[rows, 4].astype(np.int64),
        scores=detections[rows, 5],
        mask_probs=mask_probs[rows],
        class_names=config.class_names,
    )
