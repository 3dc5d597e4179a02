"""Pictures as files: the formats that are written, and index pictures that can be looked at.

Idea    An index picture says for each pixel which object it belongs to. With a palette a viewer
        shows the objects' colours, and who reads the file as it is gets the numbers.
Shapes  (H, W, 3) uint8 and others  ->  bytes, files
"""

import io
from pathlib import Path

import numpy as np

from minimaskrcnn.errors import SettingError
from minimaskrcnn.results.colours import object_colours
from minimaskrcnn.runtime.files import written_whole

WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def thumbnail(pixels, longest=1024):
    """A picture (H, W, 3) uint8 as JPEG, bytes; reduced to at most `longest` pixels per side."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((longest, longest))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def write_picture(path, pixels, photograph=None):
    """Write an array as a picture: .png, .jpg or .webp; a file is never left half written.

    Parameters
    ----------
    path : str or Path
    pixels : (H, W, 3) uint8 RGB, (H, W, 4) uint8 RGBA or (H, W) uint16; or a PIL image
    photograph : str that a PNG file keeps as a text of this name, or None

    Raises
    ------
    SettingError
        If the path's suffix is none of these.
    OSError
        If the file cannot be written.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    suffix, texts = check_suffix(path), PngInfo()
    if photograph is not None:
        texts.add_itxt("Photograph", photograph)
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    with written_whole(path) as beside:
        picture.save(beside, WRITTEN[suffix], quality=92, compress_level=3, pnginfo=texts)


def index_picture(result):
    """The objects' numbers as a picture with a palette: 0 is nothing (black), else 1 + number.

    Parameters
    ----------
    result : Detections

    Returns
    -------
    PIL image of mode P, whose pixels are the numbers; with more than 255 objects, which no palette
    has room for, of 16 bits
    """
    from PIL import Image

    numbers = result.label_map()  # (H, W)
    if len(result) > 255:
        return Image.fromarray(numbers.astype(np.uint16))
    picture = Image.fromarray(numbers.astype(np.uint8)).convert("L")
    picture.putpalette(bytes(3) + object_colours(result.boxes).tobytes())
    return picture


def check_suffix(path):
    """Return the suffix of a path, lower case; SettingError if no picture can be written so."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITTEN:
        raise SettingError(f"{path}: pictures are written as {', '.join(WRITTEN)}")
    return suffix
