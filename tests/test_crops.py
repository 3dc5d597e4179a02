"""Crops at the pictures' own resolution, and what is changed in them at random."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from minimaskrcnn.coco_masks import rle
from minimaskrcnn.datasets import Example
from minimaskrcnn.datasets.augment import (
    NONE,
    Augmentation,
    augmentation_of,
    colour_table,
    recoloured,
    suited_to,
    turned,
)
from minimaskrcnn.datasets.crops import cut, random_crop, random_crops, random_window
from minimaskrcnn.datasets.cutouts import cutouts, cutouts_of, within
from minimaskrcnn.datasets.kinds import weights_of
from minimaskrcnn.errors import SettingError


def example(height=40, width=60, boxes=((5, 10, 15, 30),), class_ids=None):
    """A picture of random pixels with rectangles for objects."""
    image = np.random.RandomState(0).randint(1, 256, (height, width, 3)).astype(np.uint8)
    masks = np.zeros((len(boxes), height, width), bool)
    for mask, (y1, x1, y2, x2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return Example(image, np.array(class_ids or [1] * len(boxes), np.int64), masks)


# Cutting


def test_cutouts_lose_nothing_but_objects_without_a_pixel():
    whole = example(boxes=((5, 10, 15, 30), (0, 0, 0, 0), (20, 0, 40, 7)), class_ids=[1, 2, -3])
    kept = cutouts(whole)
    assert kept.class_ids.tolist() == [1, -3]
    crop = cut(kept, (0, 0, 40, 60), 1.0, 64)
    assert (crop.image[12:52, 2:62] == whole.image).all() and crop.image[:12].max() == 0
    assert (crop.masks[:, 12:52, 2:62] == whole.masks[[0, 2]]).all()
    assert crop.masks.sum() == whole.masks.sum()


def test_run_lengths_are_unpacked_over_the_boxes_alone():
    whole = example(boxes=((5, 10, 15, 30), (0, 0, 0, 0), (20, 0, 40, 7), (0, 59, 40, 60)))
    whole.masks[0, 7, 12:20] = False
    packed = replace(whole, masks=[rle.encode(mask) for mask in whole.masks])
    for one, other in zip(cutouts(whole).masks, cutouts(packed).masks, strict=True):
        assert one.dtype == other.dtype == bool and (one == other).all()
    assert (cutouts(packed).boxes == cutouts(whole).boxes).all()


def test_a_dataset_that_has_its_masks_packed_is_asked_for_these():
    class Files(list):
        def __getitem__(self, index):
            raise AssertionError("unpacks whole masks")

        def packed(self, index):
            return replace(whole, masks=[rle.encode(mask) for mask in whole.masks])

    whole = example()
    assert (cutouts_of(Files(), 0).masks[0] == cutouts(whole).masks[0]).all()
    assert (cutouts_of([whole], 0).masks[0] == cutouts(whole).masks[0]).all()


def test_what_lies_in_a_window_is_what_the_whole_masks_show_there():
    boxes = (
        (5, 10, 15, 30),
        (20, 0, 40, 7),
        (0, 0, 3, 3),
        (8, 8, 20, 20),
        (0, 0, 40, 60),
        (10, 14, 35, 50),
    )
    whole = example(boxes=boxes, class_ids=[1, 1, 1, -1, 2, 1])
    for y1, x1, y2, x2 in ((0, 0, 40, 60), (8, 12, 25, 33), (30, 50, 40, 60)):
        shown = within(cutouts(whole), (y1, x1, y2, x2))
        assert (shown == whole.masks[[0, 1, 2, 4, 5], y1:y2, x1:x2]).all()


def test_at_its_own_scale_a_crop_is_a_piece_of_the_picture_and_its_masks():
    whole = example()
    crop = cut(cutouts(whole), (4, 8, 20, 24), 1.0, 16)
    assert (crop.image == whole.image[4:20, 8:24]).all()
    assert (crop.masks == whole.masks[:, 4:20, 8:24]).all()


def test_enlarged_twice_each_pixel_of_a_mask_becomes_four():
    whole = example()
    crop = cut(cutouts(whole), (4, 8, 20, 24), 2.0, 32)
    assert (crop.masks == whole.masks[:, 4:20, 8:24].repeat(2, axis=1).repeat(2, axis=2)).all()


def test_an_object_that_the_crop_cuts_keeps_its_visible_part_and_a_sliver_becomes_a_crowd():
    kept = cutouts(example(boxes=((5, 10, 15, 30), (0, 0, 10, 6), (30, 50, 33, 53))))
    crop = cut(kept, (0, 4, 12, 44), 1.0, 40)  # of the second 2 of 6 columns, none of the third
    assert crop.class_ids.tolist() == [1, 1] and crop.masks.sum(axis=(1, 2)).tolist() == [140, 20]
    crop = cut(kept, (14, 4, 40, 44), 1.0, 40)  # one of ten rows of the first, 20 pixels
    assert crop.class_ids.tolist() == [1]
    crop = cut(kept, (14, 28, 40, 60), 1.0, 40)  # 2 pixels of it: too few
    assert crop.class_ids.tolist() == [-1, 1]
    assert crop.masks[0].sum() == 2


def test_a_small_object_that_is_seen_whole_is_no_sliver():
    crop = cut(cutouts(example(boxes=((5, 5, 7, 8),))), (0, 0, 40, 60), 1.0, 64)
    assert crop.class_ids.tolist() == [1] and crop.masks.sum() == 6
    crop = cut(cutouts(example(boxes=((4, 4, 8, 8),))), (0, 0, 40, 60), 0.5, 64)
    assert crop.class_ids.tolist() == [1] and crop.masks.sum() == 4


def test_every_window_holds_a_point_of_an_object_and_lies_in_the_picture():
    kept, rng = cutouts(example(boxes=((30, 50, 34, 54), (2, 2, 5, 5)))), np.random.RandomState(0)
    seen = set()
    for _ in range(200):
        y1, x1, y2, x2 = random_window(kept, 12.5, rng)
        assert 0 <= y1 < y2 <= 40 and 0 <= x1 < x2 <= 60 and 12 <= y2 - y1 <= 14
        holds = [(y2 > a) & (y1 < c) & (x2 > b) & (x1 < d) for a, b, c, d in kept.boxes]
        assert any(holds)
        seen.add(tuple(map(bool, holds)))
    assert len(seen) > 1 and len({tuple(random_window(kept, 12, rng)) for _ in range(50)}) > 20
    assert random_window(kept, 100, rng).tolist() == [0, 0, 40, 60]


def test_a_crop_is_a_function_of_seed_and_number_and_takes_pictures_by_weight():
    pictures = [example(), example(boxes=((5, 10, 15, 30), (20, 20, 30, 30)))]

    def crops(seed, weights=(1, 1), count=40):
        example_of = random_crops(pictures, [0, 1], weights, 64, 2.0, Augmentation(), seed)
        return [example_of(number) for number in range(count)]

    one, again, other = crops(0, count=3), crops(0, count=3), crops(1, count=3)
    assert all((a.image == b.image).all() for a, b in zip(one, again, strict=True))
    assert any((a.image != b.image).any() for a, b in zip(one, other, strict=True))
    assert {crop.image.shape for crop in one} == {(64, 64, 3)}
    never = random_crops(pictures, [0, 1], (1, 0), 256, 1.0, NONE, 0)
    assert all(len(never(number).masks) == 1 for number in range(20))
    twice = random_crops(pictures, [0, 1], (1, 3), 256, 1.0, NONE, 0)
    share = np.mean([len(twice(number).masks) == 2 for number in range(200)])
    assert 0.65 < share < 0.85


def test_scale_jitter_changes_the_size_of_objects_both_ways():
    kept = cutouts(example(boxes=((16, 26, 24, 34),)))
    rngs = [np.random.RandomState(i) for i in range(40)]
    jitter = augmentation_of(["scale"])
    areas = [random_crop(kept, 256, 2.0, jitter, rng).masks.sum() for rng in rngs]
    low, high = 16**2 * np.exp([-0.6, 0.6])
    assert low * 0.85 < min(areas) < 190 and 340 < max(areas) < high * 1.15
    assert random_crop(kept, 256, 2.0, NONE, rngs[0]).masks.sum() == 16**2


def test_a_crop_enlarges_a_part_of_a_large_picture():
    kept = cutouts(example(200, 200, boxes=((100, 100, 108, 108),)))
    rngs = [np.random.RandomState(i) for i in range(10)]
    crops = [random_crop(kept, 64, 2.0, NONE, rng) for rng in rngs]
    assert max(crop.masks.sum() for crop in crops) == 16 * 16
    assert min(crop.image.min() for crop in crops) > 0  # no padding


def test_a_reduced_mask_is_read_at_the_middles_of_its_pixels():
    crop = cut(cutouts(example(boxes=((5, 5, 8, 8),))), (0, 0, 40, 60), 0.5, 64)
    assert crop.masks.sum() == 4  # rows and columns 5 and 7


def test_a_twentieth_of_an_object_is_a_sliver_however_many_pixels_it_has():
    kept = cutouts(example(boxes=((0, 0, 20, 20),)))
    assert cut(kept, (19, 0, 40, 60), 1.0, 64).class_ids.tolist() == [-1]
    assert cut(kept, (17, 0, 40, 60), 1.0, 64).class_ids.tolist() == [1]


def test_a_crop_s_colours_are_those_of_the_table():
    kept = cutouts(example())
    table = np.tile(255 - np.arange(256, dtype=np.uint8)[:, None], 3)
    plain, changed = (cut(kept, (0, 0, 40, 40), 1.0, 40, t) for t in (None, table))
    assert (changed.image == 255 - plain.image).all()


# What is changed at random


def test_only_what_is_named_is_changed():
    assert augmentation_of([]) == NONE
    assert augmentation_of(["turns", "colour"]) == Augmentation(False, True, 0.0, 0.0, 0.0, 0.1)
    with pytest.raises(SettingError, match="'flip' is unknown; there are mirror, turns"):
        augmentation_of(["flip"])
    whole, rng = example(32, 32), np.random.RandomState(0)
    assert all((turned(whole, NONE, rng).image == whole.image).all() for _ in range(20))
    assert (colour_table(50, NONE, rng) == np.arange(256)[:, None]).all()


def test_left_and_right_are_not_mirrored_and_letters_not_turned():
    assert suited_to(["background", "nucleus"]) == Augmentation()
    assert not suited_to(["background", "left_hand"]).mirror
    assert suited_to(["background", "left_hand"]).turns
    assert not suited_to(["background", "B"]).turns and not suited_to(["background", "7"]).mirror


def test_masks_turn_with_the_picture():
    whole = example(32, 32, boxes=((2, 3, 9, 20),))
    whole.image[whole.masks[0]] = 0
    seen = set()
    for seed in range(40):
        one = turned(whole, Augmentation(), np.random.RandomState(seed))
        assert ((one.image.max(axis=2) == 0) == one.masks[0]).all()
        seen.add(one.masks.tobytes())
    assert len(seen) == 8
    mirrors = {
        turned(whole, augmentation_of(["mirror"]), np.random.RandomState(i)).masks.tobytes()
        for i in range(20)
    }
    assert mirrors == {whole.masks.tobytes(), whole.masks[:, :, ::-1].tobytes()}


def test_a_colour_table_multiplies_and_stretches_around_the_mean():
    bright = colour_table(100, augmentation_of(["brightness"]), np.random.RandomState(0))
    factor = bright[100, 0] / 100
    assert factor != 1 and abs(bright[50, 1] - 50 * factor) <= 0.5
    contrast = colour_table(100, augmentation_of(["contrast"]), np.random.RandomState(0))
    assert (contrast[100] == 100).all() and contrast[150, 0] != 150
    colour = colour_table(100, augmentation_of(["colour"]), np.random.RandomState(0))
    assert len(set(colour[200].tolist())) == 3
    pixels = np.array([[[100, 150, 200]]], np.uint8)
    wanted = [colour[100, 0], colour[150, 1], colour[200, 2]]
    assert recoloured(pixels, colour).tolist() == [[wanted]]


# Rare kinds


def test_pictures_of_a_rare_kind_come_more_often_but_not_endlessly(tmp_path):
    paths = []
    for i in range(100):
        level = 10 if i < 90 else 100 if i < 99 else 250
        paths.append(tmp_path / f"{i}.png")
        Image.new("L", (4, 4), level).save(paths[-1])
    weights = weights_of(paths)
    np.testing.assert_allclose(weights[[0, 90, 99]], [1, np.sqrt(0.25 / 0.09), 4])
