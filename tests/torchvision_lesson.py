"""Two small pictures with objects to learn from, for torchvision and for this project alike."""

from pathlib import Path

import numpy as np

DATA = Path(__file__).parent / "data"
CLASSES = 5
SIZES = {"min_size": 128, "max_size": 213}


def pictures():
    """Yield (photo (h, w, 3) uint8, masks (N, h, w) bool, class ids (N,)) of two sizes."""
    cat = [(40, 50, 30, 36, 1), (60, 30, 9, 14, 3)]  # ellipses: centre, radii, class
    coffee = [(30, 30, 22, 16, 2), (80, 40, 25, 20, 4), (60, 8, 5, 6, 2)]
    for name, place, shapes in (
        ("chelsea", (60, 100, 96, 120), cat),
        ("coffee", (90, 200, 110, 70), coffee),
    ):
        top, left, height, width = place
        with np.load(DATA / f"case_full_{name}.npz") as arrays:
            photo = arrays["image"][top : top + height, left : left + width]
        rows, columns = np.arange(height)[:, None], np.arange(width)
        masks = [
            ((rows - y) / down) ** 2 + ((columns - x) / across) ** 2 < 1
            for y, x, down, across, _ in shapes
        ]
        yield photo, np.array(masks), np.array([shape[-1] for shape in shapes])
