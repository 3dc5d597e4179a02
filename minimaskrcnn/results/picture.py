"""The picture of a result: masks, outlines, boxes and labels over the photograph.

Idea    Each mask is tinted and outlined in its box, the weakest first, so that the surest lies on
        top. Labels say class and score; where they find no room, they shrink to numbers and a
        legend beside the picture says the rest. All sizes grow with the picture.
Source  Colours: Okabe and Ito, "Color Universal Design", told apart by colour-blind people, too.
Shapes  Detections  ->  picture (H, W, 3) uint8; small ones are enlarged, a legend adds space
"""

import io
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from minimaskrcnn.boxes import iou_matrix
from minimaskrcnn.errors import SettingError
from minimaskrcnn.results.captions import font_for, label_size, with_labels, with_legend
from minimaskrcnn.results.placing import place_labels
from minimaskrcnn.runtime.files import written_whole

COLOURS = np.array(
    [
        (230, 159, 0),  # orange
        (86, 180, 233),  # sky blue
        (0, 158, 115),  # bluish green
        (240, 228, 66),  # yellow
        (0, 114, 178),  # blue
        (213, 94, 0),  # vermillion
        (204, 121, 167),  # reddish purple
    ],
    np.uint8,
)
WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
LEAST_SIDE = 480  # pixels: the longer side of a smaller photograph is enlarged so far
MOST_COVERED = 1 / 8  # share of the picture that labels may hide before a legend takes over
TINT = 0.4  # how much of the colour lies over an object


def draw(result, legend=None):
    """Draw what was found over the photograph.

    Parameters
    ----------
    result : Detections
    legend : True numbers the objects and lists them beside the picture, False writes labels (and
        leaves out those that have no room); None takes the legend if labels would be left out or
        hide much of the picture

    Returns
    -------
    (H, W, 3) uint8: as large as the photograph, but for a small one (whole multiples of it, so that
    labels can be read) and for the legend
    """
    zoom = max(1, ceil(LEAST_SIDE / max(result.image.shape[:2])))
    canvas = _enlarged(result.image, zoom).copy()
    boxes, colours = result.boxes * zoom, object_colours(result.boxes)
    line = max(1, round(sqrt(canvas.shape[0] * canvas.shape[1]) / 400))
    for i in reversed(range(len(boxes))):
        _paint(canvas, _enlarged(result[i].mask_in_box, zoom), boxes[i], colours[i], line)
    texts = [_text(detection) for detection in result]
    return _captioned(canvas, texts, boxes, colours, legend) if texts else canvas


def _captioned(canvas, texts, boxes, colours, legend):
    """Add labels, or numbers and a legend."""
    font = font_for(canvas.shape)
    sizes = [label_size(text, font) for text in texts]
    places = place_labels(sizes, boxes, canvas.shape)
    if legend is None:
        covered = sum(height * width for height, width in sizes)
        legend = None in places or covered > MOST_COVERED * canvas.shape[0] * canvas.shape[1]
    if not legend:
        return with_labels(canvas, texts, places, colours, font)
    numbers = [str(i) for i in range(len(boxes))]
    sizes = [label_size(number, font) for number in numbers]
    places = place_labels(sizes, boxes, canvas.shape, anywhere=True)
    return with_legend(with_labels(canvas, numbers, places, colours, font), texts, colours, font)


def object_colours(boxes):
    """Give each object a colour that those its box overlaps do not have, while there are enough.

    Parameters
    ----------
    boxes : (N, 4), any unit

    Returns
    -------
    (N, 3) uint8
    """
    near = iou_matrix(boxes.astype(np.float64), boxes.astype(np.float64)) > 0  # (N, N)
    chosen = np.zeros(len(boxes), np.int64)
    for i in range(len(boxes)):
        beside = np.bincount(chosen[:i][near[i, :i]], minlength=len(COLOURS))
        overall = np.bincount(chosen[:i], minlength=len(COLOURS))
        chosen[i] = np.lexsort([overall, beside])[0]  # least used beside, then least used at all
    return COLOURS[chosen]


def _enlarged(pixels, zoom):
    return pixels if zoom == 1 else pixels.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _text(detection):
    name = " ".join(detection.label.split())
    return f"{name[:30] + '…' if len(name) > 31 else name} {detection.score:.2f}"


def _paint(canvas, mask, box, colour, line):
    """Tint an object, outline it and draw its box, in place; everything happens within the box."""
    y1, x1, y2, x2 = box
    outline = mask & ~_eroded(mask, line)
    frame = np.ones(mask.shape, bool)
    thin = max(1, line // 2)
    frame[thin:-thin, thin:-thin] = False
    levels = np.arange(256)
    for channel, value in enumerate(colour):
        view = canvas[y1:y2, x1:x2, channel]  # (h, w)
        tinted = (levels * (1 - TINT) + value * TINT).astype(np.uint8)  # (256,): old level -> new
        framed = (levels * 0.5 + value * 0.5).astype(np.uint8)
        view[mask] = tinted[view[mask]]
        view[frame] = framed[view[frame]]
        view[outline] = value


def _eroded(mask, width):
    """The mask without its outermost `width` pixels; beyond the box counts as outside."""
    for _ in range(2):  # rows, then columns
        mask = _shrunk(np.pad(mask, [(width, width), (0, 0)]), 2 * width + 1).T
    return mask


def _shrunk(mask, length):
    """Row i of the result is True where rows i … i + length - 1 are; by doubling: 2, 4, 8 rows."""
    done = 1
    while done < length:
        step = min(done, length - done)
        mask = mask[:-step] & mask[step:]
        done += step
    return mask


def plot(result, ax=None, legend=None):
    """Show the picture in a matplotlib Axes, a new one if none is given; returns the Axes."""
    if ax is None:
        import matplotlib.pyplot as plt

        height, width = result.image.shape[:2]
        figure = plt.figure(figsize=(10, min(max(10 * height / width, 2), 20)), layout="tight")
        ax = figure.add_subplot()
    ax.imshow(draw(result, legend))
    ax.set_axis_off()
    return ax


def thumbnail(result, longest=1024):
    """The picture as a JPEG for a notebook, bytes; reduced to at most `longest` pixels a side."""
    from PIL import Image

    picture = Image.fromarray(draw(result))
    picture.thumbnail((longest, longest))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def write_picture(path, pixels):
    """Write an array as a picture: .png, .jpg or .webp; a file is never left half written.

    Parameters
    ----------
    path : str or Path
    pixels : (H, W, 3) uint8 RGB, (H, W, 4) uint8 RGBA or (H, W) uint16
    """
    from PIL import Image

    suffix = check_suffix(path)
    with written_whole(path) as beside:
        Image.fromarray(pixels).save(beside, WRITTEN[suffix], quality=92, compress_level=3)


def check_suffix(path):
    """Return the suffix of a path, lower case; SettingError if no picture can be written so."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITTEN:
        raise SettingError(f"{path}: pictures are written as {', '.join(WRITTEN)}")
    return suffix
