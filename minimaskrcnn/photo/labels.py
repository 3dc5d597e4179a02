"""Label pictures: the numbers in a picture, not its colours.

Idea    `read` turns what a picture shows into grey levels of 8 bits. Where the values are numbers
        of objects they have to come as they are: 16 bits, a palette's indices, or a colour each.
Shapes  path  ->  labels (H, W) int64
"""

import numpy as np

from minimaskrcnn.errors import ImageError
from minimaskrcnn.photo.endings import ending_of
from minimaskrcnn.photo.kinds import open_picture
from minimaskrcnn.photo.opening import open_file


def read_labels(path):
    """Return the values of a label picture.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    labels : (H, W) int64; of a picture in colours red + 256 green + 65536 blue
    has_palette : bool, whether they are the indices of a palette

    Raises
    ------
    ImageError
        If it is not a picture, or damaged.
    """
    name = str(path)
    with open_file(path, name) as file, open_picture(file, name, ending_of(name)) as picture:
        try:
            values, has_palette = np.asarray(picture), picture.mode == "P"
        except Exception as error:  # Pillow's readers raise nearly anything at damaged files
            raise ImageError(f"{name}: is damaged or cut off ({error})") from error
    values = values.astype(np.int64)
    if values.ndim == 3 and values.shape[2] >= 3:  # colours; opacity does not count
        values = values[..., 0] + 256 * values[..., 1] + 65536 * values[..., 2]
    return values if values.ndim == 2 else values[..., 0], has_palette
