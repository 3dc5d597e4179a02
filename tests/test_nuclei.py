"""The bundled model of nuclei, on pictures drawn to look like micrographs."""

import numpy as np
import pytest
from PIL import Image

import minimaskrcnn
from minimaskrcnn import load_model
from minimaskrcnn.api import BUNDLED
from minimaskrcnn.results.tiles import tiles_of

INK = {  # background and nuclei, RGB
    "fluorescence": ((12, 12, 12), (90, 90, 90)),
    "stained": ((230, 215, 235), (110, 60, 150)),
}


def micrograph(kind, height=256, width=256, spacing=48):
    """A picture with an ellipse near every crossing of a grid, and their masks."""
    rng = np.random.RandomState(0)
    ys, xs = np.mgrid[:height, :width]
    masks, blurred = [], np.zeros((height, width))
    for y in range(spacing // 2, height - 20, spacing):
        for x in range(spacing // 2, width - 20, spacing):
            a, b = rng.uniform(9, 14, 2)
            dy, dx = ys - y - rng.uniform(-6, 6), xs - x - rng.uniform(-6, 6)
            distance = np.sqrt((dy / a) ** 2 + (dx / b) ** 2)
            masks.append(distance < 1)
            blurred = np.maximum(blurred, 1 / (1 + np.exp((distance.clip(0, 5) - 1) * 12)))
    background, nucleus = (np.array(colour) for colour in INK[kind])
    image = background + blurred[..., None] * (nucleus - background)
    image += rng.normal(0, 2, (height, width, 1))
    return np.clip(image, 0, 255).astype(np.uint8), np.array(masks)


def share_found(result, masks, least=0.7):
    """Which share of the masks is found with so much overlap."""
    found = result.masks.reshape(len(result), -1).astype(np.float32)
    truth = masks.reshape(len(masks), -1).astype(np.float32)
    shared = truth @ found.T
    union = truth.sum(axis=1)[:, None] + found.sum(axis=1)[None] - shared
    return ((shared / union).max(axis=1, initial=0) >= least).mean()


@pytest.mark.parametrize("kind", list(INK))
def test_it_finds_nuclei_in_fluorescence_and_in_stained_tissue(kind):
    image, masks = micrograph(kind)
    result = minimaskrcnn.predict(image, weights="nuclei")
    assert share_found(result, masks) >= 0.8
    assert len(result) <= 1.2 * len(masks) and set(result.labels) == {"nucleus"}


def test_a_grey_picture_is_the_same_as_its_three_equal_channels():
    image, _ = micrograph("fluorescence", 128, 128)
    grey = minimaskrcnn.predict(Image.fromarray(image[..., 0]), weights="nuclei")
    colour = minimaskrcnn.predict(image[..., :1].repeat(3, axis=2), weights="nuclei")
    assert len(grey) > 2 and (grey.boxes == colour.boxes).all()


def test_a_large_picture_with_hundreds_of_nuclei_is_looked_at_in_tiles():
    image, masks = micrograph("fluorescence", 500, 900, spacing=40)
    model = load_model("nuclei")
    assert len(masks) > 200 and len(tiles_of(image.shape, model.config)) > 1
    result = model.predict(image)
    assert share_found(result, masks) >= 0.8 and len(result) <= 1.1 * len(masks)


def test_it_is_small_and_holds_its_plan():
    config = load_model("nuclei").config
    assert BUNDLED["nuclei"].stat().st_size <= 5_000_000
    assert config.resize_mode == "scale" and config.image_scale == 2 and config.every_class
    assert config.max_detections > 300 and config.class_names == ("background", "nucleus")
