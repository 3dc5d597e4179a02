"""Detections: from a thousand classified regions, select the objects.

Idea    Each region takes its likeliest class, and its box is refined by that class's deltas.
        Background and low scores are dropped; then NMS, class by class, leaves one box per object.
Paper   Mask R-CNN (arXiv:1703.06870), section 3.1, "Inference".
Shapes  rois (R, 4), probs (R, K), deltas (R, K, 4)  ->  detections (N, 6): box, class, score

Notes   With `Config.every_class` a region is a candidate for each class whose score is high enough,
        as in Fast R-CNN (arXiv:1504.08083, section 2.3) and torchvision. A region that is more
        likely background than an object may then still be detected; average precision rewards it.
        NMS uses the original's threshold, 0.3; the paper has 0.5.
        The original pads the result to 100 rows with zeros; here there is no padding.
"""

import numpy as np

from minimaskrcnn.boxes import apply_deltas, check_boxes, check_window, clip
from minimaskrcnn.nms import nms


def select_detections(rois, class_probs, box_deltas, window, config):
    """Return the detected objects, made from the proposals and the box head's answers for them.

    Parameters
    ----------
    rois : (R, 4) float32, normalised
    class_probs : (R, K) float32, class 0 is the background
    box_deltas : (R, K, 4) float32, in units of `config.delta_std`
    window : (4,) normalised: the part of the input that is photograph, not padding; boxes are
        clipped to it
    config : Config; uses `delta_std`, `min_score`, `every_class`, `detection_nms_threshold`,
        `max_detections` and `detected_classes`

    Returns
    -------
    detections : (N, 6) float32: normalised y1 x1 y2 x2, class, score. Best score first; for equal
        scores the lower region first. Boxes of regions in the padding may have no area.
    source : (N,) int64, the region from which each detection was made

    Raises
    ------
    ValueError
        If the shapes do not fit together, the window is not normalised, or a probability or a
        candidate's box is NaN.
    """
    _check(rois, class_probs, box_deltas)
    regions, class_ids = _candidates(class_probs, config)  # (M,), (M,)
    scores = class_probs[regions, class_ids]  # (M,)
    deltas = box_deltas[regions, class_ids] * np.asarray(config.delta_std, box_deltas.dtype)
    moved = apply_deltas(rois[regions], deltas)  # (M, 4)
    boxes = clip(moved, check_window(window, rois.dtype))
    keep = _nms_by_class(boxes, scores, class_ids, config)
    keep = keep[np.argsort(-scores[keep], kind="stable")][: config.max_detections]  # (N,)
    columns = [boxes[keep], class_ids[keep, None], scores[keep, None]]
    return np.concatenate(columns, axis=1).astype(np.float32), regions[keep]


def _candidates(class_probs, config):
    """The candidates: (M,) regions in ascending order, and (M,) the class of each."""
    sure = class_probs >= np.float32(config.min_score)  # (R, K); 0 keeps all
    if not config.every_class:
        sure &= np.arange(class_probs.shape[1]) == class_probs.argmax(axis=1)[:, None]
    sure[:, 0] = False
    if config.detected_classes:
        sure &= np.isin(np.arange(class_probs.shape[1]), config.detected_classes)
    return np.nonzero(sure)


def _nms_by_class(boxes, scores, class_ids, config):
    """Indices of the candidates that survive NMS within their own class, in ascending order."""
    keep = [np.zeros(0, np.int64)]
    for class_id in np.unique(class_ids):
        own = np.flatnonzero(class_ids == class_id)
        limits = config.detection_nms_threshold, config.max_detections
        keep.append(own[nms(boxes[own], scores[own], *limits)])
    return np.sort(np.concatenate(keep))


def _check(rois, class_probs, box_deltas):
    check_boxes(rois, "rois")
    if (
        class_probs.ndim != 2
        or len(class_probs) != len(rois)
        or box_deltas.shape != (*class_probs.shape, 4)
    ):
        raise ValueError(
            "select_detections wants rois (R, 4), class_probs (R, K) and box_deltas (R, K, 4), got "
            f"{rois.shape}, {class_probs.shape} and {box_deltas.shape}"
        )
    if np.isnan(class_probs).any():
        raise ValueError("class_probs hold NaN: look at the weights and the image that made them")
