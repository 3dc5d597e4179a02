"""Weight files of a toy Mask R-CNN in the original's format: every layer there is, few channels."""

import json
import warnings

from conftest import weight_maker

NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def toy_layout(blocks=(1, 2, 1, 1), classes=81, width=4):
    """The layout of a toy for `make_reference_weights`: [[layer, [[name, shape], …]], …]."""
    layers = [["input_image", []]]

    def conv(name, *kernel, norm=None, out=None):
        out = kernel[-1] if out is None else out
        layers.append([name, [[f"{name}/kernel:0", kernel], [f"{name}/bias:0", [out]]]])
        if norm:
            layers.append([norm, [[f"{norm}/{part}:0", [out]] for part in NORM]])
            layers.append([f"activation_{len(layers)}", []])

    conv("conv1", 7, 7, 3, width, norm="bn_conv1")
    before = width
    for stage, count in zip("2345", blocks, strict=True):
        for b in range(count):
            branch, norm = f"res{stage}{chr(97 + b)}_branch", f"bn{stage}{chr(97 + b)}_branch"
            conv(branch + "2a", 1, 1, before, width, norm=norm + "2a")
            conv(branch + "2b", 3, 3, width, width, norm=norm + "2b")
            conv(branch + "2c", 1, 1, width, 2 * width, norm=norm + "2c")
            if b == 0:
                conv(branch + "1", 1, 1, before, 2 * width, norm=norm + "1")
            before = 2 * width
    for level in "5432":
        conv(f"fpn_c{level}p{level}", 1, 1, before, width)
    for level in "5234":
        conv(f"fpn_p{level}", 3, 3, width, width)
    rpn = len(layers)
    conv("rpn_conv_shared", 3, 3, width, 6)
    conv("rpn_class_raw", 1, 1, 6, 6)
    conv("rpn_bbox_pred", 1, 1, 6, 12)
    layers[rpn:] = [["rpn_model", [weight for _, weights in layers[rpn:] for weight in weights]]]
    conv("mrcnn_class_conv1", 7, 7, width, 8, norm="mrcnn_class_bn1")
    conv("mrcnn_class_conv2", 1, 1, 8, 8, norm="mrcnn_class_bn2")
    conv("mrcnn_class_logits", 8, classes)
    conv("mrcnn_bbox_fc", 8, 4 * classes)
    for i in "1234":
        conv(f"mrcnn_mask_conv{i}", 3, 3, width, width, norm=f"mrcnn_mask_bn{i}")
    conv("mrcnn_mask_deconv", 2, 2, 5, width, out=5)
    conv("mrcnn_mask", 1, 1, 5, classes)
    about = {"backend": "tensorflow", "keras_version": "2.0.8", "background_bias": -4.0}
    return {"layers": layers, **about}


def write_toy(path, seed=1, **size):
    """Write the toy's file; returns `path`."""
    weight_maker().write(json.loads(json.dumps(toy_layout(**size))), seed, path)
    return path


def toy_layers(seed=1, **size):
    """The toy's arrays: [(layer, [(weight's name, array), …]), …]."""
    layout = json.loads(json.dumps(toy_layout(**size)))
    layers = {layer: [] for layer, _ in layout["layers"]}
    for layer, name, array in weight_maker().tensors(layout, seed):
        layers[layer].append((name, array))
    return list(layers.items())


def own_toy(folder, seed=5):
    """The same in this package's own format, which says its settings: nothing is assumed."""
    from minimaskrcnn.weights import load
    from minimaskrcnn.weights.store import save

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = load(write_toy(folder / "keras.h5", seed=seed))
    save(model, folder / "toy.h5")
    return folder / "toy.h5"
