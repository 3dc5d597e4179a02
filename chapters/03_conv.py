# %% [markdown]
# # 03 Conv: the operation that the network consists of
#
# **The question.** What is the one operation that nearly all the work of the network consists of?
#
# **You will see** one operation, convolution, computed in two ways that look nothing alike and
# give the same numbers: by its definition, and as a matrix product.
#
# **You will learn** what kernels, channels, stride and padding are, why fast programs copy the
# picture many times on purpose, and why nothing deep can be built without ReLU.
#
# **You need** chapter 02 (image).
#
# **Time** about 25 minutes.
#
# The modules are those of `minimaskrcnn/conv/`, the tests are `tests/test_03_conv.py`.

# %%
from minimaskrcnn.pictures import strip

strip("conv")

# %% [markdown]
# **Where we are.** The picture is an array `molded`, (H, W, 3) numbers around zero. From here to
# the proposals nearly every step is a *convolution*: look at each small neighbourhood with the
# same few weights, and write down one number for each place. What is worth finding in one corner
# of a picture is worth finding in any other; so all places share their weights.

# %% [markdown]
# ## 1 A kernel, by hand
#
# A small array of weights, the *kernel*, slides over the map. At every place it is multiplied,
# number by number, with what lies under it, and all is added up. This kernel subtracts what lies
# under its left column from what lies under its right one: it answers where the map grows brighter
# to the right.

# %%
import numpy as np

from minimaskrcnn.conv import Conv, conv2d_direct

x = np.zeros((5, 8), np.float32)
x[:, 4:] = 10  # dark on the left, bright on the right
kernel = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], np.float32)
print("window at row 0, column 2, by hand:", (10 + 10 + 10) - (0 + 0 + 0))

# %%
edge = Conv(kernel[:, :, None, None], bias=np.zeros(1, np.float32))
y = conv2d_direct(x[:, :, None], edge)  # the axes of channels: see below
print("result", y.shape)
print(y[:, :, 0])

# %% [markdown]
# Three things to notice. The kernel is not turned over: its upper left number meets the upper
# left of the window (a mathematician calls this cross-correlation). The result is smaller, as a
# window of 3 has only 6 places in a row of 8. And it is a map again, a *feature map*: for every
# place, how much of this feature is there.

# %%
from minimaskrcnn.pictures import BLUE, ORANGE, Panel, panels

window, place = np.array([[0, 2, 3, 5]]), np.array([[0, 2, 1, 3]])
panels(
    Panel("map; a window", x, window, colours=(ORANGE,), ruler=True, limits=(-5, 12)),
    Panel("kernel", kernel, ruler=True),
    Panel("result; its place", y[:, :, 0], place, colours=(BLUE,), ruler=True, limits=(-5, 30)),
)

# %% [markdown]
# ## 2 Four words
#
# * **Channels.** Each place (*cell*) holds not one number but C of them. A window is then (kh,
#   kw, C), and so is a kernel, and all products go into one sum. D kernels give D numbers for
#   each place, the channels of the result. All kernels together are one array, (kh, kw, C, D).
# * **Bias.** A number for each of the D results, added to it.
# * **Padding.** Rows and columns of zeros around the map, so that the result need not shrink.
# * **Stride.** The step of the window. With stride 2 the result has half as many rows and columns.
#
# height of the result = (height + padding − kernel height) // stride + 1
#
# where padding counts the rows above and below together.

# %%
from minimaskrcnn.conv import output_shape

three_to_sixteen = np.zeros((3, 3, 3, 16), np.float32)
colours = np.zeros((8, 8, 3), np.float32)
for stride, padding in ((1, (0, 0)), (1, (1, 1)), (2, (1, 1))):
    conv = Conv(three_to_sixteen, np.zeros(16, np.float32), stride, padding)
    by_hand = (8 + sum(padding) - 3) // stride + 1
    print(f"stride {stride}, padding {padding}: {by_hand} rows,", output_shape(colours, conv))

# %% [markdown]
# The definition is a formula of one line:
#
# y[i, j, d] = bias[d] + Σ over a, b, c of x[i·s + a, j·s + b, c] · kernel[a, b, c, d]
#
# with the stride s, where x has been padded.

# %% [markdown]
# ### Your turn
#
# Try it yourself before the package's code is shown. Write the definition: loops are welcome.
# `conv.kernel`, `conv.bias`, `conv.stride` and `conv.padding` (rows before and after; the same for
# columns) are there.

# %%
from minimaskrcnn import check


def my_conv2d(x, conv):
    """Return the convolution of x (H, W, C) with conv, (H', W', D), as an array."""
    ...


check.conv2d(my_conv2d)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_conv2d`
#
# <details><summary>Hint 1</summary>
#
# Put zeros around the map with `np.pad`: `conv.padding` is (before, after), and channels get none.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# There are `(padded height - kh) // stride + 1` rows of outputs. Output (i, j) looks at the window
# that begins at row `i * stride`, column `j * stride`.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# A window (kh, kw, C), times the kernel (kh, kw, C, D), summed over the first three axes, gives D
# outputs; then comes the bias. Or loop over the places of the kernel, as below: fewer and larger
# steps.
#
# </details>
#
# <details><summary>A solution of my_conv2d</summary>
#
# ```python
# import numpy as np
#
#
# def my_conv2d(x, conv):
#     kh, kw, channels, outputs = conv.kernel.shape
#     before, after = conv.padding
#     x = np.pad(x, ((before, after), (before, after), (0, 0)))
#     height = (x.shape[0] - kh) // conv.stride + 1
#     width = (x.shape[1] - kw) // conv.stride + 1
#     y = np.zeros((height, width, outputs), np.float32) + conv.bias
#     for a in range(kh):
#         for b in range(kw):
#             rows = x[a : a + conv.stride * height : conv.stride]
#             y += rows[:, b : b + conv.stride * width : conv.stride] @ conv.kernel[a, b]
#     return y
# ```
#
# </details>

# %% [markdown]
# ### The package's code
#
# The leading axis n counts the pictures of a batch (section 5). Numba compiles the loops to machine
# code; `.py_func` is the plain Python.

# %%
import inspect

from IPython.display import Code

from minimaskrcnn.conv.direct import _direct

Code(inspect.getsource(_direct.py_func), language="python")

# %% [markdown]
# ## 3 The real picture
#
# The network of this chapter is the small one that comes with the package. It knows circles,
# squares and triangles. With the weights of the large one (80 everyday classes) and a photograph
# of yours, change `WEIGHTS` and `PHOTO`; everything below works as it is.
#
# The very first convolution of the network, the *stem*: kernels of 7 by 7 on 3 colours.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.conv import conv2d
from minimaskrcnn.datasets.scenes import scene

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(13).image  # or "street.jpg"

model = load_model(WEIGHTS)
molded, stem = model.trace(PHOTO)["molded"], model.backbone.stem
features = conv2d(molded, stem, relu=True)
print("molded", molded.shape, "kernel", stem.kernel.shape, "stride", stem.stride)
print("features", features.shape)

# %% [markdown]
# `relu=True` replaces negative numbers by 0: the *rectified linear unit*, ReLU. Section 6 shows why
# it must be there. Above, six of the kernels as little coloured pictures: grey is 0. Below, what
# each finds. Nobody designed them; they were learned. Kernel 12 is a blue blot: it answers to the
# blue triangle. Kernel 17 is a magenta one: its answer is high on the magenta ground and lowest on
# the green square. Kernel 29 has violet on one side and green on the other: on even ground its
# answer is the same everywhere; at edges it rises or falls, as that of section 1 did, but with a
# change of colour.

# %% tags=["cover"]
strongest = np.argsort(-features.mean(axis=(0, 1)), kind="stable")[:6]
kernels, maps = [], []
for d in strongest:
    weights = stem.kernel[:, :, :, d]  # (7, 7, 3)
    coloured = np.uint8(127.5 + 127.5 * weights / abs(weights).max())
    kernels.append(Panel(f"kernel {d}", coloured))
    maps.append(Panel(f"feature {d}", features[:, :, d]))
panels(*kernels, *maps, columns=6)

# %% [markdown]
# ## 4 As a matrix product
#
# Each output is a sum of products of a window with a kernel: the dot product of two lists of
# numbers. Many dot products are a matrix product, and that is the operation for which processors
# and libraries have been tuned for decades. So copy every window into a row of one matrix (this
# is called *im2col*), write every kernel as a column of another, and multiply.

# %%
from minimaskrcnn.conv import windows

numbers = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
sums = Conv(np.ones((3, 3, 1, 1), np.float32), np.zeros(1, np.float32))
rows = windows(numbers, sums)
print(numbers[:, :, 0])
print("its four windows as rows:\n", rows)
# %%
print("by hand, the first row's sum:", 0 + 1 + 2 + 4 + 5 + 6 + 8 + 9 + 10)
print(
    "times a column of ones:",
    rows @ np.ones(9),
    "definition:",
    conv2d_direct(numbers, sums).ravel(),
)

# %%
from minimaskrcnn.conv import conv2d_blocked, conv2d_im2col

parts = [inspect.getsource(f) for f in (conv2d_im2col, windows)]
Code("\n\n".join(parts), language="python")

# %% [markdown]
# Every number of the map is copied into up to kh · kw rows: much memory for much speed. The
# network itself therefore uses a third function, which makes the rows of one block at a time and
# multiplies them while they are still in the processor's cache. All give the same numbers.

# %%
forms = (conv2d_direct, conv2d_im2col, conv2d_blocked)
answers = [form(molded, stem) for form in forms]
assert all(np.allclose(answers[0], other, atol=1e-4) for other in answers)
rows = windows(molded, stem)
print("numbers in the picture", molded.size, "in its windows", rows.size)
print("products", rows.shape[0] * rows.shape[1] * stem.kernel.shape[3])

# %% tags=["varies"]
from timeit import repeat

rng = np.random.RandomState(0)
x = rng.standard_normal((32, 32, 64)).astype(np.float32)  # such as a map within the network
weights = (rng.standard_normal((3, 3, 64, 64)) / 24).astype(np.float32)
conv = Conv(weights, np.zeros(64, np.float32), padding=(1, 1))
slow, fast = (min(repeat(lambda f=f: f(x, conv), number=1, repeat=3)) for f in forms[:2])
print("64 channels to 64, as a matrix product at least twice as fast:", slow > 2 * fast)

# %% [markdown]
# There is another way: for kernels of 3 × 3 the same numbers can be computed with a quarter of the
# products. The network uses it wherever that pays, which is most often. It needs an idea that has
# nothing to do with pictures, so it has a chapter of its own, 03b, which you may read at any time
# or skip.

# %% [markdown]
# ## 5 Several pictures at once
#
# Training works on several pictures at a time, a *batch*: an array (B, H, W, C). For a
# convolution that changes nothing: B times as many windows, the same kernels. One matrix product
# becomes a taller one.

# %%
from minimaskrcnn.image import mold

batch = np.stack([mold(scene(seed).image, model.config) for seed in (13, 14, 15)])
together = conv2d(batch, stem)
one_by_one = np.stack([conv2d(picture, stem) for picture in batch])
assert np.allclose(together, one_by_one, atol=1e-4)
print("batch", batch.shape, "windows", windows(batch, stem).shape, "result", together.shape)

# %% [markdown]
# ## 6 What goes wrong without
#
# **Without sharing weights.** A layer in which every output reads every input with a weight of its
# own could do all that a convolution does. It would have this many weights:

# %%
print(f"convolution: {stem.kernel.size:,} weights")
print(f"every output with every input: {molded.size * features.size:,} weights")

# %% [markdown]
# **Without ReLU.** A convolution is linear: sums of inputs give sums of outputs. Two linear steps,
# one after the other, are one linear step, and a hundred of them, too: no depth at all. For
# kernels of 1 × 1, which are a matrix product in every cell, you can see it at once:

# %%
one, two = (rng.standard_normal((1, 1, 8, 8)).astype(np.float32) for _ in range(2))
none, cells = np.zeros(8, np.float32), rng.standard_normal((4, 4, 8)).astype(np.float32)
merged = Conv((one[0, 0] @ two[0, 0])[None, None], none)
for relu in (False, True):
    both = conv2d(conv2d(cells, Conv(one, none), relu=relu), Conv(two, none))
    equal = np.allclose(both, conv2d(cells, merged), atol=1e-3)
    print(f"ReLU between them: {relu}; one convolution does the same: {equal}")

# %% [markdown]
# ## Further
#
# Save your function in a file `my_conv.py`. From a clone of the repository,
#
#     pytest tests/test_03_conv.py --mine my_conv.py
#
# runs the tests of this stage on it.
#
# **To think about.** Two kernels of 3 × 3, one after the other, look at 5 × 5 pixels, as one kernel
# of 5 × 5 does. What do the two save, and what can they do, with a ReLU between them, that the one
# cannot?

# %% [markdown]
# **The answer.** Convolution: a sum of products over a small window, with the same weights at every
# place. Written as a matrix product, it is quick.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN takes convolution for granted. Strides and paddings with pictures: Dumoulin & Visin
# ([arXiv:1603.07285](https://arxiv.org/abs/1603.07285)), section 2.
#
# **Next:** chapter 04 stacks fifty or a hundred of them. (The appendix 03b saves products.)
