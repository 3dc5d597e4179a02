# %% [markdown]
# # 16 Targets and losses: what the network should have said, and how wrong it was
#
# **The question.** What should the network have said, and how does one measure how wrong it was?
#
# **You will see** which anchors and regions of a real scene are asked about in training, what the
# right answer to each would have been, and five numbers that say how wrong the network was.
#
# **You will learn** who counts as an object and who as background, why the border is at an overlap
# of 0.5, and why being wrong is measured in two different ways.
#
# **You need** chapters 06 (IoU and deltas) and 12 (the heads).
#
# **Time** about 30 minutes.
#
# The modules are `targets.py` and `losses.py` in `minimaskrcnn/training/`, the tests are
# `tests/test_16_targets.py` and `tests/test_16_losses.py`.

# %%
from minimaskrcnn.pictures import strip

strip("targets")

# %% [markdown]
# **Where we are.** Chapters 02 to 14 used a network that somebody had trained. To train one, we
# show it pictures whose objects are known (the *ground truth*), and tell it after each how wrong
# it was. But the network does not answer with a handful of objects. It answers for thousands of
# anchors and dozens of regions, and each of these answers needs a *target*: what it should have
# been. This chapter makes the targets, and the *losses*, numbers that are 0 when an answer is
# right and grow as it gets worse. Chapter 17 makes them smaller.

# %% [markdown]
# ## 1 Three anchors, by hand
#
# One object (green) and three anchors. A covers most of it. B covers half of it. C is elsewhere.

# %%
import numpy as np

from minimaskrcnn.pictures import BLUE, GREEN, GREY, ORANGE, PURPLE, Panel, curves, panels

truth = np.array([[2, 2, 12, 22]], np.float64)  # y1 x1 y2 x2, pixels
anchors = np.array([[2, 6, 12, 22], [2, 12, 12, 22], [14, 2, 18, 12]], np.float64)
paper = np.full((20, 26, 3), 255, np.uint8)
boxes, names = np.concatenate([truth, anchors]), ("object", "A", "B", "C")
panels(Panel("who is positive?", paper, boxes, names, (GREEN, ORANGE, BLUE, PURPLE), ruler=True))

# %% [markdown]
# The IoU of A with the object is 160 / 200, that of B 100 / 200, that of C 0. An anchor is
#
# * **positive** (+1, "object") from an IoU of 0.7 on,
# * **negative** (-1, "background") below 0.3 with every object,
# * otherwise **neutral** (0): it is not asked. To call B background would be unfair; to call it an
#   object would teach the network to be content with half of one.
#
# The best anchor of each object is positive in any case, so that no object goes without.

# %%
from minimaskrcnn.boxes import iou_matrix
from minimaskrcnn.training.targets import anchor_targets

none, rng, std = truth[:0], np.random.RandomState(0), (0.1, 0.1, 0.2, 0.2)
match, deltas = anchor_targets(anchors, truth, none, 8, rng, std)
print("IoU:  ", iou_matrix(anchors, truth).ravel())
print("match:", match)

# %% [markdown]
# The positive one also learns how to move. A's centre must go from x = 14 to x = 12, which is
# an eighth of its width to the left; in units of 0.1 (`delta_std`, chapter 06) that is -1.25. Its
# width must grow from 16 to 20; the logarithm of 20 / 16, in units of 0.2:

# %%
print("by hand: dx", (12 - 14) / 16 / 0.1, " dw", round(np.log(20 / 16) / 0.2, 4))
print("anchor_targets: dy dx dh dw", deltas[0].round(4))

# %% [markdown]
# ## 2 The code
#
# `crowd_boxes` are places with many objects that nobody has outlined one by one (a crowd of
# people); an anchor there is never called background. `_thin_out` makes random anchors neutral
# until at most `count` are asked about.

# %%
import inspect

from IPython.display import Code

from minimaskrcnn.training.targets import _thin_out

body = inspect.getsource(anchor_targets).split('"""')
Code(
    body[0].rstrip(" ") + body[2].lstrip("\n") + "\n\n" + inspect.getsource(_thin_out),
    language="python",
)

# %% [markdown]
# ## 3 The real picture: anchors
#
# A scene of circles, squares and triangles, drawn by a program, so that its truth is known to the
# pixel. `frame` brings scene and truth to the network's input.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.anchors import make_anchors
from minimaskrcnn.boxes import to_pixels
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.training.batches import frame

model = load_model("shapes")
config, example = model.config, scene(13)
image, objects = frame(example, config)  # what the network sees, and the truth about it
true_boxes = to_pixels(objects.boxes, image.shape)  # (N, 4)
grid = make_anchors(image.shape, config.anchor_scales, config.anchor_ratios)
print(len(grid), "anchors,", len(true_boxes), "objects")

# %% [markdown]
# Asked about everybody first (a `count` beyond all bounds): how many are what?

# %%
none, rng = np.zeros((0, 4)), np.random.RandomState(0)
everybody, _ = anchor_targets(grid, true_boxes, none, 10**6, rng, config.delta_std)
numbers = {name: int((everybody == value).sum()) for name, value in
           (("positive", 1), ("neutral", 0), ("negative", -1))}  # fmt: skip
print(numbers)
print(f"negative: {numbers['negative'] / len(grid):.1%} of all")

# %% [markdown]
# Background wins by far. If all took part, "background, everywhere" would be nearly always right,
# and a network that says it would have little left to improve. So a sample is drawn, at most half
# of it positive. The rest shows what background can look like.

# %% tags=["cover"]
from minimaskrcnn.training.recipe import FROM_NOTHING

count = FROM_NOTHING.sampling.anchors
match, moves = anchor_targets(grid, true_boxes, none, count, rng, config.delta_std)
positive, negative = grid[match == 1], grid[match == -1]
green, grey = (GREEN,) * len(true_boxes), (GREY,) * len(negative)
with_truth = np.concatenate([positive, true_boxes])
first = Panel(f"{len(positive)} positive anchors, objects green", example.image, with_truth, (),
              (ORANGE,) * len(positive) + green, margin=16)  # fmt: skip
second = Panel(f"{len(negative)} negative anchors", example.image, negative, (), grey, margin=16)
panels(first, second)

# %% [markdown]
# ## 4 The real picture: regions
#
# The proposals that the heads look at (chapter 10) are sorted with one threshold: **a region with
# an IoU of 0.5 or more with an object is positive and takes its class; all others are background**,
# class 0, except over a crowd. No neutral ones here: at the end the head must say something about
# every region.
#
# Why 0.5? Here is how well each proposal of this picture fits its best object:

# %%
proposals = model.trace(example.image)["proposals"]
best = iou_matrix(proposals, objects.boxes).max(axis=1)  # (R,)
print(len(proposals), "proposals")
for threshold in (0.1, 0.3, 0.5, 0.7, 0.9):
    print(f"with an IoU of {threshold} or more: {np.count_nonzero(best >= threshold):3}")

# %% [markdown]
# And here is what such regions show: the largest object, cut out by boxes that are moved to the
# right, more and more.

# %%
y1, x1, y2, x2 = true_boxes[np.argmax(np.prod(true_boxes[:, 2:] - true_boxes[:, :2], axis=1))]
cuts = []
for shift in np.array([0, 0.18, 0.33, 0.54, 0.82]) * (x2 - x1):
    box = np.array([[y1, x1 + round(shift), y2, x2 + round(shift)]])
    iou = iou_matrix(box.astype(float), np.array([[y1, x1, y2, x2]], float)).item()
    top, left, bottom, right = box[0]
    cuts.append(Panel(f"IoU {iou:.2f}", example.image[top:bottom, left:right]))
panels(*cuts)

# %% [markdown]
# A threshold near 0 would call the last of them a picture of the object, which it is not: the head
# would learn to see objects in their neighbourhood, and to move boxes by more than their features
# show. A threshold near 1 would leave hardly anything to learn from, and would teach that a box
# which is slightly off shows *background*. But proposals are slightly off, and to put them right
# is the head's task. From 0.5 on, region and object share at least half of what they cover
# together: mostly the object, and near enough to be put right. Evaluation (chapter 18) begins to
# call a detection right at 0.5, too. It is a compromise, and it has lasted.

# %% [markdown]
# ### Your turn
#
# Try it yourself before the package's code is shown. A region is positive if its IoU with an object
# is 0.5 or more. Of the `count` regions a third at most are positive, and for each positive there
# are two negatives, as far as there are any (without positives none); what overlaps a crowd by
# 0.001 or more is no negative. Positives get the class of the object that they overlap most, and
# the deltas to it in units of `delta_std`; negatives get class 0 and deltas of 0. The order of the
# rows does not matter, and any random choice will do: the check only looks at what must be.
# `iou_matrix` and `encode_deltas` are there to be used.

# %%
from minimaskrcnn import check
from minimaskrcnn.boxes import encode_deltas  # noqa: F401  for my_roi_targets


def my_roi_targets(proposals, boxes, class_ids, crowd_boxes, count, rng, delta_std):
    """Return the sampled rois (R, 4), their class_ids (R,) and deltas (R, 4)."""
    ...


check.roi_targets(my_roi_targets)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_roi_targets`
#
# <details><summary>Hint 1</summary>
#
# A region is positive if its best IoU with an object is at least 0.5; what overlaps a crowd with
# an IoU of 0.001 or more is no background.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Take random positives, at most a third of `count`, and for each positive two negatives, as far as
# there are any.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Positives get the class and the deltas of their best object, divided by `delta_std`; negatives
# class 0 and deltas of 0.
#
# </details>
#
# <details><summary>A solution of my_roi_targets</summary>
#
# ```python
# import numpy as np
#
# from minimaskrcnn.boxes import encode_deltas, iou_matrix
#
#
# def my_roi_targets(proposals, boxes, class_ids, crowd_boxes, count, rng, delta_std):
#     overlap = iou_matrix(proposals, boxes)
#     best = overlap.max(axis=1, initial=0)
#     far = iou_matrix(proposals, crowd_boxes).max(axis=1, initial=0) < 0.001  # from all crowds
#     positive = rng.permutation(np.flatnonzero(best >= 0.5))[: int(count * 0.33)]
#     others = int(len(positive) / 0.33) - len(positive)
#     negative = rng.permutation(np.flatnonzero((best < 0.5) & far))[:others]
#     rois = proposals[np.concatenate([positive, negative])]
#     labels, deltas = np.zeros(len(rois), int), np.zeros((len(rois), 4), np.float32)
#     if len(positive):
#         objects = overlap[positive].argmax(axis=1)
#         labels[: len(positive)] = class_ids[objects]
#         moves = encode_deltas(proposals[positive], boxes[objects])
#         deltas[: len(positive)] = moves / np.array(delta_std)
#     return rois, labels, deltas
# ```
#
# </details>
#

# %% [markdown]
# ### The package's code

# %%
from minimaskrcnn.training.targets import roi_targets

body = inspect.getsource(roi_targets).split('"""')
Code(body[0].rstrip(" ") + body[2].lstrip("\n"), language="python")

# %% [markdown]
# Again background must not drown the objects: for each positive there are two negatives at most.
# The deltas of the positives lead to the object that they overlap most.

# %%
known = objects.boxes, objects.class_ids, objects.crowd_boxes
sampling, rng = FROM_NOTHING.sampling, np.random.RandomState(0)
sample = roi_targets(proposals, *known, sampling.rois, rng, config.delta_std)
for class_id, name in enumerate(config.class_names):
    print(f"{name:10} {np.count_nonzero(sample.class_ids == class_id):3} regions")

# %% [markdown]
# ## 5 The real picture: masks
#
# A positive region also gets a mask to compare with: the part of its object's mask that lies
# within the region, on the 28 × 28 cells that the mask head draws (chapter 14).

# %%
from minimaskrcnn.training.mask_targets import mask_targets

shown = []
for i in range(3):
    roi, mask = sample.rois[i : i + 1], objects.masks[sample.objects[i]]
    cut = mask_targets(mask[None], roi, 28)[0]  # (28, 28) of 0 and 1
    box = to_pixels(roi, image.shape)
    name = config.class_names[sample.class_ids[i]]
    shown.append(Panel(f"a region and a {name}", example.image, box, mask=mask))
    shown.append(Panel("its mask target", cut, limits=(0, 1)))
panels(*shown, columns=6)

# %% [markdown]
# ## 6 Five losses
#
# Five questions were asked: is there an object at this anchor, and how should it move; what is in
# this region, and how should it move; which of its cells are the object's. Two kinds of answer,
# two ways of being wrong.
#
# **A probability** is judged by *cross-entropy*: minus the logarithm of the probability that the
# network gave to the truth. Sure and right costs nothing. Undecided between two costs ln 2. Sure
# and wrong costs more the surer it was, without limit.

# %%
from minimaskrcnn.training.losses import class_loss

for logits, said in (([0, 9], "sure and right"), ([0, 0], "undecided"), ([9, 0], "sure and wrong")):
    loss, gradient = class_loss(np.array([logits], float), np.array([1]))
    probability = np.exp(logits[1]) / np.exp(logits).sum()
    print(f"{said:15} by hand {-np.log(probability):.4f}, class_loss {loss:.4f}")
print("ln 2 =", round(np.log(2), 4))

# %% [markdown]
# The second number that each loss returns is its *gradient*: how fast the loss grows with each of
# the network's numbers. Here it is simply "what you said, minus what is true". The network will go
# the other way (chapter 17).

# %%
loss, gradient = class_loss(np.array([[0.0, 0.0]]), np.array([1]))
print("said 0.5 and 0.5, true is 0 and 1; gradient:", gradient)

# %% [markdown]
# **A delta** is judged by *smooth L1*: half of the square of the error as long as that is below 1,
# and the error minus a half beyond. Small errors matter less and less, so that the box settles.
# Large ones grow in a straight line, so that a few wild boxes do not rule over all others.

# %%
from minimaskrcnn.training.losses import smooth_l1

d = np.linspace(-3, 3, 121)
smooth = np.array([smooth_l1(np.array([x]), np.zeros(1))[0] for x in d])
slope = np.array([smooth_l1(np.array([x]), np.zeros(1))[1][0] for x in d])
print("by hand at 0.5 and 3:", 0.5**2 / 2, 3 - 0.5)
print("smooth_l1:           ", *(smooth_l1(np.array([x]), np.zeros(1))[0] for x in (0.5, 3.0)))
lines = {"d² / 2": (d, d * d / 2), "|d|": (d, abs(d)), "smooth L1": (d, smooth)}
curves(lines | {"its slope": (d, slope)}, "error d", "loss", "smooth L1 has the best of both")

# %% [markdown]
# ### Your turn
#
# The loss, and its gradient.


# %%
def my_smooth_l1(answers, targets):
    """Return the mean loss, a float, and its gradient, shaped as the answers."""
    ...


check.smooth_l1(my_smooth_l1)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_smooth_l1`
#
# <details><summary>Hint 1</summary>
#
# d = answers - targets. Below 1 in size: d² / 2, else |d| - 1/2; then the mean over all numbers.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The gradient of d² / 2 is d, that of |d| is its sign.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The mean divides the gradient as well: by the number of all numbers.
#
# </details>
#
# <details><summary>A solution of my_smooth_l1</summary>
#
# ```python
# import numpy as np
#
#
# def my_smooth_l1(answers, targets):
#     error = answers - targets
#     if not error.size:
#         return 0.0, error
#     small = np.abs(error) < 1
#     loss = np.where(small, error**2 / 2, np.abs(error) - 0.5).mean()
#     return loss, np.where(small, error, np.sign(error)) / error.size
# ```
#
# </details>
#

# %% [markdown]
# ### The package's code

# %%
body = inspect.getsource(smooth_l1).split('"""')
Code(body[0].rstrip(" ") + body[2].lstrip("\n"), language="python")

# %% [markdown]
# **A mask** is judged cell by cell. For a probability p and a target t of 0 or 1 the cross-entropy
# is -t · ln p - (1 - t) · ln(1 - p), and the loss is the mean over the cells. This is the loss that
# the Mask R-CNN paper adds to those of its predecessors. Its point is which mask it looks at: the
# network draws one for every class, and only the one of the *true class* counts. So the classes do
# not compete for pixels; which class it is has been decided elsewhere. By hand, on a mask of 2 × 2
# cells for two classes, of which class 1 is true:

# %%
from minimaskrcnn.layers import sigmoid
from minimaskrcnn.training.losses import mask_loss

logits = np.array([[[[9, 2], [9, -1]], [[9, 0], [9, -3]]]], float)  # (1, 2, 2, 2): two classes
target = np.array([[[1, 0], [1, 0]]], float)  # (1, 2, 2): the left column is the object's
p = sigmoid(logits[0, :, :, 1])
by_hand = -(target[0] * np.log(p) + (1 - target[0]) * np.log(1 - p))
loss, gradient = mask_loss(logits, np.array([1]), target)
print("each cell by hand:\n", by_hand.round(3), "\nmean", by_hand.mean().round(4))
print("mask_loss", round(loss, 4), " gradient of the other class:", gradient[0, :, :, 0].tolist())

# %% [markdown]
# ### Your turn
#
# The loss of the masks, with its gradient: that is again what was said minus what is true, here
# divided by the number of cells. `sigmoid` is there to be used.


# %%
def my_mask_loss(logits, class_ids, targets):
    """Return the mean loss over the cells of the true class's mask, and its gradient."""
    ...


check.mask_loss(my_mask_loss)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_mask_loss`
#
# <details><summary>Hint 1</summary>
#
# `logits[range(R), :, :, class_ids]` are the masks of the true classes.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# p = sigmoid of them; a cell costs -t ln p - (1 - t) ln(1 - p), and the loss is the mean over all
# cells of all regions.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The gradient is (p - t) / number of cells for the true class, and 0 for all others.
#
# </details>
#
# <details><summary>A solution of my_mask_loss</summary>
#
# ```python
# import numpy as np
#
# from minimaskrcnn.layers import sigmoid
#
#
# def my_mask_loss(logits, class_ids, targets):
#     rows, gradient = np.arange(len(logits)), np.zeros_like(logits)
#     p = sigmoid(logits[rows, :, :, class_ids])
#     cost = -targets * np.log(p) - (1 - targets) * np.log(1 - p)
#     gradient[rows, :, :, class_ids] = (p - targets) / p.size
#     return cost.mean(), gradient
# ```
#
# </details>

# %% [markdown]
# ### All five
#
# Here they are for the trained network and for one that has learned nothing, on this scene. `learn`
# does what this chapter did piece by piece.

# %%
from dataclasses import replace

from minimaskrcnn.training.batches import make_batch
from minimaskrcnn.training.initialise import new_model
from minimaskrcnn.training.step import learn

one = replace(FROM_NOTHING, batch_size=1, augment=False)  # this scene, as it is
batch = make_batch(lambda number: example, 1, one, config, seed=0)
for name, network in (("trained", model), ("new", new_model(config))):
    losses, _, _ = learn(network, batch, one.sampling, np.random.RandomState(0))
    told = "  ".join(f"{key} {value:.3f}" for key, value in losses.items())
    print(f"{name:8} {told}  sum {sum(losses.values()):.3f}")

# %% [markdown]
# (The `box` losses of the two networks cannot be compared: each proposes its own regions, and those
# of a new one are mostly true boxes and shaken copies of them, put there on purpose, as the next
# section tells.)

# %% [markdown]
# ## 7 What goes wrong without
#
# A new network knows nothing, and so its proposals are boxes at random. How many of them are
# positive? Without positives there are no negatives either, and with a few there are few: the
# heads learn next to nothing, and starve until the RPN is good. So training from nothing puts the
# true boxes, and slightly shaken copies of them, among the proposals (`with_objects`).

# %%
from minimaskrcnn.conv import folded
from minimaskrcnn.training.targets import with_objects

random_proposals = folded(new_model(config)).trace(example.image)["proposals"]
copies, shake = sampling.object_copies, sampling.shake  # how many, and how much they move
helped = with_objects(random_proposals, objects.boxes, copies, shake, rng)
for name, given in (("as they are", random_proposals), ("with objects", helped)):
    drawn = roi_targets(given, *known, sampling.rois, rng, config.delta_std)
    positives = np.count_nonzero(drawn.class_ids)
    print(f"{name:13} {len(given):3} proposals, sample: {positives} positive of {len(drawn.rois)}")

# %% [markdown]
# ## Further
#
# Save your functions as `smooth_l1` and `roi_targets` in a file `my_targets.py`. From
# a clone of the repository,
#
#     pytest tests/test_16_losses.py --mine my_targets.py
#     pytest tests/test_16_targets.py --mine my_targets.py
#
# runs the tests of this stage on them.
#
# **To think about.** Masks of different classes do not compete: the mask loss looks at the channel
# of the true class alone and asks of each cell, "yours or not?". Suppose it were a softmax over the
# classes instead, as for the regions. What would the mask head then have to know that the box head
# has said already?

# %% [markdown]
# **The answer.** Anchors and regions that overlap an object enough should have said so, the rest
# background. Five losses measure the difference: logarithms for decisions, smooth distances for
# boxes, cell by cell for masks.

# %% [markdown]
# ## In the paper
#
# Anchors: Faster R-CNN ([arXiv:1506.01497](https://arxiv.org/abs/1506.01497)), sections 3.1.2 and
# 3.1.3. Regions: Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 3.1,
# "Training": positive from an IoU of 0.5 on; the sum of the losses: section 3. Smooth L1: Fast
# R-CNN ([arXiv:1504.08083](https://arxiv.org/abs/1504.08083)), equation 3. The paper departs from
# this chapter in the sample: it takes 512 regions, one positive to three negatives. The original
# that this network follows takes 200, and two negatives for each positive (`docs/differences.md`).
#
# **Next:** chapter 17 follows the gradients back to every weight, and takes steps.
