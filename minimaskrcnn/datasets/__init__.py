"""Where examples come from: your own annotations, or drawn scenes.

Whatever the source, a picture with known objects is handed over as an `Example`, so that training
and evaluation do not know the difference.
"""

from pathlib import Path

from minimaskrcnn.datasets.example import Example, boxes_of_masks

__all__ = ["COINS_FILE", "COINS_OUTLINES", "Example", "boxes_of_masks"]

COINS_FILE = Path(__file__).parent / "coins.png"  # a photograph; coins.txt says whose
COINS_OUTLINES = COINS_FILE.with_suffix(".json")  # of its 24 coins, in COCO's form
