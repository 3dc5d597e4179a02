"""Weights: what is in the file, converting it, verifying it, fetching it.

Read in this order: `claims` and `hdf5` (how a file is taken apart safely), `names`, `keras_layers`
and `keras` (the original's layers and ours), `assumed` (the settings it does not hold), `fitting`
(do the arrays fit together), `tree` (a model as a list of names), `store` and `stored` (our own
format), `safetensors`, `pickles` and `torch_files` (other people's formats), `opening`, `convert`,
`describe`, `http` and `download`, `selftest`.
"""

from minimaskrcnn.weights.convert import convert, load, provenance_of
from minimaskrcnn.weights.store import save

__all__ = ["convert", "load", "provenance_of", "save"]
