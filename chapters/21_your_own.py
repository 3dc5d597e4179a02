# %% [markdown]
# # 21 Your own: a Mask R-CNN made of your functions
#
# **The question.** Are the functions of the chapters the network, or only its parts?
#
# **You will see** the whole network run on functions that a reader has written, and a board that
# says which stages are theirs.
#
# **You will learn** that nothing is left over: what the chapters have taken apart, put together
# again, is a network that finds coins in a photograph.
#
# **You need** the exercises of chapters 02 to 14, as many of them as you have done. One is enough
# to begin with.
#
# **Time** about 30 minutes, and longer if you go back to the exercises that are missing.
#
# The modules are `minimaskrcnn/check/capstone.py` and `minimaskrcnn/check/exchange.py`, the tests
# are `tests/test_capstone.py`.

# %%
from minimaskrcnn.pictures import strip

strip("tour")

# %% [markdown]
# **Where we are.** Every stage has had its chapter, and most had a function to write. Is that the
# network, or only its parts? There is one way to find out: take the package's functions away one by
# one, put your own in their places, and look whether it still sees.
#
# ## 1 A function changes places
#
# A stage is a function, and the network calls it by its name. While the network runs, another
# function may stand under that name. Here is a softmax that counts how often it is asked:

# %%
from minimaskrcnn import layers, load_model
from minimaskrcnn.check.exchange import exchanged
from minimaskrcnn.datasets import COINS_FILE

model, asked, softmax = load_model("shapes"), [], layers.softmax


def counting(logits):
    asked.append(logits.shape)
    return softmax(logits)


# %%
with exchanged([(softmax, counting)]):
    found = model.predict(COINS_FILE, size=256, min_score=0.5)
print(len(found), "coins; softmax was asked", len(asked), "times, about", asked)

# %% [markdown]
# Once about all anchors together (object or not), and once about all regions (which class).
# Afterwards the package's own function stands in its place again.

# %% [markdown]
# ## 2 A small file
#
# In a file, your functions have the names that they have in the exercises (`my_nms`) or in the
# package (`nms`). Here is one with three functions: a right one, a wrong one, and one that nobody
# has finished.

# %%
source = """
import numpy as np

def my_softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)

def my_nms(boxes, scores, iou_threshold):
    return np.argsort(-scores)

def my_upsample(x): ..."""

# %%
from pathlib import Path
from tempfile import mkdtemp

three = Path(mkdtemp()) / "my_network.py"
written = three.write_text(source, encoding="utf-8")

# %% [markdown]
# `check.mine` reads the file. Each function is first asked by its exercise's check. Then the
# network looks at the coins, and whatever it asks of its own function is asked of yours, too.
# All functions that answer the same take the package's places, together, for one more look.

# %%
from minimaskrcnn import check

board = check.mine(three)
print(board)

# %% tags=["cover"]
board.picture()

# %% [markdown]
# The wrong function has the sentence of its check. It has not been put into the network: the
# package's stands there instead, and the coins are found. What would have happened otherwise?

# %% [markdown]
# ## 3 What goes wrong without
#
# Put the wrong NMS into the network all the same. It keeps every box, best score first:

# %%
import numpy as np

from minimaskrcnn.nms import nms

settings = {"size": 256, "min_score": 0.5}
with exchanged([(nms, lambda boxes, scores, threshold, limit=None: np.argsort(-scores)[:limit])]):
    crowded = model.predict(COINS_FILE, **settings)
print(len(found), "coins with NMS,", len(crowded), "objects without")

# %%
from minimaskrcnn.pictures import Panel, panels

panels(
    Panel("with NMS", found.draw(legend=False)),
    Panel("without", crowded.draw(legend=False, scores=False)),
)

# %% [markdown]
# ## 4 A whole network
#
# The package's tests have such a file with all eighteen functions that a prediction calls, each
# written as in the exercises: `tests/my_network.py`. It is what the solutions of all chapters add
# up to. In a clone of the repository, the cell below runs the network on it.

# %%
solutions = Path("../tests/my_network.py")
if solutions.exists():
    whole = check.mine(solutions)
    states = [stage.state for stage in whole.stages]
    print(f"{states.count('yours')} of {len(states)} stages; {len(whole.found)} coins")

# %% [markdown]
# ## 5 Your turn
#
# Collect your functions in a file and give its name. Until then the board says that there is no
# such file.

# %%
MINE = "my_network.py"

board = check.mine(MINE)
print(board)

# %% [markdown]
# ## Further
#
# When all eighteen are yours, change one of them as you please: another threshold,
# RoIPool in place of RoIAlign, another order of the classes. The board says at which question you
# differ first. In a clone, `pytest tests/test_09_nms.py --mine my_network.py` runs the tests of a
# stage on your function.
#
# **To think about.** Your functions find the same coins as the package's, to the pixel. What, then,
# is left in the package that is not yours? (Look at what the eighteen functions are given.)

# %% [markdown]
# **The answer.** They are the network. On eighteen functions of a reader it finds the same coins as
# on the package's; what they need besides is the weights.

# %% [markdown]
# ## In the paper
#
# Mask R-CNN ([arXiv:1703.06870](https://arxiv.org/abs/1703.06870)) calls its approach "conceptually
# simple". Eighteen functions are the proof.
#
# **Next:** pictures of your own, chapter 17b; or the code of somebody else. You can read it now.
