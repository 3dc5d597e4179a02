"""How good a model is: it predicts examples it has never seen, and COCO's AP says how well.

Shapes  model, examples  ->  Evaluation
"""

from itertools import tee

import numpy as np

from minimaskrcnn.evaluate import GroundTruth, evaluate


def judge(model, examples):
    """Predict every example and compare with what is there.

    Parameters
    ----------
    model : MaskRCNN without batch normalisation (see `parameters.folded`)
    examples : iterable of Example; one is in memory at a time

    Returns
    -------
    Evaluation, see `minimaskrcnn.evaluate.evaluate`
    """
    to_know, to_predict = tee(examples)
    truths = (
        GroundTruth(e.boxes, np.abs(e.class_ids), e.masks, crowd=e.class_ids < 0) for e in to_know
    )
    found = (model.predict(e.image) for e in to_predict)
    return evaluate(truths, found, model.config.class_names)
