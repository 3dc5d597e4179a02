"""The picture of a result: masks, outlines, boxes and labels over the photograph.

Idea    Each mask is tinted and outlined in its box, the weakest first, so that the surest lies on
        top. Labels say class and score; where they find no room, they shrink to numbers and a
        legend beside the picture says the rest. All sizes grow with the picture.
Source  Colours: Okabe and Ito, "Color Universal Design", told apart by colour-blind people, too.
Shapes  Detections  ->  picture (H, W, 3) uint8; small ones are enlarged, a legend adds space
"""

import warnings
from math import ceil, sqrt

import numpy as np

from minimaskrcnn.errors import shortened
from minimaskrcnn.results.captions import label_size, with_labels, with_legend
from minimaskrcnn.results.colours import class_colours, object_colours
from minimaskrcnn.results.fonts import lettering_for, spelled
from minimaskrcnn.results.placing import place_labels
from minimaskrcnn.results.style import check_style

LEAST_SIDE = 480  # pixels: the longer side of a smaller photograph is enlarged so far
MOST_COVERED = 1 / 8  # share of the picture that labels may hide before a legend takes over
TINT = 0.4  # how much of the colour lies over an object
LONGEST = 31  # letters of a class name on a label


def draw(
    result, legend=None, colour_by="object", masks=True, boxes=True, opacity=TINT, scores=True
):
    """Draw what was found over the photograph.

    Parameters
    ----------
    result : Detections
    legend : True numbers the objects and lists them beside the picture, False writes labels (and
        leaves out those that have no room); None takes the legend if labels would be left out or
        hide much of the picture
    colour_by : "object", neighbours differ; or "class", all objects of a class are of one colour
    masks : whether objects are tinted and outlined
    boxes : whether their boxes are drawn
    opacity : 0 … 1, how much of the colour lies over an object; 0 leaves its outline
    scores : whether labels say the score

    Returns
    -------
    (H, W, 3) uint8: as large as the photograph, but for a small one (whole multiples of it, so that
    labels can be read) and for the legend

    Raises
    ------
    SettingError
        If an option makes no sense.
    """
    check_style(colour_by, opacity)
    by_class = colour_by == "class"
    colours = class_colours(result.class_ids) if by_class else object_colours(result.boxes)
    zoom = max(1, ceil(LEAST_SIDE / max(result.image.shape[:2])))
    canvas = _enlarged(result.image, zoom).copy()
    places = result.boxes * zoom
    line = max(1, round(sqrt(canvas.shape[0] * canvas.shape[1]) / 400))
    for i in reversed(range(len(places))):
        if masks:
            mask = _enlarged(result[i].mask_in_box, zoom)
            _paint_mask(canvas, mask, places[i], colours[i], line, opacity)
        if boxes:
            _paint_box(canvas, places[i], colours[i], max(1, line // 2), 0.5 if masks else 1)
    texts = [_text(detection, scores) for detection in result]
    return _captioned(canvas, texts, places, colours, legend) if texts else canvas


def _captioned(canvas, texts, boxes, colours, legend):
    """Add labels, or numbers and a legend."""
    font = lettering_for(canvas.shape)
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


def _enlarged(pixels, zoom):
    return pixels if zoom == 1 else pixels.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _text(detection, scores):
    """What a label says; a class whose letters no font has is called by its number."""
    name = shortened(" ".join(detection.label.split()), LONGEST)
    readable = spelled(name)
    if readable is None:
        readable = f"class {detection.class_id}"
        warnings.warn(
            f"no font on this system has the letters of {name!r}, which is drawn as {readable!r}; "
            "install a font that has them, such as Noto Sans",
            stacklevel=4,
        )
    return f"{readable} {detection.score:.2f}" if scores else readable


def _paint_mask(canvas, mask, box, colour, line, opacity):
    """Tint an object and outline it, in place; everything happens within the box."""
    y1, x1, y2, x2 = box
    outline = mask & ~_eroded(mask, line)
    _blend(canvas[y1:y2, x1:x2], mask, colour, opacity)
    _blend(canvas[y1:y2, x1:x2], outline, colour, 1)


def _paint_box(canvas, box, colour, line, opacity):
    """Draw a box in place: half transparent beside a mask, else in full colour."""
    y1, x1, y2, x2 = box
    frame = np.ones((y2 - y1, x2 - x1), bool)
    frame[line:-line, line:-line] = False
    _blend(canvas[y1:y2, x1:x2], frame, colour, opacity)


def _blend(view, where, colour, share):
    """Lay a share of a colour over the pixels `where` of a view (h, w, 3), in place."""
    levels = np.arange(256)
    for channel, value in enumerate(colour):
        mixed = (levels * (1 - share) + value * share).astype(np.uint8)  # (256,): old -> new
        pixels = view[..., channel]  # (h, w)
        pixels[where] = mixed[pixels[where]]


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


def plot(result, ax=None, legend=None, **style):
    """Draw into a matplotlib Axes, a new figure's if none is given; returns the Axes."""
    if ax is None:
        from matplotlib.figure import Figure  # pyplot would need a screen, and keep every figure

        height, width = result.image.shape[:2]
        size = (10, min(max(10 * height / width, 2), 20))
        ax = Figure(figsize=size, layout="tight").add_subplot()
    ax.imshow(draw(result, legend, **style))
    ax.set_axis_off()
    return ax
