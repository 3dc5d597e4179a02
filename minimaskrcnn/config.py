"""The configuration: every number of the network that is not a weight, with its unit and source.

Idea    All of them are fields of one frozen dataclass, which is passed to the stages; there are no
        global settings. To change one, make a copy: `dataclasses.replace(COCO, min_score=0.5)`.
Length  The names of COCO's classes, the numbers of two networks, and the rules for a number.
Source  "MRCNN" is arXiv:1703.06870, "Faster" is arXiv:1506.01497, "FPN" is arXiv:1612.03144,
        "original" is github.com/matterport/Mask_RCNN, whose weights the defaults belong to.
"""

from dataclasses import dataclass, fields
from typing import Any, get_args

from minimaskrcnn.errors import SettingError

# fmt: off
# In the order of the network's outputs (COCO's category-id order); class 0 is the background.
COCO_CLASS_NAMES = (
    "background",
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant",
    "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)
# COCO's own, sparse ids of classes 1 … 80 (instances_val2017.json): 1 … 90 with ten left out.
COCO_CATEGORY_IDS = tuple(
    i for i in range(1, 91) if i not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
)
# fmt: on

STRIDES = (4, 8, 16, 32, 64)  # input pixels per cell of P2 … P6 (FPN, section 4)
RESIZE_MODES = ("square", "pad64", "none", "scale")
CONVENTIONS = ("matterport", "torchvision")

_RANGES = {  # the least and the greatest value of each number: every value that can work is between
    "image_min_size": (0, 2**16), "image_max_size": (1, 2**16), "image_min_scale": (0, 1000),
    "image_scale": (0, 64),
    "mean_pixel": (0, 1e5), "pixel_std": (1e-5, 1e5),
    "anchor_scales": (1e-3, 1e5), "anchor_ratios": (1e-3, 1e3), "delta_std": (1e-5, 1e3),
    "channel_std": (1e-5, 1e5), "rpn_delta_std": (1e-5, 1e3),
    "pre_nms_proposals": (1, 2**31 - 1), "post_nms_proposals": (1, 2**31 - 1),
    "rpn_nms_threshold": (0, 1), "pool_size": (1, 1000), "mask_pool_size": (1, 1000),
    "level_size": (1, 2**16),
    "min_score": (0, 1), "detection_nms_threshold": (0, 1),
    "max_detections": (1, 2**31 - 1), "detected_classes": (0, 2**31 - 1),
}  # fmt: skip
_LENGTHS = {"anchor_scales": len(STRIDES), "delta_std": 4, "rpn_delta_std": 4, "channel_std": 3}
_OPTIONAL = ("detected_classes", "rpn_delta_std", "channel_std")  # may be empty
_CHOICES = {"resize_mode": RESIZE_MODES, "convention": CONVENTIONS}


@dataclass(frozen=True)
class Config:
    """The settings of one network; the defaults are those of the COCO weights.

    Every value is checked whenever a Config is made. If one is wrong, a SettingError names the
    field, the value it was given, and the values that are allowed. Lists become tuples.
    """

    class_names: tuple[str, ...] = COCO_CLASS_NAMES  # K of them, the background first
    convention: str = "matterport"  # whose rules the weights have learned: or "torchvision"

    image_min_size: int = 800  # pixels: enlarge until the shorter side has this many …
    image_max_size: int = 1024  # pixels: … but the longer side at most this; "square" pads to it
    image_min_scale: float = 0.0  # never enlarge by less than this; 0 = no such limit (original)
    image_scale: float = 0.0  # in mode "scale": input pixels per pixel of the photograph
    resize_mode: str = "square"  # "pad64" (to multiples of 64), "none" (original) or "scale"
    mean_pixel: tuple[float, float, float] = (123.7, 116.8, 103.9)  # RGB, subtracted (original)
    pixel_std: float = 1.0  # grey levels: the difference is divided by this (original: no division)
    channel_std: tuple[float, ...] = ()  # the same for red, green and blue, where they differ

    anchor_scales: tuple[float, ...] = (32, 64, 128, 256, 512)  # pixels, P2 … P6 (FPN 4.1)
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)  # width / height (Faster 3.3)
    delta_std: tuple[float, ...] = (0.1, 0.1, 0.2, 0.2)  # unit of dy dx dh dw (original)
    rpn_delta_std: tuple[float, ...] = ()  # the same for the RPN, where it has another

    pre_nms_proposals: int = 6000  # anchors with the best scores that enter NMS (Faster 3.3)
    post_nms_proposals: int = 1000  # proposals that leave it, at most (FPN 5.2)
    rpn_nms_threshold: float = 0.7  # IoU (Faster 3.3)

    level_size: int = 224  # input pixels: a region of this side is read from P4 (FPN, equation 1)
    pool_size: int = 7  # cells per side of a region's features for its class and box (MRCNN 3.1)
    mask_pool_size: int = 14  # the same for its mask (MRCNN figure 4)
    masks_in_whole_pixels: bool = False  # predict masks for the rounded boxes (original: no)

    every_class: bool = False  # may a region be detected as any class, not only its likeliest?
    min_score: float = 0.7  # confidence threshold: detections below are dropped (original)
    detection_nms_threshold: float = 0.3  # IoU, within one class (original; MRCNN 3.1 has 0.5)
    max_detections: int = 100  # per image (MRCNN 3.1)
    detected_classes: tuple[int, ...] = ()  # ids to look for; empty = all classes

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
            _check(field.name, field.type, getattr(self, field.name))
        if self.resize_mode == "scale" and self.image_scale < 1 / 64:
            raise SettingError(
                'resize_mode "scale" needs an image_scale of 1/64 to 64 input pixels per pixel of '
                f"the photograph, got {self.image_scale}"
            )
        if self.resize_mode == "scale" and self.image_max_size % STRIDES[-1]:
            raise SettingError(
                f'with resize_mode "scale" image_max_size, the side of a tile, must be a multiple '
                f"of {STRIDES[-1]}, got {self.image_max_size}"
            )
        if self.convention == "torchvision" and self.resize_mode != "square":
            raise SettingError(
                'in the convention "torchvision" there is one way to resize, and no resize_mode; '
                f"got {self.resize_mode!r}"
            )
        if max(self.detected_classes, default=0) >= self.num_classes:
            raise SettingError(
                f"detected_classes are ids from 0 to {self.num_classes - 1}, the classes that have "
                f"a name; got {self.detected_classes}"
            )

    @property
    def num_classes(self) -> int:
        """K, the number of classes including the background."""
        return len(self.class_names)

    @property
    def stds(self) -> tuple[float, ...]:
        """What the colours are divided by: one number, or three."""
        return self.channel_std or (self.pixel_std,)

    @property
    def rpn_std(self) -> tuple[float, ...]:
        """The unit of the RPN's deltas."""
        return self.rpn_delta_std or self.delta_std


def _check(name: str, kind: Any, value: Any) -> None:
    """Raise a SettingError unless a field's value has the right type and is in its range."""
    items = value if isinstance(value, tuple) else (value,)
    wanted = get_args(kind)  # of tuple[float, ...] or tuple[float, float, float]
    if name in _OPTIONAL and value == ():
        return
    if not all(_is_a(item, wanted[0] if wanted else kind) for item in items):
        raise SettingError(f"{name} must be of type {_words(kind)}, got {value!r:.80}")
    count = _LENGTHS.get(name, len(wanted) if wanted and wanted[-1] is not ... else None)
    if (count is not None and len(items) != count) or isinstance(value, tuple) != bool(wanted):
        raise SettingError(f"{name} must be {_count(count, wanted)}, got {value!r:.80}")
    if not items:
        raise SettingError(f"{name} must not be empty")
    if value not in _CHOICES.get(name, (value,)):
        raise SettingError(f"{name} must be one of {_CHOICES[name]}, got {value!r:.80}")
    low, high = _RANGES.get(name, (None, None))
    if low is not None and not all(low <= item <= high for item in items):
        raise SettingError(f"{name} must be from {low} to {high}, got {value!r:.80}")


def _is_a(value: Any, kind: Any) -> bool:
    """Whether a value is of a type. NumPy's numbers count as numbers; True does not."""
    if kind in (str, bool):
        return isinstance(value, kind)
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        return False
    return kind is float or hasattr(value, "__index__")


def _count(count: int | None, many: Any) -> str:
    if not many:
        return "one value, not a list"
    return f"{count} numbers" if count else "a list"


def _words(kind: Any) -> str:
    return str(kind) if get_args(kind) else kind.__name__


COCO = Config()

# torchvision's networks, and its published weights. They have an output for each of COCO's own ids,
# 0 … 90; eleven of those are no class: the background, and ten that COCO left out.
_NAME_OF_ID = dict(zip(COCO_CATEGORY_IDS, COCO_CLASS_NAMES[1:], strict=True))
TORCHVISION = Config(
    class_names=("background", *(_NAME_OF_ID.get(i, f"N/A {i}") for i in range(1, 91))),
    convention="torchvision",
    image_min_size=800,
    image_max_size=1333,
    mean_pixel=(123.675, 116.28, 103.53),  # 255 · (0.485, 0.456, 0.406), ImageNet's
    channel_std=(58.395, 57.12, 57.375),  # 255 · (0.229, 0.224, 0.225)
    anchor_ratios=(2.0, 1.0, 0.5),  # torchvision counts height / width
    rpn_delta_std=(1.0, 1.0, 1.0, 1.0),
    pre_nms_proposals=1000,  # of each level
    every_class=True,
    min_score=0.05,
    detection_nms_threshold=0.5,
)

# The bundled model, trained from nothing on drawn scenes of 128 x 128 (`minimaskrcnn train`).
# How it differs from COCO, and why:
# - Anchors are smaller, because the shapes have 6 to 60 pixels.
# - The unit of the deltas is finer, so that training counts errors of a single pixel.
# - The confidence threshold is low, because average precision rewards doubtful detections, too.
# - NMS allows more overlap, because the shapes, and so their boxes, overlap.
# - Masks are predicted in the rounded box in which they are pasted, because half a pixel is a
#   large part of a small shape.
SHAPES = Config(
    class_names=("background", "circle", "square", "triangle"),
    image_min_size=128,
    image_max_size=128,
    mean_pixel=(127.5, 127.5, 127.5),
    pixel_std=64.0,
    anchor_scales=(12, 24, 48, 96, 192),
    delta_std=(0.05, 0.05, 0.1, 0.1),
    pre_nms_proposals=300,
    post_nms_proposals=100,
    level_size=96,
    masks_in_whole_pixels=True,
    min_score=0.05,
    detection_nms_threshold=0.5,
)
