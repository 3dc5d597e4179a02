"""Weights: what is in the file, converting it, verifying it, fetching it."""

from minimaskrcnn.weights.hdf5 import open_file
from minimaskrcnn.weights.keras import read_keras


def load(path, config=None):
    """Read a weight file: the original's (Keras HDF5) or this project's own.

    Parameters
    ----------
    path : of the file
    config : Config in place of the file's own; a Keras file has none, and takes that of the COCO
        model if it has 81 classes

    Returns
    -------
    MaskRCNN, ready to predict, float32

    Raises
    ------
    WeightsError
        If anything in the file is missing, left over, misshapen, not finite or damaged: nothing is
        ever left at a random value.
    """
    with open_file(path) as (file, root):
        return read_keras(file, root, config)
