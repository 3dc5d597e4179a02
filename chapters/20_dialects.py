# %% [markdown]
# # 20 Another dialect: one network, two sets of rules
#
# **The question.** Do two programs that implement the same paper compute the same network?
#
# **You will see** the same Mask R-CNN as two well-known programs write it, matterport's and
# torchvision's; for each difference a picture or a number; and what becomes of a network when a
# single rule is changed after training.
#
# **You will learn** that weights know the arithmetic they were trained with, which of its details
# they need, and which hardly matter.
#
# **You need** chapters 10 (proposals), 11 (RoIAlign), 13 (detections), 14 (masks) and 18
# (evaluation).
#
# **Time** about 30 minutes. This is an appendix: no other chapter needs it.
#
# The modules are those of the folder `minimaskrcnn/torchvision/`, the tests are
# `tests/test_20_dialects.py`, `test_20_files.py`, `test_20_version1.py` and `test_20_version2.py`.

# %%
from minimaskrcnn.pictures import strip

strip("dialects")

# %% [markdown]
# **Where we are.** The chapters so far described one network with one set of rules: those that the
# weights of matterport/Mask_RCNN, the *original* of the earlier chapters, were trained with.
# torchvision's Mask R-CNN is the same network, with the same convolutions, the same pyramid, the
# same two heads. Its weights run on the same functions. But between those functions there are
# decisions that no paper writes down: where a padding goes, what is rounded, who competes with
# whom. Each program made its own, and its weights have learned to live with them. We call such a
# set of rules a *convention*.

# %% [markdown]
# ## 1 A padding, by hand
#
# The stem ends with a max-pooling: the largest of each window of 3, windows 2 apart. A row of 6
# numbers gives 3, so one number beyond the row is needed. Keras puts it behind, PyTorch before.

# %%
import numpy as np

from minimaskrcnn.resizing import max_pool

row = np.array([1, 5, 2, 8, 3, 4], np.float32)
print("behind, by hand:", max(1, 5, 2), max(2, 8, 3), max(3, 4))
print("before, by hand:", max(1, 5), max(5, 2, 8), max(8, 3, 4))
square = np.repeat(row[None, :, None], 6, axis=0)  # (6, 6, 1): six such rows
print(max_pool(square)[1, :, 0], max_pool(square, padding=1)[1, :, 0])

# %% [markdown]
# Every window lies one cell further left and further up. That cell is two pixels of the input, and
# everything behind the stem sees the picture shifted by it.
#
# ## 2 Sizes, colours and borders
#
# The two conventions make different inputs of the same photograph. Here is a picture of 2 × 3
# pixels, white but for a black corner at the bottom right, enlarged by both rules. matterport's
# resizing sees zeros beyond the border, which blend in; torchvision's repeats the border.

# %%
from minimaskrcnn.resizing import resize
from minimaskrcnn.torchvision.image import resize as their_resize

white = np.full((2, 3, 1), 255, np.float32)
white[1, 2] = 0
print(resize(white, 6, 9)[:3, :4, 0].round(1))
print(their_resize(white, 6, 9)[:3, :4, 0].round(1))

# %% [markdown]
# Next, what the network is given of a scene that is cut to 96 × 128 pixels. matterport's rule, with
# the settings of its COCO weights, makes a square of 1024 with grey levels. torchvision's makes the
# shorter side 800, and divides by the standard deviation of each colour.

# %%
from minimaskrcnn.config import COCO, TORCHVISION
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.image import letterbox, mold
from minimaskrcnn.torchvision.image import mold as their_mold

photo = scene(13).image[:96]  # (96, 128, 3): wider than high
framed, window = letterbox(photo, COCO)
molded, their_window = their_mold(photo, TORCHVISION)
print("matterport ", framed.shape, window, mold(framed, COCO).min(), mold(framed, COCO).max())
print("torchvision", molded.shape, their_window, molded.min().round(2), molded.max().round(2))

# %%
from minimaskrcnn.pictures import Panel, panels

grey = molded * TORCHVISION.stds + TORCHVISION.mean_pixel  # back to grey levels, to look at it
panels(
    Panel("matterport: centred, black around it", framed, ruler=True),
    Panel("torchvision: the rest is the mean colour", grey.round().astype(np.uint8), ruler=True),
)

# %% [markdown]
# ## 3 Two ways to sample a region
#
# Chapter 11 showed matterport's way, one sample for each place of the patch, the outermost on the
# corners, and the paper's, the mean of four samples per bin. torchvision takes the paper's, but
# does not shift the region by half a cell: its region begins at y / 4 on P2, and not at y / 4 -
# 1/2. On a map whose values are its column numbers, one can read off where each looks:

# %%
from minimaskrcnn.roi_align import crop_and_resize, mean_of_samples

columns = np.tile(np.arange(32, dtype=np.float32), (32, 1))[..., None]  # P2 of 128 x 128 pixels
box = np.array([[40, 40, 68, 68]], np.float32)  # pixels
normalised = (box - [0, 0, 1, 1]).astype(np.float32) / 127
print("matterport ", crop_and_resize(columns, normalised, (1, 7))[0, 0, :, 0].round(2))
print("the paper  ", mean_of_samples(columns, box / 4 - 0.5, (1, 7))[0, 0, :, 0].round(2))
print("torchvision", mean_of_samples(columns, box / 4, (1, 7), 1, 1)[0, 0, :, 0].round(2))

# %% [markdown]
# The paper's samples span the box: its middle is at pixel 54, and P2's cell 13 has its centre there
# (4 · 13.5 = 54). torchvision reads half a cell further right and down. It is not a mistake that
# hurts, as long as training does the same.
#
# ## 4 Who competes with whom
#
# matterport's proposals are the 6000 best anchors of all levels, thinned out by one NMS.
# torchvision takes the 1000 best of each level and lets each level compete with itself alone.
# Here is a large and a small box that overlap by 0.75: on one level one of them goes, on two levels
# both stay.

# %%
from minimaskrcnn.torchvision.nms import nms_by_group

pair = np.array([[0, 0, 100, 100], [0, 0, 75, 100]], np.float32)
scores = np.array([0.9, 0.8], np.float32)
for levels in ([0, 0], [0, 1]):
    print("levels", levels, "-> kept:", nms_by_group(pair, scores, np.array(levels), 0.7))

# %% [markdown]
# The same question comes again at the end. matterport asks each region for its likeliest class;
# torchvision lets every class of every region compete whose score is above 0.05. A region that is
# half a circle and half a square is found as both:

# %%
from minimaskrcnn.torchvision.detections import select_detections

rois = np.array([[10, 10, 50, 50]], np.float32)
probs = np.array([[0.1, 0.5, 0.4]], np.float32)  # background, circle, square
nothing = np.zeros((1, 3, 4), np.float32)  # no correction
found, _ = select_detections(rois, probs, nothing, (0, 0, 64, 64), TORCHVISION)
print(found.round(2))

# %% [markdown]
# ## 5 A mask is pasted
#
# 28 × 28 probabilities, all but one of them 1, for a box whose edges lie between pixels. matterport
# rounds the box and stretches the mask over it; zeros beyond the border blend in. torchvision puts
# a ring of zeros around the mask, grows the box by 30/28, and cuts it to whole pixels. The numbers
# are one row of the pasted mask, around its left border:

# %%
from minimaskrcnn.torchvision.masks import mask_boxes, with_margin

ones = np.ones((1, 28, 28), np.float32)
ones[0, 0, 0] = 0  # else there would be nothing between 0 and 1 to blend
box = np.array([[10.4, 10.4, 66.4, 66.4]], np.float32)  # y1 x1 y2 x2, pixels
y1, x1, y2, x2 = mask_boxes(box, 28)[0]
theirs = resize(with_margin(ones)[0], y2 - y1, x2 - x1)
print("matterport,  from column 10:", resize(ones[0], 56, 56)[30, :4].round(2))
print(f"torchvision, from column {x1:2}:", theirs[30, :5].round(2))

# %% [markdown]
# ## 6 What if one rule is another?
#
# Now the small network, which was trained with matterport's rules, all but one: its NMS drops
# detections from an IoU of 0.5 on, as torchvision's does. We change a single rule, to torchvision's
# or, for comparison, to another (the paper's RoIAlign; NMS at matterport's 0.3), leave everything
# else, and look for its detections again on twenty scenes. Found again is a detection of the same
# class whose box overlaps the old one by 0.9. Nothing here is retrained: the question is what these
# weights need.
#
# Each change puts one function in another's place while a prediction runs. Two small helpers
# translate between boxes that are normalised and boxes in pixels.

# %%
from contextlib import ExitStack
from dataclasses import replace
from unittest.mock import patch

import minimaskrcnn.model as network
from minimaskrcnn import load_model
from minimaskrcnn.boxes import normalise
from minimaskrcnn.config import STRIDES
from minimaskrcnn.roi_align import pyramid as levels_of_regions
from minimaskrcnn.torchvision import anchors, resnet, roi_align


# %%
def pixels(boxes):
    return boxes * np.float32(127) + np.array([0, 0, 1, 1], np.float32)


def their_roi_align(p_maps, rois, size, shape, level_size):
    return roi_align.pyramid_roi_align(p_maps, pixels(rois), size, level_size)


# %%
def paper_roi_align(p_maps, rois, size, shape, level_size):
    """The paper's: the mean of four samples, all regions shifted by half a cell."""
    with patch.object(roi_align, "mean_of_samples", shifted):
        return roi_align.pyramid_roi_align(p_maps, pixels(rois), size, level_size)


def shifted(p_map, rois, size, least, reach):
    return mean_of_samples(p_map, rois - np.float32(0.5), size, least, reach)


# %%
def their_anchors(shape, config):
    maps = [np.zeros((shape[0] // s, shape[1] // s, 1)) for s in STRIDES]
    return normalise(anchors.make_anchors(shape, maps, config), shape)


def floored(rois, shape, level_size):
    return roi_align.roi_levels(pixels(rois), level_size)


# %%
changes = {
    "max-pooling padded before": (network, "backbone", resnet.backbone),
    "RoIAlign: torchvision's": (network, "pyramid_roi_align", their_roi_align),
    "RoIAlign: the paper's": (network, "pyramid_roi_align", paper_roi_align),
    "level of a region rounded down": (levels_of_regions, "roi_levels", floored),
    "anchors rounded": (network, "normalised_anchors", their_anchors),
}

# %% [markdown]
# Two rules are settings in the configuration: whether every class competes, and the threshold of
# NMS. And one more change for comparison, which is no difference between the programs: the whole
# scene moved by one pixel. A network that is good at what it does should hardly notice.

# %%
model = load_model("shapes")
strict = replace(model.config, min_score=0.5)
configs = {
    "every class competes": replace(strict, every_class=True),
    "NMS at 0.3, not 0.5": replace(strict, detection_nms_threshold=0.3),
}
scenes = [scene(i).image for i in range(20)]
before = [replace(model, config=strict).predict(image) for image in scenes]
print(sum(len(result) for result in before), "detections on", len(scenes), "scenes")

# %%
from minimaskrcnn.boxes import iou_matrix


# %%
def found_again(old, new, moved=0):
    """How many of the old detections the new ones hold."""
    there = (new.boxes - moved).astype(np.float64)
    overlap = iou_matrix(old.boxes.astype(np.float64), there) >= 0.9
    same = old.class_ids[:, None] == new.class_ids[None]
    return int((overlap & same).any(axis=1).sum())


# %%
def predictions(config=strict, change=None, images=scenes):
    with ExitStack() as stack:
        if change:
            stack.enter_context(patch.object(*change))
        return [replace(model, config=config).predict(image) for image in images]


# %%
answers = {name: predictions(change=change) for name, change in changes.items()}
answers |= {name: predictions(config=config) for name, config in configs.items()}
total = sum(len(result) for result in before)
table = {
    name: sum(found_again(a, b) for a, b in zip(before, after, strict=True))
    for name, after in answers.items()
}
rolled = predictions(images=[np.roll(image, 1, axis=(0, 1)) for image in scenes])
table["(the scene moved by a pixel)"] = sum(
    found_again(a, b, moved=1) for a, b in zip(before, rolled, strict=True)
)

# %%
print(f"{'what is changed':30} found again, of {total}   detections in all")
for name, count in sorted(table.items(), key=lambda row: row[1]):
    after = answers.get(name, rolled)
    print(f"{name:30} {count:6}  {sum(len(result) for result in after):24}")

# %% [markdown]
# The order is the lesson. What shifts the picture against the boxes, or the samples against the
# regions, costs most, since every later layer has learned where to expect things. The objects are
# still found, as the last column says, but their boxes have moved away: in scenes of 128 pixels,
# two pixels are much. What only decides among candidates costs little. (With 20 scenes a difference
# of two or three detections means nothing.)
#
# A picture of the worst one: the detections before, and after.

# %% tags=["cover"]
worst = min(changes, key=table.get)
pick = max(range(20), key=lambda i: len(before[i]) - found_again(before[i], answers[worst][i]))
panels(
    Panel("as trained", before[pick].draw(legend=False)),
    Panel(worst, answers[worst][pick].draw(legend=False)),
)

# %% [markdown]
# ## 7 In the weights
#
# Some differences end where the file is read. PyTorch stores a kernel as (out, in, height, width),
# a dense layer reads a patch channel by channel, and deltas begin with x. All of that is a matter
# of order. The RPN of torchvision has one logit where ours has two: as (0, logit) for background
# and object the softmax is the same number.

# %%
from minimaskrcnn.layers import sigmoid, softmax

logit = np.array([-2.0, 0.0, 3.0])
print(sigmoid(logit).round(6))
print(softmax(np.stack([0 * logit, logit], axis=1))[:, 1].round(6))

# %% [markdown]
# And one is a number: the epsilon that keeps the square root of a small variance away from zero.
# matterport adds 0.001, PyTorch 0.00001, and to the published first version torchvision adds
# nothing. Where a channel hardly varies, its scale depends on it:

# %%
from minimaskrcnn.conv import BatchNorm, Conv, fold_batch_norm

one = Conv(np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32))
for variance in (1.0, 1e-2, 1e-4, 1e-6):
    norm = BatchNorm(*(np.array([x], np.float32) for x in (1, 0, 0, variance)))
    scales = [fold_batch_norm(one, norm, epsilon).kernel.item() for epsilon in (1e-3, 1e-5, 0.0)]
    print(f"variance {variance:g}: scale", " ".join(f"{scale:9.2f}" for scale in scales))

# %% [markdown]
# ## 8 In training
#
# The two also teach differently. Smooth L1, the loss of bounding-box regression, is a square for
# small errors and a line for large ones. matterport turns from one to the other at 1, torchvision
# at 1/9: beyond it, every error is pushed equally hard.

# %%
from minimaskrcnn.pictures import curves
from minimaskrcnn.training.losses import smooth_l1
from minimaskrcnn.training.torchvision import EDGE

errors = np.linspace(-2, 2, 81)
losses = {
    name: (errors, [smooth_l1(np.array([d]), np.zeros(1), edge)[0] for d in errors])
    for name, edge in {"matterport": 1.0, "torchvision": EDGE}.items()
}
curves(losses, "error of a delta", "loss", "smooth L1")

# %% [markdown]
# A mask target says for each of 28 x 28 cells how much of it the object fills. matterport looks at
# one point per cell and rounds; torchvision takes the mean of about one point per pixel. For an
# edge that runs through cells, the second one knows where:

# %%
from minimaskrcnn.training.mask_targets import mask_targets
from minimaskrcnn.training.torchvision import mask_targets as their_mask_targets

slope = np.tri(60, 60, dtype=bool)[None]  # the pixels on and below the diagonal
ours = mask_targets(slope, np.array([[0, 0, 1, 1]], np.float32), 4)
theirs = their_mask_targets(slope, np.array([[0, 0, 60, 60]], np.float32), 4)
print(ours[0], theirs[0].round(2), sep="\n\n")

# %% [markdown]
# The rest are numbers: 512 regions instead of 200, a quarter of them positive, and the sums of the
# losses of boxes divided by all that was sampled. `docs/differences.md` lists them.

# %% [markdown]
# ## 9 One place chooses
#
# In the code a convention is a name in the configuration. `run` asks once which five steps to take;
# the steps have the same names and the same arguments in both.

# %%
import inspect

from IPython.display import Code

Code(inspect.getsource(network.steps_of), language="python")

# %%
from minimaskrcnn.torchvision import steps as theirs

Code(inspect.getsource(theirs.propose), language="python")

# %% [markdown]
# ## Your turn
#
# Write torchvision's rule for the level of a region: floor(4 + log2(√area / 224)), not below 2 and
# not above 5, for boxes in pixels.

# %%
from minimaskrcnn.check.verdict import Case, check_function


def my_levels(rois): ...


hint = "the logarithm to base 2 of sqrt(area) / 224, plus 4, cut off, and clipped"
inputs = [np.array([[0, 0, s, s]], np.float32) for s in (10, 112, 223, 224, 500, 2000)]
inputs += [np.array([[300, 40, 350, 840]], np.float32), np.array([[20, 500, 470, 600]], np.float32)]
asked = [(f"the box {b[0].astype(int)}", b, roi_align.roi_levels(b)) for b in inputs]
cases = [Case(name, (b,), levels, hint) for name, b, levels in asked]
check_function(my_levels, roi_align.roi_levels, cases)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_levels`
#
# <details><summary>Hint 1</summary>
#
# Side is √(height · width).
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# floor(4 + log2(side / 224))
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# `np.clip(…, 2, 5)`, as whole numbers.
#
# </details>
#
# <details><summary>A solution of my_levels</summary>
#
# ```python
# import numpy as np
#
#
# def my_levels(rois):
#     sides = np.sqrt((rois[:, 2] - rois[:, 0]) * (rois[:, 3] - rois[:, 1]))
#     return np.clip(np.floor(4 + np.log2(sides / 224)), 2, 5).astype(int)
# ```
#
# </details>

# %% [markdown]
# **To think about.** No change of weights could undo torchvision's half-cell shift (section 3), but
# one line of code could. Why does nobody do it?

# %% [markdown]
# **The answer.** The same stages, but not the same numbers: paddings, rounding and who competes
# with whom are decided differently. Trained weights depend on some of these decisions heavily and
# on others hardly at all.

# %% [markdown]
# ## In the paper
#
# On most of these points the papers are silent, or were written before the
# pyramid. Where they speak: RoIAlign without rounding and with the mean of samples (Mask R-CNN,
# section 3) is closer to torchvision's; one list of proposals with one NMS (Faster R-CNN, section
# 3.3) is matterport's; the floor in the level of a region (FPN, equation 1) and the NMS threshold
# of 0.5 (Mask R-CNN, section 3.1) are torchvision's; the stride in the first 1 × 1 convolution
# (ResNet, figure 5) is matterport's. `docs/differences.md` has all of them side by side.
#
# **Next:** back to the tour; or run a model of your own: `minimaskrcnn predict photo.jpg --weights
# model.pth --class-names cat,dog`.
