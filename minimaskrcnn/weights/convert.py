"""Loading a weight file of any format, and converting it to our own."""

import warnings
from pathlib import Path

from minimaskrcnn.config import TORCHVISION
from minimaskrcnn.weights.keras import read_keras
from minimaskrcnn.weights.known import TORCHVISION_1, TORCHVISION_2
from minimaskrcnn.weights.lock import checksum
from minimaskrcnn.weights.opening import open_weights
from minimaskrcnn.weights.store import read_store, save
from minimaskrcnn.weights.torchvision import EPSILON, EPSILON_OF_PUBLISHED, read_torchvision
from minimaskrcnn.weights.torchvision_config import assumption


def load(path, config=None, class_names=None):
    """Read a weight file: the original's (Keras HDF5), torchvision's, or this project's own.

    Parameters
    ----------
    path : of the file
    config : Config in place of the file's own. A Keras file has none: without one it takes the
        settings of the COCO model, or those that its anchors tell. For torchvision's see
        `torchvision.config_for`
    class_names : tuple of str, the background first, in place of those of the Config

    Returns
    -------
    MaskRCNN, ready to predict, float32

    Raises
    ------
    WeightsError
        If anything in the file is missing, left over, misshapen, not finite or damaged: nothing is
        ever left at a random value.

    Warns
    -----
    UserWarning
        If settings had to be assumed, or numbers were rounded.
    """
    with open_weights(path) as opened:
        if opened.stored:
            return read_store(opened.stored, config, class_names)
        if opened.root:
            return read_keras(opened.file, opened.root, config, class_names)
        return _load_state_dict(path, opened, config, class_names)


def _load_state_dict(path, opened, config, class_names):
    """torchvision's; says which settings are assumed, unless they are given or known."""
    arrays, sha256 = opened.state_dict(path), checksum(path)
    first, second = (
        release.is_this(opened.file.size, sha256) for release in (TORCHVISION_1, TORCHVISION_2)
    )
    epsilon = EPSILON_OF_PUBLISHED if first else EPSILON
    model = read_torchvision(path, arrays, config, class_names, epsilon)
    given = config is not None and config.convention == TORCHVISION.convention
    if not (given or first or second):
        warnings.warn(f"{path}: {assumption()}", stacklevel=3)
    return model


def convert(source, target, config=None, float16=False, source_name=None, class_names=None):
    """Write the model of one file into another, in our own format.

    Parameters
    ----------
    source, target : paths; a target that ends in .safetensors is written in that format
    config, class_names : as in `load`
    float16 : as in `save`
    source_name : what to call the source in the new file; None: its own name

    Raises
    ------
    WeightsError
        If `source` cannot be read or `target` cannot be written; then there is no target.
    """
    model = load(source, config, class_names)
    save(model, target, provenance_of(source, source_name), float16)


def provenance_of(path, name=None):
    """Where the weights in a file come from: what our own file says of itself, or the file.

    Parameters
    ----------
    path : of a weight file
    name : what to call the file; None: its own name

    Returns
    -------
    dict from str to str or int, such as source, source_bytes, source_sha256

    Raises
    ------
    WeightsError
        If it is no weight file.
    """
    with open_weights(path) as opened:
        if opened.stored:
            return opened.stored.provenance
    path = Path(path)
    return {
        "source": name or path.name,
        "source_bytes": path.stat().st_size,
        "source_sha256": checksum(path),
    }
