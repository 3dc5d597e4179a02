# %% [markdown]
# # 12 Heads: what is it, where exactly, and which pixels
#
# **The question.** What is in this box, where exactly, and which pixels belong to it?
#
# **You will see** two small networks look at one region after the other: the first names it and
# corrects its box, the second draws it.
#
# **You will learn** why the first throws the arrangement of its cells away and the second keeps
# it, why there is a box and a mask for every class, and why masks do not compete.
#
# **You need** chapter 03 (convolution), chapter 08 (softmax) and chapter 11 (RoIAlign).
#
# **Time** about 25 minutes.
#
# The module is `minimaskrcnn/heads.py`, the tests are `tests/test_12_heads.py`.

# %%
from minimaskrcnn.pictures import strip

strip("heads")

# %% [markdown]
# **Where we are.** Chapter 11 has cut a patch of features out of the maps for every proposal: the
# same size for all, so that one network can look at all of them. Such a network, which answers
# questions about one region, is called a *head*. There are two. The *box head* says which class a
# region shows, and how its box should move. The *mask head* says which pixels are the object's.

# %% [markdown]
# ## 1 A box head by hand
#
# Ours is tiny: patches of 2 by 2 cells with one channel, two *hidden* numbers (those between two
# layers), three classes (K = 3). The first layer is a convolution as large as the whole patch
# (chapter 03). It fits into the patch in one place only, so it is one weighted sum over all cells
# for each hidden number.

# %%
import numpy as np

from minimaskrcnn.conv import Conv, conv2d

patch = np.array([[1, 2], [3, 4]], np.float32)[None, :, :, None]  # (R, 2, 2, 1), one region
one, other = np.array([[1, 0], [0, 1]]), np.array([[0, 1], [-1, 0]])  # a kernel for each number
kernel = np.stack([one, other], axis=2)[:, :, None].astype(np.float32)  # (2, 2, 1, 2)
hidden1 = Conv(kernel, bias=np.zeros(2, np.float32))
print("by hand:", 1 * 1 + 4 * 1, "and", 2 * 1 + 3 * -1, "so with ReLU", 5, "and", 0)
print("conv2d: ", conv2d(patch, hidden1)[0, 0, 0], conv2d(patch, hidden1, relu=True)[0, 0, 0])

# %% [markdown]
# Where a number came from, upper left or lower right, is now known only by the weights: the
# arrangement of the cells is gone. A second layer follows, from hidden numbers to hidden numbers
# (here it changes nothing), then two *dense* layers, each a matrix product: one to a logit for
# each class, one to four deltas for each class.

# %%
from minimaskrcnn.heads import BoxHead, MaskHead, box_head, mask_head
from minimaskrcnn.layers import Dense, deconv2d, sigmoid, softmax

hidden2 = Conv(np.eye(2, dtype=np.float32)[None, None], np.zeros(2, np.float32))  # (1, 1, 2, 2)
to_logits = np.array([[0, 0.4, 0.2], [1, 0, 0]], np.float32)  # (2, 3)
to_deltas = np.zeros((2, 3 * 4), np.float32)
to_deltas[0, 4:8] = [0.2, 0, 0, 0]  # class 1, from the first hidden number: dy
to_deltas[0, 8:12] = [0, 0.2, 0, 0]  # class 2: dx
logits, deltas = (Dense(k, np.zeros(k.shape[1], np.float32)) for k in (to_logits, to_deltas))
tiny = BoxHead(hidden1, hidden2, logits, deltas)

# %% [markdown]
# The hidden numbers are 5 and 0. So the logits are 5 · 0, 5 · 0.4 and 5 · 0.2; softmax (chapter 08)
# turns them into probabilities that sum to 1. Class 0 is the *background*: no object. If the region
# is of class 1 its box should move down (dy = 1), if it is of class 2 to the right.

# %%
class_logits, box_deltas = box_head(patch, tiny)
weights = np.exp([0, 2, 1])
print("logits", class_logits[0], " probabilities", softmax(class_logits)[0].round(3))
print(
    "by hand: exp(logits)",
    weights.round(3),
    "divided by their sum",
    (weights / weights.sum()).round(3),
)
print("deltas of each class, dy dx dh dw:")
print(box_deltas[0])

# %% [markdown]
# ## 2 Doubling a map by hand
#
# A mask needs its cells where they are. The mask head therefore consists of convolutions only, and
# doubles the map once, so that the mask is finer than the patch. That is done by a *transposed
# convolution*: every cell paints a 2 by 2 square of its own, the kernel times the cell's value. A
# ReLU follows every layer but the last, a convolution of 1 × 1 that gives one logit for each pixel
# and each of the K classes.

# %%
from minimaskrcnn.layers import Deconv
from minimaskrcnn.pictures import BLUE, GREEN, ORANGE, Panel, panels

brush = np.array([[1, 0.5], [0.5, 0.25]], np.float32)
small = np.array([[1, 2], [3, 4]], np.float32)
layer = Deconv(brush[:, :, None, None], bias=np.zeros(1, np.float32))  # (2, 2, out, in)
doubled = deconv2d(small[:, :, None], layer)[:, :, 0]
print(doubled)
assert np.array_equal(doubled, np.kron(small, brush))  # NumPy's name for it
shown = {"2 x 2": small, "the brush": brush, "4 x 4": doubled}
panels(*(Panel(t, x, ruler=True, limits=(0, 4)) for t, x in shown.items()))

# %% [markdown]
# ## Your turn
#
# Try it yourself before the package's code is shown. Three functions. First the box head, with
# NumPy alone. `head.hidden1.kernel` is (P, P, C, hidden), `head.hidden2.kernel` is (1, 1, hidden,
# hidden), `head.logits.kernel` and `head.deltas.kernel` are matrices; each layer has a `bias`. ReLU
# follows the two hidden layers.

# %%
from minimaskrcnn import check


def my_box_head(roi_features, head):
    """Return class_logits (R, K) and box_deltas (R, K, 4) of patches (R, P, P, C)."""
    ...


check.box_head(my_box_head)

# %% [markdown]
# Then the doubling, by its definition: every cell paints a square of 2 × 2 with the kernel, summed
# over the channels, and the bias. `layer.kernel` is (2, 2, out, in), `layer.bias` is (out,). ReLU
# is not asked for.


# %%
def my_deconv2d(x, layer):
    """Return the map (2 H, 2 W, out) of x (H, W, in), each cell as a square of its own."""
    ...


check.deconv2d(my_deconv2d)

# %% [markdown]
# And the mask head, from `conv2d(x, conv, relu=True)` and `deconv2d(x, layer, relu=True)`: the
# convolutions `head.convs`, the doubling `head.deconv`, and `head.logits`, a convolution of 1 × 1.


# %%
def my_mask_head(mask_features, head):
    """Return the mask logits (N, 2 P, 2 P, K) of patches (N, P, P, C)."""
    ...


check.mask_head(my_mask_head)

# %% [markdown]
# **Help.** Three hints for each function, and a solution. Open one at a time.
#
# `my_box_head`
#
# <details><summary>Hint 1</summary>
#
# The first layer sees the whole patch: as a row of P · P · C numbers it is a matrix product.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `kernel.reshape(-1, hidden)` has its rows in the same order as `reshape` of the patch.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# ReLU after the two hidden layers, none after logits and deltas; the deltas are reshaped to (R, K,
# 4).
#
# </details>
#
# <details><summary>A solution of my_box_head</summary>
#
# ```python
# import numpy as np
#
#
# def my_box_head(roi_features, head):
#     x = roi_features.reshape(len(roi_features), -1)
#     for conv in (head.hidden1, head.hidden2):
#         x = np.maximum(x @ conv.kernel.reshape(x.shape[1], -1) + conv.bias, 0)
#     logits = x @ head.logits.kernel + head.logits.bias
#     deltas = x @ head.deltas.kernel + head.deltas.bias
#     return logits, deltas.reshape(*logits.shape, 4)
# ```
#
# </details>
#
# `my_deconv2d`
#
# <details><summary>Hint 1</summary>
#
# The result is (2 H, 2 W, out). Its rows 0, 2, 4, … belong to a = 0, its rows 1, 3, 5, … to a = 1;
# columns likewise.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# For each (a, b) the cells are x (H, W, in) times kernel[a, b] (out, in), transposed.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# `y[a::2, b::2] = x @ layer.kernel[a, b].T + layer.bias`
#
# </details>
#
# <details><summary>A solution of my_deconv2d</summary>
#
# ```python
# import numpy as np
#
#
# def my_deconv2d(x, layer):
#     height, width, _ = x.shape
#     y = np.empty((2 * height, 2 * width, len(layer.bias)), np.float32)
#     for a in range(2):
#         for b in range(2):
#             y[a::2, b::2] = x @ layer.kernel[a, b].T + layer.bias
#     return y
# ```
#
# </details>
#
# `my_mask_head`
#
# <details><summary>Hint 1</summary>
#
# A loop over `head.convs`, each applied to what the one before has given.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Then `deconv2d` with ReLU, then `conv2d` with `head.logits`.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The last convolution has no ReLU: its numbers are logits.
#
# </details>
#
# <details><summary>A solution of my_mask_head</summary>
#
# ```python
# from minimaskrcnn.conv import conv2d
# from minimaskrcnn.layers import deconv2d
#
#
# def my_mask_head(mask_features, head):
#     x = mask_features
#     for conv in head.convs:
#         x = conv2d(x, conv, relu=True)
#     x = deconv2d(x, head.deconv, relu=True)
#     return conv2d(x, head.logits)
# ```
#
# </details>

# %% [markdown]
# ## 3 The code

# %%
import inspect

from IPython.display import Code

parts = [inspect.getsource(f) for f in (BoxHead, MaskHead, box_head, mask_head)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# The comments tell the sizes of the large network (and what torchvision's has otherwise: chapter
# 20). The last layer of the mask head gives one logit for each pixel *and class*. Each becomes a
# probability by itself, by the *sigmoid*, 1 / (1 + exp(-logit)): a logit of 0 is one half. The
# question is, "if this is a circle, is this pixel part of it?" Whether it is a circle has been
# decided by the box head. The masks of different classes need not agree, and do not compete.

# %% [markdown]
# ## 4 The real picture: the box head
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph
# of yours, change `WEIGHTS` and `PHOTO`; sections 4 and 5 work as they are.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(226).image  # or "street.jpg"

model = load_model(WEIGHTS)
steps = model.trace(PHOTO)  # every intermediate of the network, by name
class_logits, box_deltas = box_head(steps["roi_features"], model.box_head)
assert np.array_equal(class_logits, steps["class_logits"])
print("patches", steps["roi_features"].shape)
print("class logits", class_logits.shape, "deltas", box_deltas.shape)

# %% [markdown]
# What it says about the first ten proposals: the likeliest class, and how sure it is.

# %%
probs = steps["class_probs"]  # (R, K): softmax of the logits
class_ids = probs.argmax(axis=1)
for i in range(10):
    name = model.config.class_names[class_ids[i]]
    print(f"proposal {i}: {name:12} {probs[i, class_ids[i]]:.3f}")
print("background:", (class_ids == 0).sum(), "of", len(class_ids))

# %% [markdown]
# Now the boxes. Each region that is not background moves by the deltas of its own class, as in
# chapter 06. Left the regions as they were proposed, right where they have gone; circles are
# orange, squares blue, triangles green.

# %%
from minimaskrcnn.boxes import apply_deltas, clip, to_pixels
from minimaskrcnn.image import letterbox
from minimaskrcnn.photo import read_photo

framed = letterbox(read_photo(PHOTO), model.config)[0]  # the picture as the network sees it
objects = np.flatnonzero(class_ids > 0)
own = box_deltas[objects, class_ids[objects]] * np.array(model.config.delta_std, np.float32)
moved = clip(apply_deltas(steps["proposals"][objects], own), (0, 0, 1, 1))
print(len(objects), "regions that are not background")

# %% tags=["cover"]
colours = tuple((ORANGE, BLUE, GREEN)[(i - 1) % 3] for i in class_ids[objects])  # one per class
before, after = (to_pixels(b, framed.shape) for b in (steps["proposals"][objects], moved))
panels(
    Panel("proposed", framed, before, (), colours),
    Panel("corrected", framed, after, (), colours),
)

# %% [markdown]
# ## 5 The real picture: the mask head
#
# We follow one object through the layers of the mask head, and show the channel that varies most:
# the patch of 14 × 14; after the convolutions; doubled to 28 × 28, where the pattern of small
# squares is the brush of section 2. Below, the masks of the four classes that the box head thought
# likeliest, each a map of probabilities: black is 0 and white is 1.

# %%
features = steps["mask_features"][:1]  # (1, 14, 14, C), of the first object
x, maps = features, [("the patch", features)]
for conv in model.mask_head.convs:
    x = conv2d(x, conv, relu=True)
x_doubled = deconv2d(x, model.mask_head.deconv, relu=True)
maps += [("convolved", x), ("doubled", x_doubled)]
logits = conv2d(x_doubled, model.mask_head.logits)  # (1, 28, 28, K)
assert np.array_equal(logits, mask_head(features, model.mask_head))
masks = sigmoid(logits)[0]
likeliest = np.argsort(-probs[steps["detection_proposals"][0]])[:4]
print([name + " " + str(value.shape[1:]) for name, value in maps], "masks", masks.shape)

# %%
shown = [Panel("the object", framed, to_pixels(steps["detections"][:1, :4], framed.shape))]
for name, value in maps:
    channel = value[0].std(axis=(0, 1)).argmax()
    shown.append(Panel(f"{name}: channel {channel}", value[0, :, :, channel]))
for k in likeliest:
    shown.append(Panel(f"mask: {model.config.class_names[k]}", masks[:, :, k], limits=(0, 1)))
panels(*shown, columns=4)

# %% [markdown]
# Only one of them is used: that of the class that the box head decided on. In training, too, only
# the mask of the true class is asked for, and nobody minds what the others show. As all layers but
# the last are shared, they may well resemble it. Indeed the paper finds that one mask for all
# classes (*class-agnostic*) is nearly as good: 29.7 against 30.3 in average precision (chapter 18;
# section 4.2 of the paper). (Chapter 14 shows what becomes of the mask.)

# %% [markdown]
# ## 6 Plain and fast
#
# By its definition (chapter 03) the first layer of the box head is four nested loops. As the
# kernel is as large as the patch, it is also a single matrix product: each patch written as one
# long row. The numbers are the same up to rounding.

# %%
from minimaskrcnn.conv import conv2d_direct

few, first = steps["roi_features"][:4], model.box_head.hidden1
by_definition = conv2d_direct(few, first)[:, 0, 0]  # (4, hidden)
rows, matrix = few.reshape(len(few), -1), first.kernel.reshape(-1, first.kernel.shape[3])
product = rows @ matrix + first.bias
assert np.allclose(by_definition, product, rtol=0, atol=1e-4 * np.abs(product).max())
assert np.allclose(conv2d(few, first)[:, 0, 0], product, rtol=0, atol=1e-4 * np.abs(product).max())
print(rows.shape, "times", matrix.shape, "is", product.shape)

# %% [markdown]
# What do the heads cost? Count multiplications. The box head uses every weight once for each
# region. The mask head uses its weights at every cell. This is why the box head looks at all
# proposals, and the mask head only at what is left in the end: it runs after chapter 13.

# %%
box, mask = model.box_head, model.mask_head
per_box = sum(layer.kernel.size for layer in (box.hidden1, box.hidden2, box.logits, box.deltas))
cells = model.config.mask_pool_size**2  # 14 · 14
per_mask = cells * sum(layer.kernel.size for layer in (*mask.convs, mask.deconv))
per_mask += 4 * cells * mask.logits.kernel.size
print(
    f"box head {per_box:,} a region, mask head {per_mask:,}: {per_mask / per_box:.0f} times as many"
)
print(f"regions: {len(probs)} for the box head, {len(steps['detections'])} for the mask head")

# %% [markdown]
# ## 7 What goes wrong without: no second correction
#
# The proposals have been moved once already. Is a second correction worth its weights? We take all
# proposals of some scenes that mean an object, those with an IoU of at least 0.5, and compare them
# with its true box before and after they are moved by the deltas of the object's true class.

# %%
from minimaskrcnn.boxes import iou_matrix, normalise

small, before, after = load_model("shapes"), [], []  # the network that knows these scenes
for example in map(scene, range(1000, 1012)):
    trace = small.trace(example.image)
    iou = iou_matrix(trace["proposals"], normalise(example.boxes, example.image.shape))
    rois, nearest = np.flatnonzero(iou.max(axis=1) >= 0.5), iou.argmax(axis=1)
    own = trace["box_deltas"][rois, example.class_ids[nearest[rois]]]
    moved = apply_deltas(trace["proposals"][rois], own * np.float32(small.config.delta_std))
    truth = normalise(example.boxes, example.image.shape)[nearest[rois]]
    before.append(iou[rois].max(axis=1))
    after.append(np.diag(iou_matrix(moved, truth)))

# %%
from minimaskrcnn.pictures import curves

before, after = np.sort(np.concatenate(before)), np.sort(np.concatenate(after))
print(f"{len(before)} regions; mean IoU {before.mean():.3f} before, {after.mean():.3f} after")
share = np.arange(1, len(before) + 1) / len(before)
lines = {"as proposed": (share, before), "corrected": (share, after)}
curves(lines, "share of the regions, worst first", "IoU with the object", "the second correction")

# %% [markdown]
# The first correction was made by a network that saw each place through 3 by 3 cells of a map. The
# second one is made by a network that sees the whole region, 49 cells of it, and knows the class.

# %% [markdown]
# ## 8 What goes wrong when masks compete
#
# Suppose the classes shared out each pixel among them, by softmax, as they do when whole pictures
# are labelled pixel by pixel. Then a pixel is the object's only if this class has more than all
# others together. With the same logits, a mask loses its pixels wherever other classes want them,
# too:

# %%
logits = mask_head(steps["mask_features"], model.mask_head)  # (N, 28, 28, K)
found = steps["detections"][:, 4].astype(int)
each, competing = sigmoid(logits), softmax(logits)
for i, k in enumerate(found):
    name = model.config.class_names[k]
    alone, shared = ((p[i, :, :, k] >= 0.5).sum() for p in (each, competing))
    print(f"{name:10} pixels of 28 x 28 from one half on: {alone} by sigmoid, {shared} by softmax")

# %%
i, k = 0, found[0]
panels(
    Panel("sigmoid: each class by itself", each[i, :, :, k], limits=(0, 1)),
    Panel("softmax: the classes compete", competing[i, :, :, k], limits=(0, 1)),
)

# %% [markdown]
# This is not quite fair, as the network was not trained for it. Trained so, it would have to
# decide the class again at every pixel, and the paper measures that this gives clearly worse masks.
# With the sigmoid, the box head decides once, for the whole region, and the mask head only draws.

# %% [markdown]
# ## Further
#
# Save your functions as `box_head`, `deconv2d` and `mask_head` in a file
# `my_heads.py`. From a clone of the repository,
#
#     pytest tests/test_12_heads.py --mine my_heads.py
#
# runs the tests of this stage on them.
#
# **To think about.** The box head gives deltas for each class, though in the end only one class's
# are used. What can it express that way which a single set of deltas cannot, say for a region
# that shows the upper half of something?

# %% [markdown]
# **The answer.** Two small networks answer: one loses the arrangement of the cells, names the
# region and corrects its box; the other keeps it and draws, one mask for each class, without
# letting the classes compete.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 3, "Mask
# Representation" and "Network Architecture", and figure 4, on the right; why masks do not compete:
# section 4.2 and table 2 (b). The box head's two layers: Feature Pyramid Networks
# ([arXiv:1612.03144](https://arxiv.org/abs/1612.03144)), section 4.2.
#
# **Next:** many regions have been named, several for each object. Chapter 13 decides what has been
# found.
