"""What is in a weight file, and whether it is whole, in words."""

import os
from math import prod

import numpy as np

from minimaskrcnn.config import COCO, Config
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.configs import config_from_dict, json_object
from minimaskrcnn.weights.convert import load
from minimaskrcnn.weights.fitting import block_counts, class_count
from minimaskrcnn.weights.hdf5 import arrays_within, open_file, read_array
from minimaskrcnn.weights.keras import keras_layers, our_names
from minimaskrcnn.weights.known import COCO_FILE
from minimaskrcnn.weights.lock import checksum
from minimaskrcnn.weights.store import about_store, is_store

NETWORKS = {(3, 4, 6, 3): "ResNet-50", (3, 4, 23, 3): "ResNet-101", (3, 8, 36, 3): "ResNet-152"}


def info(path):
    """Yield lines that say what a file is, and every array's shape, min, mean, std and max.

    Raises
    ------
    WeightsError
        If the file is no weight file, or damaged.
    """
    with open_file(path) as (file, root):
        arrays = arrays_within(root)
        yield from _summary(file, root)
        total = sum(prod(array.shape) for array in arrays.values())
        yield f"numbers       {total:,} in {len(arrays)} arrays"
        yield ""
        width = max([len(name) for name in arrays] + [5])
        header = "".join(f"{word:>12}" for word in ("min", "mean", "std", "max"))
        yield f"{'array':{width}}  {'shape':18}{header}"
        for name, array in arrays.items():
            values = read_array(file, array).astype(np.float64)
            numbers = (values.min(), values.mean(), values.std(), values.max())
            shape = " x ".join(map(str, array.shape))
            yield f"{name:{width}}  {shape:18}" + "".join(f"{x:12.5g}" for x in numbers)


def _summary(file, root):
    yield f"file          {file.path}, {file.size:,} bytes"
    try:
        shapes = _shapes(file, root)
    except WeightsError as error:
        yield f"network       none that this package knows ({error})"
        return
    blocks = block_counts(shapes)
    name = NETWORKS.get(blocks, "a ResNet")
    width = shapes["fpn.smooth.0.bias"][0]
    if is_store(root):
        about = about_store(file, root)
        config = config_from_dict(file.path, json_object(file.path, about["config"]))
        source = json_object(file.path, about["provenance"])
        yield f"format        minimaskrcnn's own, version {about['format_version']}"
        names = ", ".join(config.class_names)
        enlarged = f" x {config.image_scale:g}" if config.resize_mode == "scale" else ""
        frame = f"{config.resize_mode}{enlarged}, {config.image_max_size} pixels at most"
        origin = ", ".join(f"{key} {value}" for key, value in source.items()) or "not recorded"
    else:
        version = root.attributes.get("keras_version", "of unknown version")
        yield f"format        the original's: weights of Keras {version}"
        known = class_count(shapes) == COCO.num_classes
        names = "COCO's, presumably" if known else "names not in the file"
        frame, origin = "not in the file", "the file itself"
    yield f"network       Mask R-CNN on {name} (blocks: {blocks}), pyramid of {width} channels"
    yield f"classes       {class_count(shapes)}, the background included: {names}"
    yield f"input         {frame}"
    yield f"made from     {origin}"


def _shapes(file, root):
    """{our name: shape} of either format."""
    if is_store(root):
        found = arrays_within(root)
        return {name.replace("/", "."): array.shape for name, array in found.items()}
    arrays, _ = our_names(file, keras_layers(file, root))
    return {name: array.shape for name, array in arrays.items()}


def verify(path, release=COCO_FILE):
    """Yield lines that say which known file this is, and that it is whole.

    Raises
    ------
    WeightsError
        If anything is wrong with it; says what.
    """
    with open_file(path) as (file, root):
        shapes, own = _shapes(file, root), is_store(root)
        about = about_store(file, root) if own else None
    names = tuple(f"class {i}" for i in range(class_count(shapes) or 0))
    load(path, None if own else Config(class_names=names))
    name = NETWORKS.get(block_counts(shapes), "a ResNet")
    yield f"{path}: whole. Mask R-CNN on {name}, {class_count(shapes)} classes; no layer is missing"
    if own:
        yield "its contents match its checksum"
        source = json_object(path, about["provenance"])
        size, sha256 = source.get("source_bytes"), source.get("source_sha256")
    else:
        size, sha256 = os.path.getsize(path), checksum(path)
    if (size, sha256) == (release.size, release.sha256):
        yield f"it {'was made from' if own else 'is'} the published {release.name}"
    elif not own and size == release.size and checksum(path, "md5") == release.md5:
        yield f"it has the size and the MD5 of the published {release.name}, but SHA-256 {sha256}"
    elif sha256 is None:
        trained = "steps_done" in source
        yield f"it was {'trained, not converted' if trained else 'made from a file not recorded'}"
    else:
        yield (
            f"it {'was made from' if own else 'is'} none of the known files: a model of your own, "
            f"or another version (SHA-256 {sha256}, {size:,} bytes; the published {release.name} "
            f"has {release.sha256}, {release.size:,} bytes)"
        )
