"""Mask R-CNN in NumPy and Numba: `minimaskrcnn.predict("photo.jpg")`.

The public names are imported on first use, so that `import minimaskrcnn` is quick. One thing is
done before: `runtime.caching` makes sure that compiled loops can be kept somewhere.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from minimaskrcnn.runtime import caching

if TYPE_CHECKING:  # editors and type checkers see the names at once
    from minimaskrcnn.api import explain, load_model, predict
    from minimaskrcnn.config import Config
    from minimaskrcnn.errors import (
        DatasetError,
        ImageError,
        MiniMaskRCNNError,
        SettingError,
        TrainingError,
        WeightsError,
    )
    from minimaskrcnn.model import MaskRCNN
    from minimaskrcnn.results import Detections

__version__ = "0.1.0"

caching.prepare()

# What the package tells a program that uses it: `logging.getLogger("minimaskrcnn")`.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_HOMES = {
    "predict": "minimaskrcnn.api",
    "explain": "minimaskrcnn.api",
    "load_model": "minimaskrcnn.api",
    "Config": "minimaskrcnn.config",
    "Detections": "minimaskrcnn.results",
    "MaskRCNN": "minimaskrcnn.model",
}
_HOMES |= {
    name: "minimaskrcnn.errors"
    for name in ("DatasetError", "ImageError", "MiniMaskRCNNError", "SettingError",
                 "TrainingError", "WeightsError")
}  # fmt: skip
__all__ = [
    "Config",
    "DatasetError",
    "Detections",
    "ImageError",
    "MaskRCNN",
    "MiniMaskRCNNError",
    "SettingError",
    "TrainingError",
    "WeightsError",
    "__version__",
    "explain",
    "load_model",
    "predict",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'minimaskrcnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
