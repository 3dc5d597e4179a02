"""The plan: how to train from nothing on this very dataset.

Idea    Scale, frame, anchors, most detections, sample sizes and steps follow from what the dataset
        is like, by one rule each. The rules are written down here, and their outcome is printed
        before training begins. Anyone who knows better gives the number instead.
Shapes  DatasetStatistics  ->  Plan  ->  Config, Widths, Recipe
"""

import math
from dataclasses import dataclass, replace

from minimaskrcnn.config import Config
from minimaskrcnn.image import SIDE
from minimaskrcnn.training.initialise import Widths
from minimaskrcnn.training.recipe import FROM_NOTHING

USUAL_SIDE = 40  # pixels: about the size at which the network sees the median object
LARGEST_SCALE = 2.0  # beyond, there is nothing more to see
LARGEST_SHARE = 0.75  # of the frame: nearly all objects (95 of 100) are no larger
FRAME = 256  # pixels per side of a crop, unless whole pictures are smaller
LOOKED_AT = 1536  # pixels: larger pictures are predicted in tiles
CROWDED = 3  # objects in a frame, from which on more regions of a crop are sampled
EACH_OBJECT = 100  # times that each object is learned from …
FEWEST_STEPS, MOST_STEPS = 600, 4000  # … within these limits

NETWORKS = {
    "small": Widths(inner=(16, 32, 64, 128), mask_convs=2),
    "medium": Widths(inner=(32, 64, 128, 192), blocks=(3, 4, 4, 2), pyramid=96, rpn=96),
    "resnet50": Widths(
        stem=64,
        inner=(64, 128, 256, 512),
        blocks=(3, 4, 6, 3),
        pyramid=256,
        rpn=256,
        box_head=512,
        mask_head=256,
    ),
}


@dataclass(frozen=True)
class Plan:
    """What training from nothing decides beforehand."""

    scale: float  # pixels of the network's input per pixel of a picture
    size: int  # pixels per side of a crop
    anchor_scales: tuple[float, ...]  # pixels of the network's input, P2 … P6
    max_detections: int  # in a picture
    network: str  # one of NETWORKS
    steps: int
    crowded: bool  # whether a crop holds more than a few objects
    mean: float  # grey level that becomes 0
    deviation: float  # grey levels that become 1


def make_plan(statistics, size=None, anchor_scales=None, max_detections=None, network="small"):
    """Return the Plan for a dataset.

    Parameters
    ----------
    statistics : DatasetStatistics
    size, anchor_scales, max_detections, network : fields of Plan to take instead of the rule's

    Returns
    -------
    Plan
    """
    least, usual, largest = statistics.sides
    scale = min(2.0 ** round(math.log2(USUAL_SIDE / usual)), LARGEST_SCALE)
    frame = size or min(FRAME, _whole(statistics.largest_picture * scale, SIDE))
    while largest * scale > LARGEST_SHARE * frame:
        scale /= 2
    lowest = min(max(2.0 ** round(math.log2(least * scale)), 8.0), 64.0)
    in_frame = statistics.density * (frame / scale) ** 2 / 1e6
    seen_per_step = FROM_NOTHING.batch_size * max(in_frame, 1)
    steps = EACH_OBJECT * statistics.objects * statistics.pictures / seen_per_step
    return Plan(
        scale=scale,
        size=frame,
        anchor_scales=anchor_scales or tuple(lowest * 2.0**i for i in range(5)),
        max_detections=max_detections or max(_whole(1.5 * statistics.most_objects, 100), 100),
        network=network,
        steps=min(max(_whole(steps, 100), FEWEST_STEPS), MOST_STEPS),
        crowded=in_frame > CROWDED,
        mean=round(statistics.mean, 1),
        deviation=round(statistics.deviation, 1),
    )


def lines(plan, statistics, recipe, seconds, peak):
    """Yield what the dataset is like and what follows from it, for the user to see."""
    least, usual, largest = (f"{side:.0f}" for side in statistics.sides)
    yield (
        f"  pictures up to {statistics.largest_picture} pixels, objects of {usual} pixels "
        f"({least} to {largest}), {statistics.objects:.0f} per picture "
        f"(at most {statistics.most_objects}), {statistics.touching:.0%} touch another"
    )
    yield (
        f"plan: crops of {plan.size} x {plan.size} pixels (--size), the pictures "
        + ("at their own size" if plan.scale == 1 else f"{plan.scale:g} times as large")
    )
    scales = ",".join(f"{scale:g}" for scale in plan.anchor_scales)
    yield (
        f"  anchors {scales} pixels (--anchor-scales), at most {plan.max_detections} objects "
        f"per picture (--max-detections) from {_proposals(plan)} proposals"
    )
    yield f"  network {plan.network} (--network)"
    yield (
        f"  {recipe.steps} steps (--steps) of {recipe.batch_size} crops (--batch): about "
        f"{recipe.steps * seconds / 60:.0f} minutes (--minutes)"
        + (f", {peak / 1e9:.1f} GB of memory" if peak else "")
    )


def _proposals(plan):
    return max(2 * plan.max_detections, 300)


def _whole(number, step):
    """The next multiple of `step`."""
    return int(math.ceil(number / step)) * step


def config_of(plan, class_names):
    """Return the Config of a model that is trained by the plan: all that predicting needs."""
    proposals = _proposals(plan)
    return Config(
        class_names=tuple(class_names),
        resize_mode="scale",
        image_scale=plan.scale,
        image_max_size=max(LOOKED_AT, plan.size),
        mean_pixel=(plan.mean,) * 3,
        pixel_std=plan.deviation,
        anchor_scales=plan.anchor_scales,
        delta_std=(0.05, 0.05, 0.1, 0.1),
        pre_nms_proposals=6 * proposals,
        post_nms_proposals=proposals,
        masks_in_whole_pixels=True,
        every_class=True,
        min_score=0.5,
        detection_nms_threshold=0.4,
        max_detections=plan.max_detections,
    )


def recipe_of(plan):
    """Return the Recipe: that of the bundled shapes, with samples of the size of a crop."""
    if not plan.crowded:
        return replace(FROM_NOTHING, steps=plan.steps, augment=False)
    more = {"anchors": 128, "rois": 96, "mask_rois": 16}
    late = {**more, "rois": 128, "pre_nms_proposals": 1000, "post_nms_proposals": 250}
    return replace(
        FROM_NOTHING,
        steps=plan.steps,
        augment=False,
        sampling=replace(FROM_NOTHING.sampling, **more),
        late_sampling=replace(FROM_NOTHING.late_sampling, **late),
    )
