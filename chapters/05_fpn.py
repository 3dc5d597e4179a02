# %% [markdown]
# # 05 FPN: fine and meaningful at once
#
# **The question.** The deep maps know what, the fine maps know where. How does one get both?
#
# **You will see** how the maps of the backbone are combined into a pyramid, in which every map,
# even the finest, receives something from all the deeper ones.
#
# **You will learn** what travels down the pyramid, why it is a sum, and how to take it apart
# again into what each map of the backbone has contributed.
#
# **You need** chapter 04 (the backbone).
#
# **Time** about 20 minutes.
#
# The module is `minimaskrcnn/fpn.py`, the tests are `tests/test_05_fpn.py`.

# %%
from minimaskrcnn.pictures import strip

strip("fpn")

# %% [markdown]
# **Where we are.** The backbone has left us with `c2` to `c5`. `c5` has passed through all layers
# and sees much of the picture: it knows best *what* is there, but in cells of 32 pixels. `c2` has
# cells of 4 pixels and knows *where* the edges are, but hardly more. Small objects are lost in
# `c5` and not understood in `c2`. The *feature pyramid network* (FPN) walks down from `c5` and
# hands its understanding to each finer map.

# %% [markdown]
# ## 1 Two levels, by hand
#
# Three operations for each level: bring the map of the backbone to the pyramid's number of channels
# (`lateral`, a 1 × 1 convolution); double the coarser sum by repeating every cell (`upsample`); add
# the two. At the end each sum passes a 3 × 3 convolution (`smooth`). Here are a coarse map of 1 × 2
# cells, a fine one of 2 × 4, one channel, and kernels that change nothing:

# %%
import numpy as np

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.fpn import FPN, pyramid
from minimaskrcnn.resizing import upsample

# %%
coarse = np.array([[10, 20]], np.float32)[:, :, None]
fine = np.arange(1, 9, dtype=np.float32).reshape(2, 4, 1)
middle = np.zeros((3, 3, 1, 1), np.float32)
middle[1, 1] = 1
lateral = Conv(np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32))
smooth = Conv(middle, np.zeros(1, np.float32), padding=(1, 1))
toy = FPN(lateral=(lateral, lateral), smooth=(smooth, smooth))

# %%
print("doubled:\n", upsample(coarse)[:, :, 0])
print("by hand:\n", np.array([[1 + 10, 2 + 10, 3 + 20, 4 + 20], [5 + 10, 6 + 10, 7 + 20, 8 + 20]]))
finest, next_one, last = pyramid((fine, coarse), toy)
print("pyramid:\n", finest[:, :, 0].round(3))
print("then", next_one[:, :, 0].round(3), "and every second cell of it:", last[:, :, 0].round(3))

# %% [markdown]
# A fine cell has its own number and that of its coarse cell: where, and what. The last map, `p6`
# in the real pyramid, is only every second cell of `p5`. Nobody needs its details: it carries the
# largest anchors (chapter 07).

# %% [markdown]
# ## Your turn
#
# Try it yourself before the package's code is shown. `conv2d(x, conv, add=None)` is there to be
# used; doubling is a task of its own. A check tells the first case in which you differ.

# %%
from minimaskrcnn import check


def my_upsample(x):
    """Return the map (H, W, C) doubled by repeating every cell, (2 H, 2 W, C)."""
    ...


check.upsample(my_upsample)


# %%
def my_pyramid(c_maps, fpn):
    """Return the maps of the pyramid, finest first, and one more: every second cell of the last."""
    ...


check.pyramid(my_pyramid)

# %% [markdown]
# **Help.** Three hints for each function, and a solution. Open one at a time.
#
# `my_upsample`
#
# <details><summary>Hint 1</summary>
#
# Each cell is to be repeated along two axes.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `np.repeat` has an `axis`.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Rows are axis -3, columns axis -2, counted from the end; the channels stay.
#
# </details>
#
# <details><summary>A solution of my_upsample</summary>
#
# ```python
# def my_upsample(x):
#     return x.repeat(2, axis=-3).repeat(2, axis=-2)
# ```
#
# </details>
#
# `my_pyramid`
#
# <details><summary>Hint 1</summary>
#
# Begin with the coarsest map: its lateral convolution is the first sum.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Each finer sum is the lateral convolution of its map plus the doubled sum of the level before.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The 3 × 3 (`fpn.smooth`) is applied to each sum and does not travel down. The last map of all is
# every second cell of the coarsest.
#
# </details>
#
# <details><summary>A solution of my_pyramid</summary>
#
# ```python
# from minimaskrcnn.conv import conv2d
#
#
# def my_pyramid(c_maps, fpn):
#     level, levels = None, []
#     for c_map, lateral, smooth in zip(
#         c_maps[::-1], fpn.lateral[::-1], fpn.smooth[::-1], strict=True
#     ):
#         own = conv2d(c_map, lateral)
#         level = own if level is None else own + my_upsample(level)
#         levels.insert(0, conv2d(level, smooth))
#     return [*levels, levels[-1][::2, ::2]]
# ```
#
# </details>

# %% [markdown]
# ## 2 The code

# %%
import inspect

from IPython.display import Code

Code(inspect.getsource(pyramid), language="python")

# %% [markdown]
# `add=` hands the doubled map to the convolution, which adds it before it writes its result: the
# same sum, but the map is written once instead of twice.

# %%
rng = np.random.RandomState(0)
c_map, above = rng.standard_normal((2, 8, 8, 16)).astype(np.float32)
conv = Conv(rng.standard_normal((1, 1, 16, 16)).astype(np.float32), np.zeros(16, np.float32))
assert np.allclose(conv2d(c_map, conv, add=above), conv2d(c_map, conv) + above, atol=1e-5)
print("in one go or in two steps: the same sum")

# %% [markdown]
# ## 3 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph
# of yours, change `WEIGHTS` and `PHOTO`; everything but section 5, which needs scenes whose truth
# is known, works as it is.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(40).image  # or "street.jpg"

model = load_model(WEIGHTS)
steps = model.trace(PHOTO)
c_maps = [steps[name] for name in ("c2", "c3", "c4", "c5")]

# %%
p_maps = pyramid(c_maps, model.fpn)
for level, (c_map, p_map) in enumerate(zip(c_maps, p_maps[:4], strict=True), start=2):
    print(f"c{level} {str(c_map.shape):15} p{level} {p_map.shape}")
print(f"{'':18} p6 {p_maps[4].shape}")

# %% [markdown]
# All maps of the pyramid have the same number of channels, so that the same small networks can
# read any of them: chapter 08 slides one set of weights over all five. Below, one channel (the one
# that varies most in `p2`) of `c2`, and one of `p2` to `p4`. It shows outlines in `p2`,
# blobs in `p3`, and in `p4`, which has eight cells a side here, little that the eye can name.

# %% tags=["cover"]
from minimaskrcnn.pictures import Panel, panels

busy = c_maps[0].std(axis=(0, 1)).argmax()
channel = p_maps[0].std(axis=(0, 1)).argmax()
shown = [Panel(f"c2, channel {busy}", c_maps[0][:, :, busy])]
for level in (2, 3, 4):
    shown.append(Panel(f"p{level}, channel {channel}", p_maps[level - 2][:, :, channel]))
panels(*shown)

# %% [markdown]
# ## 4 Taking the sum apart
#
# There is no ReLU in the pyramid. Everything in it is linear: `p2` is a sum of what comes from
# `c2`, from `c3`, from `c4` and from `c5`, and of the biases. So we can compute each part, by
# setting the other maps to zero, and the parts must add up to the whole.

# %%
nothing = [np.zeros_like(c_map) for c_map in c_maps]
biases = pyramid(nothing, model.fpn)[0]
parts = []
for i, c_map in enumerate(c_maps):
    alone = [*nothing[:i], c_map, *nothing[i + 1 :]]
    parts.append(pyramid(alone, model.fpn)[0] - biases)
assert np.allclose(sum(parts) + biases, p_maps[0], atol=1e-3)
print("the four parts and the biases add up to p2")

# %% [markdown]
# The same channel of `p2` again, and its four parts, each drawn from its own darkest to its own
# brightest number, so that only the percentage tells how much a part adds. What came from `c5` and
# `c4` is made of squares of 8 by 8 and 4 by 4 cells: single cells, doubled three times and twice,
# whose edges the last 3 × 3 convolution has blurred. The percentages are parts of p2's variation
# over the picture, in all channels: the four add up to about 100, as the biases add a little at the
# border (a part that works against the others would count as negative). In this network most of
# `p2` comes from `c2` and `c3`; the deepest maps add a little. Section 5 asks whether that little
# matters.

# %%
whole = p_maps[0] - p_maps[0].mean(axis=(0, 1))
shares = [100 * (part * whole).sum() / (whole**2).sum() for part in parts]
grey = p_maps[0][:, :, channel] - biases[:, :, channel]
shown = [Panel("p2 without biases", grey)]
for level, (part, share) in enumerate(zip(parts, shares, strict=True), start=2):
    shown.append(Panel(f"from c{level}: {share:.0f} %", part[:, :, channel]))
panels(*shown)

# %% [markdown]
# ## 5 What goes wrong without
#
# Cut the way down: each map of the pyramid is made from its own map of the backbone alone. To see
# what that does, ask the *box head*, the stage that says what is in a given box (chapter 12). The
# scenes were drawn by a program, so that we know the true boxes and classes. What probability does
# it give to the true class, on average over twenty hard scenes (some shapes are mere outlines, some
# hardly differ from the ground), with the pyramid whole and with the way down cut?
# (`pyramid_roi_align`, chapter 11, cuts the boxes' features out of the maps; `softmax`, chapter 08,
# makes probabilities. Here they are tools.)

# %%
from minimaskrcnn.boxes import normalise
from minimaskrcnn.heads import box_head
from minimaskrcnn.layers import softmax
from minimaskrcnn.roi_align import pyramid_roi_align


def true_class_probs(p_maps, example):
    boxes, shape = normalise(example.boxes, example.image.shape), example.image.shape
    size, level_size = model.config.pool_size, model.config.level_size
    features = pyramid_roi_align(p_maps, boxes, size, shape, level_size)
    probs = softmax(box_head(features, model.box_head)[0])  # (N, K)
    return probs[np.arange(len(boxes)), example.class_ids]


# %%
found = {"whole": [], "cut": []}
for seed in range(10, 30):
    example = scene(seed, hard=True)
    steps = model.trace(example.image)
    c_maps = [steps[name] for name in ("c2", "c3", "c4", "c5")]
    cut = []
    for i, c_map in enumerate(c_maps):
        nothing = [np.zeros_like(other) for other in c_maps]
        cut.append(pyramid([*nothing[:i], c_map, *nothing[i + 1 :]], model.fpn)[i])
    found["whole"].append(true_class_probs([steps[f"p{i}"] for i in (2, 3, 4, 5)], example))
    found["cut"].append(true_class_probs(cut, example))

# %%
for name, probs in found.items():
    probs = np.concatenate(probs)
    print(f"{name:5}: true class {probs.mean():.2f} on average, {len(probs)} shapes,", end=" ")
    print(f"thought unlikely (below 0.5): {(probs < 0.5).sum()}")

# %% [markdown]
# Circles, squares and triangles can be told apart by their outline alone, so that much is left. To
# tell a cat's ear from a dog's, one has to know that there is a cat.

# %% [markdown]
# ## Further
#
# Save your functions as `upsample` and `pyramid` in a file `my_fpn.py`. From a clone of the
# repository,
#
#     pytest tests/test_05_fpn.py --mine my_fpn.py
#
# runs the tests of this stage on it.
#
# **To think about.** The sum could as well be a concatenation: 64 channels of the one and 64 of the
# other, and the 3 × 3 convolution reads 128. What would that cost? Is there anything that it could
# compute and the sum could not?

# %% [markdown]
# **The answer.** By passing the deep maps down: doubled, and added to the finer ones. Every level
# then receives something of what the deeper maps know. In the small network it is little, and yet
# more shapes are misjudged without it.

# %% [markdown]
# ## In the paper
#
# Feature Pyramid Networks ([arXiv:1612.03144](https://arxiv.org/abs/1612.03144)): section 3 and
# figure 3; `p6` is in a footnote of section 4.1. Mask R-CNN
# ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 3, "Network Architecture".
#
# **Next:** the network is going to speak in boxes. Chapter 06 measures how well two of them agree,
# and says how one becomes another.
