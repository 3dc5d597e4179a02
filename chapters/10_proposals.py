# %% [markdown]
# # 10 Proposals: of all anchors, the regions worth a second look
#
# **The question.** Which thousand of a quarter of a million boxes are worth a closer look?
#
# **You will see** the pieces of the last four chapters become one stage: thousands of judged
# anchors go in, a short list of boxes comes out.
#
# **You will learn** the five steps, why they stand in this order, and how to tell whether the list
# is any good.
#
# **You need** chapters 06 (IoU and deltas), 08 (the region proposal network) and 09 (NMS).
#
# **Time** about 20 minutes.
#
# The module is `minimaskrcnn/proposals.py`, the tests are `tests/test_10_proposals.py`.

# %%
from minimaskrcnn.pictures import strip

strip("proposals")

# %% [markdown]
# **Where we are.** The region proposal network (RPN) has given every anchor a *score*, the
# probability of an object, and four *deltas*, how to move. It looked at each place once, briefly,
# and knows no classes: only "something" or "nothing". What comes next (chapters 11 and 12) looks
# closely, names what it sees, and costs far more for each box. So somebody has to choose.
# A box that is chosen is called a *proposal*.

# %% [markdown]
# ## 1 Four anchors, by hand
#
# Boxes are normalised here, 0 to 1 over the picture (chapter 06). We draw them on a sheet of
# tenths: 0.2 is the line 2. A has the best score. B stands a little lower and wants to move up. C
# leaves the sheet on the right. D has a poor score.

# %%
import numpy as np

from minimaskrcnn.pictures import BLUE, GREEN, GREY, ORANGE, PURPLE, Panel, panels

anchors = [[0.1, 0.1, 0.5, 0.5], [0.2, 0.1, 0.6, 0.5], [0.5, 0.6, 0.9, 1.2], [0.7, 0.1, 0.9, 0.3]]
anchors = np.array(anchors, np.float32)
scores = np.array([0.9, 0.8, 0.7, 0.2], np.float32)
deltas = np.array([[0, 0, 0, 0], [-2, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], np.float32)

# %% [markdown]
# The numbers of this example: the best 3 may take part, at most 2 are proposed, boxes that overlap
# by more than 0.7 count as the same. Deltas come in units of a tenth for the moves and a fifth for
# the sizes, `delta_std`.

# %%
from dataclasses import replace

from minimaskrcnn.config import COCO

config = replace(COCO, pre_nms_proposals=3, post_nms_proposals=2)
print("threshold", config.rpn_nms_threshold, " delta_std", config.delta_std)

# %% [markdown]
# **Step 1: the best scores.** A, B and C are in. **Step 2: move.** B's dy is -2, in units of 0.1,
# so it moves by -0.2 of its height: 0.4 · 0.2 = 0.08 upwards, to 0.12 … 0.52.

# %%
from minimaskrcnn.boxes import apply_deltas, clip, iou_matrix
from minimaskrcnn.proposals import select_proposals, top_indices

best = top_indices(scores, config.pre_nms_proposals)
moved = apply_deltas(anchors[best], deltas[best] * np.array(config.delta_std, np.float32))
print("the best three:", best)
print("B by hand:", 0.2 - 0.1 * 2 * 0.4, 0.6 - 0.1 * 2 * 0.4)
print("B moved:  ", moved[1].round(3))

# %% [markdown]
# **Step 3: cut off.** C ends at 1.2, where there is no picture left to look at. It is cut off at 1,
# not thrown away. **Step 4: NMS.** A and B now share the rows 0.12 to 0.5 and cover 0.1
# to 0.52, in the same columns: their IoU is 0.38 / 0.42, above 0.7. B goes. **Step 5: no more than
# asked for.** Two are left, two are wanted.

# %%
cut = clip(moved, (0, 0, 1, 1))
print("C:", moved[2].round(3), "->", cut[2].round(3))
print(f"IoU of A and B by hand {0.38 / 0.42:.4f}, by iou_matrix {iou_matrix(cut, cut)[0, 1]:.4f}")
proposals, proposal_scores = select_proposals(anchors, scores, deltas, config)
print("proposals:\n", proposals.round(3), "with scores", proposal_scores)

# %%
sheet = np.full((10, 10, 3), 255, np.uint8)
names, colours = ("A 0.9", "B 0.8", "C 0.7", "D 0.2"), (ORANGE, BLUE, GREEN, PURPLE)
out = 10 * np.concatenate([moved, anchors[3:]]), ("", "A, B", "C", "D"), (*colours[:3], GREY)
panels(
    Panel("anchors", sheet, 10 * anchors, names, colours, ruler=True, margin=2.5),
    Panel("moved; D is out", sheet, *out, ruler=True, margin=2.5),
    Panel("cut off", sheet, 10 * cut, ("", "A, B", "C"), colours[:3], ruler=True, margin=2.5),
    Panel("proposals", sheet, 10 * proposals, ("A", "C"), (ORANGE, GREEN), ruler=True, margin=2.5),
    columns=2,
)

# %% [markdown]
# ## Your turn
#
# Try it yourself before the package's code is shown. `apply_deltas`, `clip` and `nms` are there to
# be used; `config` has `pre_nms_proposals`, `post_nms_proposals`, `rpn_nms_threshold` and
# `delta_std`. Scores may be equal: then the lower index comes first.

# %%
from minimaskrcnn import check
from minimaskrcnn.nms import nms  # noqa: F401  for my_select_proposals


def my_select_proposals(anchors, scores, deltas, config):
    """Return the proposals (R, 4), best score first, and their scores (R,)."""
    ...


check.select_proposals(my_select_proposals)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_select_proposals`
#
# <details><summary>Hint 1</summary>
#
# Sort by score with `np.argsort(-scores, kind="stable")`, and take the first `pre_nms_proposals`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Multiply the deltas by `config.delta_std` before you apply them; clip the boxes to (0, 0, 1, 1).
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# `nms` returns indices into what it was given: choose boxes *and* scores with them, after cutting
# to `post_nms_proposals`.
#
# </details>
#
# <details><summary>A solution of my_select_proposals</summary>
#
# ```python
# import numpy as np
#
# from minimaskrcnn.boxes import apply_deltas, clip
# from minimaskrcnn.nms import nms
#
#
# def my_select_proposals(anchors, scores, deltas, config):
#     best = np.argsort(-scores, kind="stable")[: config.pre_nms_proposals]
#     std = np.array(config.delta_std, np.float32)
#     boxes = clip(apply_deltas(anchors[best], deltas[best] * std), (0, 0, 1, 1))
#     keep = nms(boxes, scores[best], config.rpn_nms_threshold, config.post_nms_proposals)
#     return boxes[keep], scores[best][keep]
# ```
#
# </details>

# %% [markdown]
# ## 2 The code
#
# The five steps are in the last five lines: moving and cutting off share one, and so do NMS and its
# limit. (`rpn_std` is `delta_std`, unless the RPN has units of its own: chapter 20.)

# %%
import inspect

from IPython.display import Code

Code(inspect.getsource(select_proposals), language="python")

# %% [markdown]
# Why in this order? **The best first, then the work:** moving boxes and comparing them costs the
# more, the more take part. **Move before NMS:** it is the moved boxes that must not be duplicates.
# **Cut off before NMS,** because boxes that differ only outside the picture are the same region.
# Here are two: their IoU is one half as they stand, and 1 as they are cut.

# %%
twins = np.array([[0, 0, 0.3, 0.3], [-0.3, 0, 0.3, 0.3]], np.float32)
cut_twins = clip(twins, (0, 0, 1, 1))
print("IoU before:", iou_matrix(twins, twins)[0, 1].round(3))
print("IoU after: ", iou_matrix(cut_twins, cut_twins)[0, 1])
kept, _ = select_proposals(twins, scores[:2], np.zeros((2, 4), np.float32), config)
print("proposals:", len(kept))

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
PHOTO = scene(322).image  # or "street.jpg"

model = load_model(WEIGHTS)
steps = model.trace(PHOTO)  # every intermediate of the network, by name
config, scores = model.config, steps["rpn_probs"][:, 1]  # column 1: the probability of an object
print(f"{len(scores)} anchors; {config.pre_nms_proposals} may take part in NMS")
print(f"at most {config.post_nms_proposals} are proposed; proposals: {steps['proposals'].shape}")

# %% [markdown]
# The steps again, one at a time, now with real numbers. `best` tells which anchor each box comes
# from, `survivors` which of them survive NMS, `keep` the first hundred of those.

# %%
best = top_indices(scores, config.pre_nms_proposals)
std = np.array(config.delta_std, np.float32)
cut = clip(apply_deltas(steps["anchors"][best], steps["rpn_deltas"][best] * std), (0, 0, 1, 1))
survivors = nms(cut, scores[best], config.rpn_nms_threshold)
keep = survivors[: config.post_nms_proposals]
assert np.array_equal(cut[keep], steps["proposals"])  # the same as the stage itself
print(f"{len(scores)} -> {len(best)} -> NMS -> {len(survivors)} -> {len(keep)}")

# %% [markdown]
# From which level of the pyramid do they come? All five levels compete in one list.

# %%
cells = [steps[f"p{level}"].shape[:2] for level in range(2, 7)]
level_of = np.repeat(np.arange(2, 7), [3 * height * width for height, width in cells])  # (A,)
for name, chosen in (("anchors", slice(None)), ("best", best), ("proposals", best[keep])):
    counts = np.bincount(level_of[chosen], minlength=7)[2:]
    print(f"{name:9}", "  ".join(f"P{level}: {n:4}" for level, n in enumerate(counts, start=2)))

# %% [markdown]
# In the picture: every sixth of the best anchors, still unmoved, of three shapes, some of them
# reaching beyond the border; the same ones, moved onto what they saw and cut off; the hundred
# proposals; and the ten best of those.

# %% tags=["cover"]
from minimaskrcnn.boxes import to_pixels
from minimaskrcnn.image import letterbox
from minimaskrcnn.photo import read_photo

framed = letterbox(read_photo(PHOTO), config)[0]  # the picture as the network sees it
some = slice(None, None, 6)  # all of them would hide the picture
shown = {"some of the best anchors": steps["anchors"][best[some]], "moved and cut off": cut[some]}
shown |= {f"proposals: {len(keep)}": cut[keep], "the first ten proposals": cut[keep[:10]]}
pixels = {title: to_pixels(boxes, framed.shape) for title, boxes in shown.items()}
panels(*(Panel(title, framed, boxes, margin=16) for title, boxes in pixels.items()), columns=2)

# %% [markdown]
# ## 4 Is the list any good?
#
# What is missing here is lost for good: no later stage looks anywhere else. A wrong box too many
# costs a little time. So the measure is *recall*: the share of the objects that have a proposal
# that overlaps them well enough, by an IoU of at least 0.5, say. We take a dozen scenes, whose
# true boxes are known as a program drew them, and shorten the list: only the first proposal, the
# first two, …

# %%
from minimaskrcnn.boxes import normalise

scenes = [scene(seed) for seed in range(1000, 1012)]
small = load_model("shapes")  # whatever WEIGHTS says: it is the one that knows these scenes
traces = [small.trace(example.image) for example in scenes]
true_boxes = [normalise(example.boxes, example.image.shape) for example in scenes]
print(sum(map(len, true_boxes)), "objects in", len(scenes), "scenes")

# %% [markdown]
# To compare, we switch NMS off: at a threshold of 1 nothing is ever suppressed. Row n of each array
# `best_so_far` holds, for every object, the IoU of the best of the first n proposals.

# %%
reached = {"with NMS": [], "without NMS": []}
for name, threshold in (("with NMS", 0.7), ("without NMS", 1.0)):
    settings = replace(small.config, rpn_nms_threshold=threshold)
    for trace, truth in zip(traces, true_boxes, strict=True):
        verdicts = trace["anchors"], trace["rpn_probs"][:, 1], trace["rpn_deltas"]
        boxes, _ = select_proposals(*verdicts, settings)
        best_so_far = np.maximum.accumulate(iou_matrix(boxes, truth), axis=0)  # (R, objects)
        last = best_so_far[-1:].repeat(max(0, 60 - len(boxes)), axis=0)
        reached[name].append(np.concatenate([best_so_far, last])[:60])

# %%
from minimaskrcnn.pictures import curves

count, lines = np.arange(1, 61), {}
for name, of_scenes in reached.items():
    recall = (np.concatenate(of_scenes, axis=1) >= 0.5).mean(axis=1)  # (60,)
    lines[name] = (count, recall)
    print(f"{name:12} recall with 1, 5, 10, 60 proposals:", recall[[0, 4, 9, 59]].round(2))
curves(lines, "proposals of a scene, best first", "recall at an IoU of 0.5", "how many are needed?")

# %% [markdown]
# ## 5 What goes wrong without
#
# Why does the second curve lag behind? We take the scene of the dozen where NMS matters most to
# the first five proposals. Without it some of the five are near copies of others: they have found
# nothing new, and other objects have to wait for their turn. A long list hides that; but a long
# list is what the next stages would have to pay for.

# %%
gained = [
    np.sum(with_nms[4] >= 0.5) - np.sum(without[4] >= 0.5)  # objects that the first five have found
    for with_nms, without in zip(*reached.values(), strict=True)
]
i = int(np.argmax(gained))
verdicts = traces[i]["anchors"], traces[i]["rpn_probs"][:, 1], traces[i]["rpn_deltas"]
crowd, _ = select_proposals(*verdicts, replace(small.config, rpn_nms_threshold=1.0))
copies = np.triu(iou_matrix(crowd[:5], crowd[:5]) > 0.7, k=1).any(axis=0)  # of one before it
print(f"without NMS: {copies.sum()} of the first five are copies; {gained[i]} objects fewer found")

# %%
image = scenes[i].image
panels(
    Panel("the first 5, with NMS", image, to_pixels(traces[i]["proposals"][:5], image.shape)),
    Panel("the first 5, without", image, to_pixels(crowd[:5], image.shape)),
)

# %% [markdown]
# ## 6 Plain and fast
#
# The large network has so many anchors that even sorting them takes noticeable time, for the sake
# of a few thousand. `top_indices` sorts only those that can be among the best: `np.partition`
# finds the value of the last one that is in, and all that reach it are sorted.

# %% tags=["varies"]
from timeit import repeat

many = np.random.RandomState(0).uniform(size=261_888).astype(np.float32)
assert np.array_equal(top_indices(many, 6000), np.argsort(-many, kind="stable")[:6000])
slow = min(repeat(lambda: np.argsort(-many, kind="stable")[:6000], number=1, repeat=5))
quick = min(repeat(lambda: top_indices(many, 6000), number=1, repeat=5))
print("the same 6000 indices; at least twice as fast:", slow > 2 * quick)

# %%
Code(inspect.getsource(top_indices), language="python")

# %% [markdown]
# ## Further
#
# Save your function as `select_proposals` in a file `my_proposals.py`. From a clone of
# the repository,
#
#     pytest tests/test_10_proposals.py --mine my_proposals.py
#
# runs the tests of this stage on your function in place of the package's.
#
# **To think about.** The RPN knows no classes, so NMS here compares boxes of all things. A child
# sits in a chair, and the two true boxes have an IoU of 0.8. What becomes of the two proposals?
# Can a later stage still find both?

# %% [markdown]
# **The answer.** The best by score, moved by their deltas, cut off at the border and thinned out by
# NMS. The list may be generous: what is missing from it, no later stage can find.

# %% [markdown]
# ## In the paper
#
# Faster R-CNN ([arXiv:1506.01497](https://arxiv.org/abs/1506.01497)), section 3.3: NMS at 0.7,
# then the best of what is left. Feature Pyramid Networks ([arXiv:1612.03144](https://arxiv.org/abs/1612.03144)),
# section 5.2: 1000 proposals, of all levels together. Mask R-CNN takes both over
# ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870), section 3.1).
#
# **Next:** the proposals have all sizes, the network that looks at them wants one. Chapter 11 cuts
# equal patches out of the feature maps.
