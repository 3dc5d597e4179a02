# %% [markdown]
# # 01 Tour: from a photograph to masks
#
# **The question.** How can a program say of every pixel of a photograph to which of several objects
# it belongs?
#
# **You will see** the whole path of a picture through Mask R-CNN, with every array that is made
# along it.
#
# **You will learn** what the network is for, of which four questions it consists, and what each
# name in the code will mean.
#
# **You need** Python and NumPy arrays; no chapter before this one.
#
# **Time** about 15 minutes.
#
# The module is `minimaskrcnn/model.py`, the tests are `tests/test_01_tour.py`.

# %%
from minimaskrcnn.pictures import strip

strip("tour")

# %% [markdown]
# **How we got here.** In 2014 a convolutional network could name what a photograph shows, but not
# find several things in it. R-CNN ([arXiv:1311.2524](https://arxiv.org/abs/1311.2524)) let another
# program propose two thousand regions and ran the whole network on each. Each of its successors
# took something away that had cost too much:
#
# <img src="pictures/history.png" width="800" alt="Four networks, one below the other. R-CNN:
# another program's regions, then a whole network for each. Fast R-CNN: one backbone, then RoIPool,
# class and box for each region. Faster R-CNN: the RPN proposes the regions. Mask R-CNN: RoIAlign,
# and masks.">
#
# * **R-CNN** no longer had to search every place at every size. A picture took 13 seconds on a
#   graphics processor, and 47 with a deeper network.
# * **Fast R-CNN** ([arXiv:1504.08083](https://arxiv.org/abs/1504.08083)) did away with a run of the
#   network for each region: the maps are computed once, and shared. 0.3 seconds, and 2 for the
#   other program's regions.
# * **Faster R-CNN** ([arXiv:1506.01497](https://arxiv.org/abs/1506.01497)) did away with the other
#   program: the network proposes the regions itself. 0.2 seconds in all.
# * **Mask R-CNN** ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)) did away with the rounding
#   of regions, and added the masks. 0.2 seconds in all.
#
# The seconds are those that the papers state (R-CNN's second number is in the Fast R-CNN paper),
# each on the hardware of its year.
#
# **What came after.** DETR (2020, [arXiv:2005.12872](https://arxiv.org/abs/2005.12872)) does
# without a grid of boxes to begin with (anchors) and without the removal of boxes that are there
# twice (NMS): a transformer answers with a set of objects at once. Mask2Former (2022,
# [arXiv:2112.01527](https://arxiv.org/abs/2112.01527)) asks each of its answers for a mask over the
# whole picture, and the same network does semantic segmentation. Segment Anything (2023,
# [arXiv:2304.02643](https://arxiv.org/abs/2304.02643)) knows no classes: it outlines whatever one
# points at, after a billion masks of training. The words in which all of them are described (boxes,
# masks, IoU, matching, average precision) are those of this book.

# %% [markdown]
# **Where we are.** At the beginning. The strip above shows the stages of the network; every
# chapter has it, with its own stage lit. The task is called *instance segmentation*: find every
# object in a photograph, say what it is, and which pixels are its own. Two people standing side
# by side are two objects, with a *mask* each. Mask R-CNN (2017) is the network that made this
# work, and most later ones have its parts.
#
# A *network* is a function with very many constants, its *weights*. Finding good weights from
# examples is *training* (chapters 16 and 17). Using them is *inference*: the first fourteen
# chapters.

# %% [markdown]
# ## 1 The answer first
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles, and its pictures are drawn by a program: `scene(13)` is always the same
# one. With the weights of the large one (80 everyday classes) and a photograph of yours, change
# the first two lines; everything below works as it is.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(13).image  # or "street.jpg"

model = load_model(WEIGHTS)
found = model.predict(PHOTO)
for thing in found:
    print(f"{thing.label:9} score {thing.score:.3f}  box {thing.box}")

# %% [markdown]
# Each line is an object: its *class*; a *score* between 0 and 1, how sure the network is; and its
# *box*, the upper, left, lower and right edge in pixels. Rows are counted from the top, as in an
# array, and y comes before x everywhere here. The lower and right edges are excluded, as in
# Python's slices. So box and array go together, and you can check the sizes by hand:

# %%
y1, x1, y2, x2 = found.boxes[0]
cut_out = found.image[y1:y2, x1:x2]
print("box", found.boxes[0], "height", y2 - y1, "width", x2 - x1, "cut out", cut_out.shape)
print("masks", found.masks.shape, found.masks.dtype)
print("pixels in the box", (y2 - y1) * (x2 - x1), "of the object", found.masks[0].sum())

# %% [markdown]
# A mask is as large as the photograph: True where the object is. Here are the photograph, the
# boxes with the mask of the surest object, and the picture that a result draws of itself (in a
# notebook, a line with only `found` shows it).

# %%
from minimaskrcnn.pictures import Panel, panels
from minimaskrcnn.results.picture import draw

panels(
    Panel("photograph", found.image),
    Panel("boxes, and the first mask", found.image, found.boxes, mask=found.masks[0]),
    Panel("result", draw(found)),
)

# %% [markdown]
# ## 2 The way, by name
#
# `predict` answers and forgets. `trace` takes the same way and keeps every array on it. The
# number of axes says what an array is: a *feature map* is (height, width, numbers for each
# place); lists of boxes are (how many, 4).

# %%
steps = model.trace(PHOTO)
for name, value in steps.items():
    print(f"{name:20}", getattr(value, "shape", "the answer: Detections"))

# %% [markdown]
# The same as a figure, with the functions that make them. It is the figure of the paper set
# upright, with the pyramid, the anchors and the RPN added, which that figure leaves out. Read the
# first column from the bottom, the others from the top; the headings are the steps of section 4.

# %%
from minimaskrcnn.pictures.diagram import diagram

diagram(steps)

# %% [markdown]
# First the network looks: the photograph is brought to a fixed size (`molded`), the *backbone*
# turns it into maps, `c1` to `c5`, from `c2` on ever smaller and ever more meaningful, and the
# *pyramid* mixes them into `p2` to `p6`, so that fine maps know what coarse ones know. Then it
# answers four questions:
#
# 1. **Where could something be?** Over the maps lies a fixed grid of boxes, the *anchors*. For
#    each, the *region proposal network* (RPN) says how likely there is an object, and how the box
#    should move (*deltas*). The best are moved, thinned out, and called *proposals*.
# 2. **What is it?** *RoIAlign* cuts a small patch of features out of the maps for each proposal.
#    The *box head* gives it a probability for each class.
# 3. **Where exactly?** The box head gives better deltas, too. What is sure enough and not there
#    twice becomes a *detection*.
# 4. **Which pixels?** Patches are cut out once more, for the detections. The *mask head* says for
#    28 by 28 places in each box how likely they are the object's. Enlarged to the box, cut at one
#    half, and put in its place, that is the mask.
#
# These words are in the [glossary](GLOSSARY.md), with the chapter that explains each.

# %% [markdown]
# ## 3 A number to check by hand
#
# The RPN judges every anchor. How many are there? The maps `p2` to `p6` have one cell for 4, 8, 16,
# 32 and 64 pixels of the picture in each direction, and every cell has three anchors. For this
# picture and `p2`:

# %%
height, width = steps["molded"].shape[:2]
print("picture", (height, width), "anchors of p2:", 3 * (height // 4) * (width // 4))
print("anchors of all maps, in the trace:", len(steps["anchors"]))

# %% [markdown]
# ## Your turn
#
# Try it yourself: count the anchors of all five maps, in a picture of any size whose sides are
# multiples of 64. `check_function` asks your function a few questions and tells in words what is
# wrong; later chapters have checks of their own.

# %%
from minimaskrcnn.anchors import make_anchors
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.config import COCO


def count_anchors(height, width):
    """Return how many anchors the network judges in a picture of these sides."""
    ...


def truth(*sides):
    return len(make_anchors(sides, COCO.anchor_scales, COCO.anchor_ratios))


# %%
cases = [
    Case("a single cell in p6", (64, 64), truth(64, 64), "p6 has 1 cell, p5 4, … p2 256: add up"),
    Case("not a square", (64, 192), truth(64, 192), "height and width are divided separately"),
    Case("as the large network", (1024, 1024), truth(1024, 1024), "three anchors per cell"),
]
check_function(count_anchors, count_anchors, cases)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `count_anchors`
#
# <details><summary>Hint 1</summary>
#
# Each level has a stride: 4, 8, 16, 32, 64. A map has height / stride rows and width / stride
# columns.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# There are three anchors per cell.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Add the cells of the five levels, and multiply by three.
#
# </details>
#
# <details><summary>A solution of count_anchors</summary>
#
# ```python
# def count_anchors(height, width):
#     cells = [(height // stride) * (width // stride) for stride in (4, 8, 16, 32, 64)]
#     return 3 * sum(cells)
# ```
#
# </details>

# %% [markdown]
# ## 4 The code
#
# The whole network is five steps: frame the photograph, look at it, propose regions, classify them,
# outline what they hold. Each step calls a few stages, and each stage is a module of its own with a
# chapter and a test file of the same name. `keep` is the function through which `trace` gets each
# array. The shapes in the comments are those of the large network.

# %%
import inspect

from IPython.display import Code

from minimaskrcnn import model as network

steps_of_run = (network.run, network.frame, network.look, network.propose, network.classify)
sources = [inspect.getsource(step) for step in (*steps_of_run, network.outline)]
Code("\n".join(sources), language="python")

# %% [markdown]
# `predict` runs the same lines. It lets go of each array after its last reader, because those of
# the large network need much memory. So there is nothing to compare but the answers:

# %%
same = found.boxes.tolist() == steps["result"].boxes.tolist()
assert same and (found.masks == steps["result"].masks).all()
print("predict and trace find the same", len(found), "objects")

# %% [markdown]
# ## 5 Along the picture
#
# Four stops: one of the numbers that `p3` holds for each place, drawn as a picture; the 20 anchors
# that the RPN thinks best; the 20 best proposals, which have been moved; the detections. Inside
# the network boxes are measured in sizes of the picture, from 0 to 1; `to_pixels` makes pixels of
# them.

# %%
import numpy as np

from minimaskrcnn.boxes import to_pixels
from minimaskrcnn.image import letterbox
from minimaskrcnn.photo import read_photo

framed = letterbox(read_photo(PHOTO), model.config)[0]  # the picture as the network sees it
print("framed", framed.shape, framed.dtype)

# %% tags=["cover"]
best = np.argsort(-steps["rpn_probs"][:, 1], kind="stable")[:20]
stops = {"anchors": steps["anchors"][best], "proposals": steps["proposals"][:20]}
stops["detections"] = steps["detections"][:, :4]
shown = [Panel(name, framed, to_pixels(boxes, framed.shape)) for name, boxes in stops.items()]
loudest = steps["p3"].std(axis=(0, 1)).argmax()  # the channel that varies most over the picture
panels(Panel(f"p3, number {loudest}", steps["p3"][:, :, loudest]), *shown)

# %% [markdown]
# ## 6 What goes wrong without
#
# All the code knows about circles is in the weights. Set those of the RPN's answers to zero, and
# every anchor looks the same to it: it proposes the first ones that come. The later stages do
# their work as before, but on regions that somebody chose blindly.

# %%
from dataclasses import replace

blank = replace(model.rpn.logits, kernel=np.zeros_like(model.rpn.logits.kernel))
blank = replace(blank, bias=np.zeros_like(blank.bias))
blind = replace(model, rpn=replace(model.rpn, logits=blank))
blind_steps = blind.trace(PHOTO)
print("different RPN probabilities:", len(np.unique(blind_steps["rpn_probs"][:, 1])))
print("objects found:", len(found), "and without the RPN's opinion:", len(blind_steps["result"]))

# %%
blind_proposals = to_pixels(blind_steps["proposals"][:20], framed.shape)
panels(
    Panel("the 20 best proposals", framed, to_pixels(steps["proposals"][:20], framed.shape)),
    Panel("without the RPN's opinion", framed, blind_proposals),
    Panel("what is then found", blind_steps["result"].image, blind_steps["result"].boxes),
)

# %% [markdown]
# `replace` is Python's way to copy a frozen dataclass with one field changed. That is how to take
# the network apart: change a weight or a number of `model.config`, and run it again.

# %% [markdown]
# ## 7 Two photographs
#
# The small network has learned from drawings alone. What does it make of a photograph? Here are 24
# ancient coins (Brooklyn Museum, no known copyright restrictions), looked at with a larger input,
# because the coins are small in the picture. A coin is round and lies apart from its ground, as the
# drawn circles did, so the network finds them. (One mask has a hole. Some of the drawn circles are
# mere outlines, and the bright rim of that coin looks like one.) Then a portrait (of Grace Hopper,
# by the US Navy, in the public domain; matplotlib brings it along). There is no circle, square or
# triangle that the network was meant to find.

# %%
from collections import Counter

from matplotlib import cbook

from minimaskrcnn.datasets import COINS_FILE

shapes, settings = load_model("shapes"), dict(size=256, min_score=0.5)
portrait_file = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
coins, portrait = (shapes.predict(photo, **settings) for photo in (COINS_FILE, portrait_file))
for found in (coins, portrait):
    print(len(found), "objects:", dict(Counter(found.labels)), "best", found.scores.max().round(2))

# %%
from minimaskrcnn.results.picture import draw

panels(
    Panel("coins: right", draw(coins, legend=False)),
    Panel("a portrait: surely wrong", draw(portrait, legend=False)),
)

# %% [markdown]
# Of some of what it says about the portrait the network is as good as sure, and all of it is wrong.
# It can only answer in the words that it has learned. Such a difference between the pictures of
# training and those of use is called a *domain shift*, and the score does not warn of it. Coins
# happen to resemble the drawings; for people and cars one takes weights that have learned from
# photographs of them, and for one's own pictures one trains (chapter 17b).

# %% [markdown]
# ## Further
#
# [The x-ray](../docs/xray.md) shows this whole way for any photograph, on one page.
#
# From a clone of the repository, `pytest tests/test_01_tour.py` runs the tests of
# the whole network, and `--collect-only` lists what they claim.
#
# **To think about.** The mask head runs once for every detection, after the classes are decided.
# One could run it on every proposal instead, at the same time as the box head. What would that
# cost, and what would it gain? (In training, chapter 16, it runs on some of the regions that hold
# an object.)

# %% [markdown]
# **The answer.** By asking four questions one after the other: where might something be, what is
# it, where exactly, and which of the pixels in its box belong to it. Each question is a small
# stage, and every number between them can be looked at.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)): figure 1 is the way from the
# picture to class, box and mask; section 3, "Mask R-CNN", describes it in a page.
#
# **Next:** chapter 02 prepares the photograph.
