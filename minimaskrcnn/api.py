"""The functions most people need: `load_model`, `predict` and `explain`.

Length  The five settings are spelled out and documented in each function.
"""

import logging
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from minimaskrcnn.config import Config
from minimaskrcnn.errors import WeightsError, printable
from minimaskrcnn.model import MaskRCNN
from minimaskrcnn.photo import Photo
from minimaskrcnn.photo.sources import path_of
from minimaskrcnn.results import Detections
from minimaskrcnn.settings import adjusted, refuse_unknown
from minimaskrcnn.weights import load
from minimaskrcnn.weights.download import published_weights
from minimaskrcnn.weights.known import RELEASES
from minimaskrcnn.xray import Report, make_report

LOG = logging.getLogger(__name__)
BUNDLED = {  # part of the package
    name: Path(__file__).parent / "weights" / f"{name}.h5" for name in ("shapes", "nuclei")
}

# What `predict` and `explain` loaded last: by what tells the file from any other, the model.
_kept: dict[tuple[str, int, int, int], MaskRCNN] = {}
_loading = threading.Lock()
MOST_KEPT = 4  # models; the COCO model takes 250 MB


def load_model(
    weights: str | os.PathLike[str] = "coco",
    config: Config | None = None,
    class_names: tuple[str, ...] | None = None,
) -> MaskRCNN:
    """Load a network.

    Parameters
    ----------
    weights : "coco", matterport's pretrained model of 80 everyday classes, "torchvision" or
        "torchvision-v2", torchvision's of the same classes, each fetched on first use; or one that
        is part of the package: "shapes", drawn ones, or "nuclei", nuclei of cells under the
        microscope; or the path of a weight file
    config : Config that replaces the one that belongs to the weights
    class_names : for a file without names, the background first: ("background", "cat", "dog")

    Returns
    -------
    MaskRCNN

    Raises
    ------
    WeightsError
        If the weights cannot be obtained, are damaged, or belong to a different network.
    """
    model = load(_path(weights), config, class_names)
    LOG.info("loaded %s", printable(str(weights)))
    return model


def predict(
    image: Photo,
    weights: str | os.PathLike[str] = "coco",
    *,
    orient: bool = True,
    min_score: float | None = None,
    nms_threshold: float | None = None,
    max_detections: int | None = None,
    classes: str | Iterable[str] | None = None,
    size: int | None = None,
    **unknown: Any,
) -> Detections:
    """Find the objects in a photograph: `load_model(weights).predict(image)`, the model kept.

    Safe to call from several threads: the first one loads the model, the others wait for it. A
    weight file that has changed since is read again. Each of the five settings is for this call
    only; None takes the model's own.

    Parameters
    ----------
    image : a path, bytes, an open file, a PIL image or an array: see `photo.read_photo`
    weights : as in `load_model`
    orient : whether to turn the picture as its EXIF data asks
    min_score : 0 … 1, the confidence threshold: objects with a lower score are dropped
    nms_threshold : 0 … 1, the IoU above which the weaker of two boxes of a class is dropped
    max_detections : at least 1; only so many of the best objects are kept
    classes : class names, or one name; only these are looked for
    size : pixels, a multiple of 64: the side of the network's input. Smaller is quicker, larger
        finds smaller objects

    Returns
    -------
    Detections

    Raises
    ------
    WeightsError
        As in `load_model`.
    ImageError
        If the photograph cannot be read.
    SettingError
        If a setting makes no sense or is unknown; the latter is said before anything is loaded.
    """
    refuse_unknown(unknown)
    model = _model(weights)
    with _naming(weights):
        return model.predict(
            image,
            orient=orient,
            min_score=min_score,
            nms_threshold=nms_threshold,
            max_detections=max_detections,
            classes=classes,
            size=size,
        )


def explain(
    image: Photo,
    weights: str | os.PathLike[str] = "coco",
    *,
    orient: bool = True,
    min_score: float | None = None,
    nms_threshold: float | None = None,
    max_detections: int | None = None,
    classes: str | Iterable[str] | None = None,
    size: int | None = None,
    number: int | None = None,
    **unknown: Any,
) -> Report:
    """Show what the network does with a photograph, step by step, in one self-contained page.

    Parameters
    ----------
    image, weights, orient : as in `predict`
    min_score, nms_threshold, max_detections, classes, size : as in `predict`
    number : of the object that is followed through the heads, from 0 on as `predict` numbers them;
        None: the largest of the surest

    Returns
    -------
    Report: a page of HTML, to be saved and opened in a browser

    Raises
    ------
    WeightsError, ImageError, SettingError
        As in `predict`.

    Examples
    --------
    >>> explain("street.jpg", min_score=0.5).save("report.html")  # doctest: +SKIP
    """
    refuse_unknown(unknown)
    model = _model(weights)
    config = adjusted(model.config, min_score, nms_threshold, max_detections, classes, size)
    steps = replace(model, config=config).trace(image, orient=orient)
    return make_report(steps, config, path_of(image), number)


def _model(weights: str | os.PathLike[str]) -> MaskRCNN:
    """The model of these weights, loaded once, and again when the file is another one."""
    path = _path(weights)
    model = _kept.get(_identity(path))
    if model is not None:
        return model
    with _loading:
        identity = _identity(path)  # before it is read: a later change makes it another file
        if identity not in _kept:
            model = load(path, None)
            while len(_kept) >= MOST_KEPT:
                del _kept[next(iter(_kept))]  # the one loaded first
            _kept[identity] = model
        return _kept[identity]


def _identity(path: str | os.PathLike[str]) -> tuple[str, int, int, int]:
    """What tells a file from any other, whatever it is called and from whatever folder."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # `load` says what is wrong with it
        return str(path), 0, 0, 0
    return os.path.realpath(path), found.st_mtime_ns, found.st_size, found.st_ino


@contextmanager
def _naming(weights: str | os.PathLike[str]) -> Iterator[None]:
    """Let what is wrong with a model in use name the file that it came from."""
    try:
        yield
    except WeightsError as error:
        raise WeightsError(f"{os.fspath(weights)}: {error}") from error


def _after_fork() -> None:
    """In a forked child no other thread exists that could still be loading."""
    global _loading
    _loading = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _path(weights: str | os.PathLike[str]) -> str | os.PathLike[str]:
    if not isinstance(weights, str | os.PathLike):
        raise WeightsError(
            'weights must be "coco", "torchvision", "torchvision-v2", "shapes", "nuclei" or the '
            f"path of a weight file, got {type(weights).__name__}; a loaded model predicts by its "
            "own method"
        )
    if weights in RELEASES:
        return published_weights(str(weights))
    bundled = BUNDLED.get(str(weights))
    if bundled is not None and not bundled.exists():
        raise WeightsError(f"{bundled}: is not part of this copy of the package; install it again")
    return bundled or weights
