"""Rasters: arrays as pictures inside the report, written as `data:` addresses.

Idea    A report that needs no network contains its pictures as text. So pictures are few and small:
        the photograph once, and one strip of channels per level.
Shapes  (H, W, 3) uint8 or (H, W) numbers  ->  "data:image/…;base64,…"
"""

import base64
import io

import numpy as np

LONGEST = 1280  # pixels: a larger input is reduced to this
LOSSLESS = 256  # pixels: up to this side a picture is a PNG, so that every pixel is exact
TILE = 120  # pixels of a channel's longer side
CHANNELS = 6  # of a map that are shown
GAP = 6  # pixels between two channels
HEAT = (255, 140, 0)


def photo_uri(framed):
    """Return the network's input as a picture: (H, W, 3) uint8 -> data URI."""
    from PIL import Image

    picture = Image.fromarray(framed)
    if max(picture.size) <= LOSSLESS:
        return _uri(picture, "PNG")
    picture.thumbnail((LONGEST, LONGEST))
    return _uri(picture, "JPEG")


def unmold(molded, config):
    """The picture that `image.mold` made the input from: (H, W, 3) float32 -> uint8."""
    return np.around(molded * config.stds + np.array(config.mean_pixel)).astype(np.uint8)


def telling_channels(feature_map, count=CHANNELS):
    """Return the channels of (H, W, C) that vary most from place to place: indices, ascending."""
    spread = feature_map.reshape(-1, feature_map.shape[2]).std(axis=0)  # (C,)
    return np.sort(np.argsort(-spread, kind="stable")[:count])


def strip_uri(feature_map, channels, columns=CHANNELS):
    """Return channels of (H, W, C) side by side, each scaled to its own range: data URI."""
    from matplotlib import colormaps
    from PIL import Image

    tiles = [_tile(feature_map[:, :, channel]) for channel in channels]
    height, width = tiles[0].shape
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    strip = np.zeros((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), np.uint8)
    for i, tile in enumerate(tiles):
        y, x = i // columns * (height + GAP), i % columns * (width + GAP)
        strip[y : y + height, x : x + width] = tile
    picture = Image.fromarray(strip)
    picture.putpalette(colormaps["magma"](np.arange(256), bytes=True)[:, :3].tobytes())
    return _uri(picture, "PNG", transparency=0)


def heat_uri(scores):
    """Return scores (H, W) in 0 … 1 as a colour, more opaque for higher scores: data URI."""
    heat = np.empty((*scores.shape, 4), np.uint8)
    heat[..., :3] = HEAT
    heat[..., 3] = np.around(scores * 230)
    return _png(heat)


def grey_uri(probs):
    """Return probabilities (H, W) as grey levels from black to white: data URI."""
    return _png(np.around(probs * 255).astype(np.uint8))


def _tile(channel):
    """One channel (H, W) as 1 … 255, its longer side about TILE: (h, w) uint8. 0 is for gaps."""
    from PIL import Image

    low, high = float(channel.min()), float(channel.max())
    shares = (channel - low) / (high - low) if high > low else np.zeros(channel.shape)
    picture = Image.fromarray(np.around(1 + 254 * shares).astype(np.uint8))
    scale = TILE / max(channel.shape)
    if scale >= 1:  # whole multiples, so that all cells look alike
        size = [side * round(scale) for side in picture.size]
        return np.array(picture.resize(size, Image.Resampling.NEAREST))
    size = [max(round(side * scale), 1) for side in picture.size]
    return np.array(picture.resize(size, Image.Resampling.BOX))


def _png(pixels):
    from PIL import Image

    return _uri(Image.fromarray(pixels), "PNG")


def _uri(picture, kind, **settings):
    stream = io.BytesIO()
    picture.save(stream, kind, quality=80, optimize=True, **settings)
    encoded = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{encoded}"
