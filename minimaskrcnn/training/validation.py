"""How good a model is: it predicts examples it has never seen, and COCO's AP says how well.

Idea    One example is in memory at a time, and no mask is drawn over a whole picture: truth and
        detections are compared as run lengths.
Shapes  model, examples  ->  Evaluation
"""

from itertools import tee

import numpy as np

from minimaskrcnn.errors import DatasetError
from minimaskrcnn.evaluate import Found, GroundTruth, evaluate, make_rules


def validate(model, examples, class_names=None, masks=True, rules=None, **settings):
    """Predict every example and compare with what is there.

    Parameters
    ----------
    model : MaskRCNN without batch normalisation (see `conv.folded`)
    examples : iterable of Example; one is in memory at a time
    class_names : of the examples' class ids, the background first; None: the model's own. What
        the model finds of other classes does not count.
    masks : whether masks are judged besides boxes
    rules : see `rules_for`; None: COCO's thresholds, and as many detections as the model keeps
    settings : as in `MaskRCNN.predict`

    Returns
    -------
    Evaluation, see `minimaskrcnn.evaluate.evaluate`

    Raises
    ------
    DatasetError
        If the model does not know a class.
    """
    class_names = class_names or model.config.class_names
    rules = rules or rules_for(model, settings.get("max_detections"))
    pairs = compared(model, examples, class_names, masks, **settings)
    return evaluate_pairs(pairs, class_names, masks, rules)


def evaluate_pairs(pairs, class_names, masks, rules):
    """`evaluate` of (GroundTruth, Found), one pair per image; they are not kept."""
    truths, found = tee(pairs)
    sides = (truth for truth, _ in truths), (what for _, what in found)
    return evaluate(*sides, class_names, masks, rules)


def rules_for(model, max_detections=None, thresholds=None):
    """The Rules by which a model is judged: every detection that it keeps counts, at least 100.

    Parameters
    ----------
    model : MaskRCNN
    max_detections : int, as given to `predict`; None: the model's own
    thresholds : IoU thresholds, or None for COCO's

    Returns
    -------
    Rules
    """
    most = max_detections or max(model.config.max_detections, 100)
    return make_rules(thresholds, most)


def compared(model, examples, class_names, masks=True, **settings):
    """Yield (GroundTruth, Found) of every example, masks as run lengths; see `validate`.

    Raises
    ------
    DatasetError
        If the model does not know a class, before anything is predicted.
    """
    known = model.config.class_names
    unknown = [name for name in class_names[1:] if name not in known[1:]]
    if unknown:
        raise DatasetError(
            f"the dataset has the class {unknown[0]!r}, which the weights do not know (they know "
            f"{', '.join(known[1:6])}{', …' if len(known) > 6 else ''}): give weights that were "
            "trained on these classes"
        )
    return (
        (_truth(example), _found(model.predict(example.image, **settings), class_names, masks))
        for example in examples
    )


def _truth(example):
    """The objects of an example; boxes and areas as its annotations state them, if they do."""
    boxes = example.boxes if example.stated_boxes is None else example.stated_boxes
    ids, crowd = np.abs(example.class_ids), example.class_ids < 0
    return GroundTruth(boxes, ids, example.masks, crowd, example.stated_areas)


def _found(result, class_names, masks):
    """Detections with the class ids of the dataset, without classes that it has not."""
    ids = np.array([class_names.index(x) if x in class_names else 0 for x in result.labels], int)
    result, ids = result[ids > 0], ids[ids > 0]
    packed = [detection.run_lengths for detection in result] if masks else None
    return Found(result.boxes, ids, result.scores, packed)
