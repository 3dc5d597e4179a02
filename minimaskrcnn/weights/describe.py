"""What is in a weight file, and whether it is whole, in words."""

import os
import textwrap
from math import prod

import numpy as np

from minimaskrcnn.config import COCO, TORCHVISION
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.assumed import config_of
from minimaskrcnn.weights.convert import load
from minimaskrcnn.weights.fitting import block_counts, class_count
from minimaskrcnn.weights.hdf5 import arrays_within, read_array
from minimaskrcnn.weights.keras_layers import keras_layers, our_names
from minimaskrcnn.weights.known import COCO_FILE, RELEASES, TORCHVISION_1
from minimaskrcnn.weights.lock import checksum
from minimaskrcnn.weights.opening import open_weights
from minimaskrcnn.weights.torchvision import shapes_of, torchvision_layers
from minimaskrcnn.weights.torchvision_config import assumption, numbered

NETWORKS = {(3, 4, 6, 3): "ResNet-50", (3, 4, 23, 3): "ResNet-101", (3, 8, 36, 3): "ResNet-152"}


def info(path, arrays=False):
    """Yield lines that say what a file is.

    Parameters
    ----------
    path : of the file
    arrays : whether to list every array, too: its shape, min, mean, std and max

    Raises
    ------
    WeightsError
        If the file is no weight file, or damaged.
    """
    with open_weights(path) as opened:
        held, read = _arrays(opened)
        yield f"file          {opened.file.path}, {opened.file.size:,} bytes"
        yield from _summary(opened)
        total = sum(prod(array.shape) for array in held.values())
        widths = sorted({array.dtype.name for array in held.values()})
        yield f"numbers       {total:,} in {len(held)} arrays, {' and '.join(widths)}"
        if arrays:
            yield from _table(held, read)


def _arrays(opened):
    """All arrays, {name: what has a shape and a dtype}, and what reads the numbers of one."""
    if opened.stored:
        return opened.stored.arrays, opened.stored.read
    if opened.root:
        return arrays_within(opened.root), lambda array: read_array(opened.file, array)
    return opened.state_dict(opened.file.path), lambda array: array


def _table(held, read):
    width = max([len(name) for name in held] + [5])
    header = "".join(f"{word:>12}" for word in ("min", "mean", "std", "max"))
    yield ""
    yield f"{'array':{width}}  {'shape':18}{header}"
    for name, array in held.items():
        values = read(array).astype(np.float64)
        numbers = (values.min(), values.mean(), values.std(), values.max())
        shape = " x ".join(map(str, array.shape))
        yield f"{name:{width}}  {shape:18}" + "".join(f"{x:12.5g}" for x in numbers)


def _summary(opened):
    if opened.state_dict:
        yield "format        a state dict of PyTorch"
    try:
        shapes = _shapes(opened)
    except WeightsError as error:
        yield f"network       none that this package knows ({error})"
        return
    blocks = block_counts(shapes)
    name, (width,) = NETWORKS.get(blocks, "a ResNet"), shapes.get("fpn.smooth.0.bias", ("?",))
    if opened.stored:
        yield from _own(opened.stored)
    else:
        yield from _keras(opened, shapes) if opened.root else _torchvision(opened, shapes)
    yield f"network       Mask R-CNN on {name} (blocks: {blocks}), pyramid of {width} channels"


def _own(stored):
    """Format, classes, input and origin of our own file."""
    config, source = stored.config, stored.provenance
    yield f"format        minimaskrcnn's own, version {stored.about['format_version']}"
    yield from _wrapped("classes", f"{config.num_classes}: {', '.join(config.class_names)}")
    enlarged = f" x {config.image_scale:g}" if config.resize_mode == "scale" else ""
    mode = config.resize_mode if config.convention == "matterport" else config.convention
    yield f"input         {mode}{enlarged}, {config.image_max_size} pixels at most"
    origin = ", ".join(f"{key} {value}" for key, value in source.items()) or "not recorded"
    yield from _wrapped("made from", f"{origin} (as the file states)")


def _keras(opened, shapes):
    """Format and classes of the original's file, and which settings are assumed."""
    version, count = opened.root.attributes.get("keras_version", "unknown"), class_count(shapes)
    names = "COCO's, presumably" if count == COCO.num_classes else "their names are not in the file"
    yield f"format        the original's: weights of Keras, version {version}"
    yield f"classes       {count}, the background included: {names}"
    _, anchors = keras_layers(opened.file, opened.root)
    _, remarks = config_of(opened.file, shapes, anchors, class_names=numbered(class_count(shapes)))
    for remark in remarks or ["those of the COCO model, which this file is"]:
        yield from _wrapped("settings", remark.removeprefix(f"{opened.file.path}: "))


def _torchvision(opened, shapes):
    """Classes of torchvision's file, and which settings are taken."""
    count = class_count(shapes)
    coco = count == TORCHVISION.num_classes
    names = "COCO's ids, presumably" if coco else "their names are not in the file"
    yield f"classes       {count}, the background included: {names}"
    version = 1 + ("rpn.before.0.kernel" in shapes)
    yield f"written by    torchvision, version {version} of its Mask R-CNN"
    yield from _wrapped("settings", assumption())
    if TORCHVISION_1.is_this(opened.file.size, checksum(opened.file.path)):
        yield "batch norm    epsilon 0, as torchvision loads this file"


def _wrapped(word, text):
    """A line of the summary, continued below itself where it is long."""
    yield from textwrap.wrap(
        text, 100, initial_indent=f"{word:14}", subsequent_indent=" " * 14, break_on_hyphens=False
    )


def _shapes(opened):
    """{our name: shape} of either format."""
    if opened.stored:
        return {name: array.shape for name, array in opened.stored.arrays.items()}
    if opened.state_dict:
        path = opened.file.path
        return shapes_of(torchvision_layers(path, opened.state_dict(path))[1])
    layers, _ = keras_layers(opened.file, opened.root)
    arrays, _ = our_names(opened.file, layers)
    return {name: array.shape for name, array in arrays.items()}


def verify(path, release=COCO_FILE, config=None, class_names=None):
    """Yield lines that say which known file this is, and that it is whole.

    Parameters
    ----------
    path : of the file
    release : Release that it may be
    config, class_names : that it must fit, as in `convert.load`; None: any number of classes

    Raises
    ------
    WeightsError
        If anything is wrong with it; says what.
    """
    with open_weights(path) as opened:
        shapes, stored = _shapes(opened), opened.stored
    load(path, config, class_names or (None if stored or config else numbered(class_count(shapes))))
    name = NETWORKS.get(block_counts(shapes), "a ResNet")
    yield f"{path}: whole. Mask R-CNN on {name}, {class_count(shapes)} classes; no layer is missing"
    if stored:
        yield f"its contents match its own checksum, {stored.about['checksum']}"
        source = stored.provenance
        size, sha256 = source.get("source_bytes"), source.get("source_sha256")
    else:
        size, sha256 = os.path.getsize(path), checksum(path)
    yield _identity(path, stored, size, sha256, release)


def _identity(path, stored, size, sha256, release):
    """Which known file one of this size and SHA-256 is; of our own, only what it says of itself.

    Anybody can write into a file what it was made from: such words are passed on as words.
    """
    states = "it states that it was made from" if stored else "it is"
    for known in (release, *RELEASES.values()):
        if known.is_this(size, sha256):
            proof = "; only the published file itself could prove that" if stored else ""
            return f"{states} the published {known.name}{proof}"
    if not stored and size == release.size and checksum(path, "md5") == release.md5:
        return (
            f"it is not the published {release.name}, though it has its size and its MD5, which "
            f"prove nothing: its SHA-256 is {sha256}"
        )
    if sha256 is None:
        trained = "steps_done" in stored.provenance
        return (
            "it states that it was trained, not converted"
            if trained
            else "it does not state what it was made from"
        )
    return (
        f"{states} none of the known files: a model of your own, "
        f"or another version (SHA-256 {sha256}, {size:,} bytes; the published {release.name} has "
        f"{release.sha256}, {release.size:,} bytes)"
    )
