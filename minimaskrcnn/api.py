"""The functions most people need: `load_model`, `predict` and `explain`."""

import os
import threading
from pathlib import Path
from typing import Any

from minimaskrcnn.config import Config
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.model import MaskRCNN
from minimaskrcnn.photo import Photo
from minimaskrcnn.results import Detections
from minimaskrcnn.settings import adjusted
from minimaskrcnn.sources import path_of
from minimaskrcnn.weights import load
from minimaskrcnn.weights.download import coco_weights
from minimaskrcnn.xray import Report, make_report

SHAPES = Path(__file__).parent / "weights" / "shapes.h5"  # the small model, part of the package

# What `predict` and `explain` loaded: by name, when the file was changed last, and the model.
_kept: dict[str, tuple[int, MaskRCNN]] = {}
_loading = threading.Lock()


def load_model(weights: str | os.PathLike[str] = "coco", config: Config | None = None) -> MaskRCNN:
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


def predict(
    image: Photo, weights: str | os.PathLike[str] = "coco", orient: bool = True, **settings: Any
) -> Detections:
    """Find the objects in a photograph: `load_model(weights).predict(image)`, the model kept.

    Safe to call from several threads: the first one loads the model, the others wait for it. A
    weight file that has changed since is read again.

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
    return _model(weights).predict(image, orient, **settings)


def explain(
    image: Photo, weights: str | os.PathLike[str] = "coco", orient: bool = True, **settings: Any
) -> Report:
    """Show what the network does with a photograph, step by step, in one self-contained page.

    Parameters
    ----------
    image, weights, orient, settings : as in `predict`

    Returns
    -------
    Report: a page of HTML, to be saved and opened in a browser

    Examples
    --------
    >>> explain("street.jpg", min_score=0.5).save("report.html")  # doctest: +SKIP
    """
    model = _model(weights)
    steps = model.trace(image, orient, **settings)
    return make_report(steps, adjusted(model.config, **settings), path_of(image))


def _model(weights: str | os.PathLike[str]) -> MaskRCNN:
    """The model of these weights, loaded once, and again when the file is another one."""
    name = str(weights)
    changed = os.stat(weights).st_mtime_ns if os.path.isfile(name) else 0
    kept = _kept.get(name)
    if kept is None or kept[0] != changed:
        with _loading:
            kept = _kept.get(name)
            if kept is None or kept[0] != changed:
                kept = _kept[name] = changed, load_model(weights)
    return kept[1]


def _path(weights: str | os.PathLike[str]) -> str | os.PathLike[str]:
    if not isinstance(weights, str | os.PathLike):
        raise WeightsError(
            'weights must be "coco", "shapes" or the path of a weight file, got '
            f"{type(weights).__name__}; a loaded model predicts by its own method"
        )
    if weights == "coco":
        return coco_weights()
    if weights == "shapes":
        if not SHAPES.exists():
            raise WeightsError(
                f"{SHAPES}: is not part of this copy of the package; install it again"
            )
        return SHAPES
    return weights
