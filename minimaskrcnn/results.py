"""What `predict` returns: the objects found in one photograph."""

from dataclasses import dataclass

import numpy as np

from minimaskrcnn.masks import boxes_in_image, paste_mask


@dataclass(frozen=True)
class Detections:
    """Parallel arrays, one row an object, best score first."""

    image: np.ndarray  # (H, W, 3) uint8, the photograph
    boxes: np.ndarray  # (N, 4) int32, pixels of the photograph, y1 x1 y2 x2, end excluded
    class_ids: np.ndarray  # (N,) int64
    scores: np.ndarray  # (N,) float32
    mask_probs: np.ndarray  # (N, 28, 28) float32: masks as the network draws them, over the boxes
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def labels(self) -> list[str]:
        """The class name of each object."""
        return [self.class_names[i] for i in self.class_ids]

    @property
    def masks(self) -> np.ndarray:
        """(N, H, W) bool: the pixels of each object, pasted when asked for."""
        masks = np.zeros((len(self), *self.image.shape[:2]), bool)
        for i, (probs, box) in enumerate(zip(self.mask_probs, self.boxes, strict=True)):
            masks[i] = paste_mask(probs, box, self.image.shape)
        return masks


def make_detections(photo, detections, mask_probs, window, config):
    """Detections in pixels of the photograph, from those normalised to the network's input.

    Parameters
    ----------
    photo : (H, W, 3) uint8
    detections : (N, 6) float32: normalised box, class, score
    mask_probs : (N, 28, 28) float32
    window : (4,) normalised: where in the input the photograph lies
    config : Config; read is `class_names`

    Returns
    -------
    Detections, without the boxes that have no area in whole pixels
    """
    boxes = boxes_in_image(detections[:, :4], window, photo.shape)
    rows = np.flatnonzero(((boxes[:, 2:] - boxes[:, :2]) > 0).all(axis=1))
    return Detections(
        image=photo,
        boxes=boxes[rows],
        class_ids=detections[rows, 4].astype(np.int64),
        scores=detections[rows, 5],
        mask_probs=mask_probs[rows],
        class_names=config.class_names,
    )
