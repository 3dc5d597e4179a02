"""What `predict` returns: the objects found in one photograph.

Idea    Parallel arrays, one row per object, best score first. Masks stay as small as the network
        draws them and are pasted when they are asked for: box by box where that is enough, so that
        a photograph of 24 megapixels with 100 objects needs no gigabytes.
Length  A facade: twenty short methods, each a line or two of code and its documentation.
Shapes  boxes (N, 4) pixels, class_ids (N,), scores (N,), mask_probs (N, 28, 28)
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Unpack, overload

import numpy as np

from minimaskrcnn.photo import Photo
from minimaskrcnn.results import coco, encoding, joining, picture, plain, rows, showing
from minimaskrcnn.results.detection import Detection
from minimaskrcnn.results.style import Style
from minimaskrcnn.results.table import table


@dataclass(frozen=True, eq=False, repr=False)
class Detections:
    """Parallel arrays, one row per object, best score first."""

    image: np.ndarray  # (H, W, 3) uint8, the photograph
    boxes: np.ndarray  # (N, 4) int32, pixels of the photograph, y1 x1 y2 x2, end excluded
    class_ids: np.ndarray  # (N,) int64
    scores: np.ndarray  # (N,) float32
    mask_probs: np.ndarray  # (N, 28, 28) float32: masks as the network draws them, over the boxes;
    #                         or (N,) objects, each such a mask, or (h, w) bool, the box's pixels
    class_names: tuple[str, ...]  # K, the background first
    source: str = ""  # what was predicted on: the path, if there was one
    seconds: dict[str, float] = field(default_factory=dict)  # how long each stage took
    # torchvision's convention does not round boxes, and draws masks over boxes of their own.
    exact_boxes: np.ndarray | None = None  # (N, 4) float32, the boxes before they were rounded
    mask_boxes: np.ndarray | None = None  # (N, 4) int32, may leave the photograph

    def __post_init__(self) -> None:
        n, shapes = len(self.boxes), {f.name: np.shape(getattr(self, f.name)) for f in fields(self)}
        fits = shapes["boxes"] == (n, 4) and shapes["class_ids"] == shapes["scores"] == (n,)
        masks = shapes["mask_probs"]
        single = len(masks) == 1 and self.mask_probs.dtype == object
        if not fits or not (len(masks) == 3 or single) or masks[0] != n:
            raise ValueError(
                "Detections wants boxes (N, 4), class_ids (N,), scores (N,), mask_probs (N, h, w), "
                f"got {[shapes[k] for k in ('boxes', 'class_ids', 'scores', 'mask_probs')]}"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    def __iter__(self) -> Iterator[Detection]:
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, index: int | np.integer) -> Detection: ...

    @overload
    def __getitem__(self, index: slice | np.ndarray | list[int]) -> "Detections": ...

    def __getitem__(self, index: Any) -> "Detection | Detections":
        """A number gives a Detection; a slice, boolean mask or list of numbers gives Detections."""
        if isinstance(index, int | np.integer) and not isinstance(index, bool):
            class_id = int(self.class_ids[index])
            return Detection(
                self.image,
                self.boxes[index],
                class_id,
                self.class_names[class_id],
                float(self.scores[index]),
                self.mask_probs[index],
                None if self.mask_boxes is None else self.mask_boxes[index],
                None if self.exact_boxes is None else self.exact_boxes[index],
            )
        rows = ("boxes", "class_ids", "scores", "mask_probs", "exact_boxes", "mask_boxes")
        arrays = {name: getattr(self, name) for name in rows}
        return replace(self, **{n: a[index] for n, a in arrays.items() if a is not None})

    @property
    def labels(self) -> list[str]:
        """The class name of each object."""
        return [self.class_names[i] for i in self.class_ids]

    @property
    def boxes_xyxy(self) -> np.ndarray:
        """(N, 4) int32: the boxes as x1 y1 x2 y2, in pixels, ends excluded."""
        return self.boxes[:, [1, 0, 3, 2]]

    @property
    def masks(self) -> np.ndarray:
        """(N, H, W) bool: the pixels of each object. N times the photograph's pixels of memory."""
        masks = np.zeros((len(self), *self.image.shape[:2]), bool)
        for i, detection in enumerate(self):
            masks[i] = detection.mask
        return masks

    @property
    def areas(self) -> np.ndarray:
        """(N,) int64: number of pixels of each object."""
        return np.array([detection.area for detection in self], np.int64)

    def filter(
        self, labels: str | Iterable[str] | None = None, min_score: float = 0.0, min_area: int = 0
    ) -> "Detections":
        """The objects of the named classes (None: all), with at least this score and area.

        Parameters
        ----------
        labels : class names, or one name; None: all
        min_score : 0 … 1, the least score
        min_area : pixels, the least area

        Returns
        -------
        Detections
        """
        keep = self.scores >= np.float32(min_score)
        if labels is not None:
            named = [labels] if isinstance(labels, str) else list(labels)
            keep = keep & np.array([label in named for label in self.labels], bool)
        kept = self[keep]
        return kept[kept.areas >= min_area] if min_area else kept

    def crops(self) -> list[np.ndarray]:
        """N times (h, w, 4) uint8 RGBA: each object cut out, on a transparent ground."""
        return [detection.crop for detection in self]

    def polygons(self) -> list[list[np.ndarray]]:
        """N lists of outlines (M, 2), x and y in pixels, that enclose exactly the masks."""
        return [detection.polygons for detection in self]

    def label_map(self) -> np.ndarray:
        """(H, W) int32: 0 where nothing is, else 1 + the object's index; the best lies on top."""
        labels = np.zeros(self.image.shape[:2], np.int32)
        for i in reversed(range(len(self))):
            y1, x1, y2, x2 = self[i].region
            labels[y1:y2, x1:x2][self[i].mask_in_region] = i + 1
        return labels

    def __add__(self, other: "Detections") -> "Detections":
        """The objects of two results of one photograph as one result; see `joining.joined`."""
        return joining.joined(self, other) if isinstance(other, Detections) else NotImplemented

    def __eq__(self, other: object) -> bool:
        """Whether both say the same of the same photograph; see `joining.same`."""
        return joining.same(self, other) if isinstance(other, Detections) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # arrays are compared, so there is no hash

    def to_dict(self) -> dict[str, Any]:
        """Everything but the photograph, in plain Python types; see `plain.to_dict`."""
        return plain.to_dict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], image: "Photo | None" = None) -> "Detections":
        """The result that `to_dict` was called on, with its photograph; see `plain.fields_of`."""
        return cls(**plain.fields_of(values, image))

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict` as JSON text.

        Parameters
        ----------
        indent : int, spaces per level; None: all on one line

        Returns
        -------
        str
        """
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes, image: "Photo | None" = None) -> "Detections":
        """The result that `to_json` was called on, with its photograph; see `plain.fields_of`."""
        return cls(**plain.fields_of(plain.parsed(text), image))

    def to_coco(
        self, image_id: int, boxes: bool = True, masks: bool = True, polygons: bool = False
    ) -> list[dict[str, Any]]:
        """Results in COCO's format, for `COCO.loadRes`; see `coco.to_coco`.

        Parameters
        ----------
        image_id, boxes, masks, polygons : as in `coco.to_coco`

        Returns
        -------
        list of dicts, one per object
        """
        return coco.to_coco(self, image_id, boxes, masks, polygons)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per object, for pandas or a CSV file; see `rows.to_rows`."""
        return rows.to_rows(self)

    def to_arrays(self) -> dict[str, Any]:
        """Arrays under the names that other tools use; see `rows.to_arrays`."""
        return rows.to_arrays(self)

    def draw(self, legend: bool | None = None, **style: Unpack[Style]) -> np.ndarray:
        """The picture.

        Parameters
        ----------
        legend, style : as in `picture.draw`

        Returns
        -------
        (H, W, 3) uint8
        """
        return picture.draw(self, legend, **style)

    def plot(self, ax: Any = None, legend: bool | None = None, **style: Unpack[Style]) -> Any:
        """Draw into a matplotlib Axes, one of a figure of its own if none is given; returns it.

        Parameters
        ----------
        ax : matplotlib Axes, or None; a new figure is `ax.figure`, which pyplot does not know
        legend, style : as in `picture.draw`

        Returns
        -------
        matplotlib Axes
        """
        return picture.plot(self, ax, legend, **style)

    def save(
        self, path: str | os.PathLike[str], legend: bool | None = None, **style: Unpack[Style]
    ) -> None:
        """Write the picture to a file: .png, .jpg or .webp, at the photograph's own size.

        Parameters
        ----------
        path : str or Path; the ending says the format
        legend, style : as in `picture.draw`

        Raises
        ------
        OSError, SettingError
            If the file cannot be written; if its ending or an option makes no sense.
        """
        encoding.write_picture(path, self.draw(legend, **style))

    def show(self, legend: bool | None = None, **style: Unpack[Style]) -> None:
        """Show the picture, in the notebook or in the system's viewer.

        Parameters
        ----------
        legend, style : as in `picture.draw`
        """
        showing.show_picture(self.draw(legend, **style))

    def __repr__(self) -> str:
        return table(self)

    def _repr_jpeg_(self) -> bytes:
        """The picture in a notebook, at most 1024 pixels wide or high."""
        return encoding.thumbnail(self.draw())
