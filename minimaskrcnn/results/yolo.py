"""YOLO's form for segmentation: a text file for each photograph, a line for each object.

Idea    A line is a class from 0 on (there is no background) and one outline in parts of the
        picture's sides. An object of several pieces is one outline all the same: from the first
        corner there and back to each piece, over bridges that have no width.
Source  docs.ultralytics.com/datasets/segment
Shapes  Detections  ->  str
"""

import numpy as np


def to_yolo(result):
    """The lines "class x1 y1 x2 y2 …" of one photograph, coordinates from 0 to 1.

    Parameters
    ----------
    result : Detections

    Returns
    -------
    str; an object without pixels has no line
    """
    sides = np.array(result.image.shape[1::-1])  # width, height
    lines = []
    for detection in result:
        rings = detection.polygons
        if rings:
            numbers = (one_outline(rings) / sides).ravel()
            lines.append(" ".join([str(detection.class_id - 1), *(f"{n:.7g}" for n in numbers)]))
    return "".join(f"{line}\n" for line in lines)


def one_outline(rings):
    """Several outlines as a single one that encloses the same.

    Parameters
    ----------
    rings : list of (M, 2)

    Returns
    -------
    (M', 2)
    """
    if len(rings) == 1:
        return rings[0]
    start = rings[0][:1]
    parts = [rings[0], start]
    for ring in rings[1:]:
        parts += [ring, ring[:1], start]
    return np.concatenate(parts)
