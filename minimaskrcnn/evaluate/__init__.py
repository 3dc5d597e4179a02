"""Evaluation: what was found, compared with what is there, as COCO does.

Read in this order: `matching` (which detection found which object), `average_precision` (from
matches to curves and their averages), `compare` (over many images, and the twelve numbers).
"""

from minimaskrcnn.evaluate.compare import (
    SUMMARY,
    Averages,
    Evaluation,
    Found,
    GroundTruth,
    by_class,
    evaluate,
    summary,
)

__all__ = [
    "SUMMARY",
    "Averages",
    "Evaluation",
    "Found",
    "GroundTruth",
    "by_class",
    "evaluate",
    "summary",
]
