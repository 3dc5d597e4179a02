"""The plan for a dataset: what follows from what."""

from dataclasses import replace

import numpy as np
import pytest

from minimaskrcnn.datasets import Example
from minimaskrcnn.training.plan import config_of, make_plan, recipe_of
from minimaskrcnn.training.recipe import FROM_NOTHING
from minimaskrcnn.training.statistics import DatasetStatistics, statistics_of

CELLS = DatasetStatistics(500, 256, 1300, (8.0, 20.0, 57.0), 44.0, 375, 0.3, 310.0, 40.0, 65.0)


def test_statistics_are_counted_and_measured():
    masks = np.zeros((3, 100, 200), bool)
    masks[0, :10, :10], masks[1, :10, 10:50], masks[2, 40:60, 40:60] = True, True, True
    image = np.zeros((100, 200, 3), np.uint8)
    image[:50] = 200
    one, crowd = Example(image, np.array([1, 1, 2]), masks), np.array([1, 1, -2])
    statistics = statistics_of([one], [0])
    assert statistics.pictures == 1
    assert (statistics.smallest_picture, statistics.largest_picture) == (100, 200)
    assert statistics.sides == (10.0, 20.0, 20.0)  # sqrt(10 · 40) is 20
    assert statistics.objects == statistics.most_objects == 3
    assert statistics.touching == pytest.approx(2 / 3)
    assert statistics.density == pytest.approx(3 / 0.02)
    assert (statistics.mean, statistics.deviation) == (100.0, 100.0)
    fewer = statistics_of([replace(one, class_ids=crowd)], [0])
    assert fewer.objects == 2 and fewer.touching == 1.0


def test_each_picture_counts_alike_however_many_objects_it_has():
    many = np.zeros((90, 100, 100), bool)
    for i in range(90):
        many[i, 10 * (i // 10) : 10 * (i // 10) + 4, 10 * (i % 10) : 10 * (i % 10) + 4] = True
    few = np.zeros((1, 100, 100), bool)
    few[0, :60, :60] = True
    image = np.zeros((100, 100, 3), np.uint8)
    pictures = [Example(image, np.ones(len(m), int), m) for m in (many, few)]
    statistics = statistics_of(pictures, [0, 1])
    assert statistics.sides[0] == 4 and statistics.sides[2] == 60
    assert statistics.objects == 45.5 and statistics.most_objects == 90


def test_small_objects_are_enlarged_and_anchors_follow():
    plan = make_plan(CELLS)
    assert plan.scale == 2 and plan.size == 256
    assert plan.anchor_scales == (16, 32, 64, 128, 256)
    assert make_plan(replace(CELLS, sides=(18.0, 20.0, 57.0))).anchor_scales[0] == 32  # 2 x 18
    assert make_plan(replace(CELLS, sides=(3.0, 5.0, 8.0))).scale == 2  # 8 would suit the median
    assert not make_plan(replace(CELLS, density=100.0)).crowded  # 1.6 in 128 x 128 of the picture's
    assert plan.crowded and plan.max_detections == 600  # half as many again as 375
    config = config_of(plan, ("background", "cell"))
    assert config.every_class and config.resize_mode == "scale" and config.image_scale == 2
    assert config.post_nms_proposals == 1200 and config.max_detections == 600
    assert recipe_of(plan).sampling.rois > FROM_NOTHING.sampling.rois


def test_large_objects_are_reduced_until_they_fit_into_a_crop():
    plan = make_plan(replace(CELLS, sides=(100.0, 400.0, 900.0), largest_picture=4000))
    assert 900 * plan.scale <= 0.75 * plan.size
    assert plan.scale == 0.125
    thin = make_plan(replace(CELLS, sides=(10.0, 20.0, 300.0)))
    assert thin.scale == 0.5  # 2 would suit the median
    assert make_plan(replace(CELLS, sides=(10.0, 20.0, 110.0))).scale == 1  # 220 of 256 is too much


def test_a_frame_is_no_larger_than_the_pictures():
    small = replace(CELLS, sides=(10.0, 30.0, 60.0), smallest_picture=100, largest_picture=120)
    assert make_plan(small).size == 128 and make_plan(small).scale == 1


def test_what_is_given_overrules_the_plan():
    plan = make_plan(CELLS, 128, (8.0, 16.0, 32.0, 64.0, 128.0), 50, "medium")
    assert plan.size == 128 and plan.anchor_scales[0] == 8
    assert plan.max_detections == 50 and plan.network == "medium"


def test_few_objects_are_learned_from_in_few_steps():
    few = replace(CELLS, pictures=20, objects=5.0, most_objects=9, density=5.0)
    assert make_plan(few).steps == 1300  # 100 objects, each 100 times, 8 crops with one
    assert make_plan(few).max_detections == 100 and not make_plan(few).crowded
    assert make_plan(replace(few, pictures=3)).steps == 600
    assert make_plan(CELLS).steps == 4000
