"""The numbers of a model that learn, by name.

Idea    A model is a tree of frozen dataclasses with arrays at the leaves. Learning needs them as a
        flat list: which there are, which of them move, which of them decay.
Shapes  MaskRCNN  ->  {"backbone.stem.kernel": (7, 7, 3, 32), …}
"""

from minimaskrcnn.weights.tree import named_arrays


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
