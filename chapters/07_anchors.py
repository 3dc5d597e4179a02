# %% [markdown]
# # 07 Anchors: a fixed grid of boxes to start from
#
# **The question.** How can a network with a fixed number of outputs answer with any number of
# boxes?
#
# **You will see** the boxes that the network starts from before it has looked at anything:
# thousands of them, laid over the picture in a grid.
#
# **You will learn** how their places, sizes and shapes follow from a few numbers, and why there
# are different sizes at all.
#
# **You need** chapter 05 (the pyramid of feature maps) and chapter 06 (boxes and IoU).
#
# **Time** about 20 minutes.
#
# The module is `minimaskrcnn/anchors.py`, the tests are `tests/test_07_anchors.py`.

# %%
from minimaskrcnn.pictures import strip

strip("anchors")

# %% [markdown]
# **Where we are.** Chapter 05 left us with five feature maps, P2 to P6, fine to coarse, and chapter
# 06 with two tools: the overlap of boxes and the deltas that move them. Each cell
# of a map describes a neighbourhood of the picture in a few dozen or hundred numbers. We want
# boxes. A network cannot easily write down a list of boxes whose length it does not know. So the
# question is turned round: boxes are given, and the network says about each, "there is an object
# here" or "there is none", and how the box should move to fit. The given boxes are the *anchors*.

# %% [markdown]
# ## 1 A handful, by hand
#
# A map of 2 rows and 3 columns belongs to a picture of 8 by 12 pixels, if its *stride* is 4: a
# step of one cell in the map is a step of 4 pixels in the picture. One square of side 4 on each
# cell makes six anchors. A box is `y1 x1 y2 x2` here and everywhere: upper, left, lower, right
# edge.

# %%
from minimaskrcnn.anchors import make_anchors

squares = make_anchors((8, 12), scales=[4], ratios=[1], strides=[4])
print(squares)

# %% [markdown]
# The centre of the first is (0, 0), the corner of the picture, so that it reaches from -2 to 2:
# half of it lies outside, and nobody minds. The next centre is one stride to the right, and so
# on, row by row. The dots are the centres.

# %%
import numpy as np

from minimaskrcnn.pictures import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, Panel, panels

paper = np.full((8, 12, 3), 255, np.uint8)
centres = (squares[:, :2] + squares[:, 2:]) / 2  # (6, 2): y, x
colours = (ORANGE, *(GREY,) * 4, BLUE)
names = ("first", "", "", "", "", "last")
grid = Panel("six anchors", paper, squares, names, colours, centres, ruler=True, margin=3)
panels(grid)

# %% [markdown]
# ## 2 Shapes
#
# Objects are not all square. Each cell therefore has several anchors, of different *ratio*: width
# divided by height. They share the *scale*, the square root of the area. So
#
# height = scale / √ratio, width = scale · √ratio,
#
# and height · width = scale², whatever the ratio. Here for the scale 8:

# %%
ratios = (0.25, 1, 4)
shapes = make_anchors((8, 8), scales=[8], ratios=ratios, strides=[8])
for ratio, (y1, x1, y2, x2) in zip(ratios, shapes, strict=True):
    height, width = y2 - y1, x2 - x1
    print(f"ratio {ratio:<4}  height {height:2.0f}  width {width:2.0f}  area {height * width:.0f}")

# %% [markdown]
# ## Your turn
#
# Try it yourself before the package's code is shown. The pyramid has several levels, each with its
# own scale and stride; their anchors follow one another. A map has side / stride cells, rounded up.
# First for one level and one ratio, then more. The check names the first case in which you differ.

# %%
from minimaskrcnn import check


def my_anchors(shape, scales, ratios, strides):
    """Return the anchors (A, 4), y1 x1 y2 x2 in pixels, by level, row, column and ratio."""
    ...


check.make_anchors(my_anchors)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_anchors`
#
# <details><summary>Hint 1</summary>
#
# The centres are multiples of the stride: 0, stride, 2 · stride … as many as the map has cells
# (round up).
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A ratio is width / height, and the area stays scale²: height = scale / √ratio, width = scale ·
# √ratio.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The order is level, row, column, ratio: four loops, from the outside to the inside.
#
# </details>
#
# <details><summary>A solution of my_anchors</summary>
#
# ```python
# import numpy as np
#
#
# def my_anchors(shape, scales, ratios, strides):
#     anchors = []
#     for scale, stride in zip(scales, strides, strict=True):
#         for y in range(0, -(-shape[0] // stride) * stride, stride):
#             for x in range(0, -(-shape[1] // stride) * stride, stride):
#                 for ratio in ratios:
#                     half = scale / ratio**0.5 / 2, scale * ratio**0.5 / 2
#                     anchors.append([y - half[0], x - half[1], y + half[0], x + half[1]])
#     return np.array(anchors, np.float32).reshape(-1, 4)
# ```
#
# </details>

# %% [markdown]
# ## 3 The code
#
# All levels of the pyramid, each with its own scale and stride, one after the other. Within a
# level the order is row, column, ratio. The network's answers come in the same order (chapter
# 08): that is all that ties an answer to its anchor.

# %%
import inspect

from IPython.display import Code

from minimaskrcnn.anchors import _level_anchors

parts = [inspect.getsource(f) for f in (make_anchors, _level_anchors)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# There is no fast version beside this one: it is a few operations on whole arrays, done once for
# a picture. Nothing in it has been learned, and nothing depends on what the picture shows.

# %% [markdown]
# ## 4 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph
# of yours, change `WEIGHTS` and `PHOTO`; this section works as it is. (Sections 5 and 6 need the
# true boxes of a drawn scene.)

# %%
from minimaskrcnn import load_model
from minimaskrcnn.config import STRIDES
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.image import letterbox
from minimaskrcnn.photo import read_photo

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(154).image  # or "street.jpg"

config = load_model(WEIGHTS).config
framed = letterbox(read_photo(PHOTO), config)[0]  # the picture as the network sees it
print("picture", framed.shape, "scales", config.anchor_scales, "ratios", config.anchor_ratios)

# %% [markdown]
# Five levels, one scale each: fine maps have small anchors, coarse maps large ones. From each
# level to the next the stride doubles, so that there are a quarter as many cells.

# %%
level_anchors = []
for level, (scale, stride) in enumerate(zip(config.anchor_scales, STRIDES, strict=True), start=2):
    anchors = make_anchors(framed.shape, [scale], config.anchor_ratios, [stride])
    level_anchors.append(anchors)
    print(f"P{level}: stride {stride:2}, scale {scale:3}, {len(anchors):5} anchors")
print("together:", sum(len(anchors) for anchors in level_anchors))

# %% [markdown]
# On the picture: a dot for every centre, and the three anchors of one cell near the middle. The
# first level is for small things, the fourth for what fills the picture. P6, whose anchors are
# the largest, is left out for want of space.

# %% tags=["cover"]
shown = []
for level, anchors in enumerate(level_anchors[:4], start=2):
    centres = (anchors[::3, :2] + anchors[::3, 2:]) / 2  # one for each cell
    middle = np.abs(centres - np.array(framed.shape[:2]) / 2).sum(axis=1).argmin()
    three = anchors[3 * middle : 3 * middle + 3]
    dots = centres[:: max(1, len(centres) // 1024)]
    panel = Panel(f"P{level}", framed, three, (), (ORANGE, SKY, PURPLE), dots, margin=20)
    shown.append(panel)
panels(*shown, columns=2)

# %% [markdown]
# **Move it.** Slide through the levels and the cells. The number is the row of the anchor in the
# list of all.

# %%
from minimaskrcnn.pictures.moving import moving_anchors

moving_anchors(framed.shape[:2], config.anchor_scales, config.anchor_ratios, STRIDES)

# %% [markdown]
# ## 5 Does every object find an anchor?
#
# An anchor is good for an object if the two cover much the same pixels. The measure is the IoU of
# chapter 06: 1 if they are equal, 0 if they are apart.
#
# The scene was drawn by a program, so that we know the true boxes. For each, its best anchor:

# %%
from minimaskrcnn.boxes import iou_matrix
from minimaskrcnn.config import SHAPES

example = scene(154)
true_boxes = example.boxes.astype(float)
everything = make_anchors(example.image.shape, SHAPES.anchor_scales, SHAPES.anchor_ratios)
iou = iou_matrix(everything, true_boxes)  # (anchors, objects)
best = everything[iou.argmax(axis=0)]
print("IoU of the best anchor of each object:", iou.max(axis=0).round(2))

# %% [markdown]
# ## 6 What goes wrong with fewer
#
# Switch the variety off: squares of a single scale, 24 pixels, on the level where they belong.
# The objects of about that size still find their anchor. The others do not: their best IoU drops,
# and with a poor start the network can at best propose a poor box.

# %%
single = make_anchors(example.image.shape, [24], [1], [8])
iou_single = iou_matrix(single, true_boxes)
best_single = single[iou_single.argmax(axis=0)]
print("IoU of the best anchor, five scales and three ratios:", iou.max(axis=0).round(2))
print("IoU of the best anchor, one scale and one ratio:     ", iou_single.max(axis=0).round(2))

# %%
both = [np.concatenate([true_boxes, found]) for found in (best, best_single)]
green_and_orange = (GREEN,) * len(true_boxes) + (ORANGE,) * len(true_boxes)
panels(
    Panel(
        "true boxes (green), best anchors (orange)", example.image, both[0], (), green_and_orange
    ),
    Panel("the best of one scale, one ratio", example.image, both[1], (), green_and_orange),
)

# %% [markdown]
# The large network works on pictures of 1024 by 1024 pixels. It has this many anchors, each of
# which gets an answer:

# %%
from minimaskrcnn.config import COCO

large = make_anchors((1024, 1024), COCO.anchor_scales, COCO.anchor_ratios)
print(f"{len(large):,} anchors of scales {COCO.anchor_scales}")

# %% [markdown]
# ## Further
#
# Save your function as `make_anchors` in a file `my_anchors.py`. From a clone of the
# repository,
#
#     pytest tests/test_07_anchors.py --mine my_anchors.py
#
# runs the tests of this stage on it.
#
# **To think about.** The first cell of P2 describes the pixels 0 to 4 and their surroundings. Its
# middle is at 2, but its anchors stand at 0. Other programs shift the whole grid by half a
# stride. Why does a network that was trained with either grid work, and why does one that was
# trained with the one fail with the other?

# %% [markdown]
# **The answer.** The question is turned round: thousands of boxes are given, and the network only
# says which of them to believe and how to move them.

# %% [markdown]
# ## In the paper
#
# Faster R-CNN ([arXiv:1506.01497](https://arxiv.org/abs/1506.01497)), section 3.1, "Anchors":
# three scales and three ratios on a single map. Feature Pyramid Networks
# ([arXiv:1612.03144](https://arxiv.org/abs/1612.03144)), section 4.1: one scale per level.
#
# **Next:** in chapter 08 the network judges every anchor.
