"""By whose rules a model learns: what training needs of a convention, chosen in one place.

Idea    Weights of matterport's kind and of torchvision's go through the same stages. The functions
        that differ in training stand side by side, and `rules_of` chooses by `Config.convention`.
Shapes  Config  ->  Rules
"""

from collections.abc import Callable
from dataclasses import dataclass

from minimaskrcnn.resnet import backbone
from minimaskrcnn.roi_align import pyramid_roi_align
from minimaskrcnn.torchvision.resnet import backbone as their_backbone
from minimaskrcnn.torchvision.roi_align import pyramid_roi_align as their_pyramid_roi_align
from minimaskrcnn.training import batches, losses, sampling, torchvision


@dataclass(frozen=True)
class Rules:
    """The functions that differ; arguments and results are the same for both."""

    make_batch: Callable
    backbone: Callable
    select_for_training: Callable
    masks_of: Callable
    pool: Callable  # (p_maps, rois, size, shape of the input, level size)
    rpn_class_loss: Callable
    rpn_box_loss: Callable
    box_loss: Callable


def _pool_in_pixels(p_maps, rois, size, shape, level_size):
    return their_pyramid_roi_align(p_maps, rois, size, level_size)


MATTERPORT = Rules(
    make_batch=batches.make_batch,
    backbone=backbone,
    select_for_training=sampling.select_for_training,
    masks_of=sampling.masks_of,
    pool=pyramid_roi_align,
    rpn_class_loss=losses.rpn_class_loss,
    rpn_box_loss=losses.rpn_box_loss,
    box_loss=losses.box_loss,
)
TORCHVISION = Rules(
    make_batch=torchvision.make_batch,
    backbone=their_backbone,
    select_for_training=torchvision.select_for_training,
    masks_of=torchvision.masks_of,
    pool=_pool_in_pixels,
    rpn_class_loss=torchvision.rpn_class_loss,
    rpn_box_loss=torchvision.rpn_box_loss,
    box_loss=torchvision.box_loss,
)


def rules_of(config):
    """The Rules of a Config's convention."""
    return TORCHVISION if config.convention == "torchvision" else MATTERPORT
