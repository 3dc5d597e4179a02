"""Writing on a picture: labels at given places, and a legend beside it.

Idea    A label is a text on a ground of its object's colour, black or white, whichever reads
        better. The legend is a list in columns, to the right of the picture or below, whichever
        takes less space.
        `font` is a `fonts.Lettering` everywhere.
Shapes  canvas (H, W, 3) uint8, texts (N,), places (N, 2), colours (N, 3)  ->  canvas
"""

from math import ceil

import numpy as np


def label_size(text, font):
    """Height and width of a label with its margin, in pixels."""
    return ceil(font.height()), ceil(font.length(text) + 2 * _margin(font))


def with_labels(canvas, texts, places, colours, font):
    """The canvas with each text at its place (y, x), the top left corner; None is left out."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    for text, place, colour in zip(texts, places, colours, strict=True):
        if place is not None:
            _write(pen, text, place, colour, font)
    return np.array(picture)


def with_legend(canvas, texts, colours, font):
    """A larger canvas with a list of numbers 0 … N - 1 and their texts on white."""
    from PIL import Image, ImageDraw

    tag = label_size(str(len(texts) - 1), font)[1]
    row = round(font.size * 1.6)
    column = ceil(tag + font.size * 1.5 + max(font.length(text) for text in texts))
    rows, start, size = _layout(len(texts), row, column, *canvas.shape[:2])
    picture = Image.new("RGB", size, "white")
    picture.paste(Image.fromarray(canvas))
    pen = ImageDraw.Draw(picture)
    for i, text in enumerate(texts):
        y = start[0] + i % rows * row + round(font.size * 0.15)
        x = start[1] + i // rows * column + round(font.size / 2)
        _write(pen, str(i), (y, x), colours[i], font)
        font.write(pen, (x + tag + font.size / 2, y), text, "black")
    return np.array(picture)


def _layout(count, row, column, height, width):
    """Where a list goes: rows in a column, its top left corner (y, x), the whole's width, height.

    `row` and `column` are the height and width of one entry, all in pixels.
    """
    rows_beside = max(1, height // row)
    beside = ceil(count / rows_beside) * column  # width of a list to the right
    rows_below = ceil(count / max(1, width // column))
    below = rows_below * row  # height of a list below
    if beside * max(height, row) <= below * max(width, column):
        return rows_beside, (0, width), (width + beside, max(height, row))
    return rows_below, (height, 0), (max(width, column), height + below)


def _write(pen, text, place, colour, font):
    y, x = place
    height, width = label_size(text, font)
    bright = colour @ np.array([0.299, 0.587, 0.114]) > 100  # luma; contrast says so
    pen.rectangle([x, y, x + width - 1, y + height - 1], fill=tuple(colour.tolist()))
    font.write(pen, (x + _margin(font), y), text, "black" if bright else "white")


def _margin(font):
    return font.size / 4  # left and right of a label's text
