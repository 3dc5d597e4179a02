"""Watching a training: what the network makes of pictures that it does not learn from.

Idea    The losses fall on the pictures that are learned from, also when the network begins to learn
        them by heart. Whether it gets better is seen on others: now and then it predicts the
        validation set, and the best model so far is kept.
Source  Early stopping: Prechelt, "Early Stopping - But When?", 1998.
Shapes  model, validation set  ->  AP of boxes and masks; the best model; a sheet of pictures
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minimaskrcnn.datasets.cutouts import cutouts_of, packed_of
from minimaskrcnn.training.sheets import middle, outlined, write_sheet
from minimaskrcnn.training.validation import validate

SHEET = "validation.jpg"  # in the run's folder
LEAST_SCORE = 0.05  # AP asks for doubtful objects, too
SHOWN = 6  # pictures on the sheet


@dataclass(frozen=True, eq=False)
class Watch:
    """What a training is watched with."""

    examples: Any  # sequence of Example that training does not use
    every: int  # steps from one look to the next
    patience: int = 0  # stop after so many looks that were no better than the best; 0: never
    class_names: tuple[str, ...] | None = None  # of the examples; None: the model's own
    most: int = 32  # pictures that are looked at, evenly spread

    @property
    def indices(self):
        """Which of the examples are looked at."""
        count = min(self.most, len(self.examples))
        return np.unique(np.linspace(0, len(self.examples) - 1, count).astype(int))


@dataclass(frozen=True, eq=False)
class Chosen:
    """A sequence of some of the examples of another sequence."""

    examples: Any
    indices: list[int]

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.examples[self.indices[index]]

    def packed(self, index):
        """As its own, but with masks as run lengths, if the sequence has them so."""
        return packed_of(self.examples, self.indices[index])


def look(watch, model, folder):
    """Predict the validation set; returns (box AP, mask AP) and writes the sheet.

    Parameters
    ----------
    watch : Watch
    model : MaskRCNN without batch normalisation
    folder : Path of the run's folder
    """
    examples = (packed_of(watch.examples, int(i)) for i in watch.indices)
    found = validate(model, examples, watch.class_names, min_score=LEAST_SCORE)
    draw_sheet(Path(folder) / SHEET, watch, model)
    return float(found.box.stats[0]), float(found.mask.stats[0])


def draw_sheet(path, watch, model):
    """Draw a few of the validation pictures: each as it is, with its objects, with those found."""
    chosen = watch.indices[np.linspace(0, len(watch.indices) - 1, SHOWN).astype(int)]
    rows = []
    for index in dict.fromkeys(chosen.tolist()):
        image, truth = middle(cutouts_of(watch.examples, index))
        found = model.predict(image)
        rows.append([image, outlined(image, truth), outlined(image, found.masks)])
    write_sheet(path, rows)


def is_better(scores):
    """Whether the last evaluation found more than every one before it.

    Parameters
    ----------
    scores : list of (step, box AP, mask AP), the mask AP counts
    """
    return scores[-1][2] > max((score[2] for score in scores[:-1]), default=-1.0)


def has_stopped(scores, patience):
    """Whether the best look lies `patience` or more looks back; never if patience is 0."""
    best = int(np.argmax([score[2] for score in scores])) if scores else 0
    return patience > 0 and len(scores) - 1 - best >= patience
