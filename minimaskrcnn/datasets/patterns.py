"""Patterns that mix two colours, for the backgrounds and the shapes of drawn scenes.

Idea    A pattern is a map of numbers from 0 (the first colour) to 1 (the second). Its direction,
        period and position are random.
Shapes  rng, y (H, 1), x (1, W): positions of pixels, in 128ths of a picture's side  ->  (H, W)
"""

import numpy as np


def flat(rng, y, x):
    """A single colour."""
    return np.zeros((y.size, x.size))


def gradient(rng, y, x):
    """A straight transition from the first colour to the second."""
    along = _along(rng, y, x, 1.0, 1.0)
    return (along - along.min()) / np.ptp(along)


def sine(rng, y, x):
    """Waves."""
    return 0.5 + 0.5 * np.sin(2 * np.pi * _along(rng, y, x, 5.0, 32.0))


def stripes(rng, y, x):
    """Hard stripes."""
    return np.floor(2 * _along(rng, y, x, 5.0, 32.0)) % 2


def blobs(rng, y, x):
    """Random values on a coarse grid, interpolated smoothly."""
    cells = rng.randint(3, 10)
    grid = rng.uniform(0, 1, (cells + 1, cells + 1))
    return _weights(y.ravel(), cells) @ grid @ _weights(x.ravel(), cells).T


def checks(rng, y, x):
    """A rotated checkerboard."""
    angle, side = rng.uniform(0, np.pi / 2), rng.uniform(4.0, 16.0)
    along = np.floor((y * np.sin(angle) + x * np.cos(angle)) / side + rng.uniform())
    across = np.floor((y * np.cos(angle) - x * np.sin(angle)) / side + rng.uniform())
    return (along + across) % 2


def _along(rng, y, x, shortest, longest):
    """Position in a random direction, in periods of a random length."""
    angle = rng.uniform(0, 2 * np.pi)
    period = np.exp(rng.uniform(np.log(shortest), np.log(longest)))
    return (y * np.sin(angle) + x * np.cos(angle)) / period + rng.uniform()


def _weights(position, cells):
    """(n, cells + 1): how much each node counts at each position; a row adds up to 1."""
    distance = np.abs(position[:, None] * (cells / 128) - np.arange(cells + 1))
    near = np.clip(1 - distance, 0, 1)
    return near * near * (3 - 2 * near)
