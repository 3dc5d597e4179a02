# %% [markdown]
# # 15 Weights: what is in the file, and how to trust it
#
# **The question.** What is in a weight file, and why should one not simply believe it?
#
# **You will see** a weight file taken apart: names, shapes and numbers; the same numbers under the
# names of the original and under ours; and what a damaged file says.
#
# **You will learn** how a file of the original becomes a network (names, shapes, folding), how to
# read a weight file yourself, and why a program that loads weights should refuse more than it
# accepts.
#
# **You need** chapter 04 (the backbone, batch normalisation and its folding).
#
# **Time** about 30 minutes. This is an appendix: no later chapter needs it.
#
# The modules are in the folder `minimaskrcnn/weights/`, the tests are `tests/test_15_weights.py`
# and others beginning with `tests/test_15`.

# %%
from minimaskrcnn.pictures import strip

strip("weights")

# %% [markdown]
# **Where we are.** Chapters 02 to 14 went from the photograph to the masks. On the way every
# convolution had a kernel and a bias: numbers that somebody has learned (chapter 17 shows how).
# Those *weights* are all that tells a network of shapes from one that knows 80 everyday classes,
# or from one that knows nothing. They come in a file. This chapter is about the way from the file
# to the network, on which more goes wrong than one would think.

# %% [markdown]
# ## 1 A tree of names
#
# The network is a tree: a `MaskRCNN` has a `backbone`, which has a `stem`, which has a `kernel`.
# A file wants a list. `named_arrays` writes down the way to every array, with dots:

# %%
from minimaskrcnn import load_model
from minimaskrcnn.weights.tree import named_arrays

WEIGHTS = "shapes"  # or "coco"

model = load_model(WEIGHTS)
arrays = named_arrays(model)
for name in ("backbone.stem.kernel", "backbone.stages.1.0.reduce.kernel", "box_head.logits.bias"):
    print(f"{name:35} {arrays[name].shape}")

# %% [markdown]
# A kernel is (rows, columns, channels in, channels out), as in chapter 03. So a file knows the
# network's depth and widths without saying them: nothing of the kind stands in the code. Where do
# the numbers sit?

# %%
from collections import Counter

counts = Counter()
for name, array in arrays.items():
    counts[name.split(".")[0]] += array.size
for part, count in counts.items():
    print(f"{part:10} {count:10,}")
print(f"{'all':10} {sum(counts.values()):10,} numbers in {len(arrays)} arrays")

# %% [markdown]
# The kernels of the first layer are the only ones that can be looked at as pictures: 7 × 7 pixels
# in red, green and blue. Above are eight of a network that has learned nothing, random numbers;
# below are eight of ours, which began as the numbers above and have been learning since.

# %%
import numpy as np

from minimaskrcnn.config import SHAPES
from minimaskrcnn.pictures import Panel, panels
from minimaskrcnn.training.initialise import new_model

shown = []
for title, network in (("new", new_model(SHAPES)), ("learned", model)):
    kernel = network.backbone.stem.kernel[..., :8]  # (7, 7, 3, 8)
    grey = 127.5 + 127.5 * kernel / np.abs(kernel).max(axis=(0, 1, 2))  # 0 … 255
    shown += [Panel(title, np.uint8(grey[..., i])) for i in range(8)]
panels(*shown, columns=8)

# %% [markdown]
# Nobody could say from the colours what the lower row knows about circles, squares and triangles.
# That is the trouble with weights: they are numbers, and wrong ones look like right ones. So
# everything else about a file has to be right beyond doubt.

# %% [markdown]
# ## 2 A file of the original, made by hand
#
# The weights that everybody uses, of 80 everyday classes, come from another program
# ([matterport/Mask_RCNN](https://github.com/matterport/Mask_RCNN)), which wrote them with the
# library Keras as *HDF5*: a file format like a small file system, with folders (*groups*), arrays
# in them, and notes on both (*attributes*). Our loader reads such files. The real one is large
# (section 6 prints how large), so we make one of our own: a network with a handful of channels, its
# numbers random.

# %%
from minimaskrcnn.training.initialise import Widths

narrow = Widths(
    stem=4, inner=(2, 2, 2, 2), blocks=(1, 1, 1, 1), pyramid=4, rpn=4, box_head=6, mask_head=4
)
rng = np.random.RandomState(15)
tiny = {
    name: (array + rng.uniform(0.1, 0.9, array.shape)).astype(np.float32)
    for name, array in named_arrays(new_model(SHAPES, narrow)).items()
}
print(len(tiny), "arrays,", sum(array.size for array in tiny.values()), "numbers")

# %% [markdown]
# The original has other names. A table says what belongs to what. Each `Place` is a layer: its
# name with us, its name in Keras, the batch normalisation that follows it, and two things that no
# file of the original says, stride and padding.

# %%
from minimaskrcnn.weights.names import PARTS, places

table = places(blocks=(1, 1, 1, 1))
for place in (*table[:4], *table[-1:]):
    print(f"{place.name:30} {place.layer:18} {place.norm or '-'}")
print("within a layer:", PARTS)

# %% [markdown]
# So each array gets the original's name: `backbone.stem.norm.gamma` becomes `bn_conv1/gamma:0`.
# The three layers of the region proposal network share one group.

# %%
theirs = {ours: keras for keras, ours in PARTS.items()}
groups = {}
for place in table:
    for name, array in tiny.items():
        part = name.removeprefix(place.name + ".")
        if part != name:
            layer = place.norm if part.startswith("norm.") else place.layer
            group = "rpn_model" if layer.startswith("rpn_") else layer
            groups.setdefault(group, {})[f"{layer}/{theirs[part]}:0"] = array
print(len(groups), "groups; in bn_conv1:", list(groups["bn_conv1"]))

# %% [markdown]
# And written, into a folder that vanishes with this notebook. `weight_names` and `layer_names` are
# the lists that Keras leaves: what is there, and in which order.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

temporary = TemporaryDirectory()
folder = Path(temporary.name)

# %%
import h5py

with h5py.File(folder / "original.h5", "w", libver="earliest") as file:
    file.attrs["layer_names"] = np.array(list(groups), "S")
    for group, weights in groups.items():
        file.create_group(group).attrs["weight_names"] = np.array(list(weights), "S")
        for name, array in weights.items():
            file[group].create_dataset(name, data=array)

# %% [markdown]
# `minimaskrcnn weights info FILE` describes any weight file. Here is how it begins:

# %%
from minimaskrcnn.weights.describe import info

lines = list(info(folder / "original.h5"))
print("\n".join(lines[1:11]))  # line 0 names the file

# %% [markdown]
# ## 3 Folding, by hand
#
# Batch normalisation subtracts a mean, divides by a standard deviation, multiplies by gamma and
# adds beta, channel by channel (chapter 04). A network that only predicts has no use for the
# difference between that and a convolution: both multiply and add. So normalisation is *folded*
# into the convolution before it. The smallest case, one channel, a kernel of a single 1, a bias
# of 5; the mean is 3, the deviation 2, gamma -2, beta 1:
#
# -2 · ((x + 5) - 3) / 2 + 1 = -x - 1.

# %%
from minimaskrcnn.conv import BatchNorm, Conv, fold_batch_norm

one = Conv(np.ones((1, 1, 1, 1), np.float32), np.array([5], np.float32))
numbers = {"gamma": -2, "beta": 1, "mean": 3, "variance": 3.999}  # and 0.001 makes 4 = 2²
norm = BatchNorm(**{name: np.array([value], np.float32) for name, value in numbers.items()})
folded = fold_batch_norm(one, norm)
print("kernel", folded.kernel.ravel(), "bias", folded.bias)

# %% [markdown]
# `fold_batch_norm` does the same for any number of channels (chapter 04 has you write it):

# %%
import inspect

from IPython.display import Code

body = inspect.getsource(fold_batch_norm).split('"""')
Code(body[0].rstrip(" ") + body[2].lstrip("\n"), language="python")  # without its description

# %% [markdown]
# A gamma may be negative, and a variance nearly 0: training decides. Who takes the
# gamma's absolute value, or forgets the 0.001, gets a network that runs and finds nothing.

# %% [markdown]
# ## 4 Loaded, converted, compared
#
# `load` reads the names, checks that all shapes fit together, and folds. The file does not say
# what its classes are called, so we say it. The stem of the loaded network is what folding the
# stem of the file by hand gives, to the bit:

# %%
from minimaskrcnn import weights

loaded = weights.load(folder / "original.h5", config=SHAPES)
stem = Conv(tiny["backbone.stem.kernel"], tiny["backbone.stem.bias"])
parts = {part: tiny[f"backbone.stem.norm.{part}"] for part in ("gamma", "beta", "mean", "variance")}
by_hand = fold_batch_norm(stem, BatchNorm(**parts))
assert np.array_equal(loaded.backbone.stem.kernel, by_hand.kernel)
assert np.array_equal(loaded.backbone.stem.bias, by_hand.bias)
print("numbers in the file:", sum(array.size for array in tiny.values()))
print("numbers after folding:", sum(array.size for array in named_arrays(loaded).values()))

# %% [markdown]
# And the fold changes nothing but the cost: the original's two steps, one after the other, agree
# with the folded convolution as far as float32 can tell.

# %%
from minimaskrcnn.conv import conv2d

x = rng.standard_normal((16, 16, 3)).astype(np.float32)
two_steps = conv2d(x, stem) - parts["mean"]
two_steps = two_steps / np.sqrt(parts["variance"] + 0.001) * parts["gamma"] + parts["beta"]
difference = np.abs(conv2d(x, by_hand) - two_steps).max() / np.abs(two_steps).max()
print("the same, to five digits:", bool(difference < 1e-5))

# %% [markdown]
# `convert` loads and saves: our own file has our names, everything folded, class names and settings
# inside, and where it came from: size and checksum of the original. A *checksum* (here SHA-256) is
# a number of 64 digits that is computed from all bytes of a file; change any and it is another.

# %%
weights.convert(folder / "original.h5", folder / "ours.h5", SHAPES)
lines = list(info(folder / "ours.h5"))
print("\n".join(line[:100] for line in lines[1:9]))
again = named_arrays(weights.load(folder / "ours.h5"))
assert all(np.array_equal(again[name], array) for name, array in named_arrays(loaded).items())

# %% [markdown]
# Two readers, one answer: the package reads HDF5 with a few hundred lines of its own, which know
# only what weight files use. The general library is happy to follow links to other files or to
# unpack a few bytes into gigabytes; a reader that cannot do it cannot be talked into it. On an
# honest file both read the same numbers:

# %%
with h5py.File(folder / "ours.h5") as file:
    for name, array in again.items():
        assert np.array_equal(file[name.replace(".", "/")][:], array)
print(len(again), "arrays, the same from both readers")

# %% [markdown]
# ## 5 A format to read by hand
#
# HDF5 can do a great deal, and takes hundreds of lines to read. A younger format, *safetensors*,
# can do a single thing and takes ten. A file consists of
#
# 1. eight bytes: the length of the header, a whole number, its lowest byte first;
# 2. the header, a text in JSON. For each array it says its type (`F32` is float32), its shape and
#    its place: the first byte, and the one behind the last, counted from the end of the header;
# 3. the numbers of all arrays, each row by row, without anything between them.

# %%
from minimaskrcnn.weights.safetensors import safetensors_bytes

some = {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.float32([7, -8])}
data = b"".join(safetensors_bytes(some, {"made by": "chapter 15"}))
length = int.from_bytes(data[:8], "little")
print(len(data), "bytes:", data[:8], "then", length, "of header")
for entry in data[8 : 8 + length].decode().split(',"'):
    print("   ", entry)

# %% [markdown]
# `__metadata__` is no array: whoever writes the file may leave notes there.
#
# ### Your turn
#
# Read an array from the bytes of such a file. All arrays are float32; the file is honest.

# %%
import json

from minimaskrcnn.check.verdict import Case, check_function


def my_array(data, name):
    """Return the array of this name (float32, in its shape) from a file's bytes."""
    ...


# %%
def file_of(size, **places):
    """A file with `size` bytes of numbers; its header says {name: (shape, first, end)}."""
    entries = {"__metadata__": {"by": "hand"}}
    for name, (shape, *place) in places.items():
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": place}
    text = json.dumps(entries).encode()
    numbers = np.arange(1, 1 + size // 4, dtype=np.float32).tobytes()
    return len(text).to_bytes(8, "little") + text + numbers


# %%
turned = file_of(20, b=([2], 12, 20), a=([3, 1], 0, 12))  # the header is in another order
count = "read from the end of the header, 8 + its length: there the first byte is 0"
cases = [Case("the file above", (data, "kernel"), some["kernel"], count)]
cases.append(Case("the file above", (data, "bias"), some["bias"], "from its first byte to its end"))
cases.append(Case("b before a", (turned, "b"), np.float32([4, 5]), "the header says where it lies"))
cases.append(Case("a", (turned, "a"), np.float32([[1], [2], [3]]), "in the shape of the header"))
check_function(my_array, my_array, cases)

# %% [markdown]
# Your function believes every word. A header may claim anything, though: bytes that the file does
# not have, or more numbers than lie there. Find out whether a header can be true. It can, if each
# array has four bytes for each of its numbers, if the arrays, in the order in which they lie,
# follow each other from byte 0 without a gap and without an overlap, and if the last one ends
# where the file does.


# %%
def my_honest(data):
    """Return whether the arrays fill the file: True or False."""
    ...


# %%
cut, longer = data[:-4], data + bytes(4)
more, fewer = file_of(12, a=([3, 2], 0, 12)), file_of(12, a=([2], 0, 12))
gap = file_of(28, a=([3], 0, 12), b=([3], 16, 28))
lap = file_of(12, a=([2], 0, 8), b=([2], 4, 12))
both = file_of(20, a=([2], 0, 8), b=([2], 4, 12), c=([1], 16, 20))  # 8 + 8 + 4 bytes: 20

# %%
answers = {"arrays as they should be": (data, True), "any order in the header": (turned, True)}
answers |= {"the file ends early": (cut, False), "bytes that nobody names": (longer, False)}
answers |= {"more numbers than bytes": (more, False), "fewer numbers": (fewer, False)}
answers |= {"a gap between two arrays": (gap, False), "two arrays overlap": (lap, False)}
answers |= {"an overlap and a gap": (both, False), "no array, no byte": (file_of(0), True)}
cases = [Case(why, (file,), wanted, why) for why, (file, wanted) in answers.items()]
check_function(my_honest, my_honest, cases)

# %% [markdown]
# **Help.** Three hints for each function, and a solution. Open one at a time.
#
# `my_array`
#
# <details><summary>Hint 1</summary>
#
# `int.from_bytes(data[:8], "little")` is the header's length; `json.loads` makes a dict of it.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `data_offsets` counts from the end of the header: add 8 + its length to both numbers.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# `np.frombuffer(some_bytes, np.float32)` reads bytes as numbers; give the result its shape.
#
# </details>
#
# <details><summary>A solution of my_array</summary>
#
# ```python
# import json
#
# import numpy as np
#
#
# def my_array(data, name):
#     start = 8 + int.from_bytes(data[:8], "little")
#     entry = json.loads(data[8:start])[name]
#     first, end = entry["data_offsets"]
#     return np.frombuffer(data[start + first : start + end], np.float32).reshape(entry["shape"])
# ```
#
# </details>
#
# `my_honest`
#
# <details><summary>Hint 1</summary>
#
# Take `__metadata__` out of the header, and sort the rest by `data_offsets`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Keep the position where the next array has to begin: at first 0, then the last one's end.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# In the end that position is the number of bytes behind the header.
#
# </details>
#
# <details><summary>A solution of my_honest</summary>
#
# ```python
# import json
# from math import prod
#
#
# def my_honest(data):
#     start = 8 + int.from_bytes(data[:8], "little")
#     entries = json.loads(data[8:start])
#     entries.pop("__metadata__", None)
#     position = 0
#     for entry in sorted(entries.values(), key=lambda entry: entry["data_offsets"]):
#         first, end = entry["data_offsets"]
#         if first != position or end - first != 4 * prod(entry["shape"]):
#             return False
#         position = end
#     return position == len(data) - start
# ```
#
# </details>

# %% [markdown]
# ### The package's code
#
# It asks the same, and bounds the header's length before it reads the header. Who does not ask
# reads numbers of one array as those of another, or reserves memory for what a file of 100 bytes
# claims to hold.

# %%
from minimaskrcnn.weights.safetensors import read_header

body = inspect.getsource(read_header).split('"""')
Code(body[0].rstrip(" ") + body[2].lstrip("\n"), language="python")  # without its description

# %% [markdown]
# ## 6 What a damaged file says
#
# Downloads break off; a page with an error message is saved as `weights.h5`; a disk forgets a
# bit. Here is a file in several states. Each answer names the file, what is wrong and what to do.

# %%
import os

from minimaskrcnn.api import BUNDLED
from minimaskrcnn.errors import WeightsError

whole = BUNDLED["shapes"].read_bytes()  # the small network's file
flipped = bytearray(whole)
flipped[len(whole) // 2] ^= 1  # one bit of one number
damages = {"cut.h5": whole[: len(whole) // 2], "bit.h5": bytes(flipped)}
damages |= {"page.h5": b"<!DOCTYPE html><title>Not found</title>", "empty.h5": b""}


# %%
def attempt(path, config=None):
    """Load a file and print what is wrong with it, without the folder's name."""
    try:
        weights.load(path, config)
        print(f"{path.name}: loads")
    except WeightsError as error:
        print(str(error).replace(f"{path.parent}{os.sep}", "") + "\n")


# %%
for name, content in damages.items():
    (folder / name).write_bytes(content)
    attempt(folder / name)

# %% [markdown]
# The flipped bit is the nasty one. The file is perfectly good HDF5, every shape fits, and one
# number of all those is another. No reader could see that, but for the checksum that the file
# carries. A file of the original carries none, so for the published one the package knows the
# checksum by heart:

# %%
from minimaskrcnn.weights.known import COCO_FILE

print(COCO_FILE.name, f"{COCO_FILE.size:,} bytes")
print("SHA-256", COCO_FILE.sha256)

# %% [markdown]
# A file can also be whole, and wrong: of another number of classes, without one of its layers,
# or with a layer that has no place here.

# %%
attempt(folder / "original.h5")  # no configuration: that of the 81 classes is meant
for name, layer, change in (("no.h5", "fpn_p3", None), ("odd.h5", "fpn_p3", "fpn_p3b")):
    (folder / name).write_bytes((folder / "original.h5").read_bytes())
    with h5py.File(folder / name, "r+") as file:
        names = [group for group in groups if group != layer]
        if change:
            file.move(layer, change)
        file.attrs["layer_names"] = np.array([*names, *filter(None, [change])], "S")
    attempt(folder / name, SHAPES)

# %% [markdown]
# ## 7 What goes wrong without
#
# Many programs load "what fits" and leave the rest as it was: random. Nothing complains. Here the
# small network with a single layer left at random numbers of the right size, `fpn.smooth.0` (the
# last convolution of the finest pyramid map, chapter 05). It runs, as fast as ever.

# %%
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.weights.tree import with_arrays

PHOTO = scene(13).image  # or "street.jpg"

name = "fpn.smooth.0.kernel"
noise = rng.normal(arrays[name].mean(), arrays[name].std(), arrays[name].shape)
careless = with_arrays(model, {name: noise.astype(np.float32)})
good, bad = model.predict(PHOTO, min_score=0.5), careless.predict(PHOTO, min_score=0.5)
print(f"{arrays[name].size / sum(counts.values()):.1%} of all numbers are random")

# %% tags=["cover"]
panels(
    Panel(f"whole: {len(good)} objects", good.image, good.boxes),
    Panel(f"one layer random: {len(bad)} objects", bad.image, bad.boxes),
)

# %% [markdown]
# Hence the rule of this package: a file that loads is loaded completely. Every layer has a place,
# every place has a layer, every number is finite; otherwise there is a sentence, and no network.

# %% [markdown]
# ## Further
#
# From a clone of the repository, `pytest tests/test_15_hostile.py` shows what else a
# file may try: sizes that exceed any memory, groups that contain themselves, links out of the file.
#
# **To think about.** Our own file has a checksum inside. Who changes a number on purpose can
# compute a new checksum and write it there. What does the checksum in the file protect from, what
# does it not, and why is that of the published file different?

# %% [markdown]
# **The answer.** Arrays with names; once names, shapes and order are translated, they are a
# network. A file is somebody's word: sizes, shapes, names and checksums are compared before
# anything is computed with it.

# %% [markdown]
# ## In the paper
#
# The weights are no part of a paper; the published ones are release 2.0 of
# [matterport/Mask_RCNN](https://github.com/matterport/Mask_RCNN). Folding: Ioffe & Szegedy
# ([arXiv:1502.03167](https://arxiv.org/abs/1502.03167)), section 3.1: at inference, normalisation
# is "simply a linear transform".
#
# **Next:** where do such numbers come from? Back to the course with chapter 16, which says what the
# network should have answered, and measures how wrong it was.
