"""One object of a result: its box, class and score, its mask and outlines.

Idea    The mask stays as small as the network draws it and is stretched over the box when it is
        asked for.
Shapes  box (4,) pixels, mask_probs (28, 28)  ->  mask (H, W), crop (h, w, 4), polygons
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minimaskrcnn.coco_masks.outlines import mask_to_polygons
from minimaskrcnn.coco_masks.rle import encode_in_box
from minimaskrcnn.masks import stretch_mask


@dataclass(frozen=True, eq=False)
class Detection:
    """One object: `for detection in result`, `result[0]`."""

    image: np.ndarray = field(repr=False)  # (H, W, 3) uint8, the photograph
    box: np.ndarray  # (4,) int32, pixels of the photograph, y1 x1 y2 x2, end excluded
    class_id: int
    label: str
    score: float  # 0 … 1
    mask_probs: np.ndarray = field(repr=False)  # (28, 28) float32, over the box or …
    mask_box: np.ndarray | None = field(default=None, repr=False)  # … (4,) int32, over this one
    exact_box: np.ndarray | None = field(default=None, repr=False)  # (4,) float32, if not rounded

    @property
    def mask(self) -> np.ndarray:
        """(H, W) bool: the object's pixels."""
        mask = np.zeros(self.image.shape[:2], bool)
        y1, x1, y2, x2 = self.region
        mask[y1:y2, x1:x2] = self.mask_in_region
        return mask

    @property
    def region(self) -> np.ndarray:
        """(4,) int32: the part of the photograph that holds all pixels of the mask.

        That is the box; in torchvision's convention it is a little more on each side.
        """
        if self.mask_box is None:
            return self.box
        return np.clip(self.mask_box, 0, np.tile(self.image.shape[:2], 2)).astype(np.int32)

    @property
    def mask_in_region(self) -> np.ndarray:
        """(h, w) bool: the object's pixels within its region."""
        box = self.box if self.mask_box is None else self.mask_box
        stretched = self.mask_probs  # of a result that was read from a file: pixels already
        if stretched.dtype != bool:
            stretched = stretch_mask(self.mask_probs, box[2] - box[0], box[3] - box[1])
        y1, x1, y2, x2 = self.region - np.tile(box[:2], 2)
        return stretched[y1:y2, x1:x2]

    @property
    def mask_in_box(self) -> np.ndarray:
        """(h, w) bool: the object's pixels within its box."""
        if self.mask_box is None:
            return self.mask_in_region
        y1, x1, y2, x2 = self.box
        return self.mask[y1:y2, x1:x2]

    @property
    def area(self) -> int:
        """Number of the object's pixels."""
        return int(self.mask_in_region.sum())

    @property
    def run_lengths(self) -> dict[str, Any]:
        """The mask as COCO's run lengths, {"size": [H, W], "counts": str}; see `rle.decode`."""
        return encode_in_box(self.mask_in_region, self.region, self.image.shape)

    @property
    def crop(self) -> np.ndarray:
        """(h, w, 4) uint8 RGBA: the box cut out; what is not the object is transparent."""
        y1, x1, y2, x2 = self.box
        opacity = self.mask_in_box * np.uint8(255)
        return np.dstack([self.image[y1:y2, x1:x2], opacity])

    @property
    def polygons(self) -> list[np.ndarray]:
        """[(M, 2) int64, …]: outlines in pixels, x and y; see `outlines.mask_to_polygons`."""
        start = self.region[[1, 0]]  # x, y
        flat = mask_to_polygons(self.mask_in_region)
        return [np.array(polygon).reshape(-1, 2) + start for polygon in flat]
