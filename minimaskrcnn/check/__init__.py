"""Check the functions that readers write in the exercises of the chapters ("Your turn").

`check.nms(my_nms)` says "not written yet", or "all agree", or what is wrong in the first case that
differs. It never raises. Each check has the name of the package's function that it is about.
"""

from minimaskrcnn.check.anchors_cases import make_anchors
from minimaskrcnn.check.boxes_cases import apply_deltas, encode_deltas, iou_matrix
from minimaskrcnn.check.conv_cases import conv2d
from minimaskrcnn.check.detections_cases import select_detections
from minimaskrcnn.check.evaluate_cases import interpolate, precision_recall
from minimaskrcnn.check.fpn_cases import pyramid, upsample
from minimaskrcnn.check.heads_cases import box_head, mask_head
from minimaskrcnn.check.image_cases import mold, scaled_size
from minimaskrcnn.check.layers_cases import deconv2d, softmax
from minimaskrcnn.check.losses_cases import mask_loss, smooth_l1
from minimaskrcnn.check.masks_cases import paste_mask
from minimaskrcnn.check.nms_cases import nms
from minimaskrcnn.check.proposals_cases import select_proposals
from minimaskrcnn.check.resnet_cases import bottleneck, fold_batch_norm
from minimaskrcnn.check.roi_align_cases import crop_and_resize
from minimaskrcnn.check.rpn_cases import region_proposals
from minimaskrcnn.check.targets_cases import roi_targets

__all__ = [
    "apply_deltas",
    "bottleneck",
    "box_head",
    "conv2d",
    "crop_and_resize",
    "deconv2d",
    "encode_deltas",
    "fold_batch_norm",
    "interpolate",
    "iou_matrix",
    "make_anchors",
    "mask_head",
    "mask_loss",
    "mine",
    "mold",
    "nms",
    "paste_mask",
    "precision_recall",
    "pyramid",
    "region_proposals",
    "roi_targets",
    "scaled_size",
    "select_detections",
    "select_proposals",
    "smooth_l1",
    "softmax",
    "upsample",
]


def mine(path):
    """Run the network on the functions of a file: see `capstone.mine`. Returns a Board."""
    from minimaskrcnn.check import capstone  # imports the whole package

    return capstone.mine(path)
