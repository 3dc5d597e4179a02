"""Run the whole network on a reader's own functions, and say which stages are theirs.

Idea    Each function that stands in the reader's file is first asked by its exercise's check. Then
        the package's network looks at the photograph of coins, and the reader's function is called
        with the same arguments as the package's. All functions whose answers are the same then
        replace the package's together, for one more look at the coins.
Shapes  file  ->  Board
"""

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from minimaskrcnn import check, masks
from minimaskrcnn.api import load_model
from minimaskrcnn.check.adapters import adapted
from minimaskrcnn.check.asked import PATIENCE, Asked, first_lines
from minimaskrcnn.check.calling import Trouble, call
from minimaskrcnn.check.exchange import Unreadable, exchanged, functions_of, homes_of
from minimaskrcnn.check.verdict import MUCH, NOTICED
from minimaskrcnn.datasets import COINS_FILE
from minimaskrcnn.errors import printable
from minimaskrcnn.pictures.board import draw_board
from minimaskrcnn.results import Detections

STAGES = (  # what a prediction calls, in the order of the chapters
    ("02", "mold"),
    ("02", "scaled_size"),
    ("03", "conv2d"),
    ("04", "bottleneck"),
    ("05", "upsample"),
    ("05", "pyramid"),
    ("06", "apply_deltas"),
    ("07", "make_anchors"),
    ("08", "softmax"),
    ("08", "region_proposals"),
    ("09", "nms"),
    ("10", "select_proposals"),
    ("11", "crop_and_resize"),
    ("12", "box_head"),
    ("12", "deconv2d"),
    ("12", "mask_head"),
    ("13", "select_detections"),
    ("14", "paste_mask"),
)
SETTINGS = {"size": 256, "min_score": 0.5}  # with these it finds the 24 coins


@dataclass(frozen=True)
class Stage:
    """What is known of one function."""

    chapter: str
    name: str
    state: str  # "yours", "slow", "wrong" or "missing"
    said: str = ""


@dataclass(frozen=True, repr=False)
class Board:
    """All stages, and what the network finds on those that are the reader's; print it."""

    stages: tuple[Stage, ...]
    said: str  # on the result, in a sentence
    found: Detections | None = None  # None if nothing was run

    def __repr__(self):
        if not self.stages:
            return self.said
        own = sum(stage.state == "yours" for stage in self.stages)
        head = f"{own} of {len(self.stages)} stages are yours"
        return "\n".join([head, *map(_row, self.stages), self.said])

    def picture(self):
        """The board as a Picture: the stages, and the photograph with what was found.

        A ValueError says why there is none: the file gave no functions.
        """
        if self.found is None:
            raise ValueError(self.said)
        tiles = [(stage.chapter, stage.name, stage.state) for stage in self.stages]
        return draw_board(tiles, self.found.draw(legend=False), self.said)


def _row(stage):
    words = {"missing": "still the package's", "slow": "right, but left out", "wrong": "wrong"}
    told = words.get(stage.state, stage.state)
    return f"  {stage.chapter}  {stage.name:18} {told}{': ' * bool(stage.said)}{stage.said}"


def mine(path):
    """Put the functions of a file into the network for one run, and show what they make of it.

    Parameters
    ----------
    path : of a Python file with functions named as in the package (`nms`), or with `my_` before

    Returns
    -------
    Board; nothing that the functions do makes this raise, and afterwards the package is as before
    """
    try:
        return board_of(functions_of(path))
    except Unreadable as error:
        return Board((), str(error))


def board_of(functions):
    """As `mine`, for functions by their full names, as `functions_of` reads them."""
    model = load_model("shapes")
    wanted = _look(model)
    stages, pairs = [], []
    for chapter, name in STAGES:
        stage, pair = _tried(chapter, name, functions.get(name), model)
        stages.append(stage)
        pairs += [pair] if pair else []
    others = _others(functions)
    try:
        with exchanged(pairs):
            found = call(_look, (model,), seconds=4 * PATIENCE)
    except Trouble as trouble:
        return Board(tuple(stages), f"together they fail: {trouble}{others}", wanted)
    return Board(tuple(stages), _comparison(found, wanted) + others, found)


def _look(model):
    """What the network finds in the photograph of coins, with pasted masks."""
    found = model.predict(COINS_FILE, **SETTINGS)
    for mask, box in zip(found.mask_probs, found.boxes, strict=True):
        masks.paste_mask(mask, box, found.image.shape)
    return found


def _tried(chapter, name, own, model):
    """The Stage of one function, and the pair to be exchanged for it."""
    (home,) = homes_of(name)
    theirs = getattr(home, name)
    if own is None:
        return Stage(chapter, name, "missing"), None
    if hasattr(check, name):
        verdict = getattr(check, name)(own)
        if not verdict.agrees:
            return Stage(chapter, name, "wrong", first_lines(verdict.text)), None
    asked = Asked(name, own, theirs)
    with exchanged([(theirs, asked)]):
        _look(model)
    if asked.trouble:
        said = f"in the network, {first_lines(asked.trouble)}"
        return Stage(chapter, name, "wrong", said), None
    if asked.expected() > PATIENCE:
        said = f"the whole run would take some {asked.expected() / 60:.0f} minutes"
        return Stage(chapter, name, "slow", said), None
    slow = asked.expected() >= NOTICED and asked.times() >= MUCH
    said = f"{asked.times():.0f} times slower than the package's" if slow else ""
    return Stage(chapter, name, "yours", said), (theirs, adapted(name, own, theirs))


def _comparison(found, wanted):
    """What the network finds on the reader's functions, beside the package's own."""
    same = len(found) == len(wanted) and np.array_equal(found.boxes, wanted.boxes)
    beside = "the same as" if same else f"not the {len(wanted)} of"
    return f"the network finds {len(found)} coins, {beside} the package's own functions"


def _others(functions):
    """What to say of the functions whose names are not those of a stage."""
    told = [
        f"{printable(name)}{suggestion(name, functions)}"
        for name in sorted(set(functions) - {name for _, name in STAGES})
    ]
    return f" (not used by a prediction: {', '.join(told)})" if told else ""


def suggestion(name, functions):
    """Which stage a name may mean that nothing in the package has; "" if none is near."""
    missing = [stage for _, stage in STAGES if stage not in functions]
    near = [] if homes_of(name) else get_close_matches(name, missing, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
