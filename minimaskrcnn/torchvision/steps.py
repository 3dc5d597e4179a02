"""The five steps of `model` as torchvision takes them: same names, arguments and results.

Idea    frame the photograph, look at it, propose regions, classify them, outline what they hold.
        Where a stage is the same, its function is; where it differs, a module here has its name.
Shapes  as in `model`, but boxes are in pixels of the network's input: not normalised, end excluded
"""

import numpy as np

from minimaskrcnn.fpn import pyramid
from minimaskrcnn.heads import box_head, mask_head
from minimaskrcnn.layers import sigmoid, softmax
from minimaskrcnn.masks import of_class
from minimaskrcnn.results import Detections
from minimaskrcnn.rpn import region_proposals
from minimaskrcnn.torchvision.anchors import make_anchors, per_level
from minimaskrcnn.torchvision.detections import select_detections
from minimaskrcnn.torchvision.image import mold
from minimaskrcnn.torchvision.masks import boxes_in_image, mask_boxes, whole_boxes, with_margin
from minimaskrcnn.torchvision.proposals import select_proposals
from minimaskrcnn.torchvision.resnet import backbone
from minimaskrcnn.torchvision.roi_align import pyramid_roi_align


def frame(model, photo, keep):
    """Normalise, resize and pad the photograph: the input, and where in it the photograph lies."""
    molded, window_pixels = mold(photo, model.config)  # (H, W, 3) float32, (4,)
    molded = keep("molded", molded)
    window_pixels = keep("window_pixels", window_pixels)
    return molded, keep("window", window_pixels.astype(np.float32))


def look(model, molded, keep):
    """Compute the feature maps, P2 (H/4, W/4, 256) … P6 (H/64, W/64, 256)."""
    c_maps = backbone(molded, model.backbone, keep)  # (H/4, W/4, 64) … (H/32, W/32, 2048)
    p_maps = pyramid(c_maps[1:], model.fpn)
    return [keep(f"p{level}", p_map) for level, p_map in enumerate(p_maps, start=2)]


def propose(model, p_maps, shape, window, keep):
    """Find the regions, (R, 4), that may hold an object; `shape` is that of the input."""
    anchors = keep("anchors", make_anchors(shape, p_maps, model.config))  # (A, 4)
    logits, deltas = region_proposals(p_maps, model.rpn)  # (A, 2), (A, 4)
    logits = keep("rpn_logits", logits)
    probs = softmax(logits)
    changed = keep("rpn_probs", probs)
    if changed is not probs:  # by `trace(change=…)`; anchors are ranked by logits, see `proposals`
        logits = np.log(np.maximum(changed, np.finfo(np.float32).tiny))  # whose softmax they are
    deltas, counts = keep("rpn_deltas", deltas), per_level(p_maps, model.config)
    proposals, scores = select_proposals(anchors, logits, deltas, counts, window, model.config)
    proposals = keep("proposals", proposals)
    keep("proposal_scores", scores)  # (R,)
    return proposals


def classify(model, p_maps, proposals, shape, window, keep):
    """Say what each region holds, and keep the best boxes: (N, 6) box, class, score."""
    config = model.config
    size, level_size = config.pool_size, config.level_size
    features = pyramid_roi_align(p_maps[:4], proposals, size, level_size)  # not P6
    features = keep("roi_features", features)  # (R, 7, 7, 256)
    logits, deltas = box_head(features, model.box_head)  # (R, K), (R, K, 4)
    probs = keep("class_probs", softmax(keep("class_logits", logits)))
    deltas = keep("box_deltas", deltas)
    detections, source = select_detections(proposals, probs, deltas, window, config)
    detections = keep("detections", detections)
    keep("detection_proposals", source)  # (N,)
    return detections


def outline(model, p_maps, detections, shape, window, photo, keep):
    """Draw the mask of each detection, and carry all back to the photograph: Detections."""
    config, boxes, class_ids = model.config, detections[:, :4], detections[:, 4].astype(np.int64)
    size, level_size = config.mask_pool_size, config.level_size
    features = pyramid_roi_align(p_maps[:4], boxes, size, level_size)
    features = keep("mask_features", features)  # (N, 14, 14, 256)
    probs = sigmoid(of_class(mask_head(features, model.mask_head), class_ids))
    probs = keep("mask_probs", probs)  # (N, 28, 28)
    boxes = boxes_in_image(boxes, window, photo.shape)  # (N, 4) float32
    result = Detections(
        image=photo,
        boxes=whole_boxes(boxes, photo.shape),
        class_ids=class_ids,
        scores=detections[:, 5],
        mask_probs=with_margin(probs),
        class_names=config.class_names,
        exact_boxes=boxes,
        mask_boxes=mask_boxes(boxes, probs.shape[1]),
    )
    return keep("result", result)
