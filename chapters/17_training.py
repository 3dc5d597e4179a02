# %% [markdown]
# # 17 Training: which way to move two million numbers
#
# **The question.** How does one find good values for two million numbers?
#
# **You will see** a network that has learned nothing take its first steps, learn one picture by
# heart, and fly apart when the steps are too long.
#
# **You will learn** what a gradient is, how it is found for all weights at once, and how to check
# such a thing by finite differences.
#
# **You need** chapter 16 (targets and losses).
#
# **Time** about 35 minutes.
#
# The modules are `minimaskrcnn/runtime/tape.py` and the folder `minimaskrcnn/training/`, the tests
# are `tests/test_17_training.py`; each operation's gradient is tested beside the operation.

# %%
from minimaskrcnn.pictures import strip

strip("training")

# %% [markdown]
# **Where we are.** Chapter 16 gave us losses: numbers that say how wrong the network's answers
# were. The answers follow from the picture and from the weights. The picture is as it is. So the
# weights have to change such that the losses fall. There are two million of them. Which
# ones should move, in which direction, how far?

# %% [markdown]
# ## 1 One weight, by hand
#
# The smallest network there is: one number in, one weight, one number out, y = w · x. The input is
# 2, the right answer 2.5, the weight 1.5. So the answer is 3, the error d = 0.5, and the loss
# (smooth L1, chapter 16) d² / 2 = 0.125.
#
# How does the loss change with the weight? Try it: a little more, a little less, and divide what
# the loss changed by what the weight changed. That is a *finite difference*.

# %%
import numpy as np

from minimaskrcnn.conv import Conv, conv2d
from minimaskrcnn.training.losses import smooth_l1

x, right = np.full((1, 1, 1), 2.0), np.full((1, 1, 1), 2.5)  # a map of one cell, one channel


# %%
def loss_at(w):
    """The loss with this weight: a convolution 1 × 1 is a product."""
    return smooth_l1(conv2d(x, Conv(np.full((1, 1, 1, 1), w), np.zeros(1))), right)[0]


print("loss", loss_at(1.5))
print("finite difference", round((loss_at(1.501) - loss_at(1.499)) / 0.002, 6))

# %% [markdown]
# The slope can also be had without trying. If y grows by a little, the loss grows by d times as
# much, 0.5: the second thing that `smooth_l1` returns. If w grows by a little, y grows by x times
# as much, 2. Together 0.5 · 2 = 1: slopes along a chain multiply. This is the *chain rule*, and the
# slope of the loss for every weight is its *gradient*.
#
# The package does the same, from the end to the beginning, which is called *backpropagation*. While
# a *tape* is recording, each operation leaves a note: what came out, from what, and which function
# knows its slopes.

# %%
from minimaskrcnn.runtime import tape

w = np.full((1, 1, 1, 1), 1.5)
with tape.recording() as steps:
    y = conv2d(x, Conv(w, np.zeros(1)))
print("on the tape:", [backward.__name__ for _, backward, _ in steps])
loss, slope_of_y = smooth_l1(y, right)
found = tape.gradients(steps, [(y, slope_of_y)])
print("slope at y", slope_of_y.item(), " gradient of w", found[id(w)].item())

# %% [markdown]
# ## 2 Steps
#
# A positive gradient says: more of w, more loss. So we go the other way. How far? By the gradient
# times a number that somebody has to choose, the *learning rate*. With 0.1, the weight goes from
# 1.5 to 1.4. `sgd` does this, and keeps nine tenths of its last step's speed, as a ball that rolls
# (*momentum*). It writes into the weights that it is given.

# %%
from minimaskrcnn.training.optimise import sgd

weights, memory = {"w": np.array([1.5])}, {}
sgd(weights, {"w": np.array([1.0])}, memory, rate=0.1, step=1)
print("w after a step:", weights["w"])

# %%
ways = {}
for rate in (0.0003, 0.003, 0.4, 1.2):
    weights, memory, way = {"w": np.array([1.5])}, {}, []
    for step in range(1, 42):
        w = weights["w"].item()
        way.append(w)
        slope = (loss_at(w + 1e-6) - loss_at(w - 1e-6)) / 2e-6
        sgd(weights, {"w": np.array([slope])}, memory, rate, step)
    ways[f"rate {rate}"] = (np.arange(41), way)
    print(f"rate {rate:<6}  weight after 40 steps {way[-1]:8.4f}, wanted {2.5 / 2}")

# %%
from minimaskrcnn.pictures import Panel, curves, panels

del ways["rate 1.2"]  # it would dwarf the others
curves(ways, "steps", "the weight", "one weight, three learning rates")

# %% [markdown]
# With the shortest steps it is not there after 40 of them. With longer ones it rolls past, as
# momentum has it, and comes back. With long ones it leaps across to the other side and back, time
# and again; and with the longest it is thrown from side to side, and does not settle.

# %% [markdown]
# ## Your turn
#
# Try it yourself before the package's code is shown. First the tool to check with; then something
# to check, the gradients of a matrix product, y = x · kernel, from that of y. (Each number of y is
# a sum of products. So the chain rule makes dx of dy and kernel, and dkernel of dy and x, by a
# matrix product each; only one order, and one transpose, has the right shape.)

# %%
from minimaskrcnn.check.verdict import Case, check_function


def my_slope(function, x, h):
    """Return the finite difference of function at x, from h to the left to h to the right."""
    ...


# %%
hint = "right minus left, over 2 h: (3.5² - 2.5²) / 1"
square = Case("x² at 3", (np.square, 3.0, 0.5), 6.0, hint)
near = Case("x² at 3, nearer", (np.square, 3.0, 0.1), 6.0, "divide by the way between, 2 h")
kink = Case("|x| at 0", (np.abs, 0.0, 0.1), 0.0, "both sides count: the same height, so slope 0")
check_function(my_slope, my_slope, [square, near, kink])


# %%
def by_trying(loss, array):
    """The slope of a loss for each number of an array, each found by moving it alone."""
    slopes = np.empty_like(array)
    for place in np.ndindex(array.shape):
        one = np.zeros_like(array)
        one[place] = 0.5
        slopes[place] = loss(array + one) - loss(array - one)
    return slopes


# %%
def my_backward(dy, x, kernel):
    """Return dx (N, in) and dkernel (in, out), given dy (N, out), x (N, in), kernel (in, out)."""
    ...


ones = np.ones((1, 1))
numbers = 0.5 * ones, 2 * ones, 1.5 * ones
scalars = Case("one number", numbers, (0.75 * ones, ones), "dx 0.75, dkernel 1")
dy, x, k = (np.arange(1.0, n * m + 1).reshape(n, m) for n, m in ((3, 2), (3, 4), (4, 2)))

# %%
dx = by_trying(lambda a: (dy * (a @ k)).sum(), x)
dkernel = by_trying(lambda a: (dy * (x @ a)).sum(), k)
hint = "dx first, then dkernel; write down the shapes"
matrices = Case("matrices", (dy, x, k), (dx, dkernel), hint)
check_function(my_backward, my_backward, [scalars, matrices], parts=("dx", "dkernel"))

# %% [markdown]
# **Help.** Three hints for each function, and a solution. Open one at a time.
#
# `my_slope`
#
# <details><summary>Hint 1</summary>
#
# Go h to the right and h to the left of x.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A slope is a difference of heights divided by the way between.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# The way is 2 h.
#
# </details>
#
# <details><summary>A solution of my_slope</summary>
#
# ```python
# def my_slope(function, x, h):
#     return (function(x + h) - function(x - h)) / (2 * h)
# ```
#
# </details>
#
#
# `my_backward`
#
# <details><summary>Hint 1</summary>
#
# dx has the shape of x, dkernel that of kernel. Which products have these shapes?
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# (N, out) times (out, in) is (N, in).
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# (in, N) times (N, out) is (in, out).
#
# </details>
#
# <details><summary>A solution of my_backward</summary>
#
# ```python
# def my_backward(dy, x, kernel):
#     return dy @ kernel.T, x.T @ dy
# ```
#
# </details>
#

# %% [markdown]
# ## 3 The code
#
# Here is the tape, but for two small helpers: `record`, which does nothing unless somebody is
# recording, and `gradients`, which walks from the last note to the first. An array that was used
# twice gets the sum of what comes back from both.

# %%
import inspect
import re

from IPython.display import Code

parts = [inspect.getsource(f) for f in (tape.record, tape.recording, tape.gradients)]
bare = [re.sub(r' *""".*?"""\n', "", part, count=1, flags=re.DOTALL) for part in parts]
Code("\n\n".join(bare), language="python")

# %% [markdown]
# And the gradient of a convolution. With `windows` as in chapter 03, y = windows · kernel + bias,
# so the gradient of the kernel is windowsᵀ · dy, and that of the input dy · kernelᵀ, each row added
# to where its window was read. (The two products are in `_weight_gradients` and `_input_gradient`,
# which it calls.) No cleverness is left in it: products and sums, backwards.

# %%
from minimaskrcnn.conv.operation import conv2d_backward

Code(inspect.getsource(conv2d_backward), language="python")

# %% [markdown]
# ## 4 A whole network, checked
#
# A sign error in one backward function, and the network still learns, only worse. So we check: a
# whole small Mask R-CNN, in 64 bits (in 32, a difference of two nearly equal losses is mostly
# rounding). `learn` runs the network on a batch while the tape records, compares with the targets,
# and walks back. The regions are drawn once, and kept, so that nothing but the weights changes.

# %%
from dataclasses import replace

from minimaskrcnn.config import SHAPES
from minimaskrcnn.training.initialise import Widths, new_model
from minimaskrcnn.weights.tree import named_arrays, with_arrays

small = Widths(
    stem=16, inner=(8, 16, 32, 64), blocks=(1, 1, 1, 1), pyramid=32, rpn=32, box_head=64,
    mask_head=32, mask_convs=2,
)  # fmt: skip

# %%
half = replace(SHAPES, image_min_size=64, image_max_size=64)  # half the side: it is only a check
tiny, noise = new_model(half, small), np.random.RandomState(17)
moved = {n: a + 0.05 * noise.standard_normal(a.shape) for n, a in named_arrays(tiny).items()}
tiny = with_arrays(tiny, moved)  # float64, and nothing at 0
print(sum(array.size for array in moved.values()), "numbers of", tiny.rpn.shared.kernel.dtype)

# %%
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.training.batches import make_batch
from minimaskrcnn.training.recipe import FROM_NOTHING
from minimaskrcnn.training.step import draw_head_targets, learn

example, rng = scene(13, size=64), np.random.RandomState(0)
one_scene = replace(FROM_NOTHING, batch_size=1, augment=False)
batch = make_batch(lambda number: example, 1, one_scene, half, seed=0)
batch = replace(batch, images=batch.images.astype(np.float64))
nothing = [np.zeros((0, 4), np.float32)]  # no proposals but the objects themselves
regions = draw_head_targets(nothing, batch, FROM_NOTHING.sampling, rng, half)
given = batch, FROM_NOTHING.sampling, rng, True, regions

# %%
losses, gradients, _ = learn(tiny, *given)
print(f"{'weight':40} {'tape':>12} {'finite difference':>18}")
for name in ("mask_head.logits.kernel", "rpn.shared.kernel", "backbone.stages.1.0.spatial.kernel"):
    array = moved[name]
    place = np.unravel_index(np.abs(gradients[name]).argmax(), array.shape)
    ends = []
    for h in (1e-6, -1e-6):
        shaken = array.copy()
        shaken[place] += h
        ends.append(sum(learn(with_arrays(tiny, {name: shaken}), *given)[0].values()))
    print(f"{name:40} {gradients[name][place]:12.6f} {(ends[0] - ends[1]) / 2e-6:18.6f}")

# %% [markdown]
# So why the tape, if trying gives the same? Because trying takes two runs of the network for each
# weight, and the tape one run and one walk back for all of them together. (Some of the numbers
# above are the means and variances of the normalisation, which are counted, not learned.)

# %%
numbers = sum(gradient.size for gradient in gradients.values())
print(f"gradients found in one walk: {numbers:,}")
print(f"runs of the network to try them all: {2 * numbers:,}")

# %% [markdown]
# ### Your turn: the loop
#
# Write the loop itself, with momentum as in section 2: velocity = momentum · velocity - rate ·
# gradient, then weights = weights + velocity. The velocity is 0 at first.


# %%
def my_training(weights, gradient_of, rate, momentum, steps):
    """Return the weights (N,) after some steps; gradient_of(weights) gives their gradient (N,)."""
    ...


# %%
def of_square(w):
    return 2 * w  # the gradient of w²


uphill = ((np.array([12.0]), "the loss should fall: against the gradient"),)
stale = ((np.array([6.0]), "ask for the gradient anew at each step"),)
still = (
    (np.array([6.4]), "the velocity stays from step to step"),
    (np.array([7.6]), "the gradient counts whole: no (1 - momentum) before it"),
)

# %%
ten, both = (np.array([10.0]), of_square, 0.1), (np.array([10.0, -4.0]), of_square, 0.1)
tries = [
    Case("one step", (*ten, 0.0, 1), np.array([8.0]), "10 - 0.1 · 20", uphill),
    Case("two steps", (*ten, 0.0, 2), np.array([6.4]), "8 - 0.1 · 16", stale),
    Case("momentum", (*ten, 0.5, 2), np.array([5.4]), "velocities -2 and -1 - 1.6", still),
    Case("two weights", (*both, 0.5, 4), np.array([1.226, -0.4904]), "8, 5.4, 3.02, 1.226"),
    Case("no step", (*both, 0.5, 0), both[0], "then nothing moves"),
]
check_function(my_training, my_training, tries)

# %% [markdown]
# Your loop trains a whole network: the one above, on its one scene. All its numbers stand in one
# row, and `learn` says how the losses change with them. When your loop is written, the sum of the
# losses falls here:

# %%
arrays = named_arrays(tiny)
ends = np.cumsum([array.size for array in arrays.values()])[:-1]


def network_of(w):
    parts = zip(arrays, np.split(w, ends), strict=True)
    return with_arrays(tiny, {name: part.reshape(arrays[name].shape) for name, part in parts})


def gradient_of(w):
    gradients = learn(network_of(w), *given)[1]
    return np.concatenate([gradients.get(n, 0 * a).ravel() for n, a in arrays.items()])


# %% tags=["varies"]
start = np.concatenate([array.ravel() for array in arrays.values()])
found = my_training(start, gradient_of, rate=0.02, momentum=0.9, steps=15)
for name, w in {"before": start, "after": found}.items():
    if w is not None:
        print(f"{name:6} {sum(learn(network_of(w), *given)[0].values()):.3f}")

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_training`
#
# <details><summary>Hint 1</summary>
#
# `velocity = np.zeros_like(weights)`, then a loop over `range(steps)`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# In each step ask `gradient_of` for the gradient at the weights as they are now.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# `weights = weights + velocity` makes a new array; `weights += velocity` would write into the
# caller's.
#
# </details>
#
# <details><summary>A solution of my_training</summary>
#
# ```python
# import numpy as np
#
#
# def my_training(weights, gradient_of, rate, momentum, steps):
#     velocity = np.zeros_like(weights)
#     for _ in range(steps):
#         velocity = momentum * velocity - rate * gradient_of(weights)
#         weights = weights + velocity
#     return weights
# ```
#
# </details>

# %% [markdown]
# ## 5 The first steps of a real training
#
# A new network (random numbers), scenes that it never sees twice, a few steps. Each step takes
# several scenes at once, a *batch*: the gradient of one scene alone points anywhere. `train` makes
# batches, calls `learn`, and moves the weights. It uses *AdamW*, which divides each weight's step
# by the usual size of its gradient, so that all weights get on at about the same pace.
#
# Three learning rates: the one that the bundled network was trained with, a hundredth of it, and a
# hundred times it.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from minimaskrcnn.training.batches import endless_scenes
from minimaskrcnn.training.train import train

temporary = TemporaryDirectory()

# %%
quick = replace(FROM_NOTHING, steps=30, batch_size=4)


def silent(line):
    """Take a line about the progress, and say nothing: it would hold times."""


# %% tags=["varies"]
from minimaskrcnn.errors import TrainingError

lines = {}
for rate in (FROM_NOTHING.rate / 100, FROM_NOTHING.rate, FROM_NOTHING.rate * 100):
    folder = Path(temporary.name) / f"rate {rate:g}"
    try:
        recipe, model = replace(quick, rate=rate), new_model(SHAPES, small)
        losses = train(model, endless_scenes(0), recipe, 0, folder, say=silent)  # (steps, 7)
        lines[f"rate {rate:g}"] = (np.arange(len(losses)), losses[:, :5].sum(axis=1))
    except TrainingError as error:
        print(error)

# %%
curves(lines, "steps", "sum of the five losses", "the first steps of a new network")

# %% [markdown]
# The line jumps, because each step meets other scenes, some of them harder. The hundredfold rate
# has left no line at all: its numbers were absurd at once, and the training stopped with a
# sentence, before it could write nonsense over something good.
#
# ## 6 What goes wrong: learned by heart
#
# Give the same small network a single scene, again and again. The losses fall quickly. Has it
# learned what a circle is?

# %%
from minimaskrcnn.conv import folded

by_heart = replace(FROM_NOTHING, steps=150, batch_size=1, rate=0.005)
by_heart = replace(by_heart, augment=False)  # always the same way up
learned = new_model(SHAPES, small)
folder = Path(temporary.name) / "by heart"
losses = train(learned, lambda number: scene(13), by_heart, 0, folder, say=silent)
sums = losses[:, :5].sum(axis=1)
print("the last loss is less than a fifth of the first:", bool(sums[-1] < sums[0] / 5))

# %% tags=["cover", "varies"]
shown, begun = [], folded(new_model(SHAPES, small))
for place, seed in (("the scene it learned", 13), ("another", 160)):
    before, after = (n.predict(scene(seed).image, min_score=0.5) for n in (begun, folded(learned)))
    print(f"{place}: found before learning {len(before)}, after {len(after)}")
    shown.append(Panel(place, after.image, after.boxes, tuple(after.labels)))
panels(*shown)

# %% [markdown]
# It knows its one scene, and next to nothing about any other. This is called *overfitting*. So many
# numbers can remember a great deal. What they remember is of use only if there is too much of it
# to be remembered one by one: then the cheapest way to be right is to understand. So training never
# shows a scene twice, and turns, mirrors and recolours each; and how good a network is (chapter 18)
# is measured on scenes that it has not seen. Looking at such scenes while the training goes on is
# called *validation* (chapter 17b).
#
# (`folded` puts the normalisations into the convolutions, as in chapter 04. While it learns, a
# network normalises with the means of its batch; for predicting it uses averages of these.)

# %% [markdown]
# ## 7 The bundled network
#
# Its file says how it was trained:

# %%
from minimaskrcnn.api import BUNDLED
from minimaskrcnn.weights import provenance_of

story = provenance_of(BUNDLED["shapes"])
for key in ("trained_by", "seed", "steps_done", "batch_size", "rate", "schedule", "optimiser"):
    print(f"{key:12} {story.get(key, 'not recorded')}")
print(f"scenes seen: {int(story['steps_done']) * int(story['batch_size']):,}")

# %% [markdown]
# Every fourth of the scenes was a hard one, such as those that chapter 18 judges on.
#
# The learning rate changes on the way: it rises at first, while the averages in AdamW still
# settle, and falls at the end, as one walks slowly when nearly there. The shapes were learned with
# `cosine`; `stepped` is for fine-tuning. From a clone, `minimaskrcnn train` repeats the training.

# %%
from minimaskrcnn.training.optimise import cosine, stepped

steps = np.arange(1, 1001)
rates = {f.__name__: np.array([f(step, 1000, 0.002) for step in steps]) for f in (cosine, stepped)}
curves({name: (steps, rate) for name, rate in rates.items()}, "step", "learning rate", "schedules")

# %% [markdown]
# And the losses of the whole training, on a scale where a halving is the same distance everywhere.
# (The picture belongs to the repository, and is not there if the package came without it.)

# %%
from minimaskrcnn.pictures import Picture

drawn = Path("..") / "docs" / "training" / "losses.png"
Picture(drawn.read_bytes(), "the losses of the bundled network") if drawn.exists() else None

# %% [markdown]
# ## Further
#
# From a clone of the repository,
#
#     minimaskrcnn train --steps 200 --output quick
#     minimaskrcnn evaluate --weights quick/model.h5 --scenes 100
#
# trains the whole network for a few minutes, and measures it as in chapter 18.
#
# **To think about.** The proposals and the targets count as constants: no gradient flows through
# them. Suppose one let the box loss of the heads flow back into where the proposals stand. What
# could the region proposal network learn from that, and what could go wrong?

# %% [markdown]
# **The answer.** By asking of each how the loss changes with it, all at once by backpropagation,
# and taking a small step against that, thousands of times. Too long a step destroys what the ones
# before have found.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 3.1, "Training";
# everything at once, end to end: Faster R-CNN
# ([arXiv:1506.01497](https://arxiv.org/abs/1506.01497)), section 3.2. Gradients from back to
# front: Rumelhart, Hinton & Williams, Nature 323 (1986). AdamW:
# [arXiv:1711.05101](https://arxiv.org/abs/1711.05101), algorithm 2.
#
# **Next:** the losses say how the training goes, but not how good the network is. Chapter 18
# measures that.
