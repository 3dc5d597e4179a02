"""Sizes: a picture must be as large as its annotations say; if not, why not.

Idea    A picture that was turned or resized after it was annotated still has annotations that look
        right. Its size tells: what is stated, what the file has, and what the file has without the
        turn that its EXIF data ask for.
Shapes  two sizes (height, width)  ->  nothing, or the sentence
"""

from minimaskrcnn.errors import DatasetError, ImageError
from minimaskrcnn.photo import photo_size


def check_size(image_id, path, stated, size, orient):
    """Refuse a picture that is not of the stated size.

    Parameters
    ----------
    image_id : id of the image
    path : Path of the picture
    stated, size : (height, width) as the annotations say, and as the picture is
    orient : whether the picture was turned as its EXIF data ask
    """
    if tuple(size) == tuple(stated):
        return
    raise DatasetError(
        f"image {image_id}: the picture {path} is {size[0]} x {size[1]} pixels (height x width), "
        f"the annotations say {stated[0]} x {stated[1]}: {_why(path, stated, size, orient)}"
    )


def size_problem(image_id, picture, orient):
    """The sentence about a Picture that is not of the stated size; None if it is."""
    try:
        size = photo_size(picture.path, orient)
        check_size(image_id, picture.path, (picture.height, picture.width), size, orient)
    except ImageError as error:
        return f"image {image_id}: {error}"
    except DatasetError as error:
        return str(error)
    return None


def _why(path, stated, size, orient):
    if tuple(size) == tuple(stated[::-1]):
        if photo_size(path, not orient) == tuple(stated):
            asks = "give --ignore-orientation" if orient else "leave --ignore-orientation out"
            return f"its EXIF data turn it, and the annotations belong to it otherwise; {asks}"
        return "width and height are swapped in the file; swap them there"
    scale = size[0] / stated[0]
    if abs(size[1] / stated[1] - scale) < 0.02 * scale:
        return (f"it was resized by {scale:.3g} after it was annotated; take the pictures that "
                "were annotated, or scale the annotations")  # fmt: skip
    return "annotations belong to the picture as it is shown, turned as its EXIF data say"
