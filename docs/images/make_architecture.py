"""Draw the figure of docs/architecture.md: `python docs/images/make_architecture.py`.

Names and shapes are those of one run of the bundled network on a scene.
"""

from pathlib import Path

from minimaskrcnn import load_model
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.pictures.diagram import diagram

SCENE = 13  # the picture of the chapters

if __name__ == "__main__":
    steps = load_model("shapes").trace(scene(SCENE).image)
    diagram(steps).save(Path(__file__).with_name("architecture.png"))
