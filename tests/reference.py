"""How close an array must come to the original's, and which places may differ."""

import hashlib

import numpy as np

from minimaskrcnn.image import letterbox


def error(ours, theirs):
    """The largest difference, relative to the largest magnitude of the original's tensor."""
    assert ours.shape == theirs.shape
    return np.abs(ours.astype(np.float64) - theirs).max() / np.abs(theirs).max()


def sample_of(ours, arrays, name):
    """Our complete tensor at the places that the stored sample `name` holds."""
    return ours[tuple(slice(None, None, s) for s in arrays[f"{name}__stride"])]


def resized_by_original(arrays, config):
    """The original's resized and padded image, to the last grey level."""
    framed, window = letterbox(arrays["image"], config)
    framed.reshape(-1)[arrays["resized_places"]] = arrays["resized_values"]
    assert hashlib.sha256(framed.tobytes()).hexdigest() == str(arrays["resized_sha256"])
    assert (window == arrays["window"]).all()
    return framed


def on_the_border(rois):
    """Whether the last sample of a region lies on the map's last row or column.

    There `y1·(H-1) + (P-1)·step` may round to beyond H-1, and the whole row of samples to zero.
    """
    return (rois[:, 2] == 1) | (rois[:, 3] == 1)


def unpack_masks(arrays):
    """The original's final masks, (N, h, w) bool."""
    h, w, n = arrays["final_masks__shape"]
    bits = np.unpackbits(arrays["final_masks_packed"], axis=1)[:, : h * w]
    return bits.reshape(n, h, w).astype(bool)
