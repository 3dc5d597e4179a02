"""Draw the figures of docs/architecture.md and of chapter 01: `python docs/images/make_images.py`.

Names and shapes of the first are those of one run of the bundled network on a scene.
"""

from pathlib import Path

from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.pictures.diagram import diagram
from minimaskrcnn.pictures.history import history

HERE = Path(__file__).parent
SCENE = 13  # the picture of the chapters

if __name__ == "__main__":
    steps = load_model("shapes").trace(scene(SCENE).image)
    diagram(steps).save(HERE / "architecture.png")
    history().save(HERE.parent.parent / "chapters" / "pictures" / "history.png")
