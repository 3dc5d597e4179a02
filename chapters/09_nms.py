# %% [markdown]
# # 09 NMS: keep one box per object
#
# **The question.** Dozens of boxes have found the same object. Which one is kept?
#
# **You will see** how a crowd of boxes around one object is thinned out to a single one, on three
# boxes that you can check by hand and on the hundreds that the network proposes for a picture.
#
# **You will learn** non-maximum suppression (NMS), what its threshold does, and where it fails.
#
# **You need** chapter 06 (IoU and deltas) and chapter 07 (anchors).
#
# **Time** about 25 minutes.
#
# The module is `minimaskrcnn/nms.py`, the tests are `tests/test_09_nms.py`.

# %%
from minimaskrcnn.pictures import strip

strip("nms")

# %% [markdown]
# **Where we are.** The region proposal network (chapter 08) has looked at every anchor and said
# how likely it holds an object, its *score*, and how it should move: its *deltas*, applied as in
# chapter 06. As anchors stand close together, many of them have found the same object. The
# next two stages that decide, proposals (10) and detections (13), both need what this chapter
# makes: one box for each object.

# %% [markdown]
# ## 1 Three boxes, by hand
#
# Three boxes with a score each. A and B clearly mean the same thing; C means another. A box is
# `y1 x1 y2 x2`, as everywhere here: upper edge, left edge, lower edge, right edge.

# %%
import numpy as np

from minimaskrcnn.pictures import BLUE, GREEN, GREY, ORANGE, Panel, panels

boxes = np.array([[2, 2, 12, 12], [4, 3, 14, 13], [8, 17, 18, 27]], np.float32)
scores = np.array([0.8, 0.9, 0.7], np.float32)
names = ("A 0.8", "B 0.9", "C 0.7")
paper = np.full((20, 30, 3), 255, np.uint8)  # an empty sheet of 20 by 30 pixels
panels(Panel("three boxes", paper, boxes, names, (ORANGE, BLUE, GREEN), ruler=True))

# %% [markdown]
# How much do A and B overlap? Read it off: they share the rows 4 to 12 and the columns 3 to 12.
# So the intersection is 8 · 9 pixels. Each box covers 10 · 10; the union counts the shared part
# once. Intersection over union, IoU:

# %%
intersection = 8 * 9
union = 10 * 10 + 10 * 10 - intersection
print(f"intersection {intersection}, union {union}, IoU {intersection / union:.3f}")

# %% [markdown]
# `iou_matrix` of chapter 06 does this for every pair at once. Row 0, column 1 is A with B. A and
# C share nothing, so their IoU is 0.

# %%
from minimaskrcnn.boxes import iou_matrix

iou_matrix(boxes, boxes).round(3)

# %% [markdown]
# ## 2 The rule
#
# **Walk down from the best score. Keep a box, unless it overlaps an already kept one by more than
# the threshold.** All that is not kept is *suppressed*; what survives are local maxima of the
# score, hence the name: what is *not* a maximum goes. Of equal scores the lower index comes first.

# %% [markdown]
# ### Your turn
#
# Try it yourself before the package's code is shown. `iou_matrix` is there to be used. The check
# tells you about the first case in which you differ from the package, and what the reason usually
# is. (The package's function has one argument more, `limit=None`: how many to keep at most. You
# need not have it.)

# %%
from minimaskrcnn import check


def my_nms(boxes, scores, iou_threshold):
    """Return the indices of the boxes to keep, best score first, as an int64 array."""
    ...


check.nms(my_nms)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_nms`
#
# <details><summary>Hint 1</summary>
#
# Walk through the boxes from the best score down; equal scores: the lower index first (a *stable*
# sort).
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Keep a box if its IoU with each of the *kept* ones is not above the threshold.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Equal to the threshold is kept: `<=`.
#
# </details>
#
# <details><summary>A solution of my_nms</summary>
#
# ```python
# import numpy as np
#
# from minimaskrcnn.boxes import iou_matrix
#
#
# def my_nms(boxes, scores, iou_threshold):
#     overlap, keep = iou_matrix(boxes, boxes), []
#     for i in np.argsort(-scores, kind="stable"):
#         if all(overlap[i, j] <= np.float32(iou_threshold) for j in keep):
#             keep.append(i)
#     return np.array(keep, np.int64)
# ```
#
# </details>

# %% [markdown]
# ### The package's code

# %%
import inspect

from IPython.display import Code

from minimaskrcnn.nms import nms, nms_plain

Code(inspect.getsource(nms_plain), language="python")

# %% [markdown]
# With the threshold 0.5: B has the best score and is kept. A overlaps B by more than 0.5 and
# goes. C overlaps nothing that was kept, and stays. The answer is not the boxes but their
# *indices*, best first, so that scores, classes or whatever belongs to a box can be picked out
# likewise.

# %%
keep = nms_plain(boxes, scores, iou_threshold=0.5)
print("kept:", keep, "that is", [names[i] for i in keep])
after = tuple(colour if i in keep else GREY for i, colour in enumerate((ORANGE, BLUE, GREEN)))
panels(
    Panel("before", paper, boxes, names, (ORANGE, BLUE, GREEN), ruler=True),
    Panel("after: A is suppressed by B", paper, boxes, names, after, ruler=True),
)

# %% [markdown]
# Two details decided whether your own version agrees with this one.
#
# **An overlap equal to the threshold is kept.** The upper half of a box overlaps the box by
# exactly one half:

# %%
whole_and_half = np.array([[0, 0, 10, 10], [0, 0, 5, 10]], np.float32)
print("IoU:", iou_matrix(whole_and_half, whole_and_half)[0, 1])
print("threshold 0.5 keeps", nms_plain(whole_and_half, scores[:2], 0.5))
print("threshold 0.49 keeps", nms_plain(whole_and_half, scores[:2], 0.49))

# %% [markdown]
# **A suppressed box suppresses nothing.** In this chain each box overlaps its neighbour too much,
# but not its neighbour's neighbour. Box 0 suppresses 1. Box 1 would have suppressed 2, but it is
# gone: box 2 lives.

# %%
chain = np.array([[0, 0, 10, 10], [0, 4, 10, 14], [0, 8, 10, 18]], np.float32)
print(iou_matrix(chain, chain).round(2))
print("threshold 0.4 keeps", nms_plain(chain, np.array([0.9, 0.8, 0.7], np.float32), 0.4))

# %% [markdown]
# ## 3 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph
# of yours, change `WEIGHTS` and `PHOTO`; everything below works as it is.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(13).image  # or "street.jpg"

model = load_model(WEIGHTS)
steps = model.trace(PHOTO)  # every intermediate of the network, by name
print("anchors", steps["anchors"].shape, "scores", steps["rpn_probs"][:, 1].shape)

# %% [markdown]
# NMS is first needed where the anchors that the RPN liked best have been moved by their deltas
# (chapter 06) and cut off at the picture's border. Chapter 10 puts this together; here it is in
# three lines. We call the result *candidates*.

# %%
from minimaskrcnn.boxes import apply_deltas, clip, to_pixels
from minimaskrcnn.image import letterbox
from minimaskrcnn.photo import read_photo
from minimaskrcnn.proposals import top_indices

best = top_indices(steps["rpn_probs"][:, 1], model.config.pre_nms_proposals)
deltas = steps["rpn_deltas"][best] * np.array(model.config.delta_std, np.float32)
candidates = clip(apply_deltas(steps["anchors"][best], deltas), (0, 0, 1, 1))
candidate_scores = steps["rpn_probs"][best, 1]
framed = letterbox(read_photo(PHOTO), model.config)[0]  # the picture as the network sees it
print(len(candidates), "candidates, the first five scores:", candidate_scores[:5].round(3))

# %% [markdown]
# Most of them have low scores. To see anything, let us draw those that hold an object more likely
# than not, before NMS and after it with three thresholds. The lower the threshold, the fewer boxes
# are left. 0.95 removes what is nearly a copy, and here that is little. 0.7, the value that the
# proposals use, is a compromise: several boxes for each object, which the next stages can choose
# from.

# %% tags=["cover"]
sure = candidate_scores >= 0.5
likely, likely_scores = candidates[sure], candidate_scores[sure]
shown = [Panel(f"{len(likely)} likely candidates", framed, to_pixels(likely, framed.shape))]
for threshold in (0.95, 0.7, 0.3):
    keep = nms(likely, likely_scores, threshold)
    pixels = to_pixels(likely[keep], framed.shape)
    shown.append(Panel(f"threshold {threshold}: {len(keep)} left", framed, pixels))
panels(*shown, columns=2)

# %% [markdown]
# **Move it.** The same likely candidates, with the threshold in your hand. At 0 nothing may
# overlap; at 1 everything stays.

# %%
from minimaskrcnn.pictures.moving import moving_nms

moving_nms(to_pixels(likely, framed.shape), likely_scores, framed.shape[:2])

# %% [markdown]
# ## 4 Plain and fast
#
# `nms_plain` computes the IoU of every candidate with every other before it begins. `nms`, which
# the network calls, asks only for what it needs: each candidate is compared with the boxes kept
# so far, and only until one of them suppresses it. And its loops are compiled by Numba, which
# turns Python loops into machine code. The answers are the same to the last index.

# %%
threshold = model.config.rpn_nms_threshold
plain, fast = (f(candidates, candidate_scores, threshold) for f in (nms_plain, nms))
assert plain.tolist() == fast.tolist()
print(f"both keep the same {len(fast)} boxes")
print(f"IoUs in the matrix: {len(candidates) ** 2:,}")
print(f"comparisons, at most: {len(candidates) * len(fast):,}")

# %%
from timeit import timeit

slow = timeit(lambda: nms_plain(candidates, candidate_scores, threshold), number=5)
quick = timeit(lambda: nms(candidates, candidate_scores, threshold), number=5)
print("at least five times as fast:", slow > 5 * quick)

# %% [markdown]
# This is the loop. Without Numba (set the environment variable `NUMBA_DISABLE_JIT=1`) it runs as
# plain Python, so that you can stop in it with a debugger.

# %%
from minimaskrcnn.nms import _overlaps_any, _survivors

parts = [inspect.getsource(f) for f in (nms, _survivors.py_func, _overlaps_any.py_func)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# ## 5 What goes wrong without NMS
#
# Switch it off: with a threshold of 1 nothing is ever suppressed. At the end of the network
# (detections, chapter 13) NMS runs a second time, within each class. Without it, many an object
# is reported more than once. Here on a photograph, the coins of chapter 01, which the small network
# takes for circles:

# %%
from minimaskrcnn.datasets import COINS_FILE

coins, settings = load_model("shapes"), dict(size=256, min_score=0.5)
found = coins.predict(COINS_FILE, **settings)
unsuppressed = coins.predict(COINS_FILE, nms_threshold=1.0, **settings)
panels(
    Panel(f"with NMS: {len(found)} detections", found.image, found.boxes),
    Panel(f"without: {len(unsuppressed)} detections", unsuppressed.image, unsuppressed.boxes),
)

# %% [markdown]
# Which threshold do the coins need? Any in a wide range, because coins lie beside each other and
# not on each other. The number of detections for each threshold:

# %%
thresholds = np.round(np.arange(0.1, 1.0, 0.1), 1)
counts = [len(coins.predict(COINS_FILE, nms_threshold=t, **settings)) for t in thresholds]
print(dict(zip(thresholds.tolist(), counts, strict=True)))

# %% [markdown]
# ## 6 Where NMS itself fails
#
# NMS takes overlap as proof that two boxes mean one object. Things that stand in front of each
# other overlap, too. Here are the four triangles of a scene; one of them stands before another.
# Suppose a perfect network: the boxes below are the true ones. NMS at 0.3, the threshold that the
# large network's detections use, suppresses one of the triangles.

# %%
crowd = scene(160)
true_boxes = crowd.boxes.astype(np.float32)[crowd.class_ids == 3]  # 3 is "triangle"
overlaps = np.triu(iou_matrix(true_boxes, true_boxes), k=1)  # each pair once
print(f"largest IoU of two true boxes: {overlaps.max():.3f}")
keep = nms(true_boxes, np.linspace(0.99, 0.9, len(true_boxes), dtype=np.float32), 0.3)
lost = tuple(ORANGE if i in keep else GREY for i in range(len(true_boxes)))
panels(
    Panel(f"{len(true_boxes)} true boxes", crowd.image, true_boxes),
    Panel(f"{len(keep)} after NMS at 0.3; grey: lost", crowd.image, true_boxes, colours=lost),
)

# %% [markdown]
# No threshold helps in general: where the network gives two boxes to one object with a smaller
# IoU than that of two true objects, any threshold gets one of the two wrong. Low thresholds lose
# neighbours, high ones keep duplicates.
#
# *Soft-NMS* ([arXiv:1704.04503](https://arxiv.org/abs/1704.04503)) does not decide at once: a box
# that overlaps a better one stays, with a score that is lowered the more the larger their IoU is.
# The neighbour then comes late in the list and is not lost. DETR (chapter 01) needs no NMS at all,
# because it learns to answer once for each object.

# %% [markdown]
# ## Further
#
# In an [x-ray](../docs/xray.md) of a photograph a slider moves the threshold of this
# chapter, and boxes come and go.
#
# Save your function as `nms` in a file `my_nms.py`. From a clone of the repository,
#
#     pytest tests/test_09_nms.py --mine my_nms.py
#
# runs the tests of this stage on your function in place of the package's.
#
# **To think about.** Proposals keep what overlaps by up to 0.7, detections only by up to 0.3 (or
# 0.5 in the small network). Why should the first be so much more generous than the second? What
# would the stages in between have to choose from if it were the other way round?

# %% [markdown]
# **The answer.** The one with the best score; all that overlap it by more than the threshold go.
# That is right as long as two objects do not overlap as much as two boxes of one object.

# %% [markdown]
# ## In the paper
#
# Faster R-CNN ([arXiv:1506.01497](https://arxiv.org/abs/1506.01497)), section 3.3: NMS on the
# proposals by their scores, at an IoU of 0.7. Mask R-CNN
# ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 3.1, "Inference": NMS on the
# detections before the masks are drawn.
#
# **Next:** chapter 10 puts anchors, scores, deltas and NMS together into proposals.
