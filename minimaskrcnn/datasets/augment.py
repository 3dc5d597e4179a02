"""Augmentation: the same object mirrored, turned, nearer, darker is still the same object.

Idea    A small dataset shows every object once; a network with millions of weights would learn it
        by heart. Each time a picture is used it is therefore changed at random, in ways that leave
        the objects what they are. Which ways those are, only the user knows: a mirrored "6" or a
        mirrored left hand is another thing.
Source  Mirroring and scale: as in every detector since Fast R-CNN (arXiv:1504.08083, section 2.4).
        Brightness, contrast, colour: Krizhevsky et al. 2012, section 4.1, in a simpler form.
Shapes  Example (S, S)  ->  Example (S, S)
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from minimaskrcnn.datasets.example import Example
from minimaskrcnn.errors import SettingError


@dataclass(frozen=True)
class Augmentation:
    """What is changed at random, and how far; False or 0 leaves it as it is."""

    mirror: bool = True  # left and right, for half of the crops
    turns: bool = True  # by a random number of quarters
    scale: float = 0.3  # between exp(-0.3) and exp(0.3) times the size
    brightness: float = 0.3  # all values times exp(-0.3) … exp(0.3)
    contrast: float = 0.3  # the distance from the picture's mean value, likewise
    colour: float = 0.1  # each channel by itself, likewise


NONE = Augmentation(False, False, 0.0, 0.0, 0.0, 0.0)
NAMES = tuple(field.name for field in fields(Augmentation))


def augmentation_of(names):
    """Return the Augmentation that has only what is named, as strong as by default.

    Parameters
    ----------
    names : iterable of names of the fields of Augmentation

    Raises
    ------
    SettingError
        If a name is none of them.

    Examples
    --------
    >>> augmentation_of(["mirror"])  # doctest: +NORMALIZE_WHITESPACE
    Augmentation(mirror=True, turns=False, scale=0.0, brightness=0.0, contrast=0.0, colour=0.0)
    """
    chosen = NONE
    for name in names:
        if name not in NAMES:
            raise SettingError(f"augmentation {name!r} is unknown; there are {', '.join(NAMES)}")
        chosen = replace(chosen, **{name: getattr(Augmentation(), name)})
    return chosen


def suited_to(class_names):
    """Return the Augmentation for these classes: no mirroring or turning where names forbid it.

    A class called "left shoe" or "6" says that sides or directions matter.

    Parameters
    ----------
    class_names : of the dataset

    Examples
    --------
    >>> suited_to(["background", "left hand"]).mirror, suited_to(["background", "6"]).turns
    (False, False)
    """
    words = {word for name in class_names for word in name.lower().replace("_", " ").split()}
    if any(len(word) == 1 for word in words):  # letters or digits are read
        return Augmentation(mirror=False, turns=False)
    if words & {"left", "right"}:
        return Augmentation(mirror=False)
    return Augmentation()


def turned(example, augmentation, rng):
    """Return a square Example mirrored and turned at random, as far as the augmentation allows."""
    turns = rng.randint(4) if augmentation.turns else 0
    mirrored = augmentation.mirror and rng.randint(2)
    image, masks = np.rot90(example.image, turns), np.rot90(example.masks, turns, axes=(1, 2))
    if mirrored:
        image, masks = image[:, ::-1], masks[:, :, ::-1]
    image, masks = np.ascontiguousarray(image), np.ascontiguousarray(masks)
    return Example(image, example.class_ids, masks, example.image_id)


def colour_table(mean, augmentation, rng):
    """What becomes of each value in each channel: (256, 3) uint8.

    Parameters
    ----------
    mean : 0 … 255, the value around which contrast changes
    augmentation : Augmentation
    rng : np.random.RandomState
    """

    def factor(most, size=None):
        return np.exp(rng.uniform(-most, most, size))

    values = np.arange(256.0)[:, None]  # (256, 1)
    values = (values - mean) * factor(augmentation.contrast) + mean
    values = values * factor(augmentation.brightness) * factor(augmentation.colour, 3)  # (256, 3)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def recoloured(pixels, table):
    """Pixels (H, W, 3) uint8 read through a `colour_table`: (H, W, 3) uint8."""
    return table[pixels, np.arange(3)]
