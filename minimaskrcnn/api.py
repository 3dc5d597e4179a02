"""The two functions most people need: `load_model` and `predict`."""

import threading
from pathlib import Path

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights import load
from minimaskrcnn.weights.download import coco_weights

SHAPES = Path(__file__).parent / "weights" / "shapes.h5"  # the small model, part of the package

_kept = {}  # what `predict` has loaded, by the name it was asked for
_loading = threading.Lock()


def load_model(weights="coco", config=None):
    """Load a network.

    Parameters
    ----------
    weights : "coco", the pretrained model of 80 everyday classes, fetched on first use; "shapes",
        the small one that is part of the package; or the path of a weight file
    config : Config that replaces the one that belongs to the weights

    Returns
    -------
    MaskRCNN

    Raises
    ------
    WeightsError
        If the weights are not to be had, damaged, or of another network.
    """
    return load(_path(weights), config)


def predict(image, weights="coco", orient=True, **settings):
    """Find the objects in a photograph: `load_model(weights).predict(image)`, the model kept.

    Safe to call from several threads: the first one loads the model, the others wait for it.

    Parameters
    ----------
    image : a path, bytes, an open file, a PIL image or an array: see `photo.read_photo`
    weights : as in `load_model`
    orient : whether to turn the picture as its EXIF data asks
    settings : `min_score`, `nms_threshold`, `max_detections`, `classes`, `size`, for this call: see
        `settings.adjusted`

    Returns
    -------
    Detections
    """
    key = str(weights)
    with _loading:
        if key not in _kept:
            _kept[key] = load_model(weights)
        model = _kept[key]
    return model.predict(image, orient, **settings)


def _path(weights):
    if weights == "coco":
        return coco_weights()
    if weights == "shapes":
        if not SHAPES.exists():
            raise WeightsError(
                f"{SHAPES}: is not part of this copy of the package; install it again"
            )
        return SHAPES
    return weights
