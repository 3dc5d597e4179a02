"""One object of a result: its box, class and score, its mask and outlines.

Idea    The mask stays as small as the network draws it and is stretched over the box when it is
        asked for.
Shapes  box (4,) pixels, mask_probs (28, 28)  ->  mask (H, W), crop (h, w, 4), polygons
"""

from dataclasses import dataclass, field

import numpy as np

from minimaskrcnn.coco_masks.outlines import mask_to_polygons
from minimaskrcnn.masks import paste_mask, stretch_mask


@dataclass(frozen=True, eq=False)
class Detection:
    """One object: `for detection in result`, `result[0]`."""

    image: np.ndarray = field(repr=False)  # (H, W, 3) uint8, the photograph
    box: np.ndarray  # (4,) int32, pixels of the photograph, y1 x1 y2 x2, end excluded
    class_id: int
    label: str
    score: float  # 0 … 1
    mask_probs: np.ndarray = field(repr=False)  # (28, 28) float32, over the box

    @property
    def mask(self) -> np.ndarray:
        """(H, W) bool: the object's pixels."""
        return paste_mask(self.mask_probs, self.box, self.image.shape)

    @property
    def mask_in_box(self) -> np.ndarray:
        """(h, w) bool: the object's pixels within its box."""
        y1, x1, y2, x2 = (int(edge) for edge in self.box)
        return stretch_mask(self.mask_probs, y2 - y1, x2 - x1)

    @property
    def area(self) -> int:
        """Number of the object's pixels."""
        return int(self.mask_in_box.sum())

    @property
    def crop(self) -> np.ndarray:
        """(h, w, 4) uint8 RGBA: the box cut out; what is not the object is transparent."""
        y1, x1, y2, x2 = self.box
        opacity = self.mask_in_box * np.uint8(255)
        return np.dstack([self.image[y1:y2, x1:x2], opacity])

    @property
    def polygons(self) -> list[np.ndarray]:
        """[(M, 2) int64, …]: outlines in pixels, x and y; see `outlines.mask_to_polygons`."""
        start = self.box[[1, 0]]  # x, y
        flat = mask_to_polygons(self.mask_in_box)
        return [np.array(polygon).reshape(-1, 2) + start for polygon in flat]
