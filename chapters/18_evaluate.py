# %% [markdown]
# # 18 Evaluate: average precision, the number that everybody quotes
#
# **The question.** When is one detector better than another?
#
# **You will see** how detections are judged right or wrong, how a list of such judgements becomes a
# curve, and how curves become the twelve numbers by which detectors are compared.
#
# **You will learn** what precision and recall are, and what an average precision (AP) of 0.5 does
# and does not say.
#
# **You need** chapter 06 (IoU) and chapter 14 (masks).
#
# **Time** about 25 minutes.
#
# The modules are `matching.py`, `average_precision.py` and `compare.py` in the folder
# `minimaskrcnn/evaluate/`, the tests are `tests/test_18_evaluate.py`, which compare with the
# program of COCO, the dataset whose rules these are.

# %%
from minimaskrcnn.pictures import strip

strip("evaluate")

# %% [markdown]
# **Where we are.** The network finds objects in pictures (chapters 02 to 14) and can be trained to
# do so (16, 17). Is it any good? Two things can go wrong: an object is missed, or something is
# reported that is not there. Who reports everything misses nothing; who reports only the surest is
# seldom wrong. A single number has to be fair to both.

# %% [markdown]
# ## 1 Four detections, by hand
#
# Three objects (green) and four detections of one class, with their scores. Which detection has
# found which object?

# %%
import numpy as np

from minimaskrcnn.pictures import GREEN, ORANGE, PURPLE, RED, Panel, curves, panels

objects = np.array([[2, 2, 12, 12], [2, 18, 12, 28], [15, 2, 25, 12]], float)  # y1 x1 y2 x2
found = np.array([[2, 3, 12, 13], [15, 18, 25, 28], [4, 3, 12, 13], [3, 18, 13, 28]], float)
names = ("", "", "", "0.9", "0.8", "0.7", "0.6")
paper = np.full((27, 32, 3), 255, np.uint8)
boxes, colours = np.concatenate([objects, found]), (GREEN,) * 3 + (ORANGE,) * 4
panels(Panel("objects green, detections with scores", paper, boxes, names, colours, ruler=True))

# %% [markdown]
# **Matching.** The detections choose in turn, the best score first. Each takes the free object that
# it overlaps most, if the IoU is at least a threshold, here 0.5.
#
# * 0.9 shares 10 · 9 with the first object: 90 / 110. It takes it: *right*.
# * 0.8 stands where nothing is: *wrong*, a false alarm.
# * 0.7 overlaps the first object well, but that is taken: *wrong*. Reporting a thing twice is no
#   merit.
# * 0.6 shares 9 · 10 with the second: *right*.
#
# The third object is found by nobody: missed.

# %%
from minimaskrcnn.evaluate.matching import match
from minimaskrcnn.evaluate.overlaps import box_overlaps

nobody = np.zeros(3, bool)  # no crowds, nothing to be ignored: see section 2
overlaps = box_overlaps(found, objects, nobody)  # (detections, objects)
print(overlaps.round(2))
print("by hand:", round(90 / 110, 2))
matches = match(overlaps, 0.5, nobody, nobody)
right = matches >= 0
print("object found by each detection (-1: none):", matches)

# %% [markdown]
# **The curve.** Walk down the list. After each detection, *precision* is the share of those so far
# that were right, and *recall* the share of the objects that have been found.

# %%
from minimaskrcnn.evaluate.average_precision import interpolate, precision_recall

precision, recall = precision_recall(right, ~right, num_objects=3)
for i, score in enumerate((0.9, 0.8, 0.7, 0.6)):
    hits = right[: i + 1].sum()
    by_hand = f"by hand {hits} of {i + 1}, {hits} of 3"
    print(f"down to {score}: precision {precision[i]:.3f}, recall {recall[i]:.3f}   ({by_hand})")

# %% [markdown]
# **The number.** The average of the precision over all recalls from 0 to 1. Two conventions make it
# well defined. The curve has dips; at each recall we take the best precision that is reached *at
# that recall or beyond*. And it is read off at 101 recalls: 0, 0.01, … 1. Beyond the last recall
# that is reached the precision is 0: an object that is never found costs its full share.

# %%
line = interpolate(precision, recall)  # (101,)
print("recalls with precision 1:", np.count_nonzero(line == 1), " with 0.5:", (line == 0.5).sum())
print("by hand:", round((34 * 1 + 33 * 0.5 + 34 * 0) / 101, 4), " AP:", line.mean().round(4))
drawn = {"walking down": (recall, precision), "read off": (np.linspace(0, 1, 101), line)}
curves(drawn, "recall", "precision", "the area under the dashed line is the average precision")

# %% [markdown]
# **Move it.** The four detections of above. Move a wrong one up, and then down again. A good order
# is rewarded, with the same detections.

# %%
from minimaskrcnn.pictures.moving import moving_precision

moving_precision(right, 3)

# %% [markdown]
# ## Your turn
#
# Try it yourself before the package's code is shown. The two steps from judgements to the curve. (A
# detection can be neither right nor wrong, as section 2 shows; such ones do not count.)

# %%
from minimaskrcnn import check


def my_precision_recall(right, wrong, num_objects):
    """Return precision and recall after each detection, both (D,)."""
    ...


check.precision_recall(my_precision_recall)


# %%
def my_interpolate(precision, recall):
    """Return the best precision at each of the 101 recalls or beyond, (101,)."""
    ...


check.interpolate(my_interpolate)

# %% [markdown]
# **Help.** Three hints for each function, and a solution. Open one at a time.
#
# `my_precision_recall`
#
# <details><summary>Hint 1</summary>
#
# `np.cumsum` counts what was right up to each detection.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Precision divides by all that were judged so far, right or wrong. None judged yet: 0.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# Recall divides by the number of objects.
#
# </details>
#
# <details><summary>A solution of my_precision_recall</summary>
#
# ```python
# import numpy as np
#
#
# def my_precision_recall(right, wrong, num_objects):
#     hits = np.cumsum(right)
#     judged = hits + np.cumsum(wrong)
#     return hits / np.maximum(judged, 1), hits / num_objects
# ```
#
# </details>
#
# `my_interpolate`
#
# <details><summary>Hint 1</summary>
#
# The 101 recalls are `np.linspace(0, 1, 101)`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# At each, the best precision of all points whose recall is at least that.
#
# </details>
#
# <details><summary>Hint 3</summary>
#
# If there is no such point, it is 0.
#
# </details>
#
# <details><summary>A solution of my_interpolate</summary>
#
# ```python
# import numpy as np
#
#
# def my_interpolate(precision, recall):
#     points = np.linspace(0, 1, 101)
#     return np.array([max(precision[recall >= point], default=0) for point in points])
# ```
#
# </details>

# %% [markdown]
# ## 2 The code
#
# Two things more than in the toy. A *crowd* is a region of objects that nobody has outlined one by
# one: any number of detections may lie in it, and none of them counts. And if only objects of one
# size are asked for, the others are *ignored*: finding one is neither right nor wrong.

# %%
import inspect
import re

from IPython.display import Code

parts = [inspect.getsource(f) for f in (match.py_func, precision_recall, interpolate)]
bare = [re.sub(r' *""".*?"""\n', "", part, count=1, flags=re.DOTALL) for part in parts]
Code("\n\n".join(bare), language="python")

# %% [markdown]
# ## 3 Twenty scenes
#
# The network of this chapter is the small one that comes with the package. Scenes have numbers, and
# training takes only high ones, so that those below are new to it. These are hard ones, as every
# fourth was in training (`hard=True`): shapes that are hollow, very small, camouflaged or nearly
# hidden, so that there is something to be judged. Unlike in other chapters it is asked for
# everything it can think of, down to a score of 0.05: AP sorts by score anyway, and what is not
# reported can never be right.

# %%
from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.training.batches import FIRST_TRAINING_SCENE

WEIGHTS = "shapes"
SEEDS = range(200, 220)


# %%
model = load_model(WEIGHTS)
scenes = {seed: scene(seed, hard=True) for seed in SEEDS}
results = {seed: model.predict(scenes[seed].image, min_score=0.05) for seed in SEEDS}
print("training scenes begin at number", FIRST_TRAINING_SCENE)
print("objects", sum(len(example.class_ids) for example in scenes.values()))
print("detections", sum(len(result) for result in results.values()))

# %% [markdown]
# Every detection judged at an IoU of 0.5, class by class, in two of the scenes. Green is right, a
# *true positive*. Red is wrong, a *false positive*. A purple box without a score is an object that
# was missed, a *false negative*. In scene 208 a square is missed of which one corner looks out from
# behind the triangle. The dark circle at the lower edge is seen, but taken for a square: that is a
# false positive and a false negative at once. The blue circle above it is found, and reported once
# more as a square. In scene 203 everything is found, also the circle behind the triangle; one
# piece of it is reported as a square of its own.


# %%
def judged(seed):
    """Which detections of a scene are right (D,), and which objects were missed (G,)."""
    result, truth = results[seed], scenes[seed]
    right, missed = np.zeros(len(result), bool), np.ones(len(truth.class_ids), bool)
    for k in (1, 2, 3):
        mine, theirs = np.flatnonzero(result.class_ids == k), np.flatnonzero(truth.class_ids == k)
        no, boxes = np.zeros(len(theirs), bool), result.boxes[mine].astype(float)
        chosen = match(box_overlaps(boxes, truth.boxes[theirs].astype(float), no), 0.5, no, no)
        right[mine], missed[theirs[chosen[chosen >= 0]]] = chosen >= 0, False
    return right, missed


# %% tags=["cover"]
verdicts = {seed: judged(seed) for seed in SEEDS}
shown = []
for seed in (208, 203):
    (right, missed), result, truth = verdicts[seed], results[seed], scenes[seed]
    boxes = np.concatenate([result.boxes, truth.boxes[missed]])
    colours = (*np.where(right, GREEN, RED), *(PURPLE,) * missed.sum())
    names = tuple(f"{score:.2f}" for score in result.scores)
    shown.append(Panel(f"scene {seed}", result.image, boxes, names, colours))
panels(*shown)

# %% [markdown]
# Now all scenes together: for each class, the detections of all pictures in one list, sorted by
# score. (One list, so a score must mean the same in every picture.)

# %%
from minimaskrcnn.evaluate import GroundTruth, evaluate, summary

truths = [GroundTruth(e.boxes, e.class_ids, e.masks) for e in scenes.values()]
evaluation = evaluate(truths, results.values(), model.config.class_names)
table = evaluation.box.precision  # (T, R, K, A, M): thresholds, recalls, classes, areas, limits
print("precision", table.shape)
recalls = np.linspace(0, 1, 101)
lines = {name: (recalls, table[0, :, k, 0, 2]) for k, name in enumerate(evaluation.class_names)}
curves(lines, "recall", "precision", "the three classes at an IoU of 0.5")

# %% [markdown]
# Each line's mean is the AP of that class at 0.5, called AP50. The mean of the three, computed from
# the curves and by the package:

# %%
by_hand = np.mean([line.mean() for _, line in lines.values()])
print(f"AP50 by hand {by_hand:.4f}, by evaluate {evaluation.box.stats[1]:.4f}")

# %% [markdown]
# ## 4 Ten thresholds, twelve numbers
#
# "Right" depends on how much overlap is asked for. So everything is done for ten thresholds, 0.5,
# 0.55, … 0.95, and for boxes and masks apart. (The IoU of two masks is the number of pixels that
# they share, divided by that of the pixels in at least one of them.)

# %%
from minimaskrcnn.evaluate.average_precision import average
from minimaskrcnn.evaluate.rules import THRESHOLDS

measured = {}
for name, part in (("boxes", evaluation.box), ("masks", evaluation.mask)):
    measured[name] = (THRESHOLDS, [average(part.precision, threshold=t) for t in THRESHOLDS])
    print(f"{name}: mean of the ten {np.mean(measured[name][1]):.4f}, AP {part.stats[0]:.4f}")
curves(measured, "least IoU of a right detection", "AP", "the more exact, the harder")

# %% [markdown]
# The mean over the ten is *the* AP, sometimes written AP@[.50:.95]. It rewards exact boxes: who
# finds everything roughly does well at 0.5 and badly at 0.95. These are the twelve lines that every
# paper takes its tables from: AP for all thresholds, at 0.5 and at 0.75, for objects of three sizes
# (up to 32², up to 96² and more pixels; none of our objects has more than 96² pixels, hence -1,
# "nothing to measure"), and the same for average recall (AR: the recall at the end of the list,
# averaged over thresholds and classes), with at most 1, 10 or 100 detections of a class in a
# picture.

# %%
print(summary(evaluation))

# %% [markdown]
# Twenty scenes are few: other twenty would give other numbers. `minimaskrcnn evaluate` measures
# many more. Here is how much the AP of these twenty changes if it is computed from the first ten,
# and from the last ten:

# %%
found = list(results.values())
for half in (slice(0, 10), slice(10, 20)):
    part = evaluate(truths[half], found[half], model.config.class_names)
    print(f"scenes {half.start:2} to {half.stop - 1}: box AP {part.box.stats[0]:.3f}")

# %% [markdown]
# ## 5 A photograph
#
# The coins of chapter 01, with outlines that another program made (a watershed on the edges of the
# photograph; `coins.txt` beside it says how). Two networks that come with the package look at
# them. One has learned from drawings, the other from microscope photographs of cell nuclei. Neither
# has seen a coin; a circle counts as one here, and so does a nucleus.

# %%
from minimaskrcnn.datasets import COINS_FILE, COINS_OUTLINES
from minimaskrcnn.datasets.annotations import load_annotations

outlined = load_annotations(COINS_OUTLINES, COINS_FILE.parent)[0]
truth = GroundTruth(outlined.boxes, outlined.class_ids, outlined.masks)
for name, size in (("shapes", 256), ("nuclei", 384)):
    seen = load_model(name).predict(COINS_FILE, size=size, min_score=0.05)
    seen = seen[seen.class_ids == 1]  # circles, or nuclei
    judged_coins = evaluate([truth], [seen], ("background", "coin"))
    box, mask = judged_coins.box.stats, judged_coins.mask.stats
    print(f"{name}: {len(seen):3} detections, box AP {box[0]:.3f}, mask AP {mask[0]:.3f}", end=", ")
    print(f"mask AP50 {mask[1]:.3f}")

# %% [markdown]
# The second network reports hundreds of things. Its boxes are hardly worse all the same, for what
# is wrong comes at the end of its list, and its masks are even better: the first one takes the
# bright rim of a coin for a hollow circle. A person would call the second much worse: AP asks for
# the order, a reader of the picture for a good confidence threshold.
#
# One photograph is no measure. The nuclei network is measured on what it is for: mask AP 0.646 on
# 65 photographs that it has not learned from (`docs/training/nuclei.md`).

# %% [markdown]
# ## 6 What goes wrong without
#
# **Without scores.** AP asks for the right *order*. Give the same detections random scores: the
# same boxes, the same classes, the same masks.

# %%
from dataclasses import replace

rng = np.random.RandomState(18)
shuffled = [replace(f, scores=rng.permutation(f.scores)) for f in found]
worse = evaluate(truths, shuffled, model.config.class_names)
print(f"box AP {evaluation.box.stats[0]:.3f}, with random scores {worse.box.stats[0]:.3f}")

# %% [markdown]
# **With a high bar.** For a picture to look at, one drops the doubtful detections. For AP, that is
# a loss: objects that are no longer reported are no longer found. Here with the surer half alone:

# %%
middle = np.median(np.concatenate([f.scores for f in found]))
for name, bar in (("all", 0.0), ("the surer half", middle)):
    kept = [f.filter(min_score=bar) for f in found]
    stats = evaluate(truths, kept, model.config.class_names).box.stats
    print(f"{name:14} {sum(map(len, kept)):3} detections, box AP {stats[0]:.3f}")

# %% [markdown]
# **What AP does not say.** Which score to choose as a bar in practice, which of the two kinds of
# error costs more, whether the network is sure for good reasons: look at the curve for the first,
# at your task for the second, at pictures for the third.

# %% [markdown]
# ## Further
#
# Save your functions as `precision_recall` and `interpolate` in a file `my_ap.py`.
# From a clone of the repository,
#
#     pytest tests/test_18_evaluate.py --mine my_ap.py
#
# runs the tests of this stage on them.
#
# **To think about.** Somebody adds a thousand detections of score 0.001 to every picture, at random
# places. By how much can the AP fall? By how much can it rise? Why is there a limit on the
# detections of a picture all the same?

# %% [markdown]
# **The answer.** When its list of detections, ordered by score, holds more of the objects and fewer
# mistakes before them: the area under precision over recall, averaged over classes and over how
# exact a box or mask has to be.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)), section 4: "We report the
# standard COCO metrics". These: [arXiv:1405.0312](https://arxiv.org/abs/1405.0312), and
# cocodataset.org/#detection-eval. Precision at that recall or beyond: The PASCAL Visual Object
# Classes Challenge (Everingham et al., 2010), section 4.2.
#
# **Next:** chapter 21 runs the whole network on functions that you have written. (The appendices 19
# and 20 ask where the time goes, and how another program computes the same network.)
