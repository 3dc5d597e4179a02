"""The weights of a model that training changes, by name.

Idea    A model is a tree of frozen dataclasses with arrays at the leaves. Training needs a flat
        dict of those arrays that learn.
Shapes  MaskRCNN  ->  {"backbone.stem.kernel": (7, 7, 3, 32), …}
"""

from minimaskrcnn.weights.tree import named_arrays


def learning_weights(model, parts):
    """Return the arrays that training changes, by name.

    Parameters
    ----------
    model : MaskRCNN
    parts : names of the model's parts that learn, such as ("fpn", "rpn", "box_head", "mask_head")

    Returns
    -------
    dict from name to array. Two kinds of arrays are left out: the batch normalization statistics,
    which follow the batches, and a bias before a norm, which the norm would subtract again.
    """
    arrays = named_arrays(model)
    return {
        name: array
        for name, array in arrays.items()
        if name.split(".")[0] in parts
        and not name.endswith(("norm.mean", "norm.variance"))
        and not (name.endswith(".bias") and f"{name.removesuffix('bias')}norm.gamma" in arrays)
    }
