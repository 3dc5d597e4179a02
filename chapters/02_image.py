# %% [markdown]
# # 02 Image: a photograph becomes the network's input
#
# **The question.** Why may a network not be given a photograph as it comes out of a camera?
#
# **You will see** a photograph of any size brought into the one frame that the network accepts,
# and its grey levels turned into numbers around zero.
#
# **You will learn** how pictures are resized, why the frame has borders, what the mean pixel is
# for, and which of these must be done exactly as in training, and why.
#
# **You need** chapter 01 (the tour).
#
# **Time** about 15 minutes.
#
# The module is `minimaskrcnn/image.py`, the tests are `tests/test_02_image.py`.

# %%
from minimaskrcnn.pictures import strip

strip("image")

# %% [markdown]
# **Where we are.** At the first arrow of the figure: photograph → `molded`. Photographs come in
# all sizes. The network was trained on pictures of one size, in which things have certain sizes,
# too. It halves its maps several times, so the sides of its input must be multiples of 64. So:
# resize, keep the proportions, fill up the rest. This is called *letterboxing*, after the black
# bars of wide films on old televisions.

# %% [markdown]
# ## 1 Resizing, by hand
#
# A row of three pixels is to become a row of six. A pixel is a small square, and its value stands
# at its centre. Output number j has its centre at j + 1/2; in the units of the input that is
# (j + 1/2) · 3/6; and as input number i has its centre at i + 1/2, the output lies between inputs
# at the position (j + 1/2) · 3/6 − 1/2.

# %%
import numpy as np

from minimaskrcnn.resizing import resize

row = np.array([[0, 40, 80]])
positions = (np.arange(6) + 0.5) * 3 / 6 - 0.5
print("positions", positions)
print("at 1.25, by hand:", 0.75 * 40 + 0.25 * 80)
print("resize:", resize(row, 1, 6))

# %% [markdown]
# Between two inputs the nearer one weighs more, in proportion: *bilinear* interpolation, once along
# the rows and once along the columns. The last output is a surprise: 60, not 80. Its position,
# 2.25, lies beyond the last input, where this resizing sees zeros: 0.75 · 80 + 0.25 · 0. The border
# of an enlarged picture gets a little darker. That is no virtue. But the weights of the large
# network were trained on pictures resized so, so we must resize in the same way.

# %%
import inspect

from IPython.display import Code

from minimaskrcnn.resizing import _resize, _weights

parts = [inspect.getsource(f) for f in (_weights, _resize.py_func)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# `_resize` is compiled by Numba, which turns Python loops into machine code. `.py_func` is the
# same function as plain Python: what you read is what runs.

# %%
maps = np.random.RandomState(0).randint(0, 256, (10, 12, 3)).astype(np.uint8)
rows, columns = _weights(10, 15, np.float64), _weights(12, 20, np.float64)
plain, fast = np.empty((15, 20, 3)), np.empty((15, 20, 3))
_resize.py_func(maps, *rows, *columns, plain)
_resize(maps, *rows, *columns, fast)
assert np.allclose(plain, fast)
print("the same numbers, to", abs(plain - fast).max() < 1e-9 and "9 digits after the point")

# %% [markdown]
# ## 2 The frame, by hand
#
# A photograph of 20 rows and 32 columns, a frame of 64 by 64. The rule: enlarge (never reduce)
# until the shorter side has `image_min_size`; but if the longer side would exceed `image_max_size`,
# take the scale that makes it just that. Here the second decides: 64 / 32 = 2. So the photograph
# becomes 40 by 64, and there are 24 rows left, half of them above. Where it lies is called the
# *window*: `y1 x1 y2 x2`, the ends excluded.

# %%
from dataclasses import replace

from minimaskrcnn.config import SHAPES
from minimaskrcnn.image import letterbox

small = replace(SHAPES, image_min_size=64, image_max_size=64)
photo = np.full((20, 32, 3), 200, np.uint8)
framed, window = letterbox(photo, small)
print("scale", min(64 / 20, 64 / 32), "size", (20 * 2, 32 * 2), "above", (64 - 40) // 2)
print("framed", framed.shape, "window", window)

# %% [markdown]
# ### Your turn
#
# Try it yourself before the package's code is shown. A check never raises; it tells the first case
# in which you differ.

# %%
from minimaskrcnn import check


def my_size(shape, config):
    """Return (height, width) after resizing, before padding."""
    ...


check.scaled_size(my_size)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_size`
#
# <details><summary>Hint 1</summary>
#
# The scale is what brings the shorter side to `config.image_min_size`, but never less than 1.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# If the longer side, multiplied and rounded, is more than `config.image_max_size`, another scale
# counts: the one that makes it just that.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Multiply both sides, and `round`.
#
# </details>
#
# <details><summary>A solution of my_size</summary>
#
# ```python
# def my_size(shape, config):
#     height, width = shape[:2]
#     scale = max(1, config.image_min_size / min(height, width))
#     if round(max(height, width) * scale) > config.image_max_size:
#         scale = config.image_max_size / max(height, width)
#     return round(height * scale), round(width * scale)
# ```
#
# </details>

# %% [markdown]
# ### The package's code
#
# First the size, then the frame. `_frame` chooses the frame's sides: in mode "square"
# both are `image_max_size`; in mode "pad64" the next multiples of 64.

# %%
from minimaskrcnn.image import scaled_size

parts = [inspect.getsource(f) for f in (scaled_size, letterbox)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# ### The colours
#
# The last step, `mold`, subtracts the *mean pixel*, the average red, green and blue of the pictures
# in training, so that the numbers lie around zero: a layer of weights works best on inputs that
# are neither all positive nor very large. The small network also divides by `pixel_std`; for the
# large one that is 1. By hand, for a pixel of (200, 127, 64):

# %%
from minimaskrcnn.image import mold

pixel = np.array([[[200, 127, 64]]], np.uint8)
print("by hand:", (200 - 127.5) / 64, (127 - 127.5) / 64, (64 - 127.5) / 64)
print(
    "mold:",
    mold(pixel, SHAPES)[0, 0],
    "without dividing:",
    mold(pixel, replace(SHAPES, pixel_std=1)),
)

# %% [markdown]
# ### Your turn
#
# In one line, or in three.


# %%
def my_mold(framed, config):
    """Return the picture (H, W, 3) uint8 as float32, minus the mean, divided by pixel_std."""
    ...


check.mold(my_mold)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_mold`
#
# <details><summary>Hint 1</summary>
#
# The picture is uint8: what happens to 10 - 20 there? Make it float32 first.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `config.mean_pixel` has three numbers, one per colour: they are subtracted from the last axis by
# themselves.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Subtract first, then divide by `config.pixel_std`.
#
# </details>
#
# <details><summary>A solution of my_mold</summary>
#
# ```python
# import numpy as np
#
#
# def my_mold(framed, config):
#     mean = np.array(config.mean_pixel, np.float32)
#     return (framed.astype(np.float32) - mean) / config.pixel_std
# ```
#
# </details>
#

# %%
Code(inspect.getsource(mold), language="python")

# %% [markdown]
# ## 3 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph of
# yours, change `WEIGHTS` and `PHOTO`; this section works as it is. (Section 4 needs drawn scenes.)
# The picture is a part of a scene, cut out so that it is not square.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.photo import read_photo

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(13, size=192).image[:, 20:164]  # or "street.jpg"

model = load_model(WEIGHTS)
photo = read_photo(PHOTO)  # an array (h, w, 3) of uint8, whatever PHOTO is
print("photograph", photo.shape)

# %%
framed, window = letterbox(photo, model.config)
molded = mold(framed, model.config)
print("resized", scaled_size(photo.shape, model.config))
print("framed", framed.shape, framed.dtype, "window", window)
print("molded", molded.dtype, f"from {molded.min():.2f} to {molded.max():.2f}")

# %% [markdown]
# The third panel shows the red numbers of `molded`, the lowest dark, the highest bright. The
# borders are not 0 any more but minus the mean: for the network, black is a colour, too.

# %% tags=["cover"]
from minimaskrcnn.pictures import BLUE, Panel, panels

panels(
    Panel("photograph", photo, ruler=True),
    Panel("framed; blue: the window", framed, window[None], colours=(BLUE,), ruler=True),
    Panel("molded, the red numbers", molded[:, :, 0], ruler=True),
)

# %% [markdown]
# At the end of the network the boxes are wanted in pixels of the photograph again. The window is
# all that is needed: subtract its start, divide by its size, multiply by the photograph's.

# %%
from minimaskrcnn.boxes import to_pixels

steps = model.trace(PHOTO)
in_frame = to_pixels(steps["detections"][:, :4], framed.shape)
scale = photo.shape[0] / (window[2] - window[0])  # pixels of the photograph in one of the frame
print("in the frame:\n", in_frame)
print("by hand:\n", ((in_frame - window[[0, 1, 0, 1]]) * scale).round(1))
print("the result:\n", steps["result"].boxes)

# %% [markdown]
# What differs is rounding: by hand we began with whole pixels of the frame, each of which is
# several pixels of the photograph or a part of one; the network rounds once, at the very end.

# %% [markdown]
# ## 4 What goes wrong without
#
# Some mistakes at this stage cost everything, and some cost nothing. Nothing warns in either
# case: the network runs on any numbers. So we measure, on twelve scenes whose true boxes are known:
# how many of the objects are found, with the right class and a box that agrees well? (IoU of at
# least 0.5: chapter 06.)

# %%
from minimaskrcnn.boxes import iou_matrix

scenes = [scene(seed) for seed in range(1000, 1012)]


# %%
def share_found(predict):
    """Share of the objects in the scenes that `predict` finds."""
    right = total = 0
    for example in scenes:
        found = predict(example.image)
        overlap = iou_matrix(example.boxes.astype(float), found.boxes.astype(float))
        same = example.class_ids[:, None] == found.class_ids[None, :]
        right += ((overlap >= 0.5) & same).any(axis=1).sum()
        total += len(example.class_ids)
    return right / total


# %%
def with_config(**numbers):
    return replace(model, config=replace(model.config, min_score=0.5, **numbers)).predict


# %%
tries = {
    "as trained": with_config(),
    "pixel_std forgotten": with_config(pixel_std=1.0),
    "mean forgotten": with_config(mean_pixel=(0.0, 0.0, 0.0)),
    "red and blue swapped": lambda photo: with_config()(photo[:, :, ::-1].copy()),
}
for name, predict in tries.items():
    print(f"{name:22} {share_found(predict):.0%} of the objects found")

# %% [markdown]
# **What costs everything.** The network learned from numbers between -2 and 2. Without the
# division by `pixel_std` they lie between -128 and 128, sixty-four times as far apart, and not
# one object is found.
#
# **What costs next to nothing, and why.** The mean shifts all numbers alike, and the contrasts that
# edges are made of stay as they are. Swapping red and blue does not matter to a network that has
# seen shapes in every colour. For one that has learned what grass and faces look like it does.
#
# **Without borders.** One could simply stretch the photograph to the frame. Then circles become
# ellipses, and turned squares become parallelograms. Here is a strip of a scene, three times as
# wide as high, in its frame and stretched to it.

# %%
from minimaskrcnn.results.picture import draw

strip_of_scene = scene(139, size=192).image[60:124]  # (64, 192, 3)
squashed = resize(strip_of_scene, *framed.shape[:2]).astype(np.uint8)
sure = with_config()
panels(
    Panel("letterbox", draw(sure(strip_of_scene))),
    Panel("stretched to the frame", draw(sure(squashed))),
)

# %% [markdown]
# ## Further
#
# Save your functions as `mold` and `scaled_size` in a file `my_image.py`. From a clone
# of the repository,
#
#     pytest tests/test_02_image.py --mine my_image.py
#
# runs the tests of this stage on them.
#
# **To think about.** Reduce a chessboard of single black and white pixels to half its size with
# `resize`, and then to a third. What do you see, and what should one see? Where in the code would
# the remedy go, and why may we not apply it to the large network?

# %% [markdown]
# **The answer.** Because its weights have learned from pictures of one size and of one range of
# numbers. Whatever is done differently than in training, size, borders or scale, is a picture that
# the network has never seen.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 3.1: the shorter side
# is resized to 800 pixels. The square frame, the zeros beyond the border and the mean pixel are
# those of the implementation whose weights the large network uses.
#
# **Next:** chapter 03 is about the operation that the network mostly consists of.
