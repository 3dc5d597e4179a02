# %% [markdown]
# # 06 Boxes: how much two overlap, and how one moves onto another
#
# **The question.** How well do two boxes agree, and how does one tell a box where to go?
#
# **You will see** two small pieces of geometry that everything after this chapter uses: a number
# that says how well two boxes agree (IoU), and four numbers that turn one box into another
# (deltas).
#
# **You will learn** why deltas are divided by sizes and contain logarithms.
#
# **You need** NumPy arrays; for sections 4 and 5 the tour (chapter 01).
#
# **Time** about 25 minutes.
#
# The module is `minimaskrcnn/boxes.py`, the tests are `tests/test_06_boxes.py`.

# %%
from minimaskrcnn.pictures import strip

strip("boxes")

# %% [markdown]
# **Where we are.** Five feature maps describe the picture. From here on the network speaks in
# boxes: it starts from boxes that are given (the *anchors*, chapter 07), says of each how likely it
# holds an object and how it should move (chapter 08), and keeps the best (09). Two questions come
# again and again. How well do two boxes agree? That is needed to thin out boxes (09), to decide
# what the network should have said (16) and to judge it (18). And how does one say how a box should
# move? This chapter answers both before any network is involved.

# %% [markdown]
# ## 1 Overlap
#
# A box is `y1 x1 y2 x2`: upper, left, lower and right edge. Its height is `y2 - y1`, its width
# `x2 - x1`. Here are two:

# %%
import numpy as np

from minimaskrcnn.pictures import BLUE, ORANGE, SKY, Panel, curves, panels

a = np.array([[2, 2, 10, 14]], np.float32)
b = np.array([[6, 6, 12, 18]], np.float32)
paper = np.full((14, 20, 3), 255, np.uint8)
panels(Panel("a and b", paper, np.concatenate([a, b]), ("a", "b"), (ORANGE, BLUE), ruler=True))

# %% [markdown]
# They share the rows from 6, where the second begins, to 10, where the first ends, and likewise the
# columns 6 to 14. *Intersection over union* (IoU) is the area they share divided by the area they
# cover together, in which the shared part counts once.

# %%
intersection = (10 - 6) * (14 - 6)
area_a, area_b = (10 - 2) * (14 - 2), (12 - 6) * (18 - 6)
union = area_a + area_b - intersection
print(f"intersection {intersection}, areas {area_a} and {area_b}, union {union}")
print(f"IoU {intersection / union:.4f}")

# %% [markdown]
# `iou_matrix` computes it for every box of one array with every box of another:

# %%
from minimaskrcnn.boxes import iou_matrix

others = np.array([[2, 2, 10, 14], [2, 14, 10, 20], [3, 4, 7, 10]], np.float32)
print("a with b:", iou_matrix(a, b).round(4))
print("a with itself, with a box that touches it, with one inside it:", iou_matrix(a, others))

# %% [markdown]
# IoU is 1 only for equal boxes, and 0 for boxes that merely touch. A box inside another one is
# not "fully overlapping": what counts is how well the two agree. And it is strict with small
# things: the same error of a few pixels, which hardly matters to a large box, ruins a small one.

# %%
shift = np.arange(0, 21, dtype=np.float32)
lines = {}
for side in (64, 24, 12):
    still = np.array([[0, 0, side, side]], np.float32)
    moved = still + shift[:, None] * np.array([0, 1, 0, 1], np.float32)  # to the right
    lines[f"a square of {side} pixels"] = (shift, iou_matrix(still, moved)[0])
curves(
    lines, "pixels moved to the right", "IoU with where it was", "IoU falls faster for small boxes"
)

# %% [markdown]
# ### Your turn
#
# Try it yourself before the package's code is shown, on whole arrays: one row per box. Beware of
# boxes that are apart in *both* directions.

# %%
from minimaskrcnn import check


def my_iou(a, b):
    """Return the IoU of every box of a (N, 4) with every box of b (M, 4), as (N, M)."""
    ...


check.iou_matrix(my_iou)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_iou`
#
# <details><summary>Hint 1</summary>
#
# The shared part reaches from the larger of the two y1 to the smaller of the two y2, and likewise
# in x.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# If that is negative, there is no shared part: cut both lengths off at 0 *before* you multiply.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Divide by area + area - shared; two boxes without any area have IoU 0.
#
# </details>
#
# <details><summary>A solution of my_iou</summary>
#
# ```python
# import numpy as np
#
#
# def my_iou(a, b):
#     iou = np.zeros((len(a), len(b)))
#     for i, (y1, x1, y2, x2) in enumerate(a):
#         for j, other in enumerate(b):
#             down = max(min(y2, other[2]) - max(y1, other[0]), 0)
#             across = max(min(x2, other[3]) - max(x1, other[1]), 0)
#             both = (y2 - y1) * (x2 - x1) + (other[2] - other[0]) * (other[3] - other[1])
#             union = both - down * across
#             iou[i, j] = down * across / union if union > 0 else 0
#     return iou
# ```
#
# </details>
#

# %% [markdown]
# ### The package's code
#
# This is the loop. It is compiled by Numba, which turns Python loops into machine code;
# `.py_func` is the same function as plain Python, for the eye and the debugger.

# %%
import inspect

from IPython.display import Code

from minimaskrcnn.boxes import _iou_matrix

Code(inspect.getsource(_iou_matrix.py_func), language="python")

# %%
from timeit import timeit

some = np.random.RandomState(0).uniform(0, 50, (100, 4)).astype(np.float32)
some[:, 2:] += some[:, :2]  # y2 x2 beyond y1 x1
assert np.array_equal(_iou_matrix(some, some), _iou_matrix.py_func(some, some))
plain = timeit(lambda: _iou_matrix.py_func(some, some), number=1)
fast = timeit(lambda: _iou_matrix(some, some), number=1)
print("the same numbers; at least ten times as fast:", plain > 10 * fast)

# %% [markdown]
# ## 2 Deltas
#
# How does one say that box `a` should become box `b`? By how far its centre moves, down and to the
# right (dy, dx), and by which factors its height and its width change (dh, dw). (Learning to say it
# is called *bounding-box regression*.) But not in pixels:
#
# * The move is counted **in sizes of the box**: "half a height down". The network looks at a
#   small neighbourhood of a map. What it sees of a small object on a fine map and of a large one
#   on a coarse map is much the same, and so should be its answer.
# * The change of size is a **factor, as a logarithm**: twice as large is +0.69, half as large
#   -0.69, unchanged 0. Whatever number the network gives, the new size is positive.

# %%
from minimaskrcnn.boxes import apply_deltas, encode_deltas

box = np.array([[4, 4, 8, 12]], np.float32)  # centre (6, 8), height 4, width 8
target = np.array([[4, 10, 12, 14]], np.float32)  # centre (8, 12), height 8, width 4
print(
    "by hand: dy", (8 - 6) / 4, "dx", (12 - 8) / 8, "log dh", np.log(8 / 4), "log dw", np.log(4 / 8)
)
print("encode_deltas:", encode_deltas(box, target))

# %% [markdown]
# `apply_deltas` goes the other way. The centre moves first, then the box grows or shrinks about
# it:

# %%
deltas = encode_deltas(box, target)
only_moved = apply_deltas(box, deltas * np.array([1, 1, 0, 0], np.float32))
back = apply_deltas(box, deltas)
print("moved:", only_moved, "and resized:", back)
paper = np.full((14, 18, 3), 255, np.uint8)
three = np.concatenate([box, only_moved, back])
names = ("box", "moved", "resized")
panels(Panel("by deltas", paper, three, names, (ORANGE, SKY, BLUE), ruler=True))

# %% [markdown]
# ### Your turn
#
# Two small functions, again on whole arrays: one row per box.


# %%
def my_encode(boxes, targets):
    """Return the deltas (N, 4), dy dx log dh log dw, that move boxes onto targets, both (N, 4)."""
    ...


check.encode_deltas(my_encode)


# %%
def my_apply(boxes, deltas):
    """Return the boxes (N, 4) moved and resized by their deltas (N, 4)."""
    ...


check.apply_deltas(my_apply)

# %% [markdown]
# **Help.** Three hints for each function, and a solution. Open one at a time.
#
# `my_encode`
#
# <details><summary>Hint 1</summary>
#
# A centre is y1 + height / 2.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The move is counted in the sizes of `boxes`, not of `targets`.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The change of size is log(new / old).
#
# </details>
#
# <details><summary>A solution of my_encode</summary>
#
# ```python
# import numpy as np
#
#
# def my_encode(boxes, targets):
#     size, wanted = boxes[:, 2:] - boxes[:, :2], targets[:, 2:] - targets[:, :2]
#     moves = (targets[:, :2] + wanted / 2 - boxes[:, :2] - size / 2) / size
#     return np.concatenate([moves, np.log(wanted / size)], axis=1)
# ```
#
# </details>
#
#
# `my_apply`
#
# <details><summary>Hint 1</summary>
#
# Turn corners into centre and size.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Move the centre by delta · size, then multiply the size by exp(delta).
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Corners again: centre minus and plus half the *new* size.
#
# </details>
#
# <details><summary>A solution of my_apply</summary>
#
# ```python
# import numpy as np
#
#
# def my_apply(boxes, deltas):
#     size = boxes[:, 2:] - boxes[:, :2]
#     centre = boxes[:, :2] + size / 2 + deltas[:, :2] * size
#     size = size * np.exp(deltas[:, 2:])
#     return np.concatenate([centre - size / 2, centre + size / 2], axis=1)
# ```
#
# </details>

# %% [markdown]
# ### The package's code

# %%
parts = [inspect.getsource(f) for f in (encode_deltas, apply_deltas)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# **Move it.** Drag box b, or its corner, or use the arrow keys. (Where scripts do not run, as on
# some pages that show notebooks, the drawing stands still.) Where is the IoU largest, and what are
# the deltas there?

# %%
from minimaskrcnn.pictures.moving import moving_boxes

moving_boxes(10 * a[0], 10 * b[0], (140, 200))

# %% [markdown]
# One more convention. The deltas that fit are mostly small. So that the network gives numbers of
# a usual size, around 1, it answers in units. In the large network they are a tenth for the moves
# and a fifth for the sizes; in the small one, which has to hit small shapes exactly, half of that.
# They are called `delta_std` (they are about the deltas' standard deviation), and its answers are
# multiplied by them before they are applied.

# %% [markdown]
# ## 3 Two units
#
# Inside the network boxes are *normalised*: 0 is the middle of the first row or column of pixels, 1
# that of the last. The end is included there: y1 / (H - 1) and (y2 - 1) / (H - 1). So a box means
# the same on every map of the pyramid. At the beginning and the end boxes are in pixels, and there
# the end is excluded, as in Python's slices.

# %%
from minimaskrcnn.boxes import clip, normalise, to_pixels

whole_and_upper_half = np.array([[0, 0, 101, 51], [0, 0, 51, 51]])
print(normalise(whole_and_upper_half, shape=(101, 51)))
print(to_pixels(normalise(whole_and_upper_half, (101, 51)), (101, 51)))
print("cut off at the border:", clip(np.array([[-0.5, 0.25, 0.5, 1.5]]), (0, 0, 1, 1)))

# %% [markdown]
# ## 4 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph
# of yours, change `WEIGHTS` and `PHOTO`; all but the comparison with the true boxes works as it is.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(14).image  # or "street.jpg"

model = load_model(WEIGHTS)
steps = model.trace(PHOTO)  # every intermediate of the network, by name
print("anchors", steps["anchors"].shape, "deltas", steps["rpn_deltas"].shape)
print("delta_std", model.config.delta_std)

# %% [markdown]
# The network starts from `anchors`, boxes of a fixed grid (chapter 07), and answers with a
# probability and four deltas for each (chapter 08). Here are the 20 that it is surest of, where
# they stand, and where their deltas put them:

# %%
from minimaskrcnn.image import letterbox
from minimaskrcnn.photo import read_photo
from minimaskrcnn.proposals import top_indices

best = top_indices(steps["rpn_probs"][:, 1], 20)  # column 1: the probability of an object
anchors = steps["anchors"][best]
std = np.array(model.config.delta_std, np.float32)
moved = apply_deltas(anchors, steps["rpn_deltas"][best] * std)
framed = letterbox(read_photo(PHOTO), model.config)[0]  # the picture as the network sees it

# %% tags=["cover"]
pixels = [to_pixels(found, framed.shape) for found in (anchors, moved)]
panels(
    Panel("the 20 best anchors", framed, pixels[0], margin=8),
    Panel("moved by their deltas", framed, pixels[1], margin=8),
)

# %% [markdown]
# ## 5 What goes wrong without
#
# Switch the deltas off: set them to 0, so that the boxes stay where they are. The scene was drawn
# by a program, so that we know the true boxes. Of all that is then proposed (chapter 10 shows how),
# how well does the best box fit each object?

# %%
from minimaskrcnn.proposals import select_proposals

true_boxes = normalise(scene(14).boxes, (128, 128))
scores, given = steps["rpn_probs"][:, 1], steps["rpn_deltas"]
best_ious = {}
for name, used in (("with deltas", given), ("without", np.zeros_like(given))):
    boxes, _ = select_proposals(steps["anchors"], scores, used, model.config)
    best_ious[name] = iou_matrix(boxes, true_boxes).max(axis=0)
    print(f"{name:12} best IoU of each object:", best_ious[name].round(2))

# %% [markdown]
# ## Further
#
# Save your functions under the package's names (`iou_matrix`, `encode_deltas`,
# `apply_deltas`) in a file `my_boxes.py`. From a clone of the repository,
#
#     pytest tests/test_06_boxes.py --mine my_boxes.py
#
# runs the tests of this stage on them.
#
# **To think about.** Two boxes that do not touch have IoU 0, whether they are one pixel apart or
# a hundred. Suppose a network learned by making the IoU of its boxes with the true ones as large
# as possible. What could it learn from a box that misses its object? What do deltas offer
# instead? (*GIoU*, [arXiv:1902.09630](https://arxiv.org/abs/1902.09630), is an IoU that also tells
# how far apart two boxes lie.)

# %% [markdown]
# **The answer.** IoU says how well: shared area over the area that both cover together. Four deltas
# say where to: moves counted in sizes of the box, and changes of size as logarithms, so that small
# and large objects ask for the same answers.

# %% [markdown]
# ## In the paper
#
# Deltas: R-CNN ([arXiv:1311.2524](https://arxiv.org/abs/1311.2524)), appendix C, "Bounding-box
# regression"; Faster R-CNN ([arXiv:1506.01497](https://arxiv.org/abs/1506.01497)), section 3.1.2,
# equation 2.
#
# **Next:** chapter 07 lays the boxes to start from over the maps of the pyramid.
