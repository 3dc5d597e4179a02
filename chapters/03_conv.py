# %% [markdown]
# # 03 Conv: the operation that the network consists of
#
# **The question.** What is the one operation that nearly all the work of the network consists of,
# and how can it be done four times as cheaply?
#
# **You will see** one operation, convolution, computed in three ways that look nothing alike and
# give the same numbers: by its definition, as a matrix product, and by Winograd's method with a
# quarter of the multiplications.
#
# **You will learn** what kernels, channels, stride and padding are, why fast programs copy the
# picture many times on purpose, and why a trick from multiplying polynomials is exact on paper
# and not quite in float32.
#
# **You need** chapter 02 (image).
#
# **Time** about 35 minutes.
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
# number by number, with what lies under it, and all is added up. This kernel takes its left
# column from its right one: it answers where the map grows brighter to the right.

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

# %%
from minimaskrcnn.conv import output_shape

three_to_sixteen = np.zeros((3, 3, 3, 16), np.float32)
colours = np.zeros((8, 8, 3), np.float32)
for stride, padding in ((1, (0, 0)), (1, (1, 1)), (2, (1, 1))):
    conv = Conv(three_to_sixteen, np.zeros(16, np.float32), stride, padding)
    by_hand = (8 + sum(padding) - 3) // stride + 1
    print(f"stride {stride}, padding {padding}: {by_hand} rows,", output_shape(colours, conv))

# %% [markdown]
# The definition is a formula of one line, and a function of a dozen:
#
# y[i, j, d] = bias[d] + Σ over a, b, c of x[i·s + a, j·s + b, c] · kernel[a, b, c, d]
#
# with the stride s, where x has been padded. The leading axis n counts the pictures of a batch
# (section 6). Numba compiles the loops to machine code; `.py_func` is the plain Python.

# %% [markdown]
# **Try it first.** The next cell shows the code of the package. You know enough to write it
# yourself: section 8, "Your turn", has the signature, a check, and hints. Then come back and
# compare.

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
# of yours, change the first two lines; everything below works as it is.
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
# `relu=True` replaces negative numbers by 0: the *rectified linear unit*, ReLU. Section 7 shows
# why it must be there. Above, six of the kernels as little coloured pictures: grey is 0. Below,
# what each finds. Nobody designed them; they were learned.

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

# %% tags=["timed"]
from timeit import repeat

rng = np.random.RandomState(0)
x = rng.standard_normal((32, 32, 64)).astype(np.float32)  # such as a map within the network
weights = (rng.standard_normal((3, 3, 64, 64)) / 24).astype(np.float32)
conv = Conv(weights, np.zeros(64, np.float32), padding=(1, 1))
slow, fast = (min(repeat(lambda f=f: f(x, conv), number=1, repeat=3)) for f in forms[:2])
print("64 channels to 64, as a matrix product at least twice as fast:", slow > 2 * fast)

# %% [markdown]
# ## 5 With fewer products: Winograd
#
# A 3 × 3 kernel needs 9 products for every output. Can there be fewer? For one output, no. For
# several at once, yes. The trick is about polynomials. Multiply 1 + 2x by 3 + 4x the usual way,
# and there are four products: 1·3, 1·4, 2·3, 2·4. But the result has only three coefficients; so
# three numbers must be enough to know it. Take the two polynomials' values at 0, at 1, and "at
# infinity", which means the leading coefficient. Multiply value by value, then solve for the
# coefficients.

# %%
first, second = (1, 1 + 2, 2), (3, 3 + 4, 4)  # 1 + 2x and 3 + 4x at 0, 1 and infinity
at_0, at_1, at_infinity = (a * b for a, b in zip(first, second, strict=True))  # three products
print("values of the result:", at_0, at_1, at_infinity)
print("by hand:", (at_0, at_1 - at_0 - at_infinity, at_infinity))
print("np.polymul:", np.polymul([2, 1], [4, 3])[::-1])

# %% [markdown]
# What has that to do with convolution? Take 4 outputs of a kernel of 3 in one dimension. They
# read 6 inputs: y = T · d, where each row of T holds the kernel, one place further to the right.
# Now turn T on its side: its transpose, 6 × 4, takes 4 coefficients to 6, and what it does is to
# *multiply by the kernel's polynomial*.

# %%
k = np.array([1, 10, 100])
t = np.array([np.roll([*k, 0, 0, 0], i) for i in range(4)])  # (4, 6)
signal, four = np.array([1, 2, 3, 4, 5, 6]), np.array([1, 2, 3, 4])
print(t)
print("T · signal:", t @ signal, "by hand, the first:", 1 * 1 + 10 * 2 + 100 * 3)
print("T transposed · four:", t.T @ four)
print("product of polynomials:", np.polymul(k[::-1], four[::-1])[::-1])

# %% [markdown]
# The product of a polynomial of 3 and one of 4 coefficients has 6. So 6 points are enough, and 6
# products instead of 12:
#
# transpose of T = (interpolate) · (multiply point by point) · (evaluate at the points)
#
# Transpose the equation, and the order turns round. With the names of the paper, where G
# evaluates the kernel:
#
# T = Aᵀ · diag(G k) · Bᵀ, that is y = Aᵀ [(G k) ∗ (Bᵀ d)]
#
# Aᵀ and Bᵀ depend on the points only; so they are known beforehand.

# %%
from minimaskrcnn.conv.winograd import matrices

at, g, bt = matrices()
print("A transposed", at.shape, "G", g.shape, "B transposed", bt.shape)
products = (g @ k) * (bt @ signal)  # the only six products of a kernel with a signal
print("by Winograd:", (at @ products).round(6), "by the definition:", t @ signal)

# %%
Code(inspect.getsource(matrices), language="python")

# %% [markdown]
# **Exact, in exact arithmetic.** This is algebra, no approximation. Python's fractions make no
# rounding errors; with them both sides of T = Aᵀ · diag(G k) · Bᵀ are equal to the last number:

# %%
from fractions import Fraction


def as_fractions(matrix):
    return np.vectorize(lambda v: Fraction(v).limit_denominator(1000), otypes=[object])(matrix)


at_exact, g_exact, bt_exact = (as_fractions(matrix) for matrix in matrices())
print("row 1 of G:", *g_exact[1], "at the point", as_fractions(2 / 3))
print("equal:", np.array_equal((at_exact * (g_exact @ k)) @ bt_exact, t))

# %% [markdown]
# **What float32 costs.** The matrices hold powers of the points. Large and small numbers are added
# and must cancel, and each addition rounds. How much is lost depends on the points: 0, ±1, ±2
# would be the obvious ones; 0, ±2/3, ±3/2 lose less, as each has its inverse beside it. Here are
# 10,000 random kernels and signals in one dimension; the error is relative to the usual size of
# the answers, in units of float32's own resolution.

# %%
unit = np.finfo(np.float32).eps
kernels32, signals32 = (rng.standard_normal((n, 10000)).astype(np.float32) for n in (3, 6))
exact = sum(kernels32[a].astype(float) * signals32[a : a + 4] for a in range(3))  # float64
tries = {"definition": sum(kernels32[a] * signals32[a : a + 4] for a in range(3))}
for name, points in (
    ("0, ±2/3, ±3/2", (0, 2 / 3, -2 / 3, 1.5, -1.5)),
    ("0, ±1, ±2", (0, 1, -1, 2, -2)),
):
    at32, g32, bt32 = (matrix.astype(np.float32) for matrix in matrices(points))
    tries[name] = at32 @ ((g32 @ kernels32) * (bt32 @ signals32))
for name, found in tries.items():
    print(f"{name:14} error {((found - exact).std() / exact.std()) / unit:.1f} units")

# %% [markdown]
# **In two dimensions** the same is done along the columns and then along the rows. A tile of 4 × 4
# outputs reads 6 × 6 inputs. It is written tile by tile in `conv2d_winograd_plain`:

# %%
from minimaskrcnn.conv import conv2d_winograd, conv2d_winograd_plain

print("products for 4 x 4 outputs:", 4 * 4 * 3 * 3, "by the definition,", 6 * 6, "by Winograd")
Code(inspect.getsource(conv2d_winograd_plain), language="python")

# %% [markdown]
# There is more to it than one tile. With C channels in and D out, kernels are transformed once
# and used for all tiles; inputs are transformed once and used for all D kernels. And at each of
# the 36 points the products, summed over the channels, are a matrix product again: (tiles, C)
# times (C, D). So Winograd's method is the matrix product of before with a quarter of the work, and
# the transforms beside it. The errors, in the same units as above:

# %%
precise = Conv(weights.astype(float), np.zeros(64), padding=(1, 1))
exact = conv2d_im2col(x.astype(float), precise)
for form in (conv2d_direct, conv2d_im2col, conv2d_winograd_plain, conv2d_winograd):
    answer = form(x, conv)
    assert np.allclose(answer, exact, atol=1e-4)
    print(f"{form.__name__:22} error {(answer - exact).std() / exact.std() / unit:.0f} units")

# %% tags=["timed"]
forms = (conv2d_direct, conv2d_winograd_plain, conv2d_winograd)
direct, plain, fast = (min(repeat(lambda f=f: f(x, conv), number=1, repeat=3)) for f in forms)
print("Winograd at least five times as fast as the definition:", direct > 5 * fast)
print("and at least twice as fast as tile by tile:", plain > 2 * fast)

# %% [markdown]
# A unit is about a ten-millionth of the answer. Hardly any detection depends on it; but two
# programs that compute the same network in different ways do not agree to the last digit.
#
# Not everything can be done so: there must be a kernel of 3 × 3 that moves in steps of 1. And with
# few channels the transforms take longer than the products that they save. `conv2d`, which the
# network calls, chooses:

# %%
from minimaskrcnn.conv.choose import choose_form

Code(inspect.getsource(choose_form), language="python")

# %% [markdown]
# ## 6 Several pictures at once
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
# ## 7 What goes wrong without
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
# ## 8 Your turn
#
# Write the definition: loops are welcome. `conv.kernel`, `conv.bias`, `conv.stride` and
# `conv.padding` (rows before and after; the same for columns) are there; ReLU is not asked for.

# %%
from minimaskrcnn import check


def my_conv2d(x, conv):
    """Return the convolution of x (H, W, C) with conv, (H', W', D), as an array."""
    ...


check.conv2d(my_conv2d)

# %% [markdown]
# **Help.** Three hints for each function, and a solution. Open one at a time.
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
# **Further.** Save your function in a file `my_conv.py`. From a clone of the repository,
#
#     pytest tests/test_03_conv.py --mine my_conv.py
#
# runs the tests of this stage on it.
#
# **To think about.** Tiles of 6 × 6 outputs would need 8 × 8 = 64 products for 36 outputs, fewer
# still. Which points would you add, and what would happen to the errors? (Try it: `matrices` is
# made for five points, but its idea is not.)

# %% [markdown]
# **The answer.** A sum of products over a small window, the same at every place. As a matrix
# product it is quick; by Winograd's method it needs a quarter of the products, at the price of a
# part of a digit.

# %% [markdown]
# ## In the paper
#
# Winograd's method for networks: Lavin & Gray ([arXiv:1509.09308](https://arxiv.org/abs/1509.09308)),
# sections 3 and 4. The points: Barabasz et al.
# ([arXiv:1803.10986](https://arxiv.org/abs/1803.10986)). Strides and paddings with pictures:
# Dumoulin & Visin ([arXiv:1603.07285](https://arxiv.org/abs/1603.07285)), section 2. Mask R-CNN
# takes convolution for granted.
#
# **Next:** chapter 04 stacks fifty or a hundred of them.
