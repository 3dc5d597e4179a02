"""Weights: what is in the file, converting it, verifying it, fetching it.

Read in this order: `blocks` and `hdf5` (how a file is taken apart safely), `names` and `keras`
(the original's layers and ours), `shapes` (do they fit together), `tree` (a model as a list of
names), `store` (our own format), `convert`, `describe`, `http` and `download`, `selftest`.
"""

from minimaskrcnn.weights.convert import convert, load, provenance_of
from minimaskrcnn.weights.store import save

__all__ = ["convert", "load", "provenance_of", "save"]
