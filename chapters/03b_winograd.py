# %% [markdown]
# # 03b Winograd: the same convolution from a quarter of the products
#
# **The question.** How can a convolution be computed with fewer multiplications than its
# definition has?
#
# **You will see** four outputs of a kernel of three numbers computed from six products instead of
# twelve, why that is exact on paper, and what it costs in float32.
#
# **You will learn** what multiplying polynomials has to do with convolution, and how one dimension
# becomes two, and one channel many.
#
# **You need** chapter 03 (conv), and the product of two polynomials.
#
# **Time** about 30 minutes. This is an appendix: no later chapter but 19 (speed), another
# appendix, needs it.
#
# The module is `minimaskrcnn/conv/winograd.py`, the tests are `tests/test_03_conv.py`.

# %%
from minimaskrcnn.pictures import strip

strip("conv")

# %% [markdown]
# **Where we are.** Nearly all the work of the network is convolution, and most of it is convolution
# with kernels of 3 × 3. Chapter 03 computes it as a matrix product, which processors are good at.
# Here the products are not made quicker: there are fewer of them.

# %% [markdown]
# ## 1 Fewer products: two polynomials
#
# A 3 × 3 kernel needs 9 products for every output. Can there be fewer? For one output, no. For
# several at once, yes. The trick is about polynomials. Multiply 1 + 2x by 3 + 4x the usual way,
# and there are four products: 1·3, 1·4, 2·3, 2·4. But the result has only three coefficients; so
# three numbers must be enough to know it. Take the two polynomials' values at 0, at 1, and "at
# infinity", which means the leading coefficient. Multiply value by value, then solve for the
# coefficients.

# %%
import numpy as np

first, second = (1, 1 + 2, 2), (3, 3 + 4, 4)  # 1 + 2x and 3 + 4x at 0, 1 and infinity
at_0, at_1, at_infinity = (a * b for a, b in zip(first, second, strict=True))  # three products
print("values of the result:", at_0, at_1, at_infinity)
print("by hand:", (at_0, at_1 - at_0 - at_infinity, at_infinity))
print("np.polymul:", np.polymul([2, 1], [4, 3])[::-1])

# %% [markdown]
# ## 2 From polynomials to convolution
#
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
# The product of a polynomial of 3 and one of 4 coefficients has 6. So 6 points are enough, five
# numbers and infinity, and with them 6 products instead of 12:
#
# transpose of T = (interpolate) · (multiply point by point) · (evaluate at the points)
#
# Now transpose the equation. The transpose of a product of matrices is the product of their
# transposes in the opposite order; "multiply point by point" is a diagonal matrix and stays what it
# is. With the names of the paper, where G evaluates the kernel at the points (each row divided by
# one more number, which the interpolation needs), A the four coefficients, and Bᵀ is the transposed
# interpolation:
#
# T = Aᵀ · diag(G k) · Bᵀ, that is y = Aᵀ [(G k) ∗ (Bᵀ d)]
#
# Aᵀ, G and Bᵀ depend on the points only; so they are known beforehand.

# %%
from minimaskrcnn.conv.winograd import matrices

at, g, bt = matrices()
print("A transposed", at.shape, "G", g.shape, "B transposed", bt.shape)
products = (g @ k) * (bt @ signal)  # the only six products of a kernel with a signal
print("by Winograd:", (at @ products).round(6), "by the definition:", t @ signal)

# %% [markdown]
# ### Your turn
#
# Try it yourself before the package's code is shown. A row of any length, with channels, from tiles
# of four outputs. The kernel is transformed once. Each tile of six inputs is transformed; at each
# of the six points the products are added up over the channels; the sums are brought back.
# Neighbouring tiles share two inputs. The last tile may be incomplete: fill it up with zeros and
# throw away what is too much. The matrices are the package's.

# %%
from minimaskrcnn.check.verdict import Case, check_function
from minimaskrcnn.conv.winograd import matrices


def my_winograd_row(signal, kernel):
    """Return the outputs (N - 2,) of signal (N, C) with kernel (3, C), by tiles of four."""
    ...


# %%
def column(*numbers):
    return np.array(numbers, float)[:, None]  # one channel


six, nine, two = column(1, 2, 3, 4, 5, 6), column(*range(1, 10)), np.array([[1.0, 2], [3, 5]] * 3)
exact = [321.0, 432, 543, 654, 765, 876, 987]
ours = [Case("one tile", (six, column(1, 10, 100)), np.array(exact[:4]), "Aᵀ · (G k ∗ Bᵀ d)")]
ours.append(Case("two channels", (two, two[:3]), np.array([44.0, 39] * 2), "add over channels"))
ten, answer = column(*range(1, 11)), np.array([*exact, 1098])
ours.append(Case("two tiles", (ten, column(1, 10, 100)), answer, "the second begins at input 4"))
ours.append(Case("a part of a tile", (nine, column(1, 10, 100)), answer[:7], "zeros; throw away"))
check_function(my_winograd_row, my_winograd_row, ours)

# %% [markdown]
# **Help.** Three hints for the function, and a solution. Open one at a time.
#
# `my_winograd_row`
#
# <details><summary>Hint 1</summary>
#
# Round the number of outputs up to a multiple of 4; as many inputs and two more are needed. Put
# zeros at the end of the signal, along the first axis only.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# The kernel at the points is `g @ kernel`, (6, C); tile i is `signal[4 * i : 4 * i + 6]`, and `bt @
# tile` is (6, C), too.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Multiply the two, sum over the last axis: (6,). `at @` that gives four outputs. Concatenate, and
# keep the first N - 2.
#
# </details>
#
# <details><summary>A solution of my_winograd_row</summary>
#
# ```python
# import numpy as np
#
# from minimaskrcnn.conv.winograd import matrices
#
#
# def my_winograd_row(signal, kernel):
#     at, g, bt = matrices()
#     outputs = len(signal) - 2
#     tiles = -(-outputs // 4)
#     signal = np.pad(signal, ((0, 4 * tiles + 2 - len(signal)), (0, 0)))
#     at_the_points = g @ kernel  # (6, C), once
#     row = []
#     for i in range(tiles):
#         tile = bt @ signal[4 * i : 4 * i + 6]  # (6, C)
#         row.append(at @ (at_the_points * tile).sum(axis=1))
#     return np.concatenate(row)[:outputs]
# ```
#
# </details>

# %% [markdown]
# ### How the package makes the matrices

# %%
import inspect

from IPython.display import Code

Code(inspect.getsource(matrices), language="python")

# %% [markdown]
# ## 3 Exact on paper, not quite in float32
#
# **Exact, in exact arithmetic.** This is algebra, no approximation. Python's fractions make no
# rounding errors; with them both sides of T = Aᵀ · diag(G k) · Bᵀ are exactly equal:

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
rng, unit = np.random.RandomState(0), np.finfo(np.float32).eps
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
# ## 4 In two dimensions, and with channels
#
# **In two dimensions** the same is done along the columns and then along the rows. A tile of 4 × 4
# outputs reads 6 × 6 inputs. It is written tile by tile in `conv2d_winograd_plain`:

# %%
from minimaskrcnn.conv import (
    Conv,
    conv2d_direct,
    conv2d_im2col,
    conv2d_winograd,
    conv2d_winograd_plain,
)

print("products for 4 x 4 outputs:", 4 * 4 * 3 * 3, "by the definition,", 6 * 6, "by Winograd")
Code(inspect.getsource(conv2d_winograd_plain), language="python")

# %% [markdown]
# One tile on its way: a piece of the triangle's right border in scene 13, and the kernel of chapter
# 03 that looks for edges. The 36 numbers of the tile and of the kernel at the points mean nothing
# to the eye; their products, brought back, are the 16 outputs: bright where the border is.

# %% tags=["cover"]
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.pictures import Panel, panels

grey = scene(13).image.mean(axis=2)  # (128, 128)
d, kernel = grey[25:31, 55:61], np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
v, u = bt @ d @ bt.T, g @ kernel @ g.T  # (6, 6) each, at the points
y = at @ (v * u) @ at.T  # (4, 4)
print("first output", y[0, 0].round(3), "by hand", (d[:3, :3] * kernel).sum().round(3))
steps = {"d, the tile": d, "at the points": v, "kernel at the points": u, "products": v * u, "y": y}
panels(*(Panel(title, values) for title, values in steps.items()), columns=5)

# %% [markdown]
# There is more to it than one tile. With C channels in and D out, kernels are transformed once
# and used for all tiles; inputs are transformed once and used for all D kernels. And at each of
# the 36 points the products, summed over the channels, are a matrix product again: (tiles, C)
# times (C, D). So Winograd's method is the matrix product of before with a quarter of the work, and
# the transforms beside it. The errors, in the same units as above:

# %% tags=["varies"]
x = rng.standard_normal((32, 32, 64)).astype(np.float32)  # such as a map within the network
weights = (rng.standard_normal((3, 3, 64, 64)) / 24).astype(np.float32)
conv = Conv(weights, np.zeros(64, np.float32), padding=(1, 1))
precise = Conv(weights.astype(float), np.zeros(64), padding=(1, 1))
exact = conv2d_im2col(x.astype(float), precise)
for form in (conv2d_direct, conv2d_im2col, conv2d_winograd_plain, conv2d_winograd):
    answer = form(x, conv)
    assert np.allclose(answer, exact, atol=1e-4)
    print(f"{form.__name__:22} error {(answer - exact).std() / exact.std() / unit:.0f} units")

# %% tags=["varies"]
from timeit import repeat

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
# ## 5 What goes wrong without: points chosen carelessly
#
# Any five different numbers beside infinity would do, on paper. In float32 they would not:

# %%
for points in ((0, 2 / 3, -2 / 3, 1.5, -1.5), (0, 1, -1, 4, -4), (1, 2, 3, 4, 5)):
    at32, g32, bt32 = (matrix.astype(np.float32) for matrix in matrices(points))
    found = at32 @ ((g32 @ kernels32) * (bt32 @ signals32))
    exact = sum(kernels32[a].astype(float) * signals32[a : a + 4] for a in range(3))
    error = ((found - exact).std() / exact.std()) / unit
    print(f"largest number in B transposed {abs(bt32).max():5.1f}: error {error:.1f} units")

# %% [markdown]
# ## Further
#
# Training needs the gradient of the kernel, too. It is the same sum of products with the roles
# exchanged, and goes the same way with every matrix transposed: `conv/winograd_gradient.py`.
#
# Your `conv2d` of chapter 03 works in two dimensions. Let it take Winograd's way for
# kernels of 3 × 3, save it in a file `my_conv.py`, and from a clone of the repository,
#
#     pytest tests/test_03_conv.py --mine my_conv.py
#
# runs the tests of this stage on it.
#
# **To think about.** Tiles of 6 × 6 outputs would need 8 × 8 = 64 products for 36 outputs, fewer
# still. Which points would you add, and what would happen to the errors? (Try it: `matrices` is
# made for five points, but its idea is not.)

# %% [markdown]
# **The answer.** By computing several outputs together: inputs and kernel are taken to a few
# points, where a product replaces a sum of products, and back. For tiles of 4 × 4 that is a quarter
# of the products, at the price of a part of a digit.

# %% [markdown]
# ## In the paper
#
# Winograd's method for networks: Lavin & Gray ([arXiv:1509.09308](https://arxiv.org/abs/1509.09308)),
# sections 3 and 4. The points: Barabasz et al.
# ([arXiv:1803.10986](https://arxiv.org/abs/1803.10986)).
#
# **Next:** back to the course with chapter 04, or on to chapter 19, which asks where the time goes.
