"""The five losses: how wrong each answer of the network is, and the gradient at the answer.

Idea    Two losses are for classification, of anchors and of regions: cross-entropy, which is large
        if the true class got a low probability. Two are for bounding-box regression, again of
        anchors and of regions: smooth L1, which is squared for small errors and proportional for
        large ones, so that a few large errors do not dominate. One is for masks: cross-entropy for
        each cell separately, only in the mask of the true class, so that classes do not compete.
        The network learns from the sum of the five.
Paper   Mask R-CNN (arXiv:1703.06870), section 3, "Loss"; smooth L1: Fast R-CNN
        (arXiv:1504.08083), equation 3.
Shapes  answers and targets  ->  loss, a float, and its gradient, with the answer's shape and dtype

Notes   Each loss is a mean over the whole batch, and 0 if there is nothing to average. Targets and
        regions are constants: no gradient flows into them.
"""

import numpy as np

from minimaskrcnn.layers import sigmoid, softmax

LOSS_NAMES = ("rpn_class", "rpn_box", "class", "box", "mask")

_EDGE = 1e-7  # the least distance of a cell's probability from 0 and 1 (Keras, as the original)


def rpn_class_loss(logits, match):
    """Is there an object at this anchor? Cross-entropy, the mean over all anchors not ignored.

    Parameters
    ----------
    logits : (..., A, 2), background and object
    match : (..., A); 1 object, -1 background, 0 ignored

    Returns
    -------
    loss : float
    gradient : (..., A, 2)
    """
    return _cross_entropy(logits, (match == 1).astype(np.int64), match != 0)


def rpn_box_loss(deltas, match, targets, edge=1.0):
    """How should the positive anchors move? Smooth L1, the mean over their coordinates.

    Parameters
    ----------
    deltas : (..., A, 4)
    match : (..., A) as in `rpn_class_loss`
    targets : (positives, 4), in the order of the anchors, one image after the other
    edge : of `smooth_l1`

    Returns
    -------
    loss : float
    gradient : (..., A, 4)
    """
    gradient = np.zeros_like(deltas)
    loss, gradient[match == 1] = smooth_l1(deltas[match == 1], targets, edge)
    return loss, gradient


def class_loss(logits, class_ids, known=None):
    """What is in this region? Cross-entropy, the mean over the regions.

    Parameters
    ----------
    logits : (R, K)
    class_ids : (R,), 0 for background
    known : (K,) bool or None: the classes that the dataset labels. A region that the network takes
        for any other class is ignored, because the dataset cannot say that this is wrong.

    Returns
    -------
    loss : float
    gradient : (R, K)
    """
    asked = np.ones(len(logits), bool) if known is None else known[logits.argmax(axis=1)]
    return _cross_entropy(logits, class_ids, asked)


def box_loss(deltas, class_ids, targets, edge=1.0):
    """How should the positive regions move? Smooth L1, the mean over their class's coordinates.

    Parameters
    ----------
    deltas : (R, K, 4)
    class_ids : (R,), 0 for background
    targets : (R, 4); those of background are not read
    edge : of `smooth_l1`

    Returns
    -------
    loss : float
    gradient : (R, K, 4), 0 for all classes but the region's own
    """
    rows = np.flatnonzero(class_ids > 0)
    gradient = np.zeros_like(deltas)
    own = rows, class_ids[rows]
    loss, gradient[own] = smooth_l1(deltas[own], targets[rows], edge)
    return loss, gradient


def mask_loss(logits, class_ids, targets):
    """Which cells belong to the object? Cross-entropy, the mean over the own class's cells.

    Parameters
    ----------
    logits : (P, h, w, K), of the positive regions
    class_ids : (P,), from 1
    targets : (P, h, w) in 0 … 1

    Returns
    -------
    loss : float
    gradient : (P, h, w, K), 0 for all classes but the region's own
    """
    gradient = np.zeros_like(logits)
    if not len(logits):
        return 0.0, gradient
    rows, targets = np.arange(len(logits)), targets.astype(logits.dtype)
    own = logits[rows, :, :, class_ids]  # (P, h, w)
    probs = sigmoid(own)
    clipped = np.clip(probs, logits.dtype.type(_EDGE), logits.dtype.type(1 - _EDGE))
    losses = -targets * np.log(clipped) - (1 - targets) * np.log(1 - clipped)
    gradient[rows, :, :, class_ids] = np.where(probs == clipped, probs - targets, 0) / own.size
    return float(losses.mean()), gradient


def _cross_entropy(logits, labels, asked):
    """Mean of -log softmax(logits)[label] over the rows that `asked` selects."""
    gradient = np.zeros_like(logits)
    rows, labels = logits[asked], labels[asked]  # (n, K), (n,)
    if not len(rows):
        return 0.0, gradient
    here = np.arange(len(rows)), labels
    shifted = rows - rows.max(axis=1, keepdims=True)  # the maximum cancels: no overflow
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[here]
    difference = softmax(rows)
    difference[here] -= 1  # d loss / d logit = probability - truth
    gradient[asked] = difference / len(rows)
    return float(losses.mean()), gradient


def smooth_l1(answers, targets, edge=1.0):
    """The smooth L1 loss: the mean of d²/2 where |d| < 1, else of |d| - 1/2; d = answer - target.

    With another `edge` e it is d²/(2e) where |d| < e, else |d| - e/2 (torchvision: 1/9).

    Parameters
    ----------
    answers, targets : arrays of the same shape
    edge : where the square ends and the line begins

    Returns
    -------
    loss : float, 0 if there are no answers
    gradient : as the answers: d / edge, clipped to -1 … 1, divided by the count of numbers

    Examples
    --------
    >>> smooth_l1(np.array([0.5, 3.0]), np.array([0.0, 0.0]))  # (0.125 + 2.5) / 2
    (1.3125, array([0.25, 0.5 ]))
    """
    if not answers.size:
        return 0.0, np.zeros_like(answers)
    d = answers - targets.astype(answers.dtype)
    edge = answers.dtype.type(edge)
    losses = np.where(np.abs(d) < edge, d * d / (2 * edge), np.abs(d) - edge / 2)
    return float(losses.mean()), np.clip(d / edge, -1, 1) / answers.dtype.type(d.size)
