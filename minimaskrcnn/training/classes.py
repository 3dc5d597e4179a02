"""Other classes: a trained model begins to learn classes that it does not all know.

Idea    What a network has learned of boxes and masks is shared by all classes but for the last
        layers, which have outputs for each class. A class that is known by name keeps its outputs,
        wherever it stands in the list; a new one begins with random numbers.
Source  Fine-tuning new last layers: Fast R-CNN (arXiv:1504.08083), section 2.3.
Shapes  MaskRCNN of K classes  ->  MaskRCNN of other K classes
"""

from dataclasses import replace

import numpy as np

from minimaskrcnn.conv import Conv
from minimaskrcnn.layers import Dense
from minimaskrcnn.training.initialise import normal, zeros


def with_classes(model, class_names, seed=0):
    """Return a model for other classes: last layers for class, box and mask, the rest shared.

    A class that the model knows by name keeps what it has learned, wherever it stands in the list.

    Parameters
    ----------
    model : MaskRCNN
    class_names : the background first; if they are the model's own, the model is returned
    seed : int, of the layers of new classes
    """
    old, names = model.config.class_names, tuple(class_names)
    if names == old:
        return model
    rng, classes = np.random.RandomState(seed), len(names)
    hidden, mask_hidden = len(model.box_head.logits.kernel), model.mask_head.logits.kernel.shape[2]
    logits = Dense(normal(rng, 0.01, hidden, classes), zeros(classes))
    deltas = Dense(normal(rng, 0.001, hidden, 4 * classes), zeros(4 * classes))
    masks = Conv(normal(rng, 0.01, 1, 1, mask_hidden, classes), zeros(classes))
    if set(names[1:]) & set(old[1:]):
        _keep_known(logits, model.box_head.logits, names, old)
        _keep_known(deltas, model.box_head.deltas, names, old)
        _keep_known(masks, model.mask_head.logits, names, old)
    return replace(
        model,
        config=replace(model.config, class_names=names, detected_classes=()),
        box_head=replace(model.box_head, logits=logits, deltas=deltas),
        mask_head=replace(model.mask_head, logits=masks),
    )


def classes_told(model, class_names):
    """Yield a line about which classes `with_classes` keeps, and which are new.

    Parameters
    ----------
    model : MaskRCNN
    class_names : the background first
    """
    old = model.config.class_names[1:]
    known = [name for name in class_names[1:] if name in old]
    new = [name for name in class_names[1:] if name not in old]
    gone = [name for name in old if name not in class_names]
    if not new and not gone:
        return
    told = [f"the weights know {len(known)} of the {len(class_names) - 1} classes"]
    told += [f"new: {_some(new)}"] if new else []
    told += [f"no longer looked for: {_some(gone)}"] if gone else []
    yield "  " + "; ".join(told)


def _some(names):
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")


def _keep_known(layer, learned, names, old):
    """Write what was learned for known classes into a new last layer; the last axis is (K, …)."""
    each = learned.bias.size // len(old)  # outputs per class
    for k, name in enumerate(names):
        if name in old:
            own, theirs = slice(each * k, each * (k + 1)), old.index(name) * each
            layer.kernel[..., own] = learned.kernel[..., theirs : theirs + each]
            layer.bias[own] = learned.bias[theirs : theirs + each]
