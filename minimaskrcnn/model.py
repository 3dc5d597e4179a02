"""Mask R-CNN: the whole network, one line a stage.

Idea    backbone -> pyramid -> proposals -> regions' class and box -> detections -> their masks.
Paper   Mask R-CNN (arXiv:1703.06870), figure 1; on a pyramid: section 3, "Network Architecture".
Shapes  photograph (h, w, 3) uint8  ->  Detections

Notes   The mask head looks at the detections (after box refinement and NMS), not at the proposals:
        fewer and better regions, as the paper does at inference.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minimaskrcnn.anchors import normalised_anchors
from minimaskrcnn.boxes import normalise
from minimaskrcnn.config import Config
from minimaskrcnn.detections import select_detections
from minimaskrcnn.errors import ImageError
from minimaskrcnn.fpn import FPN, pyramid
from minimaskrcnn.heads import BoxHead, MaskHead, box_head, mask_head
from minimaskrcnn.image import letterbox, mold
from minimaskrcnn.layers import sigmoid, softmax
from minimaskrcnn.masks import in_whole_pixels, of_class
from minimaskrcnn.photo import Photo, read_photo
from minimaskrcnn.proposals import select_proposals
from minimaskrcnn.resnet import ResNet, backbone
from minimaskrcnn.results import Detections, make_detections
from minimaskrcnn.roi_align import pyramid_roi_align
from minimaskrcnn.rpn import RPN, region_proposals
from minimaskrcnn.settings import adjusted
from minimaskrcnn.sources import each_source, path_of
from minimaskrcnn.stopwatch import stopwatch


@dataclass(frozen=True)
class MaskRCNN:
    """The weights of every stage, and the numbers that are not weights."""

    config: Config
    backbone: ResNet
    fpn: FPN
    rpn: RPN
    box_head: BoxHead
    mask_head: MaskHead

    def predict(self, photo: Photo, orient: bool = True, **settings: Any) -> Detections:
        """Find the objects in a photograph.

        Parameters
        ----------
        photo : whatever `photo.read_photo` takes: path, bytes, open file, PIL image or array
        orient : whether to turn the picture as its EXIF data asks
        settings : `min_score`, `nms_threshold`, `max_detections`, `classes` and `size`, for this
            call only: see `settings.adjusted`

        Returns
        -------
        Detections

        Raises
        ------
        ImageError
            If the photograph cannot be read.
        SettingError
            If a setting makes no sense.
        """
        keep, seconds = stopwatch()
        pixels = read_photo(photo, orient)  # (h, w, 3) uint8
        keep(photo=pixels)
        model = replace(self, config=adjusted(self.config, **settings))
        return replace(run(model, pixels, keep), source=path_of(photo), seconds=seconds)

    def predict_each(
        self,
        photos: "Photo | Iterable[Photo]",
        on_error: Callable[[Photo, ImageError], object] | None = None,
        orient: bool = True,
        **settings: Any,
    ) -> Iterator[Detections]:
        """Yield `predict` of each photograph of a list, folder or pattern, one in memory at a time.

        Parameters
        ----------
        photos : list, folder, glob pattern or generator of what `predict` takes
        on_error : what to do with one that cannot be read: None raises its ImageError; a function
            is called as `on_error(photo, error)`, and the photograph left out
        orient, settings : as in `predict`

        Yields
        ------
        Detections
        """
        for photo in each_source(photos):
            try:
                yield self.predict(photo, orient, **settings)
            except ImageError as error:
                if on_error is None:
                    raise
                on_error(photo, error)

    def trace(self, photo: Photo, orient: bool = True, **settings: Any) -> dict[str, Any]:
        """Return every intermediate of `predict(photo)` by name, in the order of the data flow.

        Parameters
        ----------
        photo, orient, settings : as in `predict`

        Returns
        -------
        dict from names such as "c2", "anchors", "proposals" to arrays; "result" is the Detections
        """
        kept: dict[str, Any] = {}
        model = replace(self, config=adjusted(self.config, **settings))
        run(model, read_photo(photo, orient), keep=kept.update)
        return kept


def run(model: MaskRCNN, photo: np.ndarray, keep: Callable[..., None]) -> Detections:
    """From photograph to Detections; `keep(name=value, …)` is shown every intermediate."""
    config = model.config
    framed, window = letterbox(photo, config)  # (H, W, 3) uint8
    molded = mold(framed, config)  # (H, W, 3) float32
    keep(molded=molded, window=window)

    c_maps = backbone(molded, model.backbone)  # (H/4, W/4, 64) … (H/32, W/32, 2048)
    keep(**{f"c{level}": c_map for level, c_map in enumerate(c_maps, start=1)})
    p_maps = pyramid(c_maps[1:], model.fpn)  # (H/4, W/4, 256) … (H/64, W/64, 256)
    del c_maps  # the pyramid was their last reader
    keep(**{f"p{level}": p_map for level, p_map in enumerate(p_maps, start=2)})

    anchors = normalised_anchors(molded.shape, config)  # (A, 4)
    rpn_logits, rpn_deltas = region_proposals(p_maps, model.rpn)  # (A, 2), (A, 4)
    rpn_probs = softmax(rpn_logits)
    keep(anchors=anchors, rpn_logits=rpn_logits, rpn_probs=rpn_probs, rpn_deltas=rpn_deltas)
    proposals, proposal_scores = select_proposals(rpn_probs[:, 1], rpn_deltas, anchors, config)
    keep(proposals=proposals, proposal_scores=proposal_scores)  # (R, 4), (R,)

    p_maps = p_maps[:4]  # P6 was for the RPN alone
    roi_features = pyramid_roi_align(p_maps, proposals, config.pool_size, molded.shape)
    class_logits, box_deltas = box_head(roi_features, model.box_head)  # (R, K), (R, K, 4)
    class_probs = softmax(class_logits)
    keep(roi_features=roi_features, class_logits=class_logits)
    keep(class_probs=class_probs, box_deltas=box_deltas)
    del roi_features
    window = normalise(window[None], molded.shape)[0]
    detections, source = select_detections(proposals, class_probs, box_deltas, window, config)
    keep(detections=detections, detection_proposals=source)  # (N, 6), (N,)

    boxes, class_ids = detections[:, :4], detections[:, 4].astype(int)
    if config.masks_in_whole_pixels:
        boxes = in_whole_pixels(boxes, window, photo.shape)
    mask_features = pyramid_roi_align(p_maps, boxes, config.mask_pool_size, molded.shape)
    mask_probs = sigmoid(of_class(mask_head(mask_features, model.mask_head), class_ids))
    keep(mask_features=mask_features, mask_probs=mask_probs)  # (N, 14, 14, 256), (N, 28, 28)
    result = make_detections(photo, detections, mask_probs, window, config)
    keep(result=result)
    return result
