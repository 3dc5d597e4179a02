"""Mask R-CNN: the whole network in five steps, each a few calls of the stages.

Idea    frame the photograph, look at it, propose regions, classify them, outline what they hold.
Paper   Mask R-CNN (arXiv:1703.06870), figure 1; on a pyramid: section 3, "Network Architecture".
Shapes  photograph (h, w, 3) uint8  ->  Detections

Notes   The mask head looks at the detections (after box refinement and NMS), not at the proposals:
        there are fewer of them and they fit better. The paper does the same at inference.
        Every step shows its results, one by one, to `keep(name, value)` and goes on with what
        `keep` returns: to record a run is to return each value, to intervene is to return another.
Length  The five settings are spelled out and documented in each of the three methods.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minimaskrcnn.anchors import normalised_anchors
from minimaskrcnn.boxes import in_whole_pixels, normalise
from minimaskrcnn.config import Config
from minimaskrcnn.conv import has_norms
from minimaskrcnn.detections import select_detections
from minimaskrcnn.errors import ImageError, WeightsError, printable
from minimaskrcnn.fpn import FPN, pyramid
from minimaskrcnn.heads import BoxHead, MaskHead, box_head, mask_head
from minimaskrcnn.image import letterbox, mold
from minimaskrcnn.layers import sigmoid, softmax
from minimaskrcnn.masks import of_class
from minimaskrcnn.photo import Photo, read_photo
from minimaskrcnn.photo.sources import path_of
from minimaskrcnn.proposals import select_proposals
from minimaskrcnn.resnet import ResNet, backbone
from minimaskrcnn.results import Detections, make_detections
from minimaskrcnn.results.each import each_result
from minimaskrcnn.results.tiles import join, tiles_of
from minimaskrcnn.roi_align import pyramid_roi_align
from minimaskrcnn.rpn import RPN, region_proposals
from minimaskrcnn.runtime.finite import only_finite
from minimaskrcnn.runtime.recorder import recorder
from minimaskrcnn.runtime.stopwatch import stopwatch
from minimaskrcnn.settings import adjusted, refuse_unknown
from minimaskrcnn.torchvision import steps as theirs

LOG = logging.getLogger(__name__)


def run(model, photo, keep):
    """From a photograph, (h, w, 3) uint8, to Detections; `keep` is shown every intermediate."""
    if has_norms(model):
        raise WeightsError(
            "the model still has the batch normalisation it learns with, which would normalise by "
            "this photograph alone; predict with minimaskrcnn.conv.folded(model), or save the "
            "model and load it"
        )
    keep = only_finite(keep)
    frame, look, propose, classify, outline = steps_of(model.config)
    molded, window = frame(model, photo, keep)
    p_maps = look(model, molded, keep)
    proposals = propose(model, p_maps, molded.shape, window, keep)
    detections = classify(model, p_maps, proposals, molded.shape, window, keep)
    return outline(model, p_maps, detections, molded.shape, window, photo, keep)


def steps_of(config):
    """The five steps by the rules that the weights have learned; here alone they are chosen."""
    if config.convention == "torchvision":
        return theirs.frame, theirs.look, theirs.propose, theirs.classify, theirs.outline
    return frame, look, propose, classify, outline


def frame(model, photo, keep):
    """Bring the photograph into the network's frame: its input, and where in it the photo lies."""
    framed, window_pixels = letterbox(photo, model.config)  # (H, W, 3) uint8, (4,)
    molded = keep("molded", mold(framed, model.config))  # (H, W, 3) float32
    window_pixels = keep("window_pixels", window_pixels)
    return molded, keep("window", normalise(window_pixels[None], molded.shape)[0])


def look(model, molded, keep):
    """Compute the feature maps, P2 (H/4, W/4, 256) … P6 (H/64, W/64, 256)."""
    c_maps = backbone(molded, model.backbone, keep)  # (H/4, W/4, 64) … (H/32, W/32, 2048)
    p_maps = pyramid(c_maps[1:], model.fpn)
    return [keep(f"p{level}", p_map) for level, p_map in enumerate(p_maps, start=2)]


def propose(model, p_maps, shape, window, keep):
    """Find the regions, (R, 4), that may hold an object; `shape` is that of the input."""
    anchors = keep("anchors", normalised_anchors(shape, model.config))  # (A, 4)
    logits, deltas = region_proposals(p_maps, model.rpn)  # (A, 2), (A, 4)
    probs = keep("rpn_probs", softmax(keep("rpn_logits", logits)))
    deltas = keep("rpn_deltas", deltas)
    proposals, scores = select_proposals(anchors, probs[:, 1], deltas, model.config)
    proposals = keep("proposals", proposals)
    keep("proposal_scores", scores)  # (R,)
    return proposals


def classify(model, p_maps, proposals, shape, window, keep):
    """Say what each region holds, and keep one box per object: (N, 6) box, class, score."""
    config = model.config
    size, level_size = config.pool_size, config.level_size
    features = pyramid_roi_align(p_maps[:4], proposals, size, shape, level_size)  # not P6
    features = keep("roi_features", features)  # (R, 7, 7, 256)
    logits, deltas = box_head(features, model.box_head)  # (R, K), (R, K, 4)
    probs = keep("class_probs", softmax(keep("class_logits", logits)))
    deltas = keep("box_deltas", deltas)
    detections, source = select_detections(proposals, probs, deltas, window, config)
    detections = keep("detections", detections)
    keep("detection_proposals", source)  # (N,)
    return detections


def outline(model, p_maps, detections, shape, window, photo, keep):
    """Draw the mask of each detection, and carry all back to the photograph: Detections."""
    config, boxes, class_ids = model.config, detections[:, :4], detections[:, 4].astype(int)
    if config.masks_in_whole_pixels:
        boxes = in_whole_pixels(boxes, window, photo.shape)
    size, level_size = config.mask_pool_size, config.level_size
    features = pyramid_roi_align(p_maps[:4], boxes, size, shape, level_size)
    features = keep("mask_features", features)  # (N, 14, 14, 256)
    probs = sigmoid(of_class(mask_head(features, model.mask_head), class_ids))
    probs = keep("mask_probs", probs)  # (N, 28, 28)
    return keep("result", make_detections(photo, detections, probs, window, config))


def run_in_tiles(model, photo, keep, limited=False):
    """`run`, piece by piece where the photograph is too large to be looked at as a whole.

    `max_detections` holds for each piece; for all of them together only if the result is `limited`.
    """
    tiles = tiles_of(photo.shape, model.config)  # (T, 4)
    if len(tiles) == 1:
        return run(model, photo, keep)
    pieces = [run(model, photo[y1:y2, x1:x2], keep) for y1, x1, y2, x2 in tiles]
    most = model.config.max_detections * (1 if limited else len(tiles))
    return keep("result", join(pieces, tiles, photo, most))


@dataclass(frozen=True, eq=False)
class MaskRCNN:
    """The weights of every stage, and the numbers that are not weights."""

    config: Config
    backbone: ResNet
    fpn: FPN
    rpn: RPN
    box_head: BoxHead
    mask_head: MaskHead

    def predict(
        self,
        photo: Photo,
        *,
        orient: bool = True,
        min_score: float | None = None,
        nms_threshold: float | None = None,
        max_detections: int | None = None,
        classes: str | Iterable[str] | None = None,
        size: int | None = None,
        **unknown: Any,
    ) -> Detections:
        """Find the objects in a photograph.

        Each of the five settings is for this call only; None takes the model's own.

        Parameters
        ----------
        photo : whatever `photo.read_photo` takes: path, bytes, open file, PIL image or array
        orient : whether to turn the picture as its EXIF data asks
        min_score : 0 … 1, the confidence threshold: objects with a lower score are dropped
        nms_threshold : 0 … 1, the IoU above which the weaker of two boxes of a class is dropped
        max_detections : at least 1; only so many of the best objects are kept
        classes : class names, or one name; only these are looked for
        size : pixels, a multiple of 64: the side of the network's input. Smaller is quicker, larger
            finds smaller objects

        Returns
        -------
        Detections

        Raises
        ------
        ImageError
            If the photograph cannot be read.
        SettingError
            If a setting makes no sense or is unknown.
        WeightsError
            If the model still has batch normalisation, as while it learns; see `conv.folded`.
        """
        refuse_unknown(unknown)
        config = adjusted(self.config, min_score, nms_threshold, max_detections, classes, size)
        keep, seconds = stopwatch()
        pixels = keep("photo", read_photo(photo, orient))  # (h, w, 3) uint8
        limited = max_detections is not None
        result = run_in_tiles(replace(self, config=config), pixels, keep, limited)
        found = len(result), printable(path_of(photo)) or "an array"
        LOG.info("%d objects in %s, %.2f s", *found, sum(seconds.values()))
        return replace(result, source=path_of(photo), seconds=seconds)

    def warm_up(self) -> None:
        """Predict once on noise, so that the first photograph takes no longer than later ones.

        That compiles all loops that are not compiled yet, those of the results, too, and touches
        the memory.
        """
        noise = np.random.RandomState(0).randint(0, 256, (128, 128, 3), np.uint8)
        result = self.predict(noise, min_score=0.0, max_detections=3)
        result.to_coco(0, polygons=True)
        result.to_dict()

    def predict_each(
        self,
        photos: "Photo | Iterable[Photo]",
        on_error: Callable[[Photo, ImageError], object] | None = None,
        *,
        orient: bool = True,
        min_score: float | None = None,
        nms_threshold: float | None = None,
        max_detections: int | None = None,
        classes: str | Iterable[str] | None = None,
        size: int | None = None,
        **unknown: Any,
    ) -> Iterator[Detections]:
        """Yield `predict` of each photograph of a list, folder or pattern.

        While you use a result, the next photograph of a list, folder or pattern is predicted in
        another thread; a generator is asked for the next one only after that.

        Parameters
        ----------
        photos : list, folder, glob pattern or generator of what `predict` takes
        on_error : what to do with one that cannot be read: None raises its ImageError; a function
            is called as `on_error(photo, error)`, and the photograph is left out
        orient, min_score, nms_threshold, max_detections, classes, size : as in `predict`

        Yields
        ------
        Detections

        Raises
        ------
        ImageError, SettingError
            As in `predict`; a setting is checked at the call.
        """
        refuse_unknown(unknown)
        config = adjusted(self.config, min_score, nms_threshold, max_detections, classes, size)
        model = replace(self, config=config)

        def predict(photo):
            return model.predict(photo, orient=orient, max_detections=max_detections)

        return each_result(predict, photos, on_error)

    def trace(
        self,
        photo: Photo,
        *,
        change: Mapping[str, Callable[[Any], Any]] | None = None,
        orient: bool = True,
        min_score: float | None = None,
        nms_threshold: float | None = None,
        max_detections: int | None = None,
        classes: str | Iterable[str] | None = None,
        size: int | None = None,
        **unknown: Any,
    ) -> dict[str, Any]:
        """Return every intermediate of `predict(photo)` by name, in the order of the data flow.

        Parameters
        ----------
        photo : as in `predict`
        change : functions by the name of an intermediate. Each is given the value, and the network
            goes on with what it returns: "what if P2 were zero?" is `change={"p2": np.zeros_like}`
        orient, min_score, nms_threshold, max_detections, classes, size : as in `predict`

        Returns
        -------
        dict from names such as "c2", "anchors", "proposals" to arrays; "result" is the Detections

        Raises
        ------
        ImageError, SettingError
            As in `predict`; also if `change` names no intermediate.
        """
        refuse_unknown(unknown)
        config = adjusted(self.config, min_score, nms_threshold, max_detections, classes, size)
        keep, kept = recorder(change)
        run(replace(self, config=config), read_photo(photo, orient), keep)
        return kept

    def __repr__(self) -> str:
        config, names = self.config, self.config.class_names[1:]
        listed = names if len(names) <= 6 else (*names[:3], "…", names[-1])
        return (
            f"MaskRCNN on {self.backbone}, a pyramid of {self.fpn.smooth[0].bias.size} channels\n"
            f"{len(names)} classes: {', '.join(listed)}\n"
            f"input of at most {config.image_max_size} pixels per side, scores from "
            f"{config.min_score} on, at most {config.max_detections} detections"
        )
