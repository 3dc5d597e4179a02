"""One step of training: compute the losses of a batch, and their gradient for every weight.

Idea    Training uses the same stages as prediction. They run on a batch while the tape records.
        The losses give the gradients at the network's answers, and the tape carries them back to
        every weight (backpropagation).
Paper   Mask R-CNN (arXiv:1703.06870), section 3.1, "Training": the heads learn on a sample of the
        proposals, all branches side by side. End to end: Faster R-CNN (arXiv:1506.01497), 3.2.
Shapes  images (B, H, W, 3)  ->  five losses, a gradient for each weight

Notes   Backbone, pyramid and RPN run on the whole batch, so that batch normalization can average
        over it. Targets, proposals and regions are made image by image. Then the regions of all
        images go through the heads together. Proposals and targets are constants: no gradient
        flows into them.
"""

import numpy as np

from minimaskrcnn.conv import batch_statistics
from minimaskrcnn.fpn import pyramid
from minimaskrcnn.heads import box_head, mask_head
from minimaskrcnn.layers import concatenate
from minimaskrcnn.rpn import region_proposals
from minimaskrcnn.runtime import tape
from minimaskrcnn.training.conventions import rules_of
from minimaskrcnn.training.losses import LOSS_NAMES, class_loss, mask_loss
from minimaskrcnn.training.sampling import draw_head_targets
from minimaskrcnn.weights.tree import named_arrays

_ABSURD = 80  # exp(80) times an anchor is larger than any image, and close to float32's limit


def learn(model, batch, sampling, rng, backbone_learns=True, head_targets=None):
    """Return the losses of a batch and the gradient of their sum.

    Parameters
    ----------
    model : MaskRCNN
    batch : Batch
    sampling : Sampling
    rng : np.random.RandomState, which draws the regions
    backbone_learns : if False, the backbone is not recorded: it gets no gradient, and is faster
    head_targets : HeadTargets to use instead of drawing new ones, or None

    Returns
    -------
    losses : dict from the five LOSS_NAMES to float
    gradients : dict from a weight's name (`named_arrays`) to its gradient
    statistics : list of (norm, mean, variance), see `batch_statistics`

    Raises
    ------
    FloatingPointError
        If training has diverged: an answer or a loss is absurdly large or not finite.
    """
    backbone = rules_of(model.config).backbone
    c_maps = None if backbone_learns else backbone(batch.images, model.backbone)
    with tape.recording(constants=[batch.images, *(c_maps or ())]) as steps:
        if c_maps is None:
            c_maps = backbone(batch.images, model.backbone)
        losses, seeds = losses_of_batch(model, c_maps, batch, sampling, rng, head_targets)
    if not np.isfinite(list(losses.values())).all():
        raise FloatingPointError(f"the losses are {losses}")
    statistics = batch_statistics(steps)
    found = tape.gradients(steps, seeds)
    weights = named_arrays(model)
    gradients = {name: found[id(w)] for name, w in weights.items() if id(w) in found}
    return losses, gradients, statistics


def losses_of_batch(model, c_maps, batch, sampling, rng, head_targets):
    """From the backbone's maps, compute the five losses by name, and (answer, gradient) of each."""
    config, rules = model.config, rules_of(model.config)
    p_maps = pyramid(c_maps[1:], model.fpn)
    rpn_logits, rpn_deltas = region_proposals(p_maps, model.rpn)  # (B, A, 2), (B, A, 4)
    _check_sane(rpn_logits, rpn_deltas, config)
    if head_targets is None:
        proposals = rules.select_for_training(rpn_logits, rpn_deltas, batch, sampling, config)
        head_targets = draw_head_targets(proposals, batch, sampling, rng, config, rules.masks_of)
    maps = list(zip(*(_unstack(p_map) for p_map in p_maps[:4]), strict=True))  # of each image

    where = batch.images.shape[1:], config.level_size
    roi_features = _pool(rules.pool, maps, head_targets.rois, config.pool_size, *where)
    class_logits, box_deltas = box_head(roi_features, model.box_head)
    mask_features = _pool(rules.pool, maps, head_targets.mask_rois, config.mask_pool_size, *where)
    mask_logits = mask_head(mask_features, model.mask_head)

    ids, mask_ids = head_targets.class_ids, head_targets.mask_class_ids
    judged = [
        (rpn_logits, rules.rpn_class_loss(rpn_logits, batch.match)),
        (rpn_deltas, rules.rpn_box_loss(rpn_deltas, batch.match, batch.anchor_deltas)),
        (class_logits, class_loss(class_logits, ids)),
        (box_deltas, rules.box_loss(box_deltas, ids, head_targets.deltas)),
        (mask_logits, mask_loss(mask_logits, mask_ids, head_targets.masks)),
    ]
    losses = {name: loss for name, (_, (loss, _)) in zip(LOSS_NAMES, judged, strict=True)}
    return losses, [(answer, gradient) for answer, (_, gradient) in judged]


def _check_sane(rpn_logits, rpn_deltas, config):
    """Raise FloatingPointError if the RPN's answers are not finite or absurdly large."""
    longest = np.abs(rpn_deltas * np.asarray(config.rpn_std, rpn_deltas.dtype)).max()
    if not np.isfinite(rpn_logits).all() or not longest < _ABSURD:  # NaN is not less
        raise FloatingPointError(f"the RPN moves boxes by {longest:g} times their size")


def _pool(pool, maps, rois, size, shape, level_size):
    """Features of the regions of all images, one image after the other."""
    patches = [
        pool(p_maps, regions, size, shape, level_size)
        for p_maps, regions in zip(maps, rois, strict=True)
    ]
    return concatenate(patches, axis=0)


def _unstack(x):
    """The maps of each image, recorded on the tape: (B, H, W, C) -> B times (H, W, C)."""
    return tape.record([x[b] for b in range(len(x))], _unstack_backward, x)


def _unstack_backward(grads, x):
    dx = np.zeros_like(x)
    for image, grad in zip(dx, grads, strict=True):
        if grad is not None:
            image[...] = grad
    return [(x, dx)]
