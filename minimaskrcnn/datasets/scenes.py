"""Synthetic scenes: overlapping circles, squares and triangles with exact masks.

Idea    This dataset needs no download, has no end, and its ground truth is exact to the pixel. A
        scene depends only on its seed. Training takes one seed after the other, so it never sees
        a scene twice. `drawing` draws the scenes.
Shapes  seed, size  ->  image (size, size, 3) uint8, class_ids (N,), masks (N, size, size)

    python -m minimaskrcnn.datasets.scenes --scenes 300 --sheet scenes.png
"""

import argparse

import numpy as np

from minimaskrcnn.datasets import Example
from minimaskrcnn.datasets.drawing import CLASS_NAMES, HARD, PLAIN, draw
from minimaskrcnn.runtime.files import written_whole
from minimaskrcnn.runtime.terminal import say


def scene(seed, size=128, hard=False):
    """Return the scene of a seed as an example to learn from.

    Parameters
    ----------
    seed : int, 0 … 2**32 - 1
    size : int, pixels per side, 64 … 4096
    hard : bool; more shapes, smaller and larger ones, hollow, touching and camouflaged ones

    Returns
    -------
    Example with image (size, size, 3) uint8, class_ids (N,) int64 and masks (N, size, size) bool,
    N from 1 to 6 (hard: 10), the front-most first; masks do not overlap. `image_id` is the seed.

    Raises
    ------
    ValueError
        If the seed or the size is out of range.

    Examples
    --------
    >>> example = scene(2)
    >>> example.image.shape, [CLASS_NAMES[i] for i in example.class_ids]
    ((128, 128, 3), ['triangle', 'triangle', 'circle', 'square'])
    """
    drawing = draw(seed, size, HARD if hard else PLAIN)
    image = np.clip(np.rint(drawing.clean + drawing.noise), 0, 255).astype(np.uint8, order="C")
    class_ids = np.array([shape.class_id for shape in drawing.shapes], np.int64)
    return Example(image, class_ids, drawing.masks, image_id=int(seed))


def statistics(drawings):
    """Return statistics of a set of scenes: one number per shape or per scene.

    Parameters
    ----------
    drawings : iterable of Drawing

    Returns
    -------
    dict from a name to a (shapes,) or (scenes,) float64 array; yes and no are 1 and 0
    """
    drawings = list(drawings)
    shapes = [shape for drawing in drawings for shape in drawing.shapes]
    areas = [drawing.masks.sum(axis=(1, 2)) for drawing in drawings]
    numbers = {
        "shapes in a scene": [len(drawing.shapes) for drawing in drawings],
        "noise, grey levels": [drawing.noise.std() for drawing in drawings],
        "radius, pixels": [shape.radius for shape in shapes],
        "visible pixels": np.concatenate(areas),
        "visible share": [shape.visible for shape in shapes],
        "partly hidden": [shape.visible < 1 for shape in shapes],
        "touches another": np.concatenate([_touching(drawing.masks) for drawing in drawings]),
        "contrast, grey levels": [shape.contrast for shape in shapes],
        "textured": [shape.textured for shape in shapes],
    }
    for class_id, name in enumerate(CLASS_NAMES[1:], 1):
        numbers[f"is a {name}"] = [shape.class_id == class_id for shape in shapes]
    return {name: np.array(values, np.float64) for name, values in numbers.items()}


def _touching(masks):
    """(N,) bool: which masks have a pixel beside, above or below one of another mask."""
    owner = np.tensordot(np.arange(1, len(masks) + 1), masks, axes=1)  # (H, W), 0 the ground
    touching = np.zeros(len(masks) + 1, bool)
    for one, other in ((owner[1:], owner[:-1]), (owner[:, 1:], owner[:, :-1])):
        meet = (one != other) & (one > 0) & (other > 0)
        touching[one[meet]] = touching[other[meet]] = True
    return touching[1:]


def sheet(path, examples, columns=8):
    """Write a PNG of examples of one size, each beside itself with its masks' outlines drawn."""
    from matplotlib.image import imsave

    tiles = [np.hstack([example.image, _outlined(example)]) for example in examples]
    blank = [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = np.split(np.array(tiles + blank), (len(tiles) + len(blank)) // columns)
    with written_whole(path) as beside:
        imsave(beside, np.vstack([np.hstack(row) for row in rows]), format="png")


def _outlined(example):
    """(H, W, 3): the picture darkened, and on it the outermost pixels of every mask by class."""
    picture = example.image // 2
    for class_id, mask in zip(example.class_ids, example.masks, strict=True):
        padded = np.pad(mask, 1)
        inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        picture[mask & ~inner] = ((255, 190, 0), (0, 210, 255), (255, 80, 255))[class_id - 1]
    return picture


def main():
    """Print the statistics of scenes 0, 1, 2, … and draw them if asked to."""
    parser = argparse.ArgumentParser(prog="python -m minimaskrcnn.datasets.scenes")
    parser.add_argument("--scenes", type=int, default=300, help="how many to describe (300)")
    parser.add_argument("--size", type=int, default=128, help="pixels per side (128)")
    parser.add_argument("--sheet", metavar="FILE", help="a PNG of scenes 0 to 47 and their masks")
    given = parser.parse_args()
    try:
        _report(statistics(draw(seed, given.size) for seed in range(max(given.scenes, 1))))
        if given.sheet:
            sheet(given.sheet, [scene(seed, given.size) for seed in range(48)])
    except (ValueError, OSError) as error:  # a size or a file that cannot be
        parser.error(str(error))


def _report(numbers):
    say(f"{'':24}     mean    least     10 %     50 %     90 %     most")
    for name, values in numbers.items():
        row = [values.mean(), *np.percentile(values, [0, 10, 50, 90, 100])]
        say(f"{name:24}" + "".join(f"{number:9.2f}" for number in row))


if __name__ == "__main__":
    main()
