"""Mask R-CNN in NumPy and Numba: `minimaskrcnn.predict("photo.jpg")`.

The public names are imported on first use, so that `import minimaskrcnn` is quick.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "predict": "minimaskrcnn.api",
    "load_model": "minimaskrcnn.api",
    "Config": "minimaskrcnn.config",
    "Detections": "minimaskrcnn.results",
    "MaskRCNN": "minimaskrcnn.model",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'minimaskrcnn' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
