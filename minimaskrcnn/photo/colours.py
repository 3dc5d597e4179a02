"""Colour profiles: the numbers of a picture in the colours that the network has learned, sRGB.

Idea    A profile (ICC) inside a file says which colour its numbers mean. Phones write Display P3,
        whose pure red is redder than that of sRGB: read as sRGB, its colours look dull. LittleCMS,
        which comes with Pillow, does the arithmetic.
Shapes  strip of a picture (mode L, RGB or CMYK)  ->  strip (mode RGB)

Notes   A profile that is damaged, or that belongs to another kind of picture, is not applied, with
        a warning: the picture itself is good.
"""

import io
import itertools
import warnings

import numpy as np

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # by a profile's colour space


def to_srgb(picture, name):
    """Function from a strip of `picture` to the same strip in sRGB, mode RGB.

    Parameters
    ----------
    picture : PIL image; read are its mode and its profile
    name : str, what a warning calls it
    """
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode == "LAB":  # a space of its own, which Pillow converts
        return _plain
    try:
        return _by_profile(profile, picture.mode)
    except Exception as error:  # LittleCMS is missing, or whatever it says of damaged profiles
        warnings.warn(f"{name}: its colour profile is not applied ({error})", stacklevel=2)
        return _plain


def _plain(strip):
    return strip.convert("RGB")


def _by_profile(profile, picture_mode):
    from PIL import ImageCms

    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space.strip()
    mode = _MODES.get(space)
    gray = picture_mode.startswith(("1", "L", "I", "F"))
    if (mode == "CMYK") != (picture_mode == "CMYK") or mode == "L" and not gray or mode is None:
        raise ValueError(f"it is one for {space}, the picture is {picture_mode}")
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    if mode == "RGB" and _changes_nothing(transform):
        return _plain
    return lambda strip: transform.apply(strip.convert(mode))


def _changes_nothing(transform):
    """Whether the profile is sRGB in all but name: no colour moves by more than a level."""
    from PIL import Image

    steps = range(0, 256, 17)
    cube = np.array(list(itertools.product(steps, repeat=3)), np.uint8)[None]  # (1, 4096, 3)
    moved = np.asarray(transform.apply(Image.fromarray(cube))).astype(int) - cube
    return np.abs(moved).max() <= 1
