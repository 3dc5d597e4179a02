# %% [markdown]
# # 14 Masks: from 28 × 28 numbers to the pixels of the photograph
#
# **The question.** How do 28 × 28 numbers become the exact pixels of an object?
#
# **You will see** the small map that the mask head has drawn grow to the size of its object and
# find its place in the photograph.
#
# **You will learn** how a box finds its way back from the network's frame, how a mask is stretched,
# what the limit of one half does, and how good 28 × 28 numbers can be at best.
#
# **You need** chapter 12 (heads) and chapter 13 (detections).
#
# **Time** about 20 minutes.
#
# The module is `minimaskrcnn/masks.py`, the tests are `tests/test_14_masks.py`.

# %%
from minimaskrcnn.pictures import strip

strip("masks")

# %% [markdown]
# **Where we are.** Chapter 13 has settled what was found: boxes, classes, scores. For each of these
# boxes features are cut out once more (chapter 11), and the mask head (chapter 12) draws a map of
# 28 × 28 probabilities for the class of the object, spread over its box. Everything is still in
# the coordinates of the network's frame. The last step is the way back into the photograph.

# %% [markdown]
# ## 1 The box goes back, by hand
#
# A photograph is resized and centred in the network's frame (chapter 02); the *window* is where in
# the frame it lies. Say the photograph has 51 by 101 pixels, and the frame 101 by 101. Then the
# photograph lies in the middle half of the frame's height: from 0.25 to 0.75, normalised. A box
# from 0.25 to 0.5 in the frame begins at the photograph's upper edge and ends in its middle:

# %%
import numpy as np

from minimaskrcnn.boxes import boxes_in_image

window = (0.25, 0, 0.75, 1)
box = np.array([[0.25, 0.2, 0.5, 0.6]], np.float32)
print("within the photograph, by hand:", (0.25 - 0.25) / 0.5, 0.2 / 1, (0.5 - 0.25) / 0.5, 0.6 / 1)
print("in pixels, by hand:", 0 * 50, round(0.2 * 100), round(0.5 * 50) + 1, round(0.6 * 100) + 1)
print("boxes_in_image:", boxes_in_image(box, window, (51, 101, 3)))

# %% [markdown]
# (0 is the first of 51 rows, 1 the last, so that the factor is 50. The end of a box in pixels is
# excluded, as in Python's slices: hence the + 1.)
#
# The numbers were chosen so that nothing had to be rounded. As a rule a box is rounded here, by up
# to half a pixel, and the mask that was drawn for it is pasted half a pixel off. For a photograph
# that is nothing. The shapes of the small network may be as small as 6 pixels, so it rounds first,
# and cuts the mask's features out where the mask will be pasted:

# %%
from minimaskrcnn.boxes import in_whole_pixels

found = np.array([[0.099, 0.2, 0.504, 0.6]], np.float32)
print("rounded to whole pixels:", in_whole_pixels(found, (0, 0, 1, 1), (101, 101)))

# %% [markdown]
# ## 2 The mask is stretched, by hand
#
# Three cells in a row are to become six pixels. A cell has its value in its middle. The middle of
# pixel i, at i + 1/2, is at (i + 1/2) · 3/6 in cells, and the middles of the cells are at 1/2, 3/2
# and 5/2. So pixel 2 lies at 1.25, three quarters of the way from the first cell's middle to the
# second's, and gets one quarter of the first and three quarters of the second. It is bilinear
# reading again (chapter 11). Beyond the outermost cells there is nothing, 0.

# %%
from minimaskrcnn.resizing import resize

cells = np.array([[0.9, 0.3, 0]], np.float32)
by_hand = [0.75 * 0.9, 0.25 * 0.3 + 0.75 * 0.9, 0.25 * 0.9 + 0.75 * 0.3, 0.75 * 0.3, 0.25 * 0.3, 0]
print("by hand:", np.round(by_hand, 3))
print("resize: ", resize(cells, 1, 6)[0].round(3))

# %% [markdown]
# Then a pixel belongs to the object if its value is one half or more. `paste_mask` stretches a mask
# over its box, asks this question, and sets the answer into an empty mask of the photograph's size:

# %%
from minimaskrcnn.masks import paste_mask

print(paste_mask(cells, box=np.array([1, 2, 2, 8]), shape=(3, 10)).astype(int))

# %% [markdown]
# The same in two dimensions: 3 × 3 probabilities, stretched over a box of 12 × 12 pixels, and the
# mask in a picture of 16 × 20.

# %%
from minimaskrcnn.pictures import Panel, panels

probs = np.array([[0.1, 0.9, 0.2], [0.7, 1.0, 0.8], [0.0, 0.6, 0.1]], np.float32)
mask = paste_mask(probs, np.array([2, 4, 14, 16]), (16, 20))
sheet = np.full((16, 20, 3), 255, np.uint8)
panels(
    Panel("probabilities", probs, ruler=True, limits=(0, 1)),
    Panel("stretched", resize(probs, 12, 12), ruler=True, limits=(0, 1)),
    Panel("pasted", sheet, [[2, 4, 14, 16]], mask=mask, ruler=True),
)

# %% [markdown]
# The mask is much finer than its 9 numbers suggest. The numbers between 0 and 1 say how far from
# the middle of a cell the edge lies. Had they been rounded first and stretched afterwards, the
# mask would consist of large squares.

# %% [markdown]
# ## Your turn
#
# Try it yourself before the package's code is shown. Write `paste_mask`: stretch the mask over its
# box (`resize` is there to be used), compare with one half, and set the answer into an empty mask.

# %%
from minimaskrcnn import check


def my_paste_mask(mask_probs, box, shape):
    """Return the mask (H, W) bool of probabilities (h, w) over a box in pixels."""
    ...


check.paste_mask(my_paste_mask)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_paste_mask`
#
# <details><summary>Hint 1</summary>
#
# Begin with a mask of False, as large as the picture.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Stretch the *probabilities* to the box's height and width, and only then ask for 0.5.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# 0.5 itself belongs to the object: `>=`.
#
# </details>
#
# <details><summary>A solution of my_paste_mask</summary>
#
# ```python
# import numpy as np
#
# from minimaskrcnn.resizing import resize
#
#
# def my_paste_mask(mask_probs, box, shape):
#     y1, x1, y2, x2 = box
#     mask = np.zeros(shape[:2], bool)
#     mask[y1:y2, x1:x2] = resize(mask_probs, y2 - y1, x2 - x1) >= 0.5
#     return mask
# ```
#
# </details>

# %% [markdown]
# ## 3 The code

# %%
import inspect

from IPython.display import Code

from minimaskrcnn.masks import of_class, stretch_mask

parts = [inspect.getsource(f) for f in (boxes_in_image, of_class, paste_mask, stretch_mask)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# `of_class` picks, of the masks of all classes, that of the object's class. There is no fast
# version beside these functions: what takes time is `resize`, whose loop is compiled (chapter 02).

# %% [markdown]
# ## 4 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph of
# yours, change `WEIGHTS` and `PHOTO`; this section works as it is. The scene is drawn four times as
# large as the network sees it, so that there is something to stretch, and some of its shapes
# overlap.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(60, size=512).image  # or "street.jpg"

model = load_model(WEIGHTS)
steps = model.trace(PHOTO)  # every intermediate of the network, by name
result = steps["result"]
print("the network's frame", steps["molded"].shape, " the photograph", result.image.shape)
print("masks as the network draws them", steps["mask_probs"].shape)
print("masks in the photograph        ", result.masks.shape)

# %% [markdown]
# The first object: its 28 × 28 probabilities, stretched over its box, pasted into the photograph;
# and all objects, each in a colour of its own.

# %% tags=["cover"]
first = result[0]
height, width = first.box[2:] - first.box[:2]
panels(
    Panel("28 x 28", first.mask_probs, limits=(0, 1)),
    Panel(
        f"stretched to {height} x {width}", resize(first.mask_probs, height, width), limits=(0, 1)
    ),
    Panel("pasted", result.image, first.box[None], mask=first.mask),
    Panel("all objects", result.draw()),
    columns=2,
)

# %% [markdown]
# And the coins of chapter 01, a photograph: the same network draws masks of things that it has
# never seen, because it has learned what an outline is. (Hollow shapes are among the drawings that
# it has learned from: one coin with a bright rim is drawn as a ring.)

# %%
from minimaskrcnn.datasets import COINS_FILE

coins = load_model("shapes").predict(COINS_FILE, size=256, min_score=0.5)
print(len(coins), "coins of", coins.areas.min(), "to", coins.areas.max(), "pixels")
panels(Panel("24 masks", coins.draw(legend=False, boxes=False)))

# %% [markdown]
# This is the end of the way. A photograph has gone in; objects have come out, each with a class, a
# score, a box and its pixels. As the objects were drawn independently of each other, nothing keeps
# two of them from claiming the same pixel. Where one picture of all is needed, `label_map` lets
# the surer object win.

# %%
claims = result.masks.sum(axis=0)  # (H, W): how many objects claim a pixel
print(result.labels, "areas", result.areas)
print("pixels claimed by one object:", (claims == 1).sum(), " by more:", (claims > 1).sum())
print("in label_map, of each object:", np.bincount(result.label_map().ravel())[1:])

# %% [markdown]
# Masks stay small until somebody asks for them. For a hundred objects in a photograph of 24
# megapixels that is the difference between:

# %%
objects, pixels = 100, 24_000_000
print(f"as 28 x 28 float32: {objects * 28 * 28 * 4:,} bytes")
print(f"as masks (H, W) of bool: {objects * pixels:,} bytes")

# %% [markdown]
# **Move it.** The 28 × 28 probabilities of the first object, with the threshold in your hand. Where
# the outline hardly moves, the network is sure.

# %%
from minimaskrcnn.pictures.moving import moving_mask

moving_mask(first.mask_probs)

# %% [markdown]
# ## 5 How good can 28 × 28 be?
#
# Suppose a perfect network, again. We cut the true mask out as a grid of P × P (`roi_align_paper`,
# chapter 11), stretch it back, and compare with the truth: the mean IoU of 60 objects. IoU of masks
# is the number of pixels in both divided by the number in either. Beside it, the same with the
# grid's values rounded to 0 or 1 before they are stretched.

# %%
from minimaskrcnn.roi_align import roi_align_paper


def there_and_back(mask, box, side):
    """IoU with itself of a mask that has been a grid, as it was and rounded."""
    roi, size = (box[None] / np.tile(mask.shape, 2)).astype(np.float32), box[2:] - box[:2]
    grid = roi_align_paper(mask.astype(np.float32)[:, :, None], roi, (side, side))[0, :, :, 0]
    own = mask[box[0] : box[2], box[1] : box[3]]
    backs = stretch_mask(grid, *size), stretch_mask(grid.round(), *size)
    return [(back & own).sum() / (back | own).sum() for back in backs]


# %%
examples = [scene(seed, size=256) for seed in range(2000, 2020)]
known = [pair for e in examples for pair in zip(e.masks, e.boxes, strict=True)]
print(len(known), "objects")
for side in (7, 14, 28, 56):
    whole, rounded = np.mean([there_and_back(*pair, side) for pair in known], axis=0)
    print(f"{side:2} x {side:2}: mean IoU {whole:.3f}, rounded first {rounded:.3f}")


# %%
def shown(example, i, side):
    """An object's mask, and over it the one that a grid can hold."""
    box, mask = example.boxes[i], example.masks[i]
    roi = (box[None] / np.tile(mask.shape, 2)).astype(np.float32)
    grid = roi_align_paper(mask.astype(np.float32)[:, :, None], roi, (side, side))[0, :, :, 0]
    iou, back = there_and_back(mask, box, side)[0], stretch_mask(grid, *(box[2:] - box[:2]))
    own = mask[box[0] : box[2], box[1] : box[3]] * 255
    return Panel(f"{side} x {side}: {iou:.3f}", own, mask=back)


# %%
triangle, thin = scene(13, size=512), scene(199, size=256, hard=True)
i = int(np.flatnonzero(triangle.class_ids == 3)[0])  # 3 is "triangle"
row = [shown(triangle, i, side) for side in (7, 14, 28)]
panels(*row, *(shown(thin, 2, side) for side in (7, 14, 28)), columns=3)

# %% [markdown]
# (White and not tinted: lost. Tinted on black: too much.) 28 × 28 is good for shapes like the
# triangle. Of a hollow shape it loses a tenth, and with 7 × 7 nearly everything. What it cannot
# hold are things thinner than a cell: the spokes of a wheel, the legs of a chair, and the outline
# of whatever fills a large photograph.

# %% [markdown]
# ## 6 What goes wrong without: the box as a mask
#
# Are masks worth the trouble, if there are boxes? We take the detections of some scenes, look for
# the object that each has found, and compare its true mask with ours, and with the whole box.

# %%
small, pairs = load_model("shapes"), []  # the network that knows these scenes
for example in map(scene, range(1000, 1020)):
    for detection in small.predict(example.image):
        ious = [(detection.mask & m).sum() / (detection.mask | m).sum() for m in example.masks]
        if max(ious) >= 0.5:  # found something
            pairs.append((detection, example.masks[int(np.argmax(ious))]))
print(len(pairs), "detections that have found an object")

# %%
for name in small.config.class_names[1:]:
    by_mask, by_box = [], []
    for detection, truth in pairs:
        if detection.label == name:
            filled = paste_mask(np.ones((28, 28)), detection.box, truth.shape)
            by_mask.append((detection.mask & truth).sum() / (detection.mask | truth).sum())
            by_box.append((filled & truth).sum() / (filled | truth).sum())
    print(f"{name:9} mean IoU of the mask {np.mean(by_mask):.2f}, of the box {np.mean(by_box):.2f}")

# %% [markdown]
# ## 7 Why one half?
#
# Another limit makes all masks larger or smaller. For the same pairs, the mean IoU for limits
# between 0 and 1:

# %%
from minimaskrcnn.pictures import curves

limits, means = np.linspace(0.05, 0.95, 19), []
for limit in limits:
    drawn = [(paste_mask(d.mask_probs, d.box, t.shape, limit), t) for d, t in pairs]
    means.append(np.mean([(a & t).sum() / (a | t).sum() for a, t in drawn]))
print(f"best limit {limits[np.argmax(means)]:.2f} with {max(means):.3f}; 0.50 has {means[9]:.3f}")
curves({"": (limits, means)}, "limit", "mean IoU with the true mask", "from which probability on?")

# %% [markdown]
# Where a network that has learned to give probabilities (chapter 16) says one half, it is right in
# half of the cases: from there on "rather yes" begins. The curve is flat around its top, as most
# numbers of a mask are near 0 or near 1, and only a thin seam at the outline changes sides.

# %% [markdown]
# ## Further
#
# Save your function as `paste_mask` in a file `my_masks.py`. From a clone of the
# repository,
#
#     pytest tests/test_14_masks.py --mine my_masks.py
#
# runs the tests of this stage on it.
#
# **To think about.** The mask head never draws anything outside the detection's box. What
# happens to the mask of an object whose box is too small, and what if it is too large? Which of the
# two can the mask head mend?

# %% [markdown]
# **The answer.** Stretched to the size of the box, cut at one half, and put into its place. 28 × 28
# numbers are enough for most outlines; what is thinner than a cell is lost.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 3.1, "Inference": the
# mask is resized to the size of the region and made yes or no at one half. That a mask is m × m,
# drawn by convolutions so that every number keeps its place: section 3, "Mask Representation".
#
# **Next:** the way from the photograph to the masks is done. Every number on it has been learned:
# chapter 16 says what the network should have answered, and measures how wrong it was. (The file
# that the numbers come in is opened in chapter 15, an appendix.)
