# %% [markdown]
# # 11 RoIAlign: cut out features, and never round
#
# **The question.** How does a box of any size become a patch of one size, without moving what is in
# it?
#
# **You will see** how a box of any size becomes a patch of features of one size, three ways to do
# it, and what a shift of half a cell does to a mask.
#
# **You will learn** to read a map between its cells, what RoIPool, RoIAlign and `crop_and_resize`
# have in common and where they differ, and from which level of the pyramid a region is read.
#
# **You need** chapter 05 (the pyramid) and chapter 10 (proposals).
#
# **Time** about 30 minutes.
#
# The module is `minimaskrcnn/roi_align/`, the tests are `tests/test_11_roi_align.py`.

# %%
from minimaskrcnn.pictures import strip

strip("roi_align")

# %% [markdown]
# **Where we are.** Proposals have all sizes and shapes. The networks that look at them (chapter
# 12) want one: 7 × 7 cells to say what is there, 14 × 14 to draw it. The features exist already,
# in the maps of the pyramid; nobody wants to compute them again for each of a thousand boxes. So
# they are cut out of the maps. A box whose features are being cut out is called a *region of
# interest*, RoI; what is cut out, a *patch*. The difficulty: the edges of a box fall between the
# cells of the map.

# %% [markdown]
# ## 1 Between the cells, by hand
#
# A map of 3 by 3 cells with one channel. What is its value half-way between four cells? Their
# mean. And nearer to one row than to the other? A mean, too, weighted by nearness: at row 0.25
# the row 0 counts three quarters, the row 1 one quarter. This is *bilinear* reading: a weighted
# mean in both directions.

# %%
import numpy as np

from minimaskrcnn.roi_align import crop_and_resize

tens = np.arange(10, 100, 10, dtype=np.float32).reshape(3, 3, 1)  # (H, W, C)
print(tens[:, :, 0])
print("row 0.5,  column 0.5, by hand:", (10 + 20 + 40 + 50) / 4)
print("row 0.25, column 1,   by hand:", 0.75 * 20 + 0.25 * 50)

# %% [markdown]
# `crop_and_resize` does it for whole regions. A region is a box y1 x1 y2 x2; 0 stands for the
# centre of the first row or column of cells, 1 for that of the last. Our map has rows 0, 1 and 2,
# so row 0.5 is written 0.25, and row 0.25 is 0.125. A region without extent is a point:

# %%
points = np.array([[0.25, 0.25, 0.25, 0.25], [0.125, 0.5, 0.125, 0.5]], np.float32)
crop_and_resize(tens, points, (1, 1)).ravel()

# %% [markdown]
# A region with extent gets a grid of points, evenly spaced, the outermost on its very corners.
# Here is one from (0.25, 0) to (0.75, 1), with 2 rows and 3 columns of points. The rows lie
# half-way between two rows of cells, the columns right on cells:

# %%
region = np.array([[0.25, 0, 0.75, 1]], np.float32)
patch = crop_and_resize(tens, region, (2, 3))
print(patch.shape, "regions, rows, columns, channels")
print(patch[0, :, :, 0])
print("the first by hand:", (10 + 40) / 2)

# %% [markdown]
# As a drawing. A cell is a square (its value is written into its corner), and the centre of
# the first is drawn at (0.5, 0.5); the dots are where the map is read.

# %%
from minimaskrcnn.pictures import GREY, ORANGE, SKY, Panel, panels

cells = np.array([[i, j, i + 1, j + 1] for i in range(3) for j in range(3)])
values = tuple(f"{value:.0f}" for value in tens.ravel())
dots = np.array([[y, x] for y in (1, 2) for x in (0.5, 1.5, 2.5)])
drawn = np.concatenate([cells, region * 2 + 0.5])  # 0 … 1 are the centres 0.5 … 2.5
names, colours = (*values, ""), (*(GREY,) * 9, ORANGE)
panels(Panel("the region and its points", tens[:, :, 0], drawn, names, colours, dots, ruler=True))

# %% [markdown]
# ### Your turn
#
# Try it yourself before the package's code is shown. Write `crop_and_resize`. Begin with a single
# region and a single channel; the point (0, 0) of the grid lies on the region's corner, a single
# point in its middle. A point beyond the map gives 0. The check starts with points that you can
# read by hand.

# %%
from minimaskrcnn import check


def my_crop_and_resize(feature_map, rois, size):
    """Return the patches (R, P, Q, C) of rois (R, 4) in feature_map (H, W, C), size = (P, Q)."""
    ...


check.crop_and_resize(my_crop_and_resize)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_crop_and_resize`
#
# <details><summary>Hint 1</summary>
#
# Boxes are normalised: y · (H - 1) is a row of the map. P points from y1 to y2, both included, are
# (y2 - y1) / (P - 1) apart; a single one lies in the middle.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A point between four cells takes a mean of them: first along the row above and the row below,
# then between the two.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# A point outside the map gives zeros; one on the border does not.
#
# </details>
#
# <details><summary>A solution of my_crop_and_resize</summary>
#
# ```python
# import numpy as np
#
#
# def my_crop_and_resize(feature_map, rois, size):
#     height, width, channels = feature_map.shape
#     patches = np.zeros((len(rois), *size, channels), feature_map.dtype)
#     for r, (y1, x1, y2, x2) in enumerate(rois):
#         for i, y in enumerate(_points(y1, y2, height, size[0])):
#             for j, x in enumerate(_points(x1, x2, width, size[1])):
#                 if 0 <= y <= height - 1 and 0 <= x <= width - 1:
#                     patches[r, i, j] = _between(feature_map, y, x)
#     return patches
#
#
# def _points(start, end, cells, count):
#     if count == 1:
#         return [(start + end) / 2 * (cells - 1)]
#     step = (end - start) * np.float32(cells - 1) / np.float32(count - 1)
#     return [start * np.float32(cells - 1) + np.float32(i) * step for i in range(count)]
#
#
# def _between(feature_map, y, x):
#     top, left = int(y), int(x)
#     bottom, right = min(top + 1, len(feature_map) - 1), min(left + 1, feature_map.shape[1] - 1)
#     above = feature_map[top, left] * (1 - (x - left)) + feature_map[top, right] * (x - left)
#     below = feature_map[bottom, left] * (1 - (x - left)) + feature_map[bottom, right] * (x - left)
#     return above * (1 - (y - top)) + below * (y - top)
# ```
#
# </details>

# %% [markdown]
# ### The package's code
#
# Three functions: one says where the points lie, one loops over regions, rows and columns, one
# reads a point. The loops are compiled by Numba; `.py_func` is the same as plain Python.

# %%
import inspect

from IPython.display import Code

from minimaskrcnn.roi_align import crop

parts = [inspect.getsource(f.py_func) for f in (crop._sample, crop._crop_and_resize, crop._read)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# ## 2 Three ways
#
# **RoIPool** is the oldest. It rounds the region to whole cells, divides these among as many *bins*
# as the patch has places, and takes the largest value in each bin.
#
# **RoIAlign**, from the Mask R-CNN paper, rounds nothing. It divides the region as it is into bins,
# reads four points in each, and takes their mean.
#
# **`crop_and_resize`**, from the library TensorFlow, reads one point for each place of the patch,
# from corner to corner. The weights of the large network were trained with it, so it is what this
# network uses.
#
# The first two count from the outer edge of the first cell to the outer edge of the last, the
# third from centre to centre. So the same region is written in two ways:

# %%
from minimaskrcnn.roi_align import roi_align_paper, roi_pool

region = np.array([[1.3, 0.6, 7.2, 6.8]], np.float32)  # in cells of a map of 8 by 8, from its edge
edges = region / 8  # 0 and 1: the outer edges
centres = (region - np.float32(0.5)) / 7  # 0 and 1: the centres of the outermost cells
print("from the edges:  ", edges.round(3))
print("from the centres:", centres.round(3))

# %% [markdown]
# For a grid of 3 by 3: left the rounded region with its nine bins (the true region dashed), in the
# middle four points in each bin, right one point for each place.

# %%
noise = np.random.RandomState(3).uniform(size=(8, 8)).astype(np.float32)
bins = np.array([[y, x, y + 2, x + 2] for y in (1, 3, 5) for x in (1, 3, 5)])  # 1 … 7, rounded
step = (region[0, 2:] - region[0, :2]) / 6  # half a bin, down and across
four = [region[0, :2] + step * (i + 0.5, j + 0.5) for i in range(6) for j in range(6)]
one = [region[0, :2] + step * (3 * i, 3 * j) for i in range(3) for j in range(3)]
both = np.concatenate([bins, region]), (), (*(SKY,) * 9, GREY)
panels(
    Panel("RoIPool", noise, *both, ruler=True),
    Panel("RoIAlign", noise, region, points=np.array(four), ruler=True),
    Panel("crop_and_resize", noise, region, points=np.array(one), ruler=True),
)

# %% [markdown]
# **Move it.** The same region, in your hand, and its patch in each of the three ways. Move it
# slowly: two of the patches glide, one stands still and jumps.

# %%
from minimaskrcnn.pictures.moving import moving_regions

moving_regions(noise, region[0])

# %% [markdown]
# To see what comes out we need a map whose values mean something. In this one every cell holds the
# place of its own centre, counted from the left edge: 0.5, 1.5, 2.5, … So a patch tells *where*
# it was read.

# %%
ruler = np.tile(np.arange(8, dtype=np.float32) + 0.5, (8, 1))[:, :, None]  # (8, 8, 1)
print("RoIPool:        ", roi_pool(ruler, edges, (3, 3))[0, 0, :, 0])
print("RoIAlign:       ", roi_align_paper(ruler, edges, (3, 3))[0, 0, :, 0])
print("crop_and_resize:", crop_and_resize(ruler, centres, (3, 3))[0, 0, :, 0])
bin_centres = 0.6 + (6.8 - 0.6) / 3 * np.array([0.5, 1.5, 2.5])
print("centres of the bins, by hand:", bin_centres.round(3))

# %% [markdown]
# RoIAlign gives the centres of the bins. `crop_and_resize` gives the left edge, the middle and the
# right edge of the region. Both are right, each in its own way. RoIPool gives the right-hand
# column of each rounded bin, the largest: this is neither, and how far it is off depends on where
# the region happens to lie.

# %%
from minimaskrcnn.roi_align import paper, pool

loops = paper._mean_of_samples.py_func, pool._bin.py_func, pool._roi_pool.py_func
parts = [inspect.getsource(f) for f in (paper._positions, *loops)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# ## 3 Which level?
#
# The pyramid has a map for every size. A large region is read from a coarse map, a small one from
# a fine map, so that the patch has about as many cells to be read from in either case. The rule:
#
# level = 4 + round(log2(√(height · width) / 224)), but at least 2 and at most 5.
#
# 224 pixels is the side of the pictures that backbones are first trained on. Each halving of the
# side is one level down:

# %%
from minimaskrcnn.config import STRIDES
from minimaskrcnn.roi_align import roi_levels

sides = np.array([14, 28, 56, 112, 224, 448, 896])
squares = np.stack([0 * sides, 0 * sides, sides, sides], axis=1).astype(np.float32)
levels = roi_levels(squares / 1024, (1024, 1024))  # of a picture of 1024 by 1024
for side, level in zip(sides, levels, strict=True):
    hand, own = 4 + np.log2(side / 224), side / STRIDES[level - 2]
    print(f"{side:3} pixels: {hand:4.0f} -> P{level}, {own:4.1f} cells; on P5 {side / 32:4.1f}")
print("half a cell, in pixels:", {f"P{i}": s // 2 for i, s in enumerate(STRIDES[:4], start=2)})

# %% [markdown]
# The last column is what happens without the rule. If all regions were read from P5, a region of 28
# pixels would be smaller than a single cell, and the 49 numbers of its patch would be blends of the
# same few cells. If all were read from P2, a large region would be known by scattered points with
# much in between that nobody reads, of features that have seen only a small part of it.

# %% [markdown]
# ## 4 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph
# of yours, change `WEIGHTS` and `PHOTO`; this section works as it is.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(239, hard=True).image  # or "street.jpg"

model = load_model(WEIGHTS)
steps = model.trace(PHOTO)  # every intermediate of the network, by name
print("proposals", steps["proposals"].shape, "patches", steps["roi_features"].shape)

# %% [markdown]
# In pictures of 128 by 128 pixels there is no region of 224. That number belongs to the photographs
# a network has learned from, so it is one of its settings: the small network has learned with 96.
# It reads a region with a side below 34 pixels from P2, below 68 from P3, and a larger one from P4,
# unless it nearly fills the picture. With 224, all but the largest would be read from P2:

# %%
shape = steps["molded"].shape
for size in (model.config.level_size, 224):
    levels = roi_levels(steps["proposals"], shape, size)
    counts = np.bincount(levels, minlength=6)
    print(f"{size:3}: read from", {f"P{level}": int(counts[level]) for level in range(2, 6)})

# %% [markdown]
# The objects that are found, each with the square root of its area, and its level:

# %%
from minimaskrcnn.boxes import areas, to_pixels

found = model.trace(PHOTO, min_score=0.7)["detections"]
levels = roi_levels(found[:, :4], shape, model.config.level_size)
for box, class_id, level in zip(found[:, :4], found[:, 4], levels, strict=True):
    side = np.sqrt(areas(to_pixels(box[None], shape))[0])
    print(f"{model.config.class_names[int(class_id)]:10} {side:3.0f} pixels: P{level}")

# %% [markdown]
# `pyramid_roi_align` finds the level of every region and reads it there. We take the best proposal
# of each level, and of all channels the one that varies most in the largest patch.

# %%
from minimaskrcnn.image import letterbox
from minimaskrcnn.photo import read_photo
from minimaskrcnn.roi_align import pyramid_roi_align

rule = shape, model.config.level_size
used, best = np.unique(roi_levels(steps["proposals"], *rule), return_index=True)
regions = steps["proposals"][best]
framed = letterbox(read_photo(PHOTO), model.config)[0]  # the picture as the network sees it
p_maps = [steps[f"p{level}"] for level in range(2, 6)]
coarse, fine = (pyramid_roi_align(p_maps, regions, size, *rule) for size in (7, 14))
channel = fine[-1].std(axis=(0, 1)).argmax()
print(coarse.shape, fine.shape)

# %% [markdown]
# Each row: the region in the picture; in the map it is read from; the patch of 7 × 7; the patch of
# 14 × 14. Both patches show the same piece of the map, and every region, large or small, fills
# its patch.

# %% tags=["cover"]
shown = []
for i, level in enumerate(used):
    p_map = steps[f"p{level}"][:, :, channel]
    in_cells = regions[i : i + 1] * (len(p_map) - 1) + 0.5  # from the outer edge, to be drawn
    shown += [
        Panel("in the picture", framed, to_pixels(regions[i : i + 1], framed.shape)),
        Panel(f"in P{level}, channel {channel}", p_map, in_cells),
        Panel("7 x 7", coarse[i, :, :, channel]),
        Panel("14 x 14", fine[i, :, :, channel]),
    ]
panels(*shown, columns=4)

# %% [markdown]
# ## 5 Plain and fast
#
# The compiled loops and the same loops as plain Python agree but for the last digit. (Compiled, the
# place of a point is computed in float32. Python's own numbers have 64 bits, and where one of them
# takes part the place is a little more exact.)

# %%
from timeit import timeit

few, plain, fast = steps["proposals"][:20], crop._crop_and_resize.py_func, crop._crop_and_resize
one, other = np.zeros((2, 20, 7, 7, p_maps[0].shape[2]), np.float32)
plain(p_maps[0], few, one), fast(p_maps[0], few, other)  # each fills its array
assert np.abs(one - other).max() < 1e-6 * np.abs(p_maps[0]).max()
slow = timeit(lambda: plain(p_maps[0], few, one), number=1)
quick = timeit(lambda: fast(p_maps[0], few, other), number=1)
print("the same patches; at least five times as fast:", slow > 5 * quick)

# %% [markdown]
# ## 6 What goes wrong when regions are rounded
#
# Let a region of 3 by 3 cells slide to the right by small steps, over the map that tells places.
# The first number of the patch should grow evenly. RoIPool's stands still, and then jumps by a
# whole cell. It may be off by half a cell: 2 pixels of the picture on P2, 16 on P5.

# %%
from minimaskrcnn.pictures import curves

moved = np.linspace(1, 4, 121, dtype=np.float32)
sliding = np.array([2, 0, 5, 3], np.float32) + moved[:, None] * np.array([0, 1, 0, 1], np.float32)
lines = {
    "RoIPool": (moved, roi_pool(ruler, sliding / 8, (3, 3))[:, 0, 0, 0]),
    "RoIAlign": (moved, roi_align_paper(ruler, sliding / 8, (3, 3))[:, 0, 0, 0]),
    "crop_and_resize": (moved, crop_and_resize(ruler, (sliding - 0.5) / 7, (3, 3))[:, 0, 0, 0]),
}
curves(lines, "left edge of the region, in cells", "first number", "where the patch was read")

# %% [markdown]
# The two straight lines are half a cell apart, always: centre of a bin, corner of the region. A
# constant shift does no harm. The network has been trained with it, and whatever reads the patch
# has learned it. What RoIPool does cannot be learned: from the patch alone nobody can tell where on
# the step the region was.
#
# Now a mask. Suppose a perfect network, whose finest map knows for each cell which share of its 4
# by 4 pixels belongs to the object. Cut the object's region out of this map, as 14 × 14, then
# stretch the patch over the region again (`stretch_mask`, chapter 14: what reaches one half is
# object) and compare with the truth. What is lost is lost by cutting out. In between stands a
# fourth way: RoIAlign, but on the region rounded to whole cells.

# %%
from minimaskrcnn.masks import stretch_mask


def cut_and_stretch(mask, box):
    """The object's mask in its box, after one journey each through the ways of cutting."""
    share = mask.reshape(32, 4, 32, 4).mean(axis=(1, 3), dtype=np.float32)[:, :, None]
    roi, size = (box[None] / 128).astype(np.float32), box[2:] - box[:2]
    rounded = np.round(roi * 32) / 32
    ways = (roi_pool, roi), (roi_align_paper, rounded), (roi_align_paper, roi)
    return [stretch_mask(way(share, rois, (14, 14))[0, :, :, 0], *size) for way, rois in ways]


# %% [markdown]
# Over some hundred objects of known masks: the mean IoU with the true mask (shared pixels divided
# by those of either, as for boxes), for small objects and for larger ones.

# %%
names, small, ious = ("RoIPool", "RoIAlign, rounded", "RoIAlign"), [], []
for example in map(scene, range(2000, 2040)):
    for mask, (y1, x1, y2, x2) in zip(example.masks, example.boxes, strict=True):
        own = mask[y1:y2, x1:x2]
        ways = cut_and_stretch(mask, np.array([y1, x1, y2, x2]))
        ious.append([(way & own).sum() / (way | own).sum() for way in ways])
        small.append(own.sum() < 400)
small, ious = np.array(small), np.array(ious)
print(len(small), "objects,", small.sum(), "of them small: fewer than 400 pixels")
for name, column in zip(names, ious.T, strict=True):
    print(f"{name:17}  small {column[small].mean():.3f}  larger {column[~small].mean():.3f}")

# %% [markdown]
# Rounding alone costs about as much as RoIPool does: it hardly matters whether the largest value or
# a mean is taken. And the smaller the object, the worse. On the triangle of scene 13, the true mask
# in white, what was made of it tinted:

# %%
example = scene(13)
i = int(np.flatnonzero(example.class_ids == 3)[0])  # 3 is "triangle"
y1, x1, y2, x2 = example.boxes[i]
own = example.masks[i, y1:y2, x1:x2]
ways = cut_and_stretch(example.masks[i], example.boxes[i])
iou = [f"{(way & own).sum() / (way | own).sum():.2f}" for way in ways]
panels(*(Panel(f"{n}: {v}", own * 255, mask=w) for n, v, w in zip(names, iou, ways, strict=True)))

# %% [markdown]
# A class survives such a shift: a triangle is a triangle two pixels to the left. A mask does not.
# That is why RoIPool was good enough for naming boxes, and this stage had to be invented for masks.

# %% [markdown]
# ## Further
#
# Save your function as `crop_and_resize` in a file `my_roi_align.py`. From a clone of
# the repository,
#
#     pytest tests/test_11_roi_align.py --mine my_roi_align.py
#
# runs the tests of this stage on it.
#
# **To think about.** `crop_and_resize` reads 7 · 7 points, however large the region. On its level
# a region may well be 14 cells wide or more. What does the network not get to see of a region that
# way, and how do the paper's four points in each bin help?

# %% [markdown]
# **The answer.** By reading the map between its cells, at points laid over the box, and never
# rounding. Rounding shifts the patch by up to half a cell, which a class survives and a mask does
# not.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 3, "RoIAlign", and
# figure 3; what it is worth: section 4.2 and table 2 (c) and (d). RoIPool: Fast R-CNN
# ([arXiv:1504.08083](https://arxiv.org/abs/1504.08083)), section 2.1. The level: Feature Pyramid
# Networks ([arXiv:1612.03144](https://arxiv.org/abs/1612.03144)), section 4.2, equation 1, where
# the logarithm is cut off, not rounded.
#
# **Next:** every region has its patch. Chapter 12 looks at it: what is it, where exactly, and which
# pixels?
