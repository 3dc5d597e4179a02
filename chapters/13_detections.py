# %% [markdown]
# # 13 Detections: of many named regions, the objects
#
# **The question.** Of a thousand regions with a class and a score, which are reported?
#
# **You will see** how a list of regions, each with a class and a corrected box, becomes the short
# list of objects that the network reports.
#
# **You will learn** what is thrown away and in which order, why NMS runs a second time and within
# each class, and what the confidence threshold decides.
#
# **You need** chapter 09 (NMS) and chapter 12 (heads).
#
# **Time** about 20 minutes.
#
# The module is `minimaskrcnn/detections.py`, the tests are `tests/test_13_detections.py`.

# %%
from minimaskrcnn.pictures import strip

strip("detections")

# %% [markdown]
# **Where we are.** The box head (chapter 12) has given each proposal a probability for every class,
# the *background* (class 0: no object) among them, and for every class four deltas. Most proposals
# are background. Of the others, several mean the same object. What remains, one for each object, is
# a *detection*: a box, a class, a *score* (the probability of the class). A mask will be added in
# chapter 14.

# %% [markdown]
# ## 1 Five regions, by hand
#
# Three classes: background, circle, square. Each row is a region's probabilities. Boxes are
# normalised; we draw them on a sheet of tenths. A and B mean the same circle, C is a square in the
# same place, D is background, E looks like a square, but not surely.

# %%
import numpy as np

boxes = [[1, 1, 6, 6], [1, 2, 6, 7], [2, 1, 6, 6], [7, 7, 9, 9], [7, 1, 9, 4]]
rois = np.array(boxes, np.float32) / 10
probs = [[0.05, 0.9, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8], [0.8, 0.1, 0.1], [0.4, 0.15, 0.45]]
probs = np.array(probs, np.float32)
deltas = np.zeros((5, 3, 4), np.float32)  # (R, K, 4)
deltas[1] = [[0, 0, 0, 0], [0, -1, 0, 0], [5, 5, 0, 0]]  # region B, one row for each class
toy = rois, probs, deltas

# %% [markdown]
# **Step 1: the class** is the likeliest one, and its probability is the score. **Step 2: the box.**
# The region moves by the deltas *of this class*. For B that is the circle's row: dx is -1, in units
# of 0.1, of its width 0.5. What it would do as a square does not matter.

# %%
from minimaskrcnn.boxes import apply_deltas, clip, iou_matrix
from minimaskrcnn.config import COCO

class_ids = probs.argmax(axis=1)
scores = probs[np.arange(5), class_ids]
own = deltas[np.arange(5), class_ids] * np.array(COCO.delta_std, np.float32)
moved = apply_deltas(rois, own)
print("classes", class_ids, "scores", scores)
print(f"B by hand: {0.2 - 0.1 * 0.5:.2f} to {0.7 - 0.1 * 0.5:.2f}, moved: {moved[1].round(3)}")

# %% [markdown]
# **Step 3: background goes,** so D is out. **Step 4: low scores go.** With a confidence threshold
# of 0.7, E is out. **Step 5: NMS within each class,** here at 0.3. A and B are both circles and
# overlap far more: B goes. C overlaps A almost as much, but is a square: it stays.

# %%
print("IoU of A and B by hand:", round(0.45 * 0.5 / (2 * 0.25 - 0.45 * 0.5), 3))
print("IoU of A and C by hand:", round(0.4 * 0.5 / 0.25, 3))
print(iou_matrix(moved[:3], moved[:3]).round(3))

# %% [markdown]
# `select_detections` does all of it, and reports at most `max_detections`. A row of the result is
# `y1 x1 y2 x2`, class, score, best score first (of equal scores the lower region first); `source`
# says from which regions they came.

# %%
from minimaskrcnn.detections import select_detections

detections, source = select_detections(rois, probs, deltas, (0, 0, 1, 1), COCO)
print(detections.round(3))
print("came from the regions", source)

# %% [markdown]
# Circles are orange, squares blue, background is dashed:

# %%
from minimaskrcnn.pictures import BLUE, GREEN, GREY, ORANGE, Panel, panels

sheet, kinds = np.full((10, 10, 3), 255, np.uint8), (ORANGE, ORANGE, BLUE, GREY, BLUE)
panels(
    Panel("regions", sheet, 10 * rois, tuple("ABCDE"), kinds, ruler=True),
    Panel("detections", sheet, 10 * detections[:, :4], ("A", "C"), (ORANGE, BLUE), ruler=True),
)

# %% [markdown]
# One argument is left, the *window*. A photograph that is not square lies between two bars in the
# network's input (chapter 02). Nothing that is found can lie in the bars, so boxes are cut off at
# the photograph's edges. If the upper fifth of the frame were a bar, A would lose its part from 0.1
# to 0.2:

# %%
cut, _ = select_detections(rois, probs, deltas, (0.2, 0, 0.8, 1), COCO)
print("A:", detections[0, :4].round(3), "->", cut[0, :4].round(3))

# %% [markdown]
# ## Your turn
#
# Try it yourself before the package's code is shown. `apply_deltas`, `clip` and `nms` are there to
# be used. `config` has `delta_std`, `min_score`, `detection_nms_threshold` and `max_detections`.

# %%
from minimaskrcnn import check
from minimaskrcnn.nms import nms  # noqa: F401  for my_select_detections


def my_select_detections(rois, class_probs, box_deltas, window, config):
    """Return detections (N, 6), best score first, and source (N,), the regions they came from."""
    ...


check.select_detections(my_select_detections)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_select_detections`
#
# <details><summary>Hint 1</summary>
#
# Every region takes its likeliest class; class 0 is dropped, and what is below `min_score`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The box moves by the deltas of *that* class, times `delta_std`, and is clipped to the window.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# NMS runs within each class; afterwards everything is sorted by score (equal scores: the lower
# region first) and cut to `max_detections`.
#
# </details>
#
# <details><summary>A solution of my_select_detections</summary>
#
# ```python
# import numpy as np
#
# from minimaskrcnn.boxes import apply_deltas, clip
# from minimaskrcnn.nms import nms
#
#
# def my_select_detections(rois, class_probs, box_deltas, window, config):
#     classes, found = class_probs.argmax(axis=1), []
#     std = np.array(config.delta_std, np.float32)
#     for class_id in range(1, class_probs.shape[1]):
#         sure = class_probs[:, class_id] >= np.float32(config.min_score)
#         own = np.flatnonzero((classes == class_id) & sure)
#         boxes = clip(apply_deltas(rois[own], box_deltas[own, class_id] * std), window)
#         scores = class_probs[own, class_id]
#         for i in nms(boxes, scores, config.detection_nms_threshold):
#             found.append((*boxes[i], class_id, scores[i], own[i]))
#     found.sort(key=lambda row: (-row[5], row[6]))
#     rows = np.array(found[: config.max_detections], np.float64).reshape(-1, 7)
#     return rows[:, :6].astype(np.float32), rows[:, 6].astype(int)
# ```
#
# </details>

# %% [markdown]
# ## 2 The code

# %%
import inspect

from IPython.display import Code

from minimaskrcnn.detections import _candidates, _nms_by_class

parts = [inspect.getsource(f) for f in (select_detections, _candidates, _nms_by_class)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# (`detected_classes` names the classes that somebody is looking for; if it names none, all are
# meant. `every_class` is for torchvision's weights, chapter 20.) There is no fast version beside
# this one. It is a handful of operations on whole arrays; the loop that costs is that of NMS, and
# `nms` is compiled (chapter 09).

# %% [markdown]
# ## 3 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph
# of yours, change `WEIGHTS` and `PHOTO`; this section works as it is.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(138).image  # or "street.jpg"

model = load_model(WEIGHTS)
config = model.config
steps = model.trace(PHOTO)  # every intermediate of the network, by name
print("regions", steps["proposals"].shape, "probabilities", steps["class_probs"].shape)
print("confidence threshold", config.min_score, " NMS at", config.detection_nms_threshold)

# %% [markdown]
# The steps one at a time, counted:

# %%
rois, probs = steps["proposals"], steps["class_probs"]
class_ids = probs.argmax(axis=1)
scores = probs[np.arange(len(rois)), class_ids]
sure = np.flatnonzero((class_ids > 0) & (scores >= np.float32(config.min_score)))
own = steps["box_deltas"][sure, class_ids[sure]] * np.array(config.delta_std, np.float32)
moved = clip(apply_deltas(rois[sure], own), (0, 0, 1, 1))
detections = steps["detections"]
print(f"{len(rois)} regions, {(class_ids > 0).sum()} not background, {len(sure)} sure enough")
print(f"{len(detections)} detections")

# %% tags=["cover"]
from minimaskrcnn.boxes import to_pixels
from minimaskrcnn.image import letterbox
from minimaskrcnn.photo import read_photo

framed = letterbox(read_photo(PHOTO), config)[0]  # the picture as the network sees it
kept = tuple(f"{config.class_names[int(k)]} {score:.2f}" for k, score in detections[:, 4:])
groups = {"regions": rois, "not background": rois[sure], "moved": moved}
groups["detections"] = detections[:, :4]
groups = {title: to_pixels(found, framed.shape) for title, found in groups.items()}
shown = [Panel(f"{len(found)} {title}", framed, found) for title, found in groups.items()]
shown[3] = Panel(shown[3].title, framed, shown[3].boxes, kept, (ORANGE,) * len(kept))
panels(*shown, columns=2)

# %% [markdown]
# Each detection remembers its region, so it can be asked where it came from:

# %%
for row, region in zip(detections, steps["detection_proposals"], strict=True):
    both = np.stack([row[:4], rois[region]])
    overlap, name = iou_matrix(both, both)[0, 1], config.class_names[int(row[4])]
    print(f"{name:10} {row[5]:.3f} was proposal {region:3}, IoU with it {overlap:.2f}")

# %% [markdown]
# ## 4 What goes wrong when NMS looks at no class
#
# Proposals know no classes, so their NMS could not ask (chapter 10). Now it can, and should. Here
# are the true boxes of a scene. Two objects of different classes, one in front of the other,
# overlap by more than the threshold. NMS over all classes together loses one of them, however good
# the network is.

# %%
crowd = scene(120)
true_boxes, threshold = crowd.boxes.astype(np.float32), 0.5
descending = np.linspace(0.99, 0.9, len(true_boxes), dtype=np.float32)  # made-up scores
together = nms(true_boxes, descending, threshold)
by_class = [np.flatnonzero(crowd.class_ids == k) for k in np.unique(crowd.class_ids)]
apart = [of[nms(true_boxes[of], descending[of], threshold)] for of in by_class]
apart = np.sort(np.concatenate(apart))
print("largest IoU of two:", np.triu(iou_matrix(true_boxes, true_boxes), k=1).max().round(3))
print("kept together:", np.sort(together), " kept class by class:", apart)

# %%
gone = tuple(GREEN if i in together else GREY for i in range(len(true_boxes)))
names = tuple(("", "circle", "square", "triangle")[k] for k in crowd.class_ids)
panels(
    Panel("all classes together; grey: lost", crowd.image, true_boxes, names, gone),
    Panel("class by class", crowd.image, true_boxes, names, (GREEN,) * len(true_boxes)),
)

# %% [markdown]
# NMS class by class has its price. If the network cannot decide whether a thing is a circle or a
# square, some of its regions may say the one and some the other, and both are reported. Nothing in
# this stage prevents that.

# %% [markdown]
# ## 5 What the confidence threshold decides
#
# Which score is sure enough? In the next cell none is too low (`min_score=0`); the scores begin at
# 0.25, because the likeliest of four classes has at least that much. We take some scenes and call a
# detection right if an object of its class overlaps it by at least 0.5. (Chapter 18 judges more
# strictly.) As the threshold rises, first wrong ones go, and in the end right ones, too.

# %%
small, found = load_model("shapes"), []  # the network that knows these scenes
for example in map(scene, range(1000, 1030)):
    for detection in small.predict(example.image, min_score=0):
        same = example.boxes[example.class_ids == detection.class_id].astype(np.float32)
        overlaps = iou_matrix(detection.box[None].astype(np.float32), same)
        found.append((detection.score, overlaps.max(initial=0) >= 0.5))
found = np.array(found)  # (detections, 2): score, whether it is right
print(len(found), "detections,", int(found[:, 1].sum()), "of them right")

# %%
from minimaskrcnn.pictures import curves

least = np.linspace(0.25, 1, 76)
kept = found[:, 0] >= least[:, None]  # (76, detections)
right = (kept & (found[:, 1] == 1)).sum(axis=1)
wrong = (kept & (found[:, 1] == 0)).sum(axis=1)
lines = {"right": (least, right), "wrong": (least, wrong)}
curves(lines, "confidence threshold", "detections in 30 scenes", "what the threshold keeps")

# %% [markdown]
# The right number depends on what the detections are for. To show them to people you want few
# wrong ones: 0.7 for the large network. To count how many objects can be found at all, keep
# more, as the small network does: its settings have 0.05.

# %% [markdown]
# ## Further
#
# In an [x-ray](../docs/xray.md) of a photograph two sliders move both thresholds of
# this chapter.
#
# Save your function as `select_detections` in a file `my_detections.py`. From a clone of the
# repository,
#
#     pytest tests/test_13_detections.py --mine my_detections.py
#
# runs the tests of this stage on it.
#
# **To think about.** Boxes are corrected first and thinned out by NMS afterwards. What would be
# lost if NMS came first, on the regions as they were proposed? Remember what NMS has already done
# to them, and at which threshold.

# %% [markdown]
# **The answer.** Those whose likeliest class is an object with a score at or above the confidence
# threshold; of several on one object, by NMS within the class, the best. The threshold trades
# missed objects for false ones.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 3.1, "Inference": box
# head, NMS, the best 100 detections, and only then the masks. NMS within each class, and deltas for
# each class: Fast R-CNN ([arXiv:1504.08083](https://arxiv.org/abs/1504.08083)), sections 2 and 3.
# There every class of a region competes, each with a box of its own, as in torchvision (chapter
# 20); here, as in the original that this network follows, a region stands for its likeliest class
# alone.
#
# **Next:** every detection gets its mask, at the size of the photograph: chapter 14.
