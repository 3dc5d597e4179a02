# %% [markdown]
# # 08 RPN: is there an object at this anchor?
#
# **The question.** Where is something, whatever it may be?
#
# **You will see** the first answers of the network: for every anchor, how likely there is an
# object, and how the box should move to fit it.
#
# **You will learn** how one small network reads all five maps, what logits and softmax are, and
# why the order of the answers is all that ties them to their anchors.
#
# **You need** chapters 06 (deltas) and 07 (anchors), and with them 03 and 05 (convolution, the
# pyramid).
#
# **Time** about 20 minutes.
#
# The module is `minimaskrcnn/rpn.py`, the tests are `tests/test_08_rpn.py`.

# %%
from minimaskrcnn.pictures import strip

strip("rpn")

# %% [markdown]
# **Where we are.** Chapter 05 gave us five maps, `p2` to `p6`, chapter 07 laid anchors over them,
# three on every cell: fixed boxes that know nothing of the picture. The *region proposal network*
# (RPN) looks at the cell and its neighbours and answers two questions about each of its anchors.
# Is there an object, of whatever class? And how should the box move? What an object is, it does
# not say: that is for later, and only for the few boxes that are worth it.

# %% [markdown]
# ## 1 Two cells, by hand
#
# The network is a 3 × 3 convolution with ReLU (`shared`) and, without ReLU, two 1 × 1 convolutions
# on its result: one to 2 numbers for each of the three anchors, one to 4. Here is a map of 1 × 2
# cells and one channel, with the values 1 and 2, and weights that are easy to follow: `shared`
# changes nothing, and the answers are multiples of the cell.

# %%
import numpy as np

from minimaskrcnn.conv import Conv
from minimaskrcnn.rpn import RPN, region_proposals

# %%
middle = np.zeros((3, 3, 1, 1), np.float32)
middle[1, 1] = 1
to_logits = np.array([0, 1, 0, 2, 0, 3], np.float32)  # three times background, object
to_deltas = np.arange(12, dtype=np.float32)  # three times dy, dx, log dh, log dw
toy = RPN(
    shared=Conv(middle, np.zeros(1, np.float32), padding=(1, 1)),
    logits=Conv(to_logits.reshape(1, 1, 1, 6), np.zeros(6, np.float32)),
    deltas=Conv(to_deltas.reshape(1, 1, 1, 12), np.zeros(12, np.float32)),
)

# %%
p_map = np.array([[1, 2]], np.float32)[:, :, None]
logits, deltas = region_proposals([p_map], toy)
by_hand = np.concatenate([1 * to_logits.reshape(3, 2), 2 * to_logits.reshape(3, 2)])
print("logits, by hand:", by_hand.tolist())
print("region_proposals:", logits.round(3).tolist())
print("deltas:", deltas.shape, "the first cell's second anchor:", deltas[1].round(3))

# %% [markdown]
# Six rows: first the three anchors of the first cell, then those of the second. (Several maps
# follow one another, the finest first.) A row is one anchor. Its two *logits* are for "background"
# and for "object"; its four *deltas* are for a move down and to the right, and for a change of
# height and width.

# %% [markdown]
# ## 2 From logits to a probability
#
# Logits are any numbers, negative or large. *Softmax* makes probabilities of them: take e to the
# power of each, then divide by the sum, so that they are positive and add up to 1. For the logits 0
# and ln 3:

# %%
from minimaskrcnn.layers import softmax

print("by hand:", 1 / (1 + 3), 3 / (1 + 3))
print("softmax:", softmax(np.array([0, np.log(3)])).round(6))
print("the same, 5 added to both:", softmax(np.array([5, 5 + np.log(3)])).round(6))

# %% [markdown]
# Only the difference of the two counts. So the larger may be subtracted from both first, and e to
# the power of a large logit cannot overflow. From here on the second probability is the anchor's
# *score*: the one number by which it is ranked.

# %% [markdown]
# ## Your turn
#
# Try it yourself before the package's code is shown. Softmax first. Then the RPN itself; `conv2d(x,
# conv, relu=False)` is imported for it. A check tells the first case in which you differ.

# %%
from minimaskrcnn import check
from minimaskrcnn.conv import conv2d  # noqa: F401  for my_rpn


def my_softmax(logits):
    """Return probabilities that sum to 1 along the last axis of logits (..., K)."""
    ...


check.softmax(my_softmax)


# %%
def my_rpn(p_maps, rpn):
    """Return logits (A, 2) and deltas (A, 4) of all anchors of all levels."""
    ...


check.region_proposals(my_rpn)

# %% [markdown]
# **Help.** Three hints for each function, and a solution. Open one at a time.
#
# `my_softmax`
#
# <details><summary>Hint 1</summary>
#
# e to the power of each logit, divided by the sum of the row.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `sum(axis=-1, keepdims=True)` sums each row and can be divided by.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Subtract the row's largest logit first: the answer is the same, and nothing overflows.
#
# </details>
#
# <details><summary>A solution of my_softmax</summary>
#
# ```python
# import numpy as np
#
#
# def my_softmax(logits):
#     powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
#     return powers / powers.sum(axis=-1, keepdims=True)
# ```
#
# </details>
#
# `my_rpn`
#
# <details><summary>Hint 1</summary>
#
# `rpn.shared` has ReLU; `rpn.logits` and `rpn.deltas` have none.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `reshape(-1, 2)` turns the six channels of every cell into three rows.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Concatenate the levels in their order.
#
# </details>
#
# <details><summary>A solution of my_rpn</summary>
#
# ```python
# import numpy as np
#
# from minimaskrcnn.conv import conv2d
#
#
# def my_rpn(p_maps, rpn):
#     logits, deltas = [], []
#     for p_map in p_maps:
#         shared = conv2d(p_map, rpn.shared, relu=True)
#         logits.append(conv2d(shared, rpn.logits).reshape(-1, 2))
#         deltas.append(conv2d(shared, rpn.deltas).reshape(-1, 4))
#     return np.concatenate(logits), np.concatenate(deltas)
# ```
#
# </details>

# %% [markdown]
# ## 3 The code
#
# A loop over the levels with the same weights. `conv2d_chain` is the 3 × 3 convolution followed by
# the two of 1 × 1. (It is a function of its own because nobody else reads the 512 channels between
# them: block by block they need not be written to memory. Chapter 19 measures that.) The channels
# of a cell lie together in memory, so a plain `reshape` cuts them into anchors: cell by cell, row
# by row, and the levels one after the other.

# %%
import inspect

from IPython.display import Code

Code(inspect.getsource(region_proposals), language="python")

# %% [markdown]
# ## 4 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph
# of yours, change `WEIGHTS` and `PHOTO`; everything below works as it is.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(160).image  # or "street.jpg"

model = load_model(WEIGHTS)
steps = model.trace(PHOTO)
p_maps = [steps[f"p{level}"] for level in (2, 3, 4, 5, 6)]
for name in ("anchors", "rpn_logits", "rpn_probs", "rpn_deltas"):
    print(name, steps[name].shape)
print(f"scores above one half: {(steps['rpn_probs'][:, 1] > 0.5).mean():.1%} of the anchors")

# %% [markdown]
# The scores as pictures, one for each level but P6: for every cell the best of its three anchors,
# black for 0 and white for 1. Small shapes light up on `p2`, large ones on the coarser maps, each
# where anchors of about its size stand. The last panel has the 20 anchors of the highest scores.

# %%
from minimaskrcnn.boxes import to_pixels
from minimaskrcnn.image import letterbox
from minimaskrcnn.photo import read_photo
from minimaskrcnn.pictures import Panel, panels

framed = letterbox(read_photo(PHOTO), model.config)[0]  # the picture as the network sees it
scores, shown, first = steps["rpn_probs"][:, 1], [Panel("picture", framed)], 0
for level, p_map in enumerate(p_maps[:4], start=2):
    height, width = p_map.shape[:2]
    cells = scores[first : first + height * width * 3].reshape(height, width, 3)
    shown.append(Panel(f"scores on p{level}", cells.max(axis=2), limits=(0, 1)))
    first += height * width * 3

# %% tags=["cover"]
best = np.argsort(-scores, kind="stable")[:20]
pixels = to_pixels(steps["anchors"][best], framed.shape)
panels(*shown, Panel("the 20 best anchors", framed, pixels, margin=8), columns=3)

# %% [markdown]
# **Whose answer is it?** The best answer has an index; level, row, column and ratio follow from it
# by division, as digits do from a number. The anchor of that place must be the one with the same
# index in the list of chapter 07.

# %%
from minimaskrcnn.anchors import make_anchors
from minimaskrcnn.config import STRIDES

counts = [3 * p_map.shape[0] * p_map.shape[1] for p_map in p_maps]  # anchors of each level
level = int(np.searchsorted(np.cumsum(counts), best[0], side="right"))
cell, ratio = divmod(int(best[0]) - sum(counts[:level]), 3)
row, column = divmod(cell, p_maps[level].shape[1])
print(f"index {best[0]}: p{level + 2}, row {row}, column {column}, ratio {ratio}")

# %%
config = model.config
scale, root = config.anchor_scales[level], config.anchor_ratios[ratio] ** 0.5
y, x = row * STRIDES[level], column * STRIDES[level]
half = np.array([scale / root, scale * root]) / 2  # half its height and width
print("by hand:", np.round([y - half[0], x - half[1], y + half[0], x + half[1]], 2))
anchors = make_anchors(framed.shape, config.anchor_scales, config.anchor_ratios)
print("anchor of that index:", anchors[best[0]].round(2))

# %% [markdown]
# And its deltas. They are in units of `delta_std` (chapter 06 says why), and moves are counted in
# heights and widths of the anchor. Converted to pixels:

# %%
dy, dx, log_dh, log_dw = steps["rpn_deltas"][best[0]] * np.array(config.delta_std)
height, width = 2 * half
print(f"score {scores[best[0]]:.3f}; moves {dy * height:.1f} down, {dx * width:.1f} to the right;")
print(f"height times {np.exp(log_dh):.2f}, width times {np.exp(log_dw):.2f}")

# %% [markdown]
# ## 5 A small network that slides
#
# The paper puts it another way: a small network looks through a window of 3 × 3 cells and slides
# over the map. That is the same thing, seen from a single cell. Cut one window out of `p3`,
# multiply it by the weights as an ordinary matrix product, and the six numbers are those of the
# convolutions.

# %%
rpn, p3 = model.rpn, p_maps[1]
row, column = p3.shape[0] // 2, p3.shape[1] // 2
window = p3[row - 1 : row + 2, column - 1 : column + 2].ravel()  # (9 * channels,)
hidden = window @ rpn.shared.kernel.reshape(window.size, -1) + rpn.shared.bias
six = np.maximum(hidden, 0) @ rpn.logits.kernel[0, 0] + rpn.logits.bias
index = 3 * (p_maps[0].shape[0] * p_maps[0].shape[1] + row * p3.shape[1] + column)
assert np.allclose(six.reshape(3, 2), steps["rpn_logits"][index : index + 3], atol=1e-3)
print("one window:", six.round(2))
print("the trace: ", steps["rpn_logits"][index : index + 3].ravel().round(2))

# %% [markdown]
# A convolution does this for all cells at once: as one matrix product, or with a quarter of the
# products (chapter 03). And as there is nothing in the weights that knows the size of the map,
# they fit every level.

# %% [markdown]
# ## 6 What goes wrong without order
#
# Nothing in an answer says which anchor it belongs to; only its place does. Suppose somebody lists
# the cells column by column instead of row by row. All shapes fit, nothing complains. The 20 best
# anchors, by rows and by columns:

# %%
swapped, first = [], 0
for p_map in p_maps:
    height, width = p_map.shape[:2]
    level_scores = scores[first : first + height * width * 3].reshape(height, width, 3)
    swapped.append(level_scores.swapaxes(0, 1).reshape(-1))
    first += height * width * 3
worst = np.argsort(-np.concatenate(swapped), kind="stable")[:20]
lost = to_pixels(steps["anchors"][worst], framed.shape)
panels(
    Panel("row by row", framed, pixels, margin=8),
    Panel("column by column", framed, lost, margin=8),
)

# %% [markdown]
# The boxes kept their shapes, but their centres are mirrored at the diagonal: on the right they no
# longer surround the objects. In such a picture one sees it at once; in a table of numbers, never.
# Look at pictures of intermediate results.

# %% [markdown]
# ## Further
#
# Save your functions as `softmax` and `region_proposals` in a file `my_rpn.py`. From a
# clone of the repository,
#
#     pytest tests/test_08_rpn.py --mine my_rpn.py
#
# runs the tests of this stage on them.
#
# **To think about.** Of the two logits only the difference counts. So one number for each anchor
# would do, with 1 / (1 + e⁻ˣ) in place of softmax (the *sigmoid*). Many later networks do so. Does
# anything change in what the network can say?

# %% [markdown]
# **The answer.** A small network slides over all levels and answers for each anchor: probably
# something or probably nothing, and how to move. Only the order of the answers ties them to the
# anchors.

# %% [markdown]
# ## In the paper
#
# Faster R-CNN ([arXiv:1506.01497](https://arxiv.org/abs/1506.01497)), section 3.1 and figure 3: the
# sliding network. Feature Pyramid Networks ([arXiv:1612.03144](https://arxiv.org/abs/1612.03144)),
# section 4.1: the same weights on all levels.
#
# **Next:** many anchors, moved by their deltas, sit on the same object. Chapter 09 keeps one.
