# %% [markdown]
# # 19 Speed: where the time goes, and how it is saved
#
# **The question.** Where does the time go, and why is the same sum sometimes a hundred times as
# fast?
#
# **You will see** the work of the whole network counted, stage by stage; the same convolution in
# four forms that give the same numbers at very different speeds; and how the work is cut into
# blocks for the cores of a processor.
#
# **You will learn** that counting products tells most of the story, and where it does not.
#
# **You need** chapters 03 (convolution, also as a matrix product), 03b (Winograd's method) and 17
# (the tape).
#
# **Time** about 25 minutes. This is an appendix: no other chapter needs it.
#
# The modules are those of the folder `minimaskrcnn/conv/` and `minimaskrcnn/runtime/threads.py`;
# the measurements are `benchmarks/conv.py`, `network.py` and `training.py`. The tests are
# `tests/test_03_conv.py` and `tests/test_threads.py`: fast code that is wrong is of no use.

# %%
from minimaskrcnn.pictures import strip

strip("speed")

# %% [markdown]
# **Where we are.** The network is complete: it predicts (02 to 14), is loaded (15), trained (16,
# 17) and measured (18). It is written in Python, and yet it should answer in the time of a network
# written by specialists. What a computer can do is known: so many multiplications a second, so many
# numbers from memory. So we count first, then measure, and ask about the difference.

# %% [markdown]
# ## 1 Counting, by hand
#
# A convolution computes each of its outputs from a window of the input. 4 × 4 outputs with a
# kernel of 3 × 3, one channel in, one out: 16 · 9 = 144 multiplications. With C channels in and D
# out it is C · D times as many. All forms of convolution that follow the definition have this
# number.
#
# Winograd's form has fewer: chapter 03b computes 4 outputs of a kernel of 3 numbers from 6
# multiplications in place of 12. (Its three matrices hold constants, so that multiplying by them is
# not counted: section 5 comes back to this.)
#
# In two dimensions the saving multiplies: 4 × 4 outputs (orange) need 6 × 6 inputs (blue), and 6 ·
# 6 = 36 products in place of 144, a quarter.

# %%
import numpy as np

from minimaskrcnn.pictures import BLUE, GREY, ORANGE, Panel, curves, panels

paper = np.full((10, 14, 3), 255, np.uint8)
tile = np.array([[1, 1, 7, 7], [2, 2, 6, 6], [1, 5, 7, 11], [2, 6, 6, 10]])
names, colours = ("inputs", "outputs", "", "the next"), (BLUE, ORANGE, GREY, GREY)
panels(Panel("a tile, and the one beside it", paper, tile, names, colours, ruler=True))

# %% [markdown]
# ## 2 The whole network, counted
#
# The tape of chapter 17 notes every operation. So it can also tell which convolutions there were,
# and how many outputs each had.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.conv.operation import conv2d_backward
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.runtime import tape

WEIGHTS = "shapes"  # or "coco"
PHOTO = scene(13).image  # or "street.jpg"

model = load_model(WEIGHTS)

# %%
with tape.recording() as notes:
    model.trace(PHOTO)
convolutions = [(y, called[1]) for y, back, called in notes if back is conv2d_backward]
products = np.array([y.size * conv.kernel[..., 0].size for y, conv in convolutions])
print(len(products), "convolutions,", f"{products.sum():,} products")

# %% [markdown]
# Which parts of the network do they belong to, and which kernels have they?

# %%
from collections import Counter

from minimaskrcnn.weights.tree import named_arrays

part_of = {id(array): name.split(".")[0] for name, array in named_arrays(model).items()}
parts, kinds = Counter(), Counter()
for (_, conv), count in zip(convolutions, products, strict=True):
    parts[part_of.get(id(conv.kernel), "dense, deconv")] += count / products.sum()
    kinds["{} x {}".format(*conv.kernel.shape[:2])] += count / products.sum()
for shares in (parts, kinds):
    print(",  ".join(f"{name} {share:.0%}" for name, share in shares.most_common()))

# %%
order = np.arange(1, len(products) + 1)
running = products.cumsum() / products.sum()
across, title = (
    "convolution, in the order of the data flow",
    "few of the layers do most of the work",
)
curves({"": (order, running)}, across, "share of the products", title)

# %% [markdown]
# Two things follow. Convolutions of 3 × 3 deserve the most care. And the heads cost what their
# regions cost: the box head runs on every proposal, the mask head only on what was detected. Were
# masks drawn for all proposals, the mask head would have this much more to do:

# %%
steps = model.trace(PHOTO)
proposals, detections = len(steps["proposals"]), len(steps["detections"])
print(f"{proposals} proposals, {detections} detections: {proposals / detections:.0f} times as much")

# %% [markdown]
# ## 3 Four forms of one convolution
#
# One layer as the large network has them: 256 channels in and out, 3 × 3, here on a small map.
#
# * `conv2d_direct` is the definition, seven loops.
# * `conv2d_im2col` lays every window out as a row, and leaves the rest to the matrix product of
#   NumPy.
# * `conv2d_blocked` does the same a block at a time (section 4).
# * `conv2d_winograd` saves products.
#
# They agree; the differences are the rounding of float32.

# %%
from minimaskrcnn.conv import Conv, conv2d_blocked, conv2d_direct, conv2d_im2col, conv2d_winograd

forms = (conv2d_direct, conv2d_im2col, conv2d_blocked, conv2d_winograd)


def layer(channels, side=16, outputs=None):
    """A map and a convolution 3 × 3 with random numbers, as large as they are in a network."""
    outputs = outputs or channels
    rng = np.random.RandomState(channels)
    x = rng.standard_normal((side, side, channels)).astype(np.float32)
    kernel = rng.standard_normal((3, 3, channels, outputs)) / np.sqrt(9 * channels)
    return x, Conv(kernel.astype(np.float32), np.zeros(outputs, np.float32), 1, (1, 1))


# %%
x, conv = layer(256)
exact = conv2d_im2col(x.astype(float), Conv(conv.kernel.astype(float), np.zeros(256), 1, (1, 1)))
for form in forms:
    error = np.abs(form(x, conv) - exact).max() / np.abs(exact).max()
    print(f"{form.__name__:16} agrees in the first five digits: {error < 1e-5}")

# %% [markdown]
# And how fast are they? Times depend on the machine, and on what else it does: those that you read
# here were taken when this page was made, on two cores. Run the chapter for your own.

# %%
from timeit import repeat


def clock(function, *arguments):
    """Seconds: the best of three, after one to warm up."""
    return min(repeat(lambda: function(*arguments), number=1, repeat=4)[1:])


# %% tags=["varies"]
times = {form.__name__: clock(form, x, conv) for form in forms}
for name, seconds in times.items():
    ratio = times["conv2d_direct"] / seconds
    print(f"{name:16} {1000 * seconds:8.2f} ms, {ratio:5.1f} times as fast as the definition")

# %% [markdown]
# The first three do the same products. The direct form reads its numbers one by one, in an order
# that suits the eye; a matrix product uses every number several times while it is at hand, and
# many multipliers at once. So the number of products does not tell it all: *where the numbers are*
# is as important. Numbers in the *cache*, a small memory within the processor, cost next to
# nothing; those in the main memory cost far more than a multiplication.

# %% [markdown]
# ## 4 Blocks and threads
#
# `im2col` makes nine copies of the map before the product begins:

# %%
from minimaskrcnn.conv.blocked import BLOCK
from minimaskrcnn.conv.im2col import windows

print(f"the map {x.nbytes:,} bytes, its windows {windows(x, conv).nbytes:,} bytes")
print(f"a block: at most {4 * BLOCK:,} bytes")

# %% [markdown]
# The blocked form takes some rows of windows, multiplies them, adds the bias, applies ReLU, and is
# done with them before it takes the next. A block fits into the cache. (On a map as small as that
# of section 3 this gains nothing; it pays on large ones.) And blocks are what the threads share:
# each takes the next one that is left. Here is the code:

# %%
import inspect

from IPython.display import Code

body = inspect.getsource(conv2d_blocked).split('"""')
Code(body[0].rstrip(" ") + body[2].lstrip("\n"), language="python")

# %% [markdown]
# How the blocks are cut depends on the shapes, never on the number of threads. So the result has
# the same bits with one thread and with many, on a quiet machine and on a busy one: a bug can be
# looked for in peace.

# %%
from minimaskrcnn.runtime import threads

usual = threads.get_num_threads()
results = []
for number in (1, 2, 3):
    threads.set_num_threads(number)
    results.append(conv2d_winograd(x, conv))
threads.set_num_threads(usual)
print("the same bits:", all(np.array_equal(results[0], result) for result in results[1:]))

# %% [markdown]
# One step further: the RPN's 3 × 3 convolution makes 512 channels, which two 1 × 1 convolutions
# read, and nobody else. A worker can take its block through both steps while it is in the cache.
# Then the map between them is never written, and its memory is not needed:

# %% tags=["varies"]
from minimaskrcnn.conv import conv2d, conv2d_chain

wide, draw = layer(256, side=128, outputs=512), np.random.RandomState(0).standard_normal
lasts = [Conv(draw((1, 1, 512, n)).astype(np.float32), np.zeros(n, np.float32)) for n in (6, 12)]
print(f"the map between them: {128 * 128 * 512 * 4:,} bytes")


# %% tags=["varies"]
def two_steps(x, conv):
    shared = conv2d(x, conv, relu=True)
    return [conv2d(shared, last) for last in lasts]


apart = clock(two_steps, *wide)
chained = clock(lambda x, conv: conv2d_chain([x], conv, lasts), *wide)
print(f"one after the other {1000 * apart:.1f} ms, block by block {1000 * chained:.1f} ms")

# %% [markdown]
# ## 5 When Winograd's form pays
#
# It saves products, but it has to bring the map to the 36 points and back. That work grows with the
# number of channels, and the products with its square. So with few channels it is not worth it.
# Beside the blocked form:

# %% tags=["varies"]
for channels in (4, 32, 256):
    x, conv = layer(channels, side=32)
    blocked, winograd = clock(conv2d_blocked, x, conv), clock(conv2d_winograd, x, conv)
    print(f"{channels:3} channels: {1000 * blocked:6.2f} ms in blocks,", end=" ")
    print(f"{1000 * winograd:6.2f} ms by Winograd: {blocked / winograd:.2f} times as fast")

# %% [markdown]
# And tiles have to be whole. A map of 5 × 5 needs 2 × 2 tiles of 4 × 4, and most of what is
# computed in three of them is thrown away. Products for each output, by the side of the map:

# %% tags=["cover"]
sides = np.arange(1, 65)
winograd = 36 * np.ceil(sides / 4) ** 2 / sides**2
nine = np.full(len(sides), 9.0)
lines = {"by the definition": (sides, nine), "Winograd": (sides[2:], winograd[2:])}
print("at 14 cells (mask head)", winograd[13].round(2), " at 256 cells", 36 * 64**2 / 256**2)
curves(lines, "side of the map", "products for each output", "3 x 3: a quarter at best")

# %% [markdown]
# There is a price in digits, too. The transforms add and subtract larger numbers than the result,
# and float32 has but seven digits. With points as balanced as 2/3 and 3/2 (chapter 03b) hardly
# anything is lost, as section 3 has shown.
#
# `choose_form` decides, by the kernel, the stride and the number of channels:

# %%
from minimaskrcnn.conv.choose import choose_form

Code(inspect.getsource(choose_form), language="python")

# %% [markdown]
# ## 6 Measured: which stage takes how long?
#
# `predict` reads the clock between the stages. Milliseconds, the middle of five runs, and the share
# of the whole:

# %% tags=["varies"]
model.predict(PHOTO)  # to warm up: the first one loads compiled code
runs = [model.predict(PHOTO).seconds for _ in range(5)]
typical = {stage: np.median([run[stage] for run in runs]) for stage in runs[0]}
whole = sum(typical.values())
for stage, seconds in typical.items():
    print(f"{stage:10} {1000 * seconds:7.2f} ms {seconds / whole:5.0%}")

# %% [markdown]
# With the small network on a small picture, stages that hardly multiply take a part that their
# products do not explain: each operation costs Python a little time, however small it is. In the
# large network each operation holds far more products: there, time follows products.

# %% [markdown]
# ## 7 What goes wrong without
#
# Switch the compiler off: `.py_func` is the same loop as plain Python. Measured on a small layer,
# extrapolated to all the products of this one prediction:

# %% tags=["varies"]
from minimaskrcnn.conv.direct import _direct

x, conv = layer(4, side=8)
y = np.zeros((1, 8, 8, 4), np.float32)
slow, fast = (
    clock(f, x[None], conv.kernel, conv.bias, 1, 1, y) for f in (_direct.py_func, _direct)
)
minutes = slow / (y.size * conv.kernel[..., 0].size) * products.sum() / 60
print(f"compiled: {slow / fast:.0f} times as fast")
print(f"plain, the whole prediction would take {minutes:.0f} minutes")

# %% [markdown]
# ## 8 Your turn
#
# Count. First a convolution by its definition; then Winograd's, with its tiles of 4 × 4, each of
# which takes 36 products for every channel in and every channel out.

# %%
from minimaskrcnn.check.verdict import Case, check_function


def my_products(height, width, kernel_shape):
    """Return the products of a convolution with height · width outputs, an int."""
    ...


ours = [Case("section 1", (4, 4, (3, 3, 1, 1)), 144, "16 outputs, 9 products each")]
ours.append(Case("two channels in, three out", (4, 4, (3, 3, 2, 3)), 864, "6 times as many"))
check_function(my_products, my_products, ours)


# %%
def my_winograd_products(height, width, channels, outputs):
    """Return the products of Winograd's form for a map of height · width outputs, an int."""
    ...


ours = [Case("one tile", (4, 4, 1, 1), 36, "6 · 6"), Case("5 x 5", (5, 5, 1, 1), 144, "4 tiles")]
ours.append(Case("channels", (8, 4, 2, 3), 432, "2 tiles, 2 · 3 pairs of channels"))
check_function(my_winograd_products, my_winograd_products, ours)

# %% [markdown]
# And a form of convolution that is not in the package: neither loops over pixels nor a copy of all
# windows. A kernel of 3 × 3 is nine kernels of 1 × 1, each applied to a shifted map: nine matrix
# products, added up. (`conv` has `kernel`, `bias`, `stride` and `padding`, as in chapter 03.)

# %%
from minimaskrcnn import check


def my_conv2d(x, conv):
    """Return the convolution (H', W', D) of x (H, W, C) as a sum of matrix products."""
    ...


check.conv2d(my_conv2d)

# %% [markdown]
# **Help.** Three hints for each function, and a solution. Open one at a time.
#
# `my_products`
#
# <details><summary>Hint 1</summary>
#
# How many outputs are there, with all channels out?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Each takes kh · kw · channels in products.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Multiply height, width and all four numbers of the kernel's shape.
#
# </details>
#
# <details><summary>A solution of my_products</summary>
#
# ```python
# def my_products(height, width, kernel_shape):
#     kh, kw, channels, outputs = kernel_shape
#     return height * width * kh * kw * channels * outputs
# ```
#
# </details>
#
# `my_winograd_products`
#
# <details><summary>Hint 1</summary>
#
# A tile has 4 × 4 outputs; a border tile counts whole: round up.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# 36 products per tile, for every pair of a channel in and a channel out.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# -(-n // 4) rounds up.
#
# </details>
#
# <details><summary>A solution of my_winograd_products</summary>
#
# ```python
# def my_winograd_products(height, width, channels, outputs):
#     tiles = -(-height // 4) * -(-width // 4)
#     return 36 * tiles * channels * outputs
# ```
#
# </details>
#
# `my_conv2d`
#
# <details><summary>Hint 1</summary>
#
# Pad the map as in chapter 03.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# For place (a, b) of the kernel, the shifted map is every stride-th row from a on and every
# stride-th column from b on.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Shifted map (H', W', C) @ kernel[a, b] (C, D), added up over a and b, and the bias.
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
# ## Further
#
# When the check agrees, `clock(my_conv2d, *layer(256))` against those of section 3.
# From a clone of the repository, `python benchmarks/conv.py --no-torch` measures every convolution
# of the large network.
#
# **To think about.** Suppose that convolutions cost nothing at all. How many times as fast would a
# prediction be, by the shares that section 6 prints? And if those of the large network are 90 % of
# its time: how much is won by a convolution twice as fast, and how much by one ten times as fast?
# (This is *Amdahl's law*.) What would you speed up next?

# %% [markdown]
# **The answer.** Into convolutions, nearly all of it. The products can be saved (Winograd), and the
# rest of the time is a matter of memory: work in blocks that stay in the cache, divided among the
# cores.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 4, "Inference": what
# its authors' network took, on a graphics processor. Winograd's form for networks: Lavin & Gray
# ([arXiv:1509.09308](https://arxiv.org/abs/1509.09308)), sections 3 and 4. Blocks for the cache:
# Goto & van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), section 4.
#
# **Next:** you know where the time goes and what saves it. Measure your own machine with `python
# benchmarks/network.py`; or see in chapter 20 how another family of weights runs on the same
# stages, with every decision that a paper leaves open taken differently.
