"""Evaluation: what was found, compared with what is there, as COCO does.

Read in this order: `matching` (which detection found which object), `rules` (what counts),
`average_precision` (from matches to curves and their averages), `sides` (the two that are
compared), `compare` (over many images, and the twelve numbers), `summary` (in words). `confusion`
counts which class was taken for which, `report` writes everything into files.
"""

from minimaskrcnn.evaluate.compare import SUMMARY, Averages, Evaluation, evaluate
from minimaskrcnn.evaluate.rules import Rules, make_rules
from minimaskrcnn.evaluate.sides import Found, GroundTruth
from minimaskrcnn.evaluate.summary import by_class, summary

__all__ = [
    "SUMMARY",
    "Averages",
    "Evaluation",
    "Found",
    "GroundTruth",
    "Rules",
    "by_class",
    "evaluate",
    "make_rules",
    "summary",
]
