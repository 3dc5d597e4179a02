# %% [markdown]
# # 04 ResNet: maps of falling resolution and rising meaning
#
# **The question.** How does a pile of convolutions come to know what is in a picture, and why can
# it be a hundred layers deep?
#
# **You will see** the backbone of the network: dozens of convolutions that turn the picture into
# five feature maps; from `c2` to `c5` each is half as high and wide as the one before.
#
# **You will learn** what a residual block is and why it has a bottleneck, how far a cell of a map
# can see, and how batch normalisation first makes the network trainable and is then folded away.
#
# **You need** chapter 03 (convolution, ReLU, channels, stride).
#
# **Time** about 30 minutes.
#
# The modules are `minimaskrcnn/resnet.py` and `minimaskrcnn/conv/folding.py`; the tests are
# `tests/test_04_resnet.py` and `tests/test_04_layers.py`.

# %%
from minimaskrcnn.pictures import strip

strip("resnet")

# %% [markdown]
# **Where we are.** `molded` goes in. A single convolution finds edges and spots. To recognise a
# wheel, and then a car, one must combine edges into corners, corners into parts, parts into
# things: many convolutions, one on the other. And one must see more of the picture than a few
# pixels. The *backbone* does both. Ours is a *ResNet*; the large network's has 101 layers.

# %% [markdown]
# ## 1 A block, by hand
#
# Deep stacks are hard to train. The authors of ResNet stacked 20 and 56 layers, and the deeper
# network was worse, not only on new pictures but on those it learned from (their figure 1): it is
# not overfitting; the learning itself does not get through. The idea of ResNet: let a group of
# layers f not replace its input but *correct* it, y = ReLU(x + f(x)). A block that has nothing to
# say can answer f = 0, and the input goes through unharmed. The path around f is called the
# *shortcut*.
#
# f is three convolutions: 1 × 1 to fewer channels (`reduce`), 3 × 3 (`spatial`), 1 × 1 back to many
# (`expand`). To compute one by hand, take maps of 3 × 3 cells and a single channel. The biases are
# −1, 0, 0; all weights are 1, but those of `expand` are 2.

# %%
import numpy as np

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.resnet import Bottleneck, bottleneck


def ones(size, value, bias):
    kernel, padding = np.full((size, size, 1, 1), value, np.float32), size // 2
    return Conv(kernel, np.array([bias], np.float32), padding=(padding, padding))


# %%
block = Bottleneck(ones(1, 1, -1), ones(3, 1, 0), ones(1, 2, 0))
x = np.array([[-5, 0, 0], [0, 4, 0], [0, 0, 0]], np.float32)[:, :, None]
reduced = np.maximum(x - 1, 0)  # 3 in the middle, 0 elsewhere
summed = 3  # every 3 x 3 window, with zeros around the map, holds the middle once
by_hand = np.maximum(x + 2 * summed, 0)
print("by hand:", by_hand[:, :, 0].tolist())
print("bottleneck:", bottleneck(x, block)[:, :, 0].round(3).tolist())

# %% [markdown]
# ### Your turn
#
# Try it yourself before the package's code is shown: a block, made of `conv2d(x, conv, relu=False,
# add=None)`, where `add` is an array to be added before the ReLU. Where the number of channels
# changes, `block.shortcut` is a convolution of 1 × 1, else it is None. The check tells the first
# case in which you differ.

# %%
from minimaskrcnn import check


def my_bottleneck(x, block):
    """Return ReLU(shortcut + f(x)) of a block with reduce, spatial, expand, shortcut or None."""
    ...


check.bottleneck(my_bottleneck)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_bottleneck`
#
# <details><summary>Hint 1</summary>
#
# The block computes `f(x)` with three convolutions, ReLU after the first two.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The shortcut is `x`, or `block.shortcut` applied to `x`: without ReLU.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Add, and only then apply the last ReLU.
#
# </details>
#
# <details><summary>A solution of my_bottleneck</summary>
#
# ```python
# import numpy as np
#
# from minimaskrcnn.conv import conv2d
#
#
# def my_bottleneck(x, block):
#     shortcut = x if block.shortcut is None else conv2d(x, block.shortcut)
#     y = conv2d(x, block.reduce, relu=True)
#     y = conv2d(y, block.spatial, relu=True)
#     return np.maximum(conv2d(y, block.expand) + shortcut, 0)
# ```
#
# </details>
#

# %% [markdown]
# ### The package's code
#
# This is the code, down to the whole backbone. In the first block of a *stage* the number of
# channels changes, and mostly the size as well; so there its shortcut is a convolution with the
# same stride.

# %%
import inspect

from IPython.display import Code

from minimaskrcnn.resnet import backbone, stage, stem

parts = [inspect.getsource(f) for f in (stem, bottleneck, stage, backbone)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# `stem` also has a *max-pool*: of each window of 3 × 3 only the largest number is kept, in steps of
# 2. With the stride of its convolution this makes `c1` a quarter as high and wide as the picture.
#
# **Why a bottleneck?** Weights, and with them products per cell, are kernel height · width ·
# channels in · channels out. For 256 channels, reduced to 64:

# %%
narrow = 1 * 1 * 256 * 64 + 3 * 3 * 64 * 64 + 1 * 1 * 64 * 256
print(f"1 x 1, 3 x 3, 1 x 1 with 64 inside: {narrow:,} weights")
print(f"two convolutions 3 x 3 with 256: {2 * 3 * 3 * 256 * 256:,}")

# %% [markdown]
# ## 2 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph
# of yours, change `WEIGHTS` and `PHOTO`; everything below works as it is.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(13).image  # or "street.jpg"

model = load_model(WEIGHTS)
steps = model.trace(PHOTO)
print("blocks in the stages 2 to 5:", [len(blocks) for blocks in model.backbone.stages])
for name in ("molded", "c1", "c2", "c3", "c4", "c5"):
    print(name, steps[name].shape, f"{steps[name].size:,} numbers")

# %% [markdown]
# After `c2`, each map has half the height, half the width and at most twice the channels of the one
# before: at most half the numbers. (In the large network it is twice, stage after stage.) What is
# lost in places is only partly made up for in channels; the network has to decide what to keep.
# Below, of each map the three channels that vary most over the picture. In `c1` and `c2` one sees
# the outlines of things; in `c5` a cell stands for 32 by 32 pixels, and what it says is no longer
# for our eyes. (A channel that is bright along a border has noticed the zeros of the padding: so a
# network can tell where its picture ends.)

# %% tags=["cover"]
from minimaskrcnn.pictures import BLUE, GREEN, ORANGE, PURPLE, Panel, curves, panels

shown = []
for rank in range(3):
    for name in ("c1", "c2", "c3", "c4", "c5"):
        channel = np.argsort(-steps[name].std(axis=(0, 1)), kind="stable")[rank]
        shown.append(Panel(f"{name}, channel {channel}", steps[name][:, :, channel]))
panels(*shown, columns=5)

# %% [markdown]
# ## 3 How far a cell can see
#
# The pixels on which a cell's numbers depend are its *receptive field*. Follow it layer by layer: a
# kernel k cells wide adds k − 1 cells of the map that it reads; those lie as many pixels apart as
# the product of all strides before it. For `c1`: 7 pixels of the stem's kernel, then a window of 3
# in steps of 2 pixels, 7 + 2 · 2 = 11. In each later block only the 3 × 3 adds anything.

# %%
field, apart = 7 + 2 * 2, 4  # c1: the field's side and the distance between cells, in pixels
fields = {"c1": (field, apart)}
for level, blocks in enumerate(model.backbone.stages, start=2):
    for block in blocks:
        apart *= block.reduce.stride
        field += (3 - 1) * apart
    fields[f"c{level}"] = (field, apart)
for name, (field, apart) in fields.items():
    print(f"{name}: cells {apart:2} pixels apart, each sees {field} x {field} pixels")

# %% [markdown]
# Is it true? Take one cell of `c3`. Replace everything *outside* its field by noise: the cell must
# not change. Then change one pixel *inside*. The field of cell i is centred at pixel i · apart +
# 2; the 2 comes from the max-pool, whose window reaches further down than up.

# %%
field, apart = fields["c3"]
molded = steps["molded"]
cell = molded.shape[0] // apart // 2  # in the middle
low, high = apart * cell + 2 - field // 2, apart * cell + 2 + field // 2 + 1
outside = np.random.RandomState(0).standard_normal(molded.shape).astype(np.float32)
outside[max(low, 0) : high, max(low, 0) : high] = molded[max(low, 0) : high, max(low, 0) : high]
inside = molded.copy()
inside[apart * cell + 2, apart * cell + 2] += 1
for name, changed in (("noise outside", outside), ("a pixel inside", inside)):
    seen = backbone(changed, model.backbone)[2][cell, cell]
    print(f"{name}: the cell changes: {not np.allclose(seen, steps['c3'][cell, cell], atol=1e-3)}")

# %% [markdown]
# The fields of the cells in the middle of `c1` to `c4`, on the picture:

# %%
from minimaskrcnn.image import letterbox
from minimaskrcnn.photo import read_photo

framed = letterbox(read_photo(PHOTO), model.config)[0]  # the picture as the network sees it
squares = []
for name in ("c4", "c3", "c2", "c1"):
    field, apart = fields[name]
    middle = apart * (framed.shape[0] // apart // 2) + 2 + 0.5  # the centre of that pixel
    squares.append([middle - field / 2] * 2 + [middle + field / 2] * 2)
colours, names = (PURPLE, GREEN, BLUE, ORANGE), ("c4", "c3", "c2", "c1")
panels(Panel("what one cell sees", framed, np.array(squares), names, colours, margin=40))

# %% [markdown]
# ## 4 Batch normalisation
#
# If each layer makes numbers a little larger, or smaller, a hundred layers make them explode or
# vanish. *Batch normalisation* brings every channel to mean 0 and variance 1, over all cells of
# all pictures of the batch, and then lets the network choose a scale (gamma) and a shift (beta):
#
# y = gamma · (x − mean) / √(variance + epsilon) + beta
#
# By hand, for a channel with the values 2, 4, 6; gamma 3, beta 1. Epsilon, 0.001 here (`EPSILON`),
# keeps a channel that never changes from a division by zero.

# %%
from minimaskrcnn.conv import BatchNorm, batch_norm
from minimaskrcnn.conv.folding import EPSILON

mean, variance = (2 + 4 + 6) / 3, (4 + 0 + 4) / 3
by_hand = [3 * (v - mean) / (variance + EPSILON) ** 0.5 + 1 for v in (2, 4, 6)]
norm = BatchNorm(*(np.array([v], float) for v in (3, 1, 0, 1)))  # gamma, beta, mean, variance
print("by hand:", np.round(by_hand, 4))
print("batch_norm:", batch_norm(np.array([[2.0], [4.0], [6.0]]), norm)[:, 0].round(4))

# %% [markdown]
# That is training. When the network is used there is no batch to take statistics of, and an answer
# must not depend on what else is in the batch. So averages of mean and variance, kept while
# training, take their place (they are the other two numbers of `BatchNorm`). They are constants.
# Then the formula is one multiplication and one addition for each channel, and a convolution just
# before it can do both by itself: its kernel is multiplied by the scale, its bias changed. That is
# *folding*; after it, the normalisation costs nothing.

# %% [markdown]
# ### Your turn
#
# Fold for yourself: `conv` has `kernel` and `bias`; `norm` has `gamma`, `beta`, `mean` and
# `variance`.


# %%
def my_fold(conv, norm):
    """Return kernel and bias of the convolution that does what conv and then norm do."""
    ...


check.fold_batch_norm(my_fold)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_fold`
#
# <details><summary>Hint 1</summary>
#
# Normalisation computes (y - mean) / root(variance + 0.001) · gamma + beta, for each channel out.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# y is linear in the kernel: what it is multiplied by can be multiplied into the kernel's last
# axis.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The bias goes through the same: subtract the mean, multiply, add beta.
#
# </details>
#
# <details><summary>A solution of my_fold</summary>
#
# ```python
# import numpy as np
#
#
# def my_fold(conv, norm):
#     scale = norm.gamma / np.sqrt(norm.variance + 0.001)
#     return conv.kernel * scale, (conv.bias - norm.mean) * scale + norm.beta
# ```
#
# </details>

# %% [markdown]
# ### The package's code

# %%
from minimaskrcnn.conv import fold_batch_norm

Code(inspect.getsource(fold_batch_norm), language="python")

# %% [markdown]
# By hand: a convolution x + 5, then gamma −2, beta 1, mean 3, and a variance that with epsilon is
# 4. Together −2 · (x + 5 − 3) / 2 + 1 = −x − 1: a kernel of −1 and a bias of −1. Below it, random
# numbers, folded and in two steps.

# %%
norm = BatchNorm(*(np.array([v]) for v in (-2.0, 1.0, 3.0, 4 - EPSILON)))
folded = fold_batch_norm(Conv(np.ones((1, 1, 1, 1)), np.array([5.0])), norm)
print("kernel", folded.kernel.item(), "bias", folded.bias.item())

rng = np.random.RandomState(0)
conv = Conv(rng.standard_normal((3, 3, 4, 8)), rng.standard_normal(8))  # float64
gamma, beta, mean, variance = rng.standard_normal((4, 8))
norm = BatchNorm(gamma, beta, mean, variance**2)
maps = rng.standard_normal((10, 10, 4))
two_steps = gamma * (conv2d(maps, conv) - mean) / np.sqrt(variance**2 + EPSILON) + beta
print("the same numbers:", np.allclose(two_steps, conv2d(maps, fold_batch_norm(conv, norm))))

# %% [markdown]
# ## 5 What goes wrong without
#
# **Without normalisation.** Fifty convolutions of 3 × 3 with ReLU, one after the other, on the same
# noise. How large are the numbers after each? The kernels are random, of a size that would just
# keep the strength of the signal, or of that size times 0.9 or 1.1. With batch normalisation the
# size of the kernels does not matter. (`none` is gamma 1 and beta 0.)

# %%
plain, none = np.zeros(16, np.float32), BatchNorm(*np.float32([[1] * 16, [0] * 16] * 2))
noise = rng.standard_normal((16, 16, 16)).astype(np.float32)
lines = {}
for size, norm in ((1.1, None), (1.0, None), (0.9, None), (1.1, none)):
    x, strengths = noise, []
    for seed in range(50):
        kernel = np.random.RandomState(seed).standard_normal((3, 3, 16, 16)) * np.sqrt(2 / 144)
        conv = Conv(np.float32(size * kernel), plain, padding=(1, 1), norm=norm)
        x = conv2d(x, conv, relu=True)
        strengths.append(np.log10(np.sqrt((x**2).mean())))
    lines[f"{size}" + (", normalised" if norm else "")] = (np.arange(1, 51), strengths)

# %%
curves(lines, "layers", "log10 of the numbers' size", "fifty layers, kernels of three sizes")

# %% [markdown]
# **Without shortcuts.** Cut them in the network at hand: set the weights of each stage's 1 × 1
# shortcut to zero, and give every other block one of zeros. What the blocks were trained to
# correct is not there any more. (Whether a network without shortcuts could have learned is another
# question, that of section 1.)

# %%
from dataclasses import replace


def cut(block):
    inputs, outputs = block.reduce.kernel.shape[2], block.expand.kernel.shape[3]
    nothing = np.zeros((1, 1, inputs, outputs), np.float32)
    stride = block.reduce.stride
    return replace(block, shortcut=Conv(nothing, np.zeros(outputs, np.float32), stride))


# %%
stages = tuple(tuple(cut(block) for block in blocks) for blocks in model.backbone.stages)
bare = replace(model, backbone=replace(model.backbone, stages=stages))
print("objects with shortcuts:", len(model.predict(PHOTO)), "without:", len(bare.predict(PHOTO)))

# %% [markdown]
# ## Further
#
# Save your function as `bottleneck` in a file `my_resnet.py`. From a clone of the
# repository,
#
#     pytest tests/test_04_resnet.py --mine my_resnet.py
#
# runs the tests of this stage on it.
#
# **To think about.** The stride of a stage sits in a 1 × 1 convolution: three of four cells of its
# input are never looked at. Others put it into the 3 × 3 that follows. What does each cost, and
# why can one not simply change it in a trained network, although all shapes would fit?

# %% [markdown]
# **The answer.** Each block adds a correction to what it is given, so that even a hundred of them
# can be trained. With every halving of the map a cell sees more of the picture and has more numbers
# to describe it.

# %% [markdown]
# ## In the paper
#
# Deep Residual Learning ([arXiv:1512.03385](https://arxiv.org/abs/1512.03385)): section 3, and
# figure 5, right, for the bottleneck; table 1 for the stages. Batch Normalization
# ([arXiv:1502.03167](https://arxiv.org/abs/1502.03167)): algorithm 1; section 3.1 on what becomes
# of it at inference. Mask R-CNN, section 3, "Network Architecture".
#
# **Next:** `c5` knows what is there, `c2` knows where. Chapter 05 brings them together.
