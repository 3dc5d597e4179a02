"""Do torchvision's weights have what torchvision publishes about them?

Idea    As `selftest` for matterport's. torchvision states for each file the beginning of its
        SHA-256, its size, how many parameters the network has, and its average precision.
Source  torchvision 0.29, `models/detection/mask_rcnn.py`: `meta` of the two COCO_V1
"""

from pathlib import Path

from minimaskrcnn.weights import tree
from minimaskrcnn.weights.known import TORCHVISION_1, TORCHVISION_2
from minimaskrcnn.weights.lock import checksum
from minimaskrcnn.weights.opening import open_weights

# Release, parameters, box AP and mask AP of the first and the second version.
PUBLISHED = ((TORCHVISION_1, 44_401_393, 37.9, 34.6), (TORCHVISION_2, 46_359_409, 47.4, 41.8))


def selftest_torchvision(model, path):
    """Compare a model with what torchvision publishes.

    Parameters
    ----------
    model : MaskRCNN
    path : of the weight file it was loaded from

    Yields
    ------
    (verdict, line) : True agrees, False differs, None not compared
    """
    second = model.rpn.before is not None
    release, wanted, box_ap, mask_ap = PUBLISHED[int(second)]
    with open_weights(path) as opened:
        stored = opened.stored
        source = stored.provenance if stored else {}
    size = source.get("source_bytes") if stored else Path(path).stat().st_size
    sha256 = source.get("source_sha256") if stored else checksum(path)
    same = release.is_this(size, sha256)
    line = f"the original: {size} bytes, SHA-256 {sha256}; published {release.facts}"
    if stored and same:
        same, line = None, f"{line} (the converted file states so, which is no proof)"
    yield same, line
    count = parameters_in_original(model)
    yield count == wanted, f"parameters in the original: {count:,}, published {wanted:,}"
    yield (
        None,
        (
            f"COCO AP {box_ap} (boxes) and {mask_ap} (masks): need COCO's 5,000 pictures, "
            "`minimaskrcnn evaluate`"
        ),
    )


def parameters_in_original(model):
    """How many parameters torchvision counts: one logit per anchor, and norms that learn.

    A folded norm has left one number per channel, the bias. In the first version norms are frozen
    and do not count; in the second each has two parameters per channel.
    """
    arrays = tree.named_arrays(model)
    second = model.rpn.before is not None
    normed = ("backbone.", "fpn.", "box_head.convs.", "mask_head.convs.")
    normed = normed if second else normed[:1]
    biases = (a.size for n, a in arrays.items() if n.startswith(normed) and n.endswith(".bias"))
    logits = arrays["rpn.logits.kernel"].size + arrays["rpn.logits.bias"].size
    total = sum(array.size for array in arrays.values()) - logits // 2
    return total + (1 if second else -1) * sum(biases)
