"""From a photograph to the network's input: resize, pad, subtract the mean.

Idea    The network expects an input of one fixed size. The photograph is enlarged or reduced to
        fit, centred, and surrounded by zeros ("letterbox"); `window` records where it lies.
Source  The COCO weights were trained on pictures prepared in this way:
        github.com/matterport/Mask_RCNN, `resize_image` and `mold_image`.
Shapes  photograph (h, w, 3) uint8  ->  input (H, W, 3) uint8, window (4,) pixels  ->  float32
"""

import numpy as np

from minimaskrcnn.errors import ImageError
from minimaskrcnn.resizing import resize

SIDE = 64  # the input's sides must be multiples of this: one cell of P6 stands for 64 pixels
MOST_PIXELS = 2**26  # of the input: 8192 x 8192, whose feature maps would fill 100 GB


def scaled_size(shape, config):
    """Return the height and width in pixels that a photograph is resized to, before padding.

    The photograph is enlarged until its shorter side has `image_min_size` pixels; one that is
    larger already is left as it is. In mode "square" it is then reduced, if necessary, until the
    longer side has `image_max_size`. In mode "scale" every photograph is multiplied by
    `image_scale`.

    Parameters
    ----------
    shape : (h, w, …) of the photograph
    config : Config; uses `resize_mode` and the `image_…_size` fields

    Returns
    -------
    height, width : int
    """
    height, width = shape[:2]
    if config.resize_mode == "none":
        return height, width
    if config.resize_mode == "scale":
        return _scaled(height, width, config.image_scale)
    scale = max(1.0, config.image_min_size / min(height, width), config.image_min_scale)
    if config.resize_mode == "square":
        longest = max(height, width)
        if round(longest * scale) > config.image_max_size:
            scale = config.image_max_size / longest
    return _scaled(height, width, scale)


def _scaled(height, width, scale):
    return max(round(height * scale), 1), max(round(width * scale), 1)


def letterbox(photo, config):
    """Resize a photograph and centre it in the network's frame.

    Parameters
    ----------
    photo : (h, w, 3) uint8 RGB
    config : Config; uses `resize_mode` and the `image_…_size` fields

    Returns
    -------
    framed : (H, W, 3) uint8, zeros around the photograph; both sides are multiples of 64
    window : (4,) int64 pixels, y1 x1 y2 x2: where in the frame the photograph lies, end excluded

    Raises
    ------
    ImageError
        If `photo` is not (h, w, 3) uint8, is empty, or its sides do not suit the mode.
    """
    check_photo(photo)
    height, width = scaled_size(photo.shape, config)
    frame_height, frame_width = _frame(height, width, config)
    if (height, width) != photo.shape[:2]:
        photo = resize(photo, height, width).astype(np.uint8)  # truncated, not rounded
    top, left = (frame_height - height) // 2, (frame_width - width) // 2
    framed = np.zeros((frame_height, frame_width, 3), np.uint8)
    framed[top : top + height, left : left + width] = photo
    return framed, np.array([top, left, top + height, left + width])


def _frame(height, width, config):
    """Height and width of the network's input for a photograph resized to `height` x `width`."""
    if config.resize_mode == "square":
        height = width = config.image_max_size
    elif config.resize_mode in ("pad64", "scale"):
        height, width = -(-height // SIDE) * SIDE, -(-width // SIDE) * SIDE
    if height % SIDE or width % SIDE:
        raise ImageError(
            f"the network's input must have sides that are multiples of {SIDE}, got {height} x "
            f'{width}: use resize_mode="pad64", or "square" with such an image_max_size'
        )
    if height * width > MOST_PIXELS:
        raise ImageError(
            f"the network's input would have {height} x {width} pixels, too many to work on: "
            'make the photograph smaller or less narrow, or use resize_mode="square"'
        )
    return height, width


def mold(framed, config):
    """Return the network's input: the framed picture as float32, less the mean pixel.

    The difference is divided by `config.pixel_std`, which is 1 for the COCO weights.

    Parameters
    ----------
    framed : (H, W, 3) uint8, made by `letterbox`
    config : Config; uses `mean_pixel` and `pixel_std`

    Returns
    -------
    (H, W, 3) float32

    Raises
    ------
    ImageError
        If `framed` is not (H, W, 3) uint8, or empty.
    """
    check_photo(framed)
    centred = framed - np.asarray(config.mean_pixel)  # float64, as in the original
    return (centred / config.pixel_std).astype(np.float32)


def check_photo(photo):
    """Raise an ImageError unless `photo` is a non-empty (h, w, 3) uint8 array."""
    if not isinstance(photo, np.ndarray) or photo.dtype != np.uint8:
        found = getattr(photo, "dtype", type(photo).__name__)
        raise ImageError(f"a photograph must be an array of uint8, got {found}")
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.size == 0:
        raise ImageError(f"a photograph must be (height, width, 3) RGB, got {photo.shape}")
