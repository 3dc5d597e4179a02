"""Networks of torchvision that are not this one, told apart by the names of their layers.

Shapes  {torchvision's name: array}  ->  what the file is, in words, or None
"""

import re

from minimaskrcnn.weights.foreign import JOIN

BODY, HEADS = "backbone.body", "roi_heads"


def other_network(arrays):
    """Return what a file is that is no Mask R-CNN on a ResNet of bottleneck blocks, or None.

    Parameters
    ----------
    arrays : dict from torchvision's name of today to array
    """
    if "fc.weight" in arrays and "conv1.weight" in arrays:
        return "is a classifier (a ResNet alone), not a Mask R-CNN"
    if f"{HEADS}.keypoint_predictor.kps_score_lowres.weight" in arrays:
        return "is a Keypoint R-CNN: it finds points, and has no masks"
    if "head.classification_head.cls_logits.weight" in arrays:
        return "is a one-stage detector (RetinaNet or FCOS): it has no masks"
    first, second = (arrays.get(f"{BODY}.layer1.0.conv{i}.weight") for i in (1, 2))
    if second is not None and f"{BODY}.layer1.0.conv3.weight" not in arrays:
        return (
            "has a ResNet-18 or ResNet-34, whose blocks are two 3x3 convolutions; this package has "
            "bottleneck blocks: ResNet-50, 101 or 152"
        )
    if first is not None and second is not None and second.shape[1] < len(first):
        return (
            "has a ResNeXt, whose 3x3 convolutions look at groups of channels; this package has "
            "those of ResNet-50, 101 and 152, which look at all"
        )
    if f"{BODY}.conv1.weight" not in arrays and any(n.startswith(BODY) for n in arrays):
        return (
            "has a backbone that is not a ResNet (a MobileNet?); this package has bottleneck "
            "blocks: ResNet-50, 101 or 152"
        )
    if f"{HEADS}.box_predictor.cls_score.weight" in arrays and not any(
        name.startswith(f"{HEADS}.mask_") for name in arrays
    ):
        return "is a Faster R-CNN: it finds boxes, and has no masks"
    return None


def one_of_several(path):
    """What is to be said about a file of which the name tells that it holds a part, or None."""
    part = re.search(r"-\d{5}-of-(\d{5})\.", str(path))
    return part and f"is one of {int(part[1])} files that hold one model. {JOIN}"
