# %% [markdown]
# # 17b Your own pictures: learned, or learned by heart?
#
# **The question.** From a dozen pictures of your own: has the network learned, or learned by
# heart?
#
# **You will see** a dozen pictures become a dataset in files, a plan that follows from them, and
# two networks that learn from them. One learns the twelve pictures by heart.
#
# **You will learn** what has to be decided before a training, how overfitting shows on a curve,
# when to stop, and what augmentation is worth.
#
# **You need** chapters 16 and 17.
#
# **Time** about 30 minutes.
#
# The modules are `statistics`, `plan` and `watch` in `minimaskrcnn/training/`, `crops` and
# `augment` in `minimaskrcnn/datasets/`. The tests are `tests/test_plan.py`, `tests/test_crops.py`
# and `tests/test_watch.py`.

# %%
from minimaskrcnn.pictures import strip

strip("targets", "training")

# %% [markdown]
# **Where we are.** Chapter 17 had scenes without end, and no network ever saw one twice. Nobody has
# that. You have outlined twelve pictures, or two hundred, and it took you days. A network has a
# million numbers. Will it learn what your objects look like, or only what your twelve pictures look
# like? And how would you know?

# %% [markdown]
# ## 1 A plan, by hand
#
# First something has to be decided. At what size should the network see a picture? Objects of 10
# pixels are two or three cells of P2 wide, and say little. Objects of 40 are ten cells wide. So a
# median object of 20 pixels wants a scale of 2. But what is cut out of a picture (a *crop*) has 256
# pixels a side, and nearly all objects should fit into it with room to spare. Objects of 120 pixels
# would have 240 at a scale of 2, more than three quarters of the crop; so the scale becomes 1.

# %%
from minimaskrcnn.training.plan import make_plan
from minimaskrcnn.training.statistics import DatasetStatistics

usual = dict(pictures=50, smallest_picture=600, largest_picture=800, objects=30.0, most_objects=80)
usual |= dict(touching=0.2, density=60.0, mean=120.0, deviation=50.0)
print("objects (5 of 100 are smaller, median, 5 of 100 are larger)     scale  anchors")
for sides in ((10, 20, 60), (10, 20, 120), (100, 200, 400), (3, 5, 8)):
    plan = make_plan(DatasetStatistics(sides=sides, **usual))
    print(f"{sides!s:62} {plan.scale:5}  {plan.anchor_scales[0]:g} … {plan.anchor_scales[-1]:g}")

# %% [markdown]
# Check the third row: 40 / 200 is 0.2, and the power of two that is nearest to it is 0.25. Objects
# of 400 pixels then have 100, which fits. The smallest anchor is the power of two nearest to the
# small objects (100 pixels become 25, so 32), and the anchors of each level are twice as large as
# those of the level before.
#
# In the last row the scale is 2 and no more: enlarging shows nothing that the picture does not
# hold. Objects of three pixels are better photographed again.

# %% [markdown]
# The package's model of cell nuclei (`weights="nuclei"`) was trained by these rules, on 535
# photographs from microscopes. Its nuclei have 18 pixels (7 to 57), and one picture has 375 of them
# (`docs/training/nuclei.md`). Its file holds the plan, so that predicting needs nothing else:

# %%
from minimaskrcnn import load_model

nuclei = make_plan(DatasetStatistics(sides=(7, 18, 57), **usual | dict(most_objects=375)))
for plan in (nuclei, load_model("nuclei").config):
    scale = plan.scale if plan is nuclei else plan.image_scale
    print(f"scale {scale:g}, anchors {plan.anchor_scales}, at most {plan.max_detections} objects")

# %% [markdown]
# Here are all rules. Each is one line; anyone who knows better gives the number instead.

# %%
import inspect
import re

from IPython.display import Code

source = re.sub(r' *""".*?"""\n', "", inspect.getsource(make_plan), count=1, flags=re.DOTALL)
Code(source, language="python")

# %% [markdown]
# ## 2 A dataset, in files
#
# We draw our own pictures: scenes as in chapter 17, of 64 × 64 pixels, with all shapes in one
# class. Twelve are to learn from. Thirty-two others are only to look at: the *validation set*. The
# network is never told what is right on these, so that they can say what it has understood.

# %%
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from minimaskrcnn.datasets.annotations import load_annotations
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.datasets.writing import write_dataset

# %%
NAMES = ("background", "shape")
temporary = TemporaryDirectory()
folder = Path(temporary.name)


def drawn(seed, size=64):
    """The scene of a seed, its circles, squares and triangles all of the one class."""
    example = scene(seed, size)
    return replace(example, class_ids=np.ones_like(example.class_ids))


# %%
write_dataset(folder / "train", map(drawn, range(12)), NAMES)
write_dataset(folder / "val", map(drawn, range(100, 132)), NAMES)
print(*sorted(path.name for path in (folder / "train").iterdir()))

# %% [markdown]
# Thirteen files: the pictures, and what is on them in COCO's JSON, as the programs write it in
# which people outline objects.

# %%
import json

document = json.loads((folder / "train" / "annotations.json").read_text())
print("images     ", document["images"][0])
print("categories ", document["categories"])
one = document["annotations"][0]
print("annotations", {key: one[key] for key in ("image_id", "category_id", "bbox", "area")})

# %% [markdown]
# Reading it checks it. From here on nothing knows that the pictures were drawn. `statistics_of`
# measures, and the plan follows.

# %%
from minimaskrcnn.training.statistics import statistics_of

train_set, val_set = (
    load_annotations(folder / part / "annotations.json", folder / part) for part in ("train", "val")
)
statistics = statistics_of(train_set, range(len(train_set)))
least, median, most = (round(side) for side in statistics.sides)
print(f"{statistics.pictures} pictures, objects of {median} pixels ({least} to {most})")
plan = make_plan(statistics)
print(f"scale {plan.scale:g}, crops of {plan.size} pixels, anchors from {plan.anchor_scales[0]:g}")
print(f"network {plan.network}, {plan.steps} steps of 8 crops")

# %% [markdown]
# From a terminal, `minimaskrcnn train --dataset train/annotations.json --images train` does all
# this at once, says its plan in a few lines, and begins.

# %% [markdown]
# ## 3 Twelve pictures as many
#
# A mirrored shape is a shape. So is one that is darker, or a little larger. Each time a picture
# is used it can be changed in such ways, at random, and its masks with it: *augmentation*. Which
# changes leave the objects what they are, only you know: a mirrored 6 is no 6.

# %%
from minimaskrcnn.datasets.augment import NONE, Augmentation
from minimaskrcnn.datasets.crops import random_crops


def crops_of(augmentation, plan):
    """The endless crops of the training set, changed at random as far as this allows."""
    every = range(len(train_set)), np.ones(len(train_set))
    return random_crops(train_set, *every, plan.size, plan.scale, augmentation, seed=0)


# %% tags=["cover"]
from minimaskrcnn.datasets.crops import random_crop
from minimaskrcnn.datasets.cutouts import cutouts
from minimaskrcnn.pictures import Panel, panels
from minimaskrcnn.training.sheets import outlined

picture, rng, shown = cutouts(train_set[4]), np.random.RandomState(3), []
for title, kind in [("as it is", NONE)] + [("changed", Augmentation())] * 4:
    crop = random_crop(picture, plan.size, plan.scale, kind, rng)
    shown.append(Panel(title, outlined(crop.image, crop.masks)))
panels(*shown)

# %% [markdown]
# ## 4 Two networks
#
# Two trainings that differ in nothing but this. To be done in half a minute they take a smaller
# network than planned, fewer steps, and the pictures at their own size. `train` is that of chapter
# 17. New is the `Watch`: every 60 steps the network predicts half of the validation set, and its
# average precision is noted (AP, from 0 to 1; chapter 18 takes it apart).

# %%
from minimaskrcnn.config import SHAPES
from minimaskrcnn.training.initialise import Widths, new_model
from minimaskrcnn.training.plan import config_of, recipe_of
from minimaskrcnn.training.train import train
from minimaskrcnn.training.watch import Watch

quick = replace(plan, scale=1.0, size=64, anchor_scales=SHAPES.anchor_scales)
small = Widths(
    stem=16, inner=(8, 16, 32, 64), blocks=(1, 1, 1, 1), pyramid=32, rpn=32, box_head=64,
    mask_head=32, mask_convs=2,
)  # fmt: skip

# %%
config, watch = config_of(quick, NAMES), Watch(val_set, every=60, most=16)
recipe = replace(recipe_of(quick), steps=240)


# %%
def silent(line):
    """Take a line about the progress, and say nothing: it would hold times."""


learned, logs = {}, {}
for name, kind in (("as they are", NONE), ("changed at random", Augmentation())):
    model, run = new_model(config, small), folder / name
    train(model, crops_of(kind, quick), recipe, 0, run, say=silent, watch=watch)
    learned[name] = model
    logs[name] = np.genfromtxt(run / "log.csv", delimiter=",", names=True)

# %% [markdown]
# Here is how the losses fell.

# %%
from minimaskrcnn.pictures import curves

LOSSES = ("rpn_class", "rpn_box", "class", "box", "mask")
lines = {}
for name, log in logs.items():
    sums = sum(log[loss] for loss in LOSSES).reshape(-1, 10).mean(axis=1)  # of 10 steps each
    lines[name] = (np.arange(5, 240, 10), sums)
curves(lines, "step", "sum of the losses", "twelve pictures: as they are, and changed at random")

# %% [markdown]
# Who had only this curve would take the first network. On it everything is right: the more a
# network sees the same twelve pictures, the less it is surprised by them. Now the validation set.

# %%
lines = {}
for name, log in logs.items():
    looked = np.isfinite(log["mask_ap"])
    lines[name] = (log["step"][looked], log["mask_ap"][looked])
curves(lines, "step", "mask AP on other pictures", "the same two networks on pictures not learned")

# %% [markdown]
# The order is the other way round. This is what *overfitting* looks like: the losses on what is
# learned fall on and on, and on other pictures next to nothing is gained any more. In numbers, on
# both sets (they differ a little from one kind of processor to another):

# %% tags=["varies"]
from minimaskrcnn.conv import folded
from minimaskrcnn.training.validation import validate


def mask_ap(model, pictures):
    """AP of the masks that a network finds in pictures."""
    return validate(folded(model), pictures, NAMES, min_score=0.05).mask.stats[0]


for name, model in learned.items():
    known, other = (mask_ap(model, list(pictures)) for pictures in (train_set, val_set))
    print(f"{name:18} AP on the twelve {known:.2f}, on others {other:.2f}")

# %%
shown = []
for place, example in (("learned", train_set[4]), ("another", val_set[8])):
    truth = outlined(example.image, example.masks)
    shown.append(Panel(f"{place}: truth", truth))
    for name, model in learned.items():
        found = folded(model).predict(example.image, min_score=0.5)
        shown.append(Panel(name, outlined(example.image, found.masks)))
panels(*shown, columns=3)

# %% [markdown]
# ## 5 Longer, and with more pictures
#
# Half a minute is short. `docs/training/few_pictures.py` gives the network seven times as many
# steps, and a third one 96 pictures instead of twelve, also changed at random. (Its table belongs
# to the repository, and is not there if the package came without it.)

# %%
stored, lines = Path("..") / "docs" / "training" / "few_pictures.csv", {}
if stored.exists():
    table = np.genfromtxt(stored, delimiter=",", names=True, dtype=None, encoding="utf-8")
    for name in dict.fromkeys(table["training"].tolist()):
        rows = table[table["training"] == name]
        lines[name] = (rows["step"], rows["mask_ap"])
        print(f"{name:14} last loss {rows['loss'][-1]:.2f}, AP on others {rows['mask_ap'][-1]:.2f}")
curves(lines, "step", "mask AP on other pictures", "1600 steps") if lines else None

# %% [markdown]
# The first network has long known its twelve pictures by heart. Nothing is left to learn from them,
# and however long it goes on, its AP on others stays where it is. The second finds a new version of
# the twelve every time, and gains for much longer; then it, too, has seen what twelve pictures can
# show. For the third there was more to see. Of two ways to a better network, more steps or more
# pictures, such curves say which is open: where the line is flat, more steps are of no use.

# %% [markdown]
# ## 6 When to stop
#
# The validation set answers that, too. `train` keeps the network with the highest mask AP so far in
# `best.h5`, whatever comes after. And it can stop by itself, when several looks in a row have found
# nothing better (`--patience 3`).

# %% [markdown]
# ### Your turn
#
# Try it yourself before the package's code is shown: when should a training stop, judging by the
# scores alone?

# %%
from minimaskrcnn.check.verdict import Case, check_function

cases = [
    Case("still rising", ([0.1, 0.2, 0.3], 2), False, "the best is the last one"),
    Case("two looks since the best", ([0.1, 0.3, 0.2, 0.2], 2), True, "count from the best"),
    Case("one look since the best", ([0.1, 0.3, 0.2], 2), False, "one look is not yet two"),
    Case("a patience of 0", ([0.3, 0.2, 0.1], 0), False, "0 means: never"),
    Case("equal to the best", ([0.3, 0.3, 0.3], 2), True, "as good is not better"),
    Case("no looks yet", ([], 1), False, "there is nothing to compare"),
]


# %%
def my_has_stopped(scores, patience):
    """Return whether the best of `scores` lies `patience` looks or more back; never if it is 0."""
    ...


check_function(my_has_stopped, my_has_stopped, cases)

# %% [markdown]
# **Help.** Three hints, and a solution. Open one at a time.
#
# `my_has_stopped`
#
# <details><summary>Hint 1</summary>
#
# Where is the best score? `scores.index(max(scores))` is the first place of it.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# How many looks came after it?
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# A patience of 0, or no score at all, never stops.
#
# </details>
#
# <details><summary>A solution of my_has_stopped</summary>
#
# ```python
# def my_has_stopped(scores, patience):
#     if not patience or not scores:
#         return False
#     return len(scores) - 1 - scores.index(max(scores)) >= patience
# ```
#
# </details>

# %% [markdown]
# ### The package's code
#
# Each score is a triple here: the step, box AP and mask AP. The last one counts.

# %%
from minimaskrcnn.training.watch import has_stopped, is_better

parts = [inspect.getsource(function) for function in (is_better, has_stopped)]
bare = [re.sub(r' *""".*?"""\n', "", part, count=1, flags=re.DOTALL) for part in parts]
Code("\n\n".join(bare), language="python")

# %%
scores = []
for step, mask in ((100, 0.10), (200, 0.31), (300, 0.28), (400, 0.30), (500, 0.35), (600, 0.34)):
    scores.append((step, mask, mask))
    stops = [patience for patience in (1, 2, 3) if has_stopped(scores, patience)]
    print(
        f"step {step}: AP {mask:.2f}, the best: {is_better(scores)!s:5} stops with patience {stops}"
    )

# %% [markdown]
# With a patience of 1 this training ends at step 300, with 2 at step 400, and never sees its
# 0.35. AP goes up and down by chance, the more the smaller the validation set is. So patience
# should not be short. And who has chosen the best of many looks has used the validation set to
# choose: a third set, looked at once, says how good the network really is (the *test set*).

# %% [markdown]
# ## 7 What goes wrong: other pictures than those it learned from
#
# Validation pictures come from the same source as those to learn from. What people try next does
# not. The same shapes, twice as large; much darker; with bright and dark swapped:

# %% tags=["varies"]
best = learned["changed at random"]
others = [drawn(seed) for seed in range(100, 132)]
kinds = {
    "like those it learned from": others,
    "twice as large": [drawn(seed, 128) for seed in range(100, 132)],
    "a quarter as bright": [replace(e, image=e.image // 4) for e in others],
    "bright and dark swapped": [replace(e, image=255 - e.image) for e in others],
}
for name, pictures in kinds.items():
    print(f"{name:28} AP {mask_ap(best, pictures):.2f}")

# %% [markdown]
# Dark pictures it has hardly seen: brightness was changed at random, but never so far, and there AP
# is lost. That bright and dark are swapped does not matter to it, since shapes and grounds had all
# colours anyway. That a shape may be twice as large, it has learned only in part. A network is good
# on what it was shown, and on little else: pictures of the new kind have to be among those to learn
# from, or augmentation has to make them.

# %% [markdown]
# ## Further
#
# Your own pictures: outline the objects in a program that writes COCO's JSON (or one
# of the other forms, `docs/annotations.md`), and then
#
#     minimaskrcnn train --dataset cells.json --images cells/ --preview sheet.jpg
#     minimaskrcnn train --dataset cells.json --images cells/ --val-share 0.1
#
# The first draws what the network would get to see, the second begins.
#
# **To think about.** Two pictures of your dataset show the same dish, photographed a minute apart.
# One is learned from, the other is in the validation set. What will the validation say, and what
# will you find later?

# %% [markdown]
# **The answer.** A curve on pictures that were kept back tells: where it no longer rises while the
# loss goes on falling, the network learns by heart. Stop there, keep the best; more and varied
# pictures move that point.

# %% [markdown]
# ## In the paper
#
# Mirroring is the only augmentation of Fast R-CNN
# ([arXiv:1504.08083](https://arxiv.org/abs/1504.08083), section 2.3). Brightness and colour:
# Krizhevsky, Sutskever & Hinton 2012, section 4.1. Early stopping: Prechelt, "Early Stopping - But
# When?", 1998. Three sets, for learning, for choosing and for judging: Ripley, "Pattern Recognition
# and Neural Networks", 1996, section 2.7.
#
# **So:** learned, or learned by heart? The losses cannot say. Pictures that were kept back can, and
# only they. Changing the pictures at random makes few into more; more pictures do it better.
#
# **Next:** chapter 18 measures how good a network is: the AP that we took on trust here.
