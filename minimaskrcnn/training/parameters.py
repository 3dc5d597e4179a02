"""The numbers of a model that learn, by name; and the model without its normalisations.

Idea    A model is a tree of frozen dataclasses with arrays at the leaves. Learning needs them as a
        flat list: which there are, which of them move, which of them decay.
Shapes  MaskRCNN  ->  {"backbone.stem.kernel": (7, 7, 3, 32), …}
"""

from dataclasses import fields, is_dataclass, replace

from minimaskrcnn.conv import Conv, fold_batch_norm
from minimaskrcnn.weights.tree import named_arrays


def map_parts(part, kind, change):
    """Return a copy of the model in which every part of a kind is `change(part)`."""
    if isinstance(part, kind):
        return change(part)
    if isinstance(part, tuple):
        return tuple(map_parts(child, kind, change) for child in part)
    if not is_dataclass(part):
        return part
    children = {
        field.name: map_parts(getattr(part, field.name), kind, change) for field in fields(part)
    }
    return replace(part, **children)


def learning_weights(model, parts):
    """Return the arrays that training moves, by name.

    Parameters
    ----------
    model : MaskRCNN
    parts : names of the model's parts that learn, such as ("fpn", "rpn", "box_head", "mask_head")

    Returns
    -------
    dict from name to array. Not among them: the averages of a norm, which follow the batches, and
    the bias before a norm, which the norm takes away again.
    """
    arrays = named_arrays(model)
    return {
        name: array
        for name, array in arrays.items()
        if name.split(".")[0] in parts
        and not name.endswith(("norm.mean", "norm.variance"))
        and not (name.endswith(".bias") and f"{name.removesuffix('bias')}norm.gamma" in arrays)
    }


def folded(model):
    """Return the model with every batch normalisation folded into its convolution."""
    return map_parts(
        model, Conv, lambda conv: conv if conv.norm is None else fold_batch_norm(conv, conv.norm)
    )
