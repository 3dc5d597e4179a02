"""How a scene is drawn: every random choice, and the geometry.

Idea    Shapes are placed from the front to the back. The next shape gets the pixels that those
        before it do not cover, so its visible mask is known at once, and a shape with too few
        visible pixels is left out. Every random number comes from `np.random.RandomState`, whose
        stream NumPy has frozen (NEP 19), so a seed gives the same scene with every version.
Shapes  seed, size  ->  clean (size, size, 3) and noise, float64; masks (N, size, size) bool

Lengths are drawn for a picture of 128 x 128 pixels and grow with the picture: a scene of 256 has
the same layout as the scene of 128 with the same seed, at twice the resolution.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from minimaskrcnn.datasets.patterns import blobs, checks, flat, gradient, sine, stripes

CLASS_NAMES = ("background", "circle", "square", "triangle")
CIRCLE, SQUARE, TRIANGLE = 1, 2, 3

INSIDE = 0.7  # radii: the least distance of the centre from the border
MIN_VISIBLE = 0.2  # share of a shape's pixels; with less, it is not drawn
MIN_PIXELS = 20  # visible pixels; with fewer, it is not drawn
MIN_CONTRAST = 30.0  # grey levels of 255 in one channel, between means (see `_colours`)
TEXTURED = 0.25  # share of the shapes that have a pattern of their own
MAX_NOISE = 12.0  # grey levels: the largest standard deviation, which is random for every scene

# The normal distribution cut into 4096 slices of equal probability: the middle of each.
_NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 4096) for i in range(4096)])


@dataclass(frozen=True)
class Difficulty:
    """What makes one kind of scene harder than another."""

    most: int  # shapes per scene: 1 … `most` are tried
    radius: tuple[float, float]  # of the circle around a shape, in pixels of a picture of 128
    camouflaged: float  # share of the shapes whose colour is first chosen near the background's
    hollow: float = 0.0  # share of the shapes of which only the outline is drawn
    neighbours: float = 0.0  # share of the shapes that are placed beside the one before


PLAIN = Difficulty(most=6, radius=(6.0, 30.0), camouflaged=0.125)
HARD = Difficulty(most=10, radius=(4.0, 60.0), camouflaged=0.4, hollow=0.2, neighbours=0.4)
WALL = (0.15, 0.4)  # of a hollow shape: its thickness, as a share of the radius inside it …
MIN_WALL = 2.0  # … and at least so many pixels of a picture of 128


@dataclass(frozen=True)
class Shape:
    """One shape as it was drawn; lengths in pixels, of the picture it is in."""

    class_id: int  # CIRCLE, SQUARE or TRIANGLE
    y: float  # of the centre; the pixel in row 0 reaches from 0 to 1
    x: float
    radius: float  # of the circle around it
    angle: float  # radians
    visible: float  # share of its pixels in the picture that nothing covers
    contrast: float  # between its mean and that of the ground, in the strongest channel
    textured: bool
    hole: float = 0.0  # radius of the circle around its hole, if only its outline is drawn


@dataclass(frozen=True, eq=False)
class Drawing:
    """A scene before the noise, with its shapes and masks, from the front to the back."""

    clean: np.ndarray  # (H, W, 3) float64, 0 … 255
    masks: np.ndarray  # (N, H, W) bool, the visible pixels
    shapes: tuple[Shape, ...]  # N of them
    noise: np.ndarray  # (H, W, 3) float64, to be added


def draw(seed, size=128, difficulty=PLAIN):
    """Return the `Drawing` of a seed; arguments and errors are those of `scenes.scene`.

    The background and every shape have two colours and a pattern that mixes them (0 is the first,
    1 the second). So the picture follows from two maps: the mixture, and the owner of each pixel.
    """
    _check(seed, size)
    rng = np.random.RandomState(seed)
    unit = size / 128
    y = (np.arange(size)[:, None] + 0.5) / unit  # (H, 1) centres of pixels, in 128ths of a side
    x = (np.arange(size)[None, :] + 0.5) / unit  # (1, W)
    colours, mix = _background(rng, y, x)  # (2, 3), (H, W)
    palette, means, shapes = [colours], [], []
    owner = np.zeros((size, size), np.int64)  # 0 the ground, 1 … N the shapes
    for _ in range(rng.randint(1, difficulty.most + 1)):
        class_id, cy, cx, radius, angle = _place(rng, difficulty, unit, shapes)
        full = _inside(class_id, y - cy, x - cx, radius, angle)  # (H, W)
        hole = _hole(rng, difficulty, class_id, radius)
        if hole:
            full &= ~_inside(class_id, y - cy, x - cx, hole, angle)
        mask = full & (owner == 0)
        pixels = np.count_nonzero(mask)
        visible = pixels / np.count_nonzero(full)
        if pixels < MIN_PIXELS or visible < MIN_VISIBLE:
            continue
        ground = _blend(palette[0], mix[mask].mean())  # (3,) what it is painted on
        textured, mix[mask] = _texture(rng, mask, y - cy, x - cx)
        average = mix[mask].mean()
        palette.append(_colours(rng, average, [ground, *means], difficulty))
        means.append(_blend(palette[-1], average))
        owner[mask] = len(palette) - 1
        contrast = np.abs(means[-1] - ground).max()
        where = (cy * unit, cx * unit, radius * unit, angle)
        shapes.append(Shape(class_id, *where, visible, contrast, textured, hole * unit))
    masks = owner == np.arange(1, len(palette))[:, None, None]  # (N, H, W)
    clean = _blend(np.stack(palette, axis=2).take(owner, axis=2), mix)  # (3, H, W)
    noise = _noise(rng, clean.shape)
    return Drawing(clean.transpose(1, 2, 0), masks, tuple(shapes), noise.transpose(1, 2, 0))


def _place(rng, difficulty, unit, before):
    class_id = int(rng.randint(CIRCLE, TRIANGLE + 1))
    smallest, largest = difficulty.radius[0] / min(unit, 1.0), difficulty.radius[1]
    radius = np.exp(rng.uniform(np.log(smallest), np.log(largest)))  # every octave alike
    cy, cx = rng.uniform(INSIDE * radius, 128 - INSIDE * radius, 2)
    angle = rng.uniform(0, 2 * np.pi)
    if before and difficulty.neighbours and rng.uniform() < difficulty.neighbours:
        other, towards = before[-1], rng.uniform(0, 2 * np.pi)
        apart = rng.uniform(0.7, 1.0) * (radius + other.radius / unit)
        cy, cx = other.y / unit + apart * np.sin(towards), other.x / unit + apart * np.cos(towards)
        cy, cx = np.clip([cy, cx], INSIDE * radius, 128 - INSIDE * radius)
    return class_id, cy, cx, radius, angle


def _hole(rng, difficulty, class_id, radius):
    """The radius of the circle around a shape's hole; 0 for most, which have none."""
    if not difficulty.hollow or rng.uniform() >= difficulty.hollow:
        return 0.0
    inner = radius * {CIRCLE: 1.0, SQUARE: np.cos(np.pi / 4), TRIANGLE: np.cos(np.pi / 3)}[class_id]
    wall = max(rng.uniform(*WALL) * inner, MIN_WALL)
    return radius * max(inner - wall, 0) / inner


def _inside(class_id, y, x, radius, angle):
    """The pixels whose centre lies in the shape; y (H, 1) and x (1, W) from its centre."""
    if class_id == CIRCLE:
        return y**2 + x**2 <= radius**2
    sides = 4 if class_id == SQUARE else 3
    inside = np.ones((y.size, x.size), bool)
    for turn in angle + 2 * np.pi * np.arange(sides) / sides:  # the direction of each side
        inside &= y * np.sin(turn) + x * np.cos(turn) <= radius * np.cos(np.pi / sides)
    return inside


def _blend(colours, mix):
    return colours[0] + mix * (colours[1] - colours[0])


def _background(rng, y, x):
    """Two colours, the second as often near the first as not, and the mixture of them."""
    first = rng.uniform(0, 255, 3)
    near = np.clip(first + rng.uniform(-40, 40, 3), 0, 255)
    second = near if rng.uniform() < 0.5 else rng.uniform(0, 255, 3)
    pattern = (flat, gradient, sine, stripes, blobs, checks)[rng.randint(6)]
    return np.array([first, second]), pattern(rng, y, x)


def _texture(rng, mask, y, x):
    if rng.uniform() >= TEXTURED:
        return False, 0.0
    return True, (sine, stripes, checks)[rng.randint(3)](rng, y, x)[mask]  # (pixels,)


def _colours(rng, average, others, difficulty):
    """Two colours, whose average mixture differs from each of `others` in some channel.

    The others are the mean of what the shape is painted on and those of the shapes in front of
    it: a shape must not melt into what it touches.
    """
    camouflaged = rng.uniform() < difficulty.camouflaged
    while True:
        first = rng.uniform(0, 255, 3)
        if camouflaged:
            first = np.clip(others[0] + rng.uniform(-60, 60, 3), 0, 255)
        second = np.clip(first + rng.uniform(-100, 100, 3), 0, 255)
        colours = np.array([first, second])
        differences = np.abs(_blend(colours, average) - others).max(axis=1)  # (others,)
        if differences.min() >= MIN_CONTRAST:
            return colours
        camouflaged = False  # the next try is free, so that there is an end to it


def _noise(rng, shape):
    deviation = rng.uniform(0, MAX_NOISE)
    slices = np.frombuffer(rng.bytes(2 * np.prod(shape)), "<u2") >> 4  # 12 random bits each
    return deviation * _NORMAL.take(slices).reshape(shape)


def _check(seed, size):
    if not 0 <= seed < 2**32 or seed != int(seed):
        raise ValueError(f"scene wants a whole seed from 0 to 2**32 - 1, got {seed}")
    if not 64 <= size <= 4096 or size != int(size):
        raise ValueError(f"scene wants a size of 64 to 4096 pixels, got {size}")
