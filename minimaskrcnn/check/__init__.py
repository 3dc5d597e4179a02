"""Check the functions that readers write in the exercises of the chapters ("Your turn").

`check.nms(my_nms)` says "not written yet", or "all agree", or what is wrong in the first case that
differs. It never raises. Each check has the name of the package's function that it is about.
"""

from minimaskrcnn.check.anchors_cases import make_anchors
from minimaskrcnn.check.boxes_cases import apply_deltas, encode_deltas, iou_matrix
from minimaskrcnn.check.conv_cases import conv2d
from minimaskrcnn.check.evaluate_cases import interpolate, precision_recall
from minimaskrcnn.check.losses_cases import smooth_l1
from minimaskrcnn.check.masks_cases import paste_mask
from minimaskrcnn.check.nms_cases import nms
from minimaskrcnn.check.proposals_cases import select_proposals
from minimaskrcnn.check.roi_align_cases import crop_and_resize
from minimaskrcnn.check.targets_cases import roi_targets

__all__ = [
    "apply_deltas",
    "conv2d",
    "crop_and_resize",
    "encode_deltas",
    "interpolate",
    "iou_matrix",
    "make_anchors",
    "mine",
    "nms",
    "paste_mask",
    "precision_recall",
    "roi_targets",
    "select_proposals",
    "smooth_l1",
]


def mine(path):
    """Run the network on the functions of a file: see `capstone.mine`. Returns a Board."""
    from minimaskrcnn.check import capstone  # imports the whole package

    return capstone.mine(path)
