"""How good a model is: it predicts examples it has never seen, and COCO's AP says how well.

Shapes  model, examples  ->  Evaluation
"""

from itertools import tee

import numpy as np

from minimaskrcnn.errors import DatasetError
from minimaskrcnn.evaluate import Found, GroundTruth, evaluate


def validate(model, examples, class_names=None, **settings):
    """Predict every example and compare with what is there.

    Parameters
    ----------
    model : MaskRCNN without batch normalisation (see `conv.folded`)
    examples : iterable of Example; one is in memory at a time
    class_names : of the examples' class ids, the background first; None: the model's own. What
        the model finds of other classes does not count.
    settings : as in `MaskRCNN.predict`

    Returns
    -------
    Evaluation, see `minimaskrcnn.evaluate.evaluate`

    Raises
    ------
    DatasetError
        If the model does not know a class.
    """
    known = model.config.class_names
    class_names = class_names or known
    unknown = [name for name in class_names[1:] if name not in known[1:]]
    if unknown:
        raise DatasetError(
            f"the dataset has the class {unknown[0]!r}, which the weights do not know (they know "
            f"{', '.join(known[1:6])}{', …' if len(known) > 6 else ''}): give weights that were "
            "trained on these classes"
        )
    to_know, to_predict = tee(examples)
    truths = (_truth(example) for example in to_know)
    found = (_found(model.predict(e.image, **settings), class_names) for e in to_predict)
    return evaluate(truths, found, class_names)


def _truth(example):
    """The objects of an example; boxes and areas as its annotations state them, if they do."""
    boxes = example.boxes if example.stated_boxes is None else example.stated_boxes
    ids, crowd = np.abs(example.class_ids), example.class_ids < 0
    return GroundTruth(boxes, ids, example.masks, crowd, example.stated_areas)


def _found(result, class_names):
    """Detections with the class ids of the dataset, without classes that it has not."""
    ids = np.array([class_names.index(x) if x in class_names else 0 for x in result.labels], int)
    result, ids = result[ids > 0], ids[ids > 0]
    return Found(result.boxes, ids, result.scores, result.masks)
