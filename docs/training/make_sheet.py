"""Draw sample scenes beside what the bundled model finds in them: sheet.jpg.

    python docs/training/make_sheet.py [--weights shapes]

Scenes 0 … 23, none of which training has seen: the picture, and the picture with the outlines of
what was found with a score of at least 0.5 (circles yellow, squares blue, triangles pink).
"""

import argparse
from dataclasses import replace
from pathlib import Path

from PIL import Image

from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene, sheet

SCENES = 24


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="shapes")
    model = load_model(parser.parse_args().weights)
    found = []
    for seed in range(SCENES):
        example = scene(seed)
        result = model.predict(example.image, min_score=0.5)
        found.append(replace(example, class_ids=result.class_ids, masks=result.masks))
    here = Path(__file__).parent
    sheet(here / "sheet.png", found, columns=4)
    with Image.open(here / "sheet.png") as picture:
        picture.convert("RGB").save(here / "sheet.jpg", quality=92, subsampling=0)
    (here / "sheet.png").unlink()  # three times as large


if __name__ == "__main__":
    main()
