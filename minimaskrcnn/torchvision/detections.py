"""Detections: every class of every region competes, not only the region's likeliest.

Idea    A region that is a dog with 0.6 and a cat with 0.3 enters as both, each with the box of its
        own class. NMS within each class, then the 100 best. A score of 0.05 is enough, so there
        are many doubtful detections; average precision does not mind, a picture may.
Paper   Fast R-CNN (arXiv:1504.08083), section 2.3 does the same; Mask R-CNN (3.1) does not say.
Source  torchvision 0.29, `models/detection/roi_heads.py` (postprocess_detections)
Shapes  rois (R, 4), probs (R, K), deltas (R, K, 4)  ->  detections (N, 6): box, class, score
"""

import numpy as np

from minimaskrcnn.torchvision.boxes import large_enough, moved_boxes
from minimaskrcnn.torchvision.nms import nms_by_group

SMALLEST = 1e-2  # pixels; smaller boxes are dropped


def select_detections(rois, class_probs, box_deltas, window, config):
    """Turn the box head's verdicts into detections.

    Parameters
    ----------
    rois : (R, 4) float32, pixels of the network's input
    class_probs : (R, K) float32, class 0 is the background
    box_deltas : (R, K, 4) float32, in units of `config.delta_std`
    window : (4,) pixels: where in the input the photograph lies; boxes are cut off there
    config : Config; read are `delta_std`, `min_score`, `detection_nms_threshold`, `max_detections`
        and `detected_classes`

    Returns
    -------
    detections : (N, 6) float32: y1 x1 y2 x2 in pixels, class, score; best score first
    source : (N,) int64, which region each came from
    """
    wanted = class_probs > np.float32(config.min_score)  # (R, K); equal is not enough
    wanted[:, 0] = False
    if config.detected_classes:
        wanted &= np.isin(np.arange(class_probs.shape[1]), config.detected_classes)
    regions, class_ids = np.nonzero(wanted)  # (M,): region by region, class by class
    deltas, scores = box_deltas[regions, class_ids], class_probs[regions, class_ids]
    boxes = moved_boxes(rois[regions], deltas, config.delta_std, window)  # (M, 4)

    large = np.flatnonzero(large_enough(boxes, SMALLEST))
    keep = nms_by_group(
        boxes[large], scores[large], class_ids[large], config.detection_nms_threshold
    )
    keep = large[keep[: config.max_detections]]  # (N,)
    columns = [boxes[keep], class_ids[keep, None], scores[keep, None]]
    return np.concatenate(columns, axis=1).astype(np.float32), regions[keep]
