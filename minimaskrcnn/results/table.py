"""The table of a result for the terminal: number, label, score and box of each object.

Shapes  Detections  ->  str
"""

from minimaskrcnn.errors import printable, shortened

LONGEST = 40  # letters of a class name


def table(result):
    """The objects as a table; names are printable and cut to `LONGEST` letters.

    Parameters
    ----------
    result : Detections

    Returns
    -------
    str, without a line break at its end
    """
    height, width = result.image.shape[:2]
    where = f" in {printable(result.source)}" if result.source else ""
    count = f"{len(result) or 'no'} object{'' if len(result) == 1 else 's'}"
    time = f", {sum(result.seconds.values()):.2f} s" if result.seconds else ""
    lines = [f"{count}{where} ({height} x {width} pixels{time})"]
    labels = [shortened(label, LONGEST) for label in result.labels]
    longest = max(map(len, labels), default=0)
    if labels:
        lines.append(f"  #  {'label':{longest}}  score     y1     x1     y2     x2")
    for i, detection in enumerate(result):
        box = " ".join(f"{edge:6d}" for edge in detection.box)
        lines.append(f"{i:3d}  {labels[i]:{longest}}  {detection.score:5.3f} {box}")
    return "\n".join(lines)
