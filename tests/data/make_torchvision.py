"""Run torchvision's Mask R-CNN and keep what it says at every stage.

    python -m venv oracle && oracle/bin/pip install torch==2.14.1 torchvision==0.29.1 numpy pillow
    oracle/bin/python tests/data/make_torchvision.py

A person runs this in an environment of its own (several GB); no test imports torch. Written beside
this script are

    torchvision_narrow.npz   narrow networks of both versions: every stage's arrays, complete
    torchvision_edges.npz    single functions at their edges: odd sizes, regions beyond the map, ...
    torchvision_full.npz     both full networks on three photographs: 2000 numbers of each map, all
                             boxes, and the pasted masks
    torchvision_own.npz      a narrow network with arguments of its own: anchors, what it finds
    torchvision_three.pth, torchvision_three_checkpoint.pth
                             a narrow network of three classes after one step of training, as a
                             state dict and as a checkpoint; torchvision_three.npz: what it finds

Boxes are stored as y1 x1 y2 x2 and maps as (H, W, C), as this project has them. The weights come
from `tests/torchvision_weights.py` and are not stored.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models import detection
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import (
    FastRCNNConvFCHead,
    FastRCNNPredictor,
    TwoMLPHead,
)
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNN, MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.models.detection.rpn import RPNHead, concat_box_prediction_layers
from torchvision.models.detection.transform import _resize_image_and_masks
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.ops import roi_align
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool
from torchvision.ops.poolers import LevelMapper

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from torchvision_weights import FULL, NARROW, OWN, sample, seeded  # noqa: E402

YX = [1, 0, 3, 2]  # x1 y1 x2 y2 -> y1 x1 y2 x2, dx dy dw dh -> dy dx dh dw
SEED = 7
NARROW_SIZES = {"min_size": 128, "max_size": 213}


def photographs():
    """A portrait, a panorama, and one smaller than 100 pixels: parts of the stored photographs."""
    stored = {
        name: np.load(HERE / f"case_full_{name}.npz")["image"]
        for name in ("grace_hopper", "coffee", "chelsea")
    }
    return {
        "portrait": stored["grace_hopper"][:, 50:450],
        "panorama": stored["coffee"][140:260],
        "small": stored["chelsea"][100:188, 100:124],
    }


def with_weights(model, arrays):
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return model.eval()


def full(version, seed=SEED, **sizes):
    build = (detection.maskrcnn_resnet50_fpn, detection.maskrcnn_resnet50_fpn_v2)[version - 1]
    model = build(weights=None, weights_backbone=None, num_classes=91, **sizes)
    return with_weights(model, seeded(FULL, version, seed))


def narrow_backbone(widths, norm_layer):
    """torchvision's own ResNet and pyramid, with fewer channels and blocks."""
    body = ResNet(Bottleneck, [1, 1, 1, 1], norm_layer=nn.BatchNorm2d)
    body.conv1 = nn.Conv2d(3, widths.stem, 7, 2, 3, bias=False)
    body.bn1, channels = nn.BatchNorm2d(widths.stem), widths.stem
    for i, (inner, blocks) in enumerate(zip(widths.inner, widths.blocks, strict=True)):
        stride = 1 if i == 0 else 2
        shortcut = nn.Sequential(
            nn.Conv2d(channels, 4 * inner, 1, stride, bias=False), nn.BatchNorm2d(4 * inner)
        )
        layers = [Bottleneck(channels, inner, stride, shortcut)]
        layers += [Bottleneck(4 * inner, inner) for _ in range(blocks - 1)]
        setattr(body, f"layer{i + 1}", nn.Sequential(*layers))
        channels = 4 * inner
    return BackboneWithFPN(
        body,
        {f"layer{i + 1}": str(i) for i in range(4)},
        [4 * inner for inner in widths.inner],
        widths.pyramid,
        extra_blocks=LastLevelMaxPool(),
        norm_layer=norm_layer,
    )


def narrow(version, classes, **arguments):
    p, norm = NARROW.pyramid, nn.BatchNorm2d if version == 2 else None
    if version == 1:
        box_head = TwoMLPHead(49 * p, NARROW.hidden)
    else:
        box_head = FastRCNNConvFCHead((p, 7, 7), [p] * 4, [NARROW.hidden], norm_layer=norm)
    model = MaskRCNN(
        narrow_backbone(NARROW, norm),
        rpn_head=RPNHead(p, 3, conv_depth=version),
        box_head=box_head,
        box_predictor=FastRCNNPredictor(NARROW.hidden, classes),
        mask_head=MaskRCNNHeads(p, [p] * 4, 1, norm_layer=norm),
        mask_predictor=MaskRCNNPredictor(p, p, classes),
        **arguments,
    )
    return with_weights(model, seeded(NARROW, version, SEED, classes))


def own_arguments():
    """A network whose sizes, anchors and thresholds are others than torchvision's own."""
    arguments = dict(OWN)
    sizes, ratios = (tuple(map(tuple, arguments.pop(n))) for n in ("sizes", "aspect_ratios"))
    model = narrow(1, 5, rpn_anchor_generator=AnchorGenerator(sizes, ratios), **arguments)
    found = run(model, photographs()["portrait"])
    return {name: found[name] for name in ("anchors", "boxes", "labels", "scores", "masks")}


def last(tensor):
    """(1, C, H, W) -> (H, W, C), (R, C, h, w) -> (R, h, w, C)."""
    array = tensor.permute(0, 2, 3, 1).numpy()
    return np.ascontiguousarray(array[0] if len(array) == 1 else array)


def run(model, photo):
    """Return every intermediate of torchvision's prediction by this project's names."""
    kept, hooks = {}, []

    def keep(module, function):
        hooks.append(module.register_forward_hook(lambda _, i, o: kept.update(function(i, o))))

    body = model.backbone.body
    keep(model.transform, lambda i, o: {"molded": last(o[0].tensors), "size": o[0].image_sizes[0]})
    for name, part in [("c1", "maxpool")] + [(f"c{k + 1}", f"layer{k}") for k in (1, 2, 3, 4)]:
        keep(body[part], lambda i, o, name=name: {name: last(o)})
    keep(
        model.backbone,
        lambda i, o: {f"p{level}": last(m) for level, m in enumerate(o.values(), start=2)},
    )
    keep(model.rpn.head, lambda i, o: rpn_answers(*o))
    keep(model.rpn.anchor_generator, lambda i, o: {"anchors": o[0].numpy()[:, YX]})
    keep(model.rpn, lambda i, o: {"proposals": o[0][0].numpy()[:, YX]})
    heads = model.roi_heads
    keep(heads.box_roi_pool, lambda i, o: {"roi_features": o.permute(0, 2, 3, 1).numpy()})
    keep(heads.box_predictor, lambda i, o: box_answers(*o))
    keep(heads.mask_roi_pool, lambda i, o: {"mask_features": o.permute(0, 2, 3, 1).numpy()})
    keep(heads.mask_predictor, lambda i, o: {"mask_logits": o.permute(0, 2, 3, 1).numpy()})
    keep(
        heads,
        lambda i, o: {
            "input_boxes": o[0][0]["boxes"].numpy()[:, YX],
            "mask_probs": o[0][0]["masks"].numpy()[:, 0],
        },
    )
    pixels = torch.from_numpy(np.ascontiguousarray(photo)).permute(2, 0, 1).float() / 255
    with torch.no_grad():
        found = model([pixels])[0]
    for hook in hooks:
        hook.remove()
    kept["boxes"] = found["boxes"].numpy()[:, YX]
    kept["labels"], kept["scores"] = found["labels"].numpy(), found["scores"].numpy()
    kept["masks"] = np.packbits(found["masks"].numpy()[:, 0] >= 0.5, axis=None)
    return {name: np.asarray(array) for name, array in kept.items()}


def rpn_answers(logits, deltas):
    logits, deltas = concat_box_prediction_layers(logits, deltas)
    return {"rpn_logits": logits[:, 0].numpy(), "rpn_deltas": deltas.numpy()[:, YX]}


def box_answers(logits, deltas):
    deltas = deltas.numpy().reshape(*logits.shape, 4)
    return {"class_logits": logits.numpy(), "box_deltas": deltas[:, :, YX]}


def narrow_cases():
    """All of every stage, but of patches and masks, which are many, only some rows."""
    for version in (1, 2):
        model = narrow(version, 5, **NARROW_SIZES)
        for name, photo in photographs().items():
            arrays = run(model, photo)
            for part in ("roi_features", "mask_features", "mask_logits", "mask_probs"):
                arrays[part] = arrays[part][:: 50 if part == "roi_features" else 10]
            if name != "portrait":  # for every stage alone, one picture is enough
                whole = ("molded", "size", "boxes", "labels", "scores", "masks")
                arrays = {part: arrays[part] for part in whole}
            yield from ((f"v{version}_{name}_{k}", v) for k, v in arrays.items())


def full_cases():
    """Samples of the maps, and everything that has a box."""
    maps = ["molded", *(f"c{i}" for i in range(1, 6)), *(f"p{i}" for i in range(2, 7))]
    answers = ["rpn_logits", "rpn_deltas", "class_logits", "box_deltas", "mask_probs"]
    whole = ["size", "proposals", "input_boxes", "boxes", "labels", "scores", "masks"]
    for version in (1, 2):
        model = full(version)
        for name, photo in photographs().items():
            arrays = run(model, photo)
            print(version, name, len(arrays["boxes"]), "detections")
            for part in maps + answers:
                yield f"v{version}_{name}_{part}", sample(arrays[part])
            for part in whole:
                yield f"v{version}_{name}_{part}", arrays[part]


def sizes():
    """Rows of h, w of a photograph, the two limits, and H, W of the resized one."""
    rng, rows = np.random.RandomState(1), []
    for _ in range(300):
        h, w = rng.randint(20, 700, 2)
        limits = ((800, 1333), (128, 213), (53, 97))[rng.randint(3)]
        shape = _resize_image_and_masks(torch.zeros(1, int(h), int(w)), *limits)[0].shape
        rows.append([h, w, *limits, *shape[1:]])
    yield "sizes", np.array(rows)


def anchors():
    generate = AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5)
    for shape in ((96, 160), (224, 32), (800, 64)):
        maps, side = [], shape
        for _ in range(5):
            side = tuple(-(-s // (4 if not maps else 2)) for s in side)
            maps.append(torch.zeros(1, 1, *side))
        found = generate(ImageList(torch.zeros(1, 3, *shape), [shape]), maps)[0]
        yield f"anchors_{shape[0]}x{shape[1]}", found.numpy()[:, YX]


def regions():
    """RoIAlign of regions of every kind: tiny, huge, without area, beyond the map on each side."""
    rng = np.random.RandomState(2)
    x1y1 = rng.uniform(-30, 80, (200, 2))
    rois = np.concatenate([x1y1, x1y1 + rng.uniform(0, 1, (200, 2)) ** 3 * 120], axis=1)
    rois[:20] = np.round(rois[:20])
    rois[20:30, 2:] = rois[20:30, :2]
    rois = rois.astype(np.float32)
    feature_map = rng.uniform(-1, 1, (1, 3, 13, 17)).astype(np.float32)
    yield "roi_map", last(torch.from_numpy(feature_map))
    yield "rois", rois[:, YX]
    for scale, size in ((0.25, 7), (0.125, 14)):
        found = roi_align(
            torch.from_numpy(feature_map), [torch.from_numpy(rois)], size, scale, 2, aligned=False
        )
        yield f"roi_align_{size}", found.permute(0, 2, 3, 1).numpy()


def levels():
    """Regions around the sizes at which the level changes."""
    rng = np.random.RandomState(3)
    side = 224 * 2.0 ** np.concatenate([np.repeat([-2, -1, 0, 1], 40), rng.uniform(-4, 3, 200)])
    side[:160] *= 1 + rng.choice([-1, 0, 1], 160) * 10.0 ** rng.uniform(-8, -3, 160)
    boxes = np.stack([0 * side, 0 * side, side * rng.choice([0.5, 1], 360), side], 1)
    boxes[boxes[:, 2] < side, 3] *= 2
    boxes = torch.from_numpy(boxes.astype(np.float32))
    yield "level_boxes", boxes.numpy()[:, YX]
    yield "levels", LevelMapper(2, 5)([boxes]).numpy() + 2


def pasting():
    """Masks in boxes of every kind: thin, tiny, on the border, larger than the picture."""
    rng = np.random.RandomState(4)
    start = rng.uniform(-5, 60, (60, 2))
    boxes = np.concatenate([start, start + rng.uniform(0.01, 1, (60, 2)) ** 3 * 80], axis=1)
    boxes = boxes.clip(0, [70, 50, 70, 50]).astype(np.float32)
    probs = rng.uniform(0, 1, (60, 1, 28, 28)).astype(np.float32)
    probs[:30] = 1  # whole boxes
    yield "paste_boxes", boxes[:, YX]
    yield "paste_probs", probs[:, 0]
    pasted = paste_masks_in_image(torch.from_numpy(probs), torch.from_numpy(boxes), (50, 70))
    yield "pasted", pasted.numpy()[:, 0]


def proposals():
    """Few boxes on many levels, so that some are tiny or move far; and detections of them."""
    rng = np.random.RandomState(5)
    rpn = narrow(1, 5, **NARROW_SIZES).rpn
    counts = [300, 90, 40, 9, 3]
    boxes = rng.uniform(-40, 200, (sum(counts), 4)).astype(np.float32)
    boxes[:, 2:] = boxes[:, :2] + rng.uniform(0, 90, (sum(counts), 2))
    boxes[::9, 2:] = boxes[::9, :2] + 5e-4  # under 1e-3
    logits = rng.normal(0, 6, sum(counts)).astype(np.float32)
    found, scores = rpn.filter_proposals(
        torch.from_numpy(boxes)[None], torch.from_numpy(logits)[None, :, None], [(128, 170)], counts
    )
    yield "few_counts", np.array(counts)
    yield "few_boxes", boxes[:, YX]
    yield "few_logits", logits
    yield "few_proposals", found[0].numpy()[:, YX]
    yield "few_scores", scores[0].numpy()


def detections():
    rng = np.random.RandomState(6)
    heads = narrow(1, 5, **NARROW_SIZES).roi_heads
    rois = rng.uniform(0, 100, (60, 4)).astype(np.float32)
    rois[:, 2:] = rois[:, :2] + rng.uniform(1, 60, (60, 2))
    logits = rng.normal(0, 2, (60, 5)).astype(np.float32)
    deltas = rng.normal(0, 2, (60, 20)).astype(np.float32)
    deltas[:9] *= 15  # sizes beyond the limit of the exponent
    boxes, scores, labels = heads.postprocess_detections(
        torch.from_numpy(logits), torch.from_numpy(deltas), [torch.from_numpy(rois)], [(120, 90)]
    )
    yield "det_rois", rois[:, YX]
    yield "det_logits", logits
    yield "det_deltas", deltas.reshape(60, 5, 4)[:, :, YX]
    yield "det_boxes", boxes[0].numpy()[:, YX]
    yield "det_scores", scores[0].numpy()
    yield "det_labels", labels[0].numpy()


def edges():
    for group in (sizes, anchors, regions, levels, pasting, proposals, detections):
        yield from group()


def three_classes():
    """One step of torchvision's own training loop, saved as people save it."""
    model = narrow(1, 3, **NARROW_SIZES).train()
    model.backbone.requires_grad_(False)
    model.roi_heads.box_head.requires_grad_(False)
    photo = photographs()["portrait"][:200, :160]
    masks = np.zeros((2, 200, 160), np.uint8)
    masks[0, 20:120, 10:90] = masks[1, 60:180, 70:150] = 1
    target = {
        "boxes": torch.tensor([[10.0, 20, 90, 120], [70, 60, 150, 180]]),
        "labels": torch.tensor([1, 2]),
        "masks": torch.from_numpy(masks),
    }
    pixels = torch.from_numpy(np.ascontiguousarray(photo)).permute(2, 0, 1).float() / 255
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.SGD(learning, lr=0.0002, momentum=0.9, weight_decay=0.0005)
    torch.manual_seed(SEED)
    losses = model([pixels], [target])
    optimiser.zero_grad()
    sum(losses.values()).backward()
    optimiser.step()
    torch.save(model.state_dict(), HERE / "torchvision_three.pth")
    torch.save(
        {
            "model": {f"module.{name}": value for name, value in model.state_dict().items()},
            "optimizer": optimiser.state_dict(),
            "epoch": 0,
        },
        HERE / "torchvision_three_checkpoint.pth",
    )
    found = run(model.eval(), photo)
    return {"photo": photo, **{k: found[k] for k in ("boxes", "labels", "scores", "masks")}}


if __name__ == "__main__":
    torch.set_num_threads(2)
    np.savez_compressed(HERE / "torchvision_edges.npz", **dict(edges()))
    np.savez_compressed(HERE / "torchvision_own.npz", **own_arguments())
    np.savez_compressed(HERE / "torchvision_three.npz", **three_classes())
    np.savez_compressed(HERE / "torchvision_narrow.npz", **dict(narrow_cases()))
    np.savez_compressed(HERE / "torchvision_full.npz", **dict(full_cases()))
