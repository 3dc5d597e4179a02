"""Small weight files in each form in which Keras has saved a Mask R-CNN, written without Keras.

    python make_keras_forms.py FOLDER         # all of them: FOLDER/keras_2_0_8.h5, …

Idea    Keras's `save_weights` and `save` are a few lines around h5py. What differs between its
        versions, and between the original and its forks for TensorFlow 2, are groups, attributes
        and names; each difference is one function here. The numbers are those of
        `make_reference_weights.py`, for the toy layout of `toy_weights.py`.
Source  keras/engine/topology.py and saving.py, 2.0.8 and 2.2.4; tensorflow/python/keras/saving/
        hdf5_format.py, 2.4; the original's `parallel_model.py`; the forks' `class AnchorsLayer`
"""

import sys
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from toy_weights import toy_layers  # noqa: E402

SIZE, SCALES, RATIOS = 128, (8, 16, 32, 64, 128), (0.5, 1, 2)


def anchors(size=SIZE, scales=SCALES, ratios=RATIOS, step=1):
    """The original's anchors, normalised, one after the other: (A, 4) y1 x1 y2 x2."""
    boxes = []
    for scale, stride in zip(scales, (4, 8, 16, 32, 64), strict=True):
        for y in range(0, -(-size // stride), step):
            for x in range(0, -(-size // stride), step):
                for ratio in ratios:
                    height, width = scale / ratio**0.5, scale * ratio**0.5
                    top, left = y * stride - height / 2, x * stride - width / 2
                    boxes.append((top, left, top + height - 1, left + width - 1))
    return np.array(boxes, np.float32) / np.float32(size - 1)


def save_weights(root, layers):
    """Keras's `save_weights_to_hdf5_group`; layers: [(name, [(weight's name, array), …]), …]."""
    root.attrs["layer_names"] = np.array([name.encode() for name, _ in layers])
    root.attrs["backend"] = b"tensorflow"
    for name, weights in layers:
        group = root.create_group(name)
        names = [weight.encode() for weight, _ in weights]
        group.attrs["weight_names"] = np.array(names) if names else np.array([], np.float64)
        for weight, array in weights:
            group.create_dataset(weight, array.shape, dtype=array.dtype)[...] = array


def keras_2_0_8(path, layers, **how):
    """TensorFlow 1: what the published file was written with."""
    with h5py.File(path, "w", **how) as file:
        save_weights(file, layers)
        file.attrs["keras_version"] = b"2.0.8"


def keras_2_2_4(path, layers):
    """TensorFlow 1, in training mode: other layers without weights, the heads in another order."""
    by_name = dict(layers)
    last = [name for name in by_name if name.startswith("mrcnn_mask")]
    order = [name for name in by_name if name not in last] + last
    extra = [(name, []) for name in ("input_gt_boxes", "proposal_targets", "rpn_class_loss")]
    with h5py.File(path, "w") as file:
        save_weights(file, [(name, by_name[name]) for name in order] + extra)
        file.attrs["keras_version"] = b"2.2.4"


def second_model(path, layers):
    """A model that was built second in a session: the weights' names are numbered, layers' not."""
    numbered = [
        (name, [(f"{weight.split('/')[0]}_1/{weight.split('/')[1]}", a) for weight, a in weights])
        for name, weights in layers
    ]
    keras_2_0_8(path, numbered)


def parallel_model(path, layers):
    """The outer model of `ParallelModel`: the whole network is one layer of it."""
    inner = [weight for _, weights in layers for weight in weights]
    keras_2_0_8(path, [("input_image", []), ("lambda_1", []), ("mask_rcnn", inner), ("mrcnn", [])])


def whole_model(path, layers):
    """Keras's `model.save`: weights, optimiser and architecture."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.2.4", "tensorflow"
        file.attrs["model_config"] = b'{"class_name": "Model"}'.ljust(300_000)  # as long as it is
        save_weights(file.create_group("model_weights"), layers)
        optimizer = file.create_group("optimizer_weights")
        optimizer.attrs["weight_names"] = np.array([b"SGD/iter:0"])
        optimizer["SGD/iter:0"] = np.int64(7)


def tf2(path, layers, name="anchors/Variable:0", **made):
    """The forks for TensorFlow 2 (akTwelve, leekunhee, …): the anchors are a weight."""
    held = [("anchors", [(name, np.repeat(anchors(**made)[None], 2, axis=0))])]
    with h5py.File(path, "w") as file:
        save_weights(file, layers[:5] + held + layers[5:])
        file.attrs["keras_version"], file.attrs["backend"] = "2.4.0", "tensorflow"
        top = file.create_group("top_level_model_weights")
        top.attrs["weight_names"] = np.array([], np.float64)


def tf2_anchors_twice(path, layers):
    """The same with the layer's name in the weight's name once more."""
    tf2(path, layers, "anchors/anchors/Variable:0")


def tf2_anchors_plain(path, layers):
    """The same with a weight that was made outside of the layer's scope."""
    tf2(path, layers, "Variable:0")


def tf2_other_step(path, layers):
    """Trained with RPN_ANCHOR_STRIDE = 2."""
    tf2(path, layers, step=2)


def of_precision(dtype):
    """With `keras.backend.set_floatx`."""

    def write(path, layers):
        keras_2_0_8(
            path, [(n, [(w, a.astype(dtype)) for w, a in weights]) for n, weights in layers]
        )

    return write


def keras_3(path, layers):
    """A `.weights.h5` of Keras 3: numbered arrays in groups named after classes."""
    with h5py.File(path, "w") as file:
        for number, (_, weights) in enumerate(layers):
            group = file.create_group(f"layers/conv2d_{number}/vars")
            for i, (_, array) in enumerate(weights):
                group.create_dataset(str(i), data=array)


def changed(change):
    """With each array changed: change(name, array), None to leave it out."""

    def write(path, layers):
        kept = [
            (name, [(w, change(w, a)) for w, a in weights if change(w, a) is not None])
            for name, weights in layers
        ]
        keras_2_0_8(path, kept)

    return write


def stem_of(channels):
    """Trained on pictures of so many channels."""
    return changed(
        lambda name, a: np.repeat(a[:, :, :1], channels, axis=2) if name == "conv1/kernel:0" else a
    )


def five_ratios(name, array):
    """The RPN with five anchors per cell in place of three."""
    more = {"rpn_class_raw": 10, "rpn_bbox_pred": 20}.get(name.split("/")[0])
    return array if more is None else np.resize(array, (*array.shape[:-1], more))


def repacked(**how):
    """With options of h5py for each array."""

    def write(path, layers):
        keras_2_0_8(path, layers)
        with h5py.File(path, "r+") as file:
            array = file["conv1/conv1/bias:0"][()]
            del file["conv1/conv1/bias:0"]
            file["conv1/conv1"].create_dataset("bias:0", data=array, **how)

    return write


def with_file(**how):
    """With options of h5py for the file."""
    return lambda path, layers: keras_2_0_8(path, layers, **how)


FORMS = {  # name: function that writes it
    "keras_2_0_8": keras_2_0_8,
    "keras_2_2_4": keras_2_2_4,
    "second_model": second_model,
    "parallel_model": parallel_model,
    "whole_model": whole_model,
    "tf2": tf2,
    "tf2_anchors_twice": tf2_anchors_twice,
    "tf2_anchors_plain": tf2_anchors_plain,
    "tf2_other_step": tf2_other_step,
    "float64": of_precision("<f8"),
    "float16": of_precision("<f2"),
    "keras_3": keras_3,
    "gray": stem_of(1),
    "rgba": stem_of(4),
    "five_ratios": changed(five_ratios),
    "no_bias": changed(lambda name, a: None if name == "res2a_branch2a/bias:0" else a),
    "gzip": repacked(compression="gzip"),
    "chunked": repacked(chunks=(2,)),
    "track_order": with_file(track_order=True),
    "user_block": with_file(userblock_size=512),
    "libver_latest": with_file(libver="latest"),
}


def write(form, path, **size):
    """Write one form of the toy to a path; returns the path. `size` as of `toy_layout`."""
    FORMS[form](path, toy_layers(**size))
    return path


if __name__ == "__main__":
    for form in FORMS:
        write(form, Path(sys.argv[1]) / f"{form}.h5")
