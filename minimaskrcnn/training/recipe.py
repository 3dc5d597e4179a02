"""Recipes: what one training run does differently from another, in one place.

Idea    Two ways to learn. From nothing: everything moves, quickly, on pictures made as needed. Fine
        tuning: the backbone keeps what it knows, the rest adapts slowly to a small dataset, as the
        original does it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from minimaskrcnn.training.optimise import adamw, cosine, sgd, stepped
from minimaskrcnn.training.sampling import Sampling

HEADS = ("fpn", "rpn", "box_head", "mask_head")  # what fine-tuning trains: all but the backbone
ALL = ("backbone", *HEADS)


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; the defaults are the original's, but for the schedule."""

    steps: int
    batch_size: int = 2  # images per step
    rate: float = 0.001  # learning rate at its highest
    schedule: Callable = stepped  # (step, steps, rate) -> the rate of this step
    optimiser: Callable = sgd
    longest_gradient: float = 5.0  # longer ones are scaled down to this length
    learns: tuple[str, ...] = HEADS  # parts of the model
    augment: bool = False  # mirror, turn, swap colours
    sampling: Sampling = field(default_factory=Sampling)
    late_sampling: Sampling | None = None  # in the second half of the steps, if it is another

    def sampling_of(self, step):
        """The Sampling of a step, 1 … steps."""
        late = self.late_sampling is not None and step > self.steps // 2
        return self.late_sampling if late else self.sampling


FINE_TUNING = Recipe(steps=1000)

AS_TORCHVISION = Sampling(  # its defaults, which are the papers'
    anchors=256,
    pre_nms_proposals=2000,  # of each level
    post_nms_proposals=2000,
    rois=512,
    mask_rois=128,
    object_copies=0,  # the objects' own boxes
    positive_share=0.25,
    fill=True,
)


def fine_tuning(config):
    """The Recipe for fine-tuning a model of this Config: by the rules that it was trained by."""
    theirs = config.convention == "torchvision"
    return replace(FINE_TUNING, sampling=AS_TORCHVISION) if theirs else FINE_TUNING


_EARLY = Sampling(
    anchors=64,
    pre_nms_proposals=200,
    post_nms_proposals=64,
    rois=48,
    mask_rois=8,
    object_copies=2,
    masks_as_pasted=True,
)

# The bundled model's. AdamW, because plain descent hardly moves the RPN of a new network; few
# anchors and regions an image, because a scene has six objects at most; objects added to the
# proposals, because a new RPN proposes none of them. In the second half boxes have become good:
# masks then learn on regions as near to their objects as those they will be drawn for, and in the
# whole pixels that a box is rounded to before its mask is pasted, which for a shape of ten pixels
# makes a difference. The box head, which costs little, then learns on a sample of as many proposals
# as there will be when predicting.
FROM_NOTHING = Recipe(
    steps=12000,
    batch_size=8,
    rate=0.004,
    schedule=cosine,
    optimiser=adamw,
    learns=ALL,
    augment=True,
    sampling=_EARLY,
    late_sampling=replace(
        _EARLY,
        pre_nms_proposals=300,
        post_nms_proposals=100,
        rois=96,
        shake=0.05,
        tight_masks=True,
    ),
)
