"""A dataset that is written comes back as it was."""

import json

import numpy as np

from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets import Example
from minimaskrcnn.datasets.annotations import load_annotations
from minimaskrcnn.datasets.reading import check_pictures
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.datasets.writing import write_dataset


def test_what_is_written_is_read_again_pixel_for_pixel(tmp_path):
    scenes = [scene(i) for i in range(3)]
    path = write_dataset(tmp_path / "new" / "folder", scenes, SHAPES.class_names)
    dataset = load_annotations(path, path.parent)
    check_pictures(dataset)
    assert dataset.class_names == SHAPES.class_names and len(dataset) == 3
    for i, before in enumerate(scenes):
        after = dataset[i]
        assert (after.image == before.image).all() and (after.masks == before.masks).all()
        assert (after.class_ids == before.class_ids).all()


def test_boxes_areas_and_crowds_are_coco_s(tmp_path):
    masks = np.zeros((2, 8, 9), bool)
    masks[0, 1:3, 2:6], masks[1, 5:, 0] = True, True
    example = Example(np.zeros((8, 9, 3), np.uint8), np.array([2, -1]), masks)
    document = json.loads(write_dataset(tmp_path, [example], ("background", "a", "b")).read_text())
    one, crowd = document["annotations"]
    assert [one["id"], crowd["id"], document["images"][0]["id"]] == [1, 2, 1]
    assert one["bbox"] == [2, 1, 4, 2] and one["area"] == 8 and one["category_id"] == 2
    assert crowd["iscrowd"] == 1 and crowd["category_id"] == 1
    assert [c["name"] for c in document["categories"]] == ["a", "b"]
