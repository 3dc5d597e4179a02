"""What the network should have said: by hand, at the thresholds, and as the original says it."""

import numpy as np
import pytest
from conftest import stored

from minimaskrcnn.boxes import apply_deltas, iou_matrix
from minimaskrcnn.masks import paste_mask
from minimaskrcnn.training.mask_targets import as_pasted, mask_targets
from minimaskrcnn.training.targets import (
    ROI_POSITIVE_IOU,
    anchor_targets,
    roi_targets,
    with_objects,
)

STD = (0.1, 0.1, 0.2, 0.2)
NO_BOXES = np.zeros((0, 4))


def boxes(*rows, dtype=np.float64):
    return np.array(rows, dtype).reshape(-1, 4)


def rng(seed=0):
    return np.random.RandomState(seed)


def match_of(anchors, objects, crowds=NO_BOXES, count=256):
    return anchor_targets(anchors, objects, crowds, count, rng(), STD)[0].tolist()


# Anchors. An object of 10 x 10; anchors 10 wide and h high have IoU 10 / h (or h / 10).

OBJECT = boxes([0, 0, 10, 10])


def test_an_anchor_that_reaches_0_7_is_positive():
    anchors = boxes([0, 0, 10, 10], [0, 0, 7, 10], [0, 0, 6.99, 10])  # IoU 1, 0.7, 0.699
    assert match_of(anchors, OBJECT) == [1, 1, 0]


def test_an_anchor_below_0_3_is_negative_and_at_0_3_neutral():
    anchors = boxes([0, 0, 10, 10], [0, 0, 3, 10], [0, 0, 2.99, 10])
    assert match_of(anchors, OBJECT) == [1, 0, -1]


def test_the_best_anchor_of_an_object_is_positive_however_poor():
    anchors = boxes([0, 0, 2, 10], [0, 0, 1, 10])
    assert match_of(anchors, OBJECT) == [1, -1]


def test_all_anchors_that_tie_for_best_are_positive():
    anchors = boxes([0, 0, 2, 10], [8, 0, 10, 10], [0, 0, 1, 10])
    assert match_of(anchors, OBJECT) == [1, 1, -1]


def test_an_object_that_no_anchor_overlaps_makes_none_positive():
    anchors = boxes([0, 0, 10, 10], [0, 50, 10, 60], [50, 0, 60, 10])
    beyond = boxes([0, 0, 10, 10], [900, 900, 910, 910])
    assert match_of(anchors, beyond) == [1, -1, -1]
    assert match_of(anchors, beyond[1:]) == [-1, -1, -1]
    assert match_of(anchors, boxes([5, 70, 5, 80])) == [-1, -1, -1]  # has no area


def test_an_anchor_that_leaves_the_image_takes_part():
    assert match_of(boxes([-1, 0, 10, 10], [50, 50, 60, 60]), OBJECT) == [1, -1]


def test_the_background_keeps_away_from_crowds():
    anchors = boxes([0, 0, 10, 10], [50, 50, 60, 60], [100, 100, 110, 110])
    assert match_of(anchors, OBJECT, crowds=boxes([50, 50, 60, 60])) == [1, 0, -1]


def test_touching_a_crowd_by_a_thousandth_is_too_near():
    anchors = boxes([0, 0, 10, 10], [0, 50, 10, 60], [0, 150, 10, 160])
    crowds = boxes([0, 59.98, 10, 69.98], [0, 159.985, 10, 169.985])  # IoU 0.001001, 0.00075
    assert match_of(anchors, OBJECT, crowds) == [1, 0, -1]


def test_an_iou_with_a_crowd_of_exactly_a_thousandth_is_too_near():
    crowd, far = boxes([50, 50, 60, 150]), boxes([200, 200, 210, 210])
    corner = boxes([50, 50, 51, 51])  # 1 of 1000 pixels
    assert iou_matrix(corner, crowd).item() == 0.001
    assert match_of(np.concatenate([OBJECT, corner, far]), OBJECT, crowd) == [1, 0, -1]


def test_without_objects_all_anchors_are_negative():
    match, deltas = anchor_targets(
        boxes([0, 0, 9, 9], [5, 5, 9, 9]), NO_BOXES, NO_BOXES, 4, rng(), STD
    )
    assert match.tolist() == [-1, -1] and deltas.shape == (0, 4)


def test_half_of_the_sample_at_most_is_positive_and_negatives_fill_it_up():
    anchors = np.concatenate([np.tile(OBJECT, (20, 1)), np.tile(OBJECT + 50, (20, 1))])
    match = np.array(match_of(anchors, OBJECT, count=10))
    assert [(match == v).sum() for v in (1, -1, 0)] == [5, 5, 30]
    match = np.array(match_of(anchors[18:], OBJECT, count=10))  # two positives only
    assert [(match == v).sum() for v in (1, -1)] == [2, 8]


def test_a_single_anchor_too_many_is_left_out():
    anchors = np.concatenate([np.tile(OBJECT, (6, 1)), np.tile(OBJECT + 50, (6, 1))])
    match = np.array(match_of(anchors, OBJECT, count=10))  # 5 and 5 of 6 and 6
    assert [(match == v).sum() for v in (1, -1, 0)] == [5, 5, 2]


def test_another_seed_draws_other_anchors():
    anchors = np.tile(OBJECT, (20, 1))
    draws = [anchor_targets(anchors, OBJECT, NO_BOXES, 8, rng(seed), STD)[0] for seed in (0, 0, 1)]
    assert (draws[0] == draws[1]).all() and (draws[0] != draws[2]).any()


def test_deltas_lead_to_the_object_overlapped_most():
    objects = boxes([0, 0, 10, 10], [0, 2, 10, 12], [30, 30, 44, 47])
    anchors = boxes([0, 2, 10, 11], [0, 0, 10, 9], [33, 30, 44, 44])
    match, deltas = anchor_targets(anchors, objects, NO_BOXES, 256, rng(), STD)
    assert match.tolist() == [1, 1, 1]
    moved = apply_deltas(anchors, deltas.astype(np.float64) * STD)
    np.testing.assert_allclose(moved, objects[[1, 0, 2]], atol=1e-5)


# Regions.


def sample_of(proposals, objects, class_ids, count=200, crowds=NO_BOXES, seed=0):
    proposals, objects, crowds = (b.astype(np.float32) for b in (proposals, objects, crowds))
    ids = np.array(class_ids, np.int64)
    return roi_targets(proposals, objects, ids, crowds, count, rng(seed), STD)


def test_another_seed_draws_other_regions():
    tall = np.arange(1, 41) / 64  # heights; from 16 / 64 on they overlap by half
    proposals = np.stack([0 * tall, 0 * tall, tall, 0 * tall + 0.5], axis=1)
    square = boxes([0, 0, 0.5, 0.5])
    draws = [sample_of(proposals, square, [3], count=30, seed=seed).rois for seed in (0, 0, 1, 2)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0][:9], draws[2][:9])  # 9 = int(30 * 0.33) objects
    assert not np.array_equal(draws[2][:9], draws[3][:9])


def test_a_roi_whose_iou_reaches_one_half_is_an_object():
    assert ROI_POSITIVE_IOU == 0.5
    square = boxes([0, 0, 0.5, 0.5])
    exactly = boxes([0, 0, 0.25, 0.5])  # half of it, without rounding
    assert iou_matrix(exactly.astype(np.float32), square.astype(np.float32)) == 0.5
    assert sample_of(exactly, square, [3]).class_ids.tolist() == [3]


def test_a_roi_just_below_one_half_is_background():
    square = boxes([0, 0, 0.5, 0.5])
    below = boxes([0, 0, np.nextafter(np.float32(0.25), np.float32(0)), 0.5])
    assert iou_matrix(below.astype(np.float32), square.astype(np.float32)) < 0.5
    with_a_positive = np.concatenate([square, below])
    sample = sample_of(with_a_positive, square, [3])
    assert sample.class_ids.tolist() == [3, 0] and (sample.rois[1] == below[0]).all()


def test_a_third_of_the_regions_at_most_is_positive_with_two_negatives_for_each():
    square, far = boxes([0, 0, 0.5, 0.5]), boxes([0.6, 0.6, 0.9, 0.9])
    many = np.concatenate([np.tile(square, (300, 1)), np.tile(far, (300, 1))])
    sample = sample_of(many, square, [1])
    assert (sample.class_ids > 0).sum() == 66 and (sample.class_ids == 0).sum() == 134
    sample = sample_of(many[290:], square, [1])  # ten positives
    assert (sample.class_ids > 0).sum() == 10 and (sample.class_ids == 0).sum() == 20


def test_without_positives_there_are_no_negatives():
    sample = sample_of(boxes([0.6, 0.6, 0.9, 0.9]), boxes([0, 0, 0.5, 0.5]), [1])
    assert sample.rois.shape == (0, 4) and sample.deltas.shape == (0, 4)


def test_without_objects_or_proposals_there_is_nothing_to_learn():
    assert len(sample_of(boxes([0, 0, 1, 1]), NO_BOXES, []).rois) == 0
    assert len(sample_of(NO_BOXES, boxes([0, 0, 1, 1]), [1]).rois) == 0


def test_a_region_belongs_to_the_object_it_overlaps_most():
    objects = boxes([0, 0, 0.4, 0.4], [0.1, 0, 0.5, 0.4])
    sample = sample_of(boxes([0.08, 0, 0.48, 0.4]), objects, [1, 2])
    assert sample.class_ids.tolist() == [2] and sample.objects.tolist() == [1]
    moved = apply_deltas(sample.rois, sample.deltas * np.array(STD, np.float32))
    np.testing.assert_allclose(moved, objects[[1]], atol=1e-6)


def test_background_regions_keep_away_from_crowds():
    square, crowd = boxes([0, 0, 0.5, 0.5]), boxes([0.6, 0.6, 0.9, 0.9])
    proposals = np.concatenate([square, crowd, boxes([0.6, 0, 0.9, 0.3])])
    sample = sample_of(proposals, square, [1], crowds=crowd)
    assert sorted(sample.rois[:, :2].tolist()) == [[0, 0], [np.float32(0.6), 0]]


def test_added_objects_are_found_whatever_the_proposals():
    objects = boxes([0, 0, 0.2, 0.3], [0.5, 0.5, 1, 1], dtype=np.float32)
    proposals = with_objects(np.zeros((0, 4), np.float32), objects, 3, 0.1, rng())
    assert proposals.shape == (8, 4) and (proposals[:2] == objects).all()
    assert proposals.min() >= 0 and proposals.max() <= 1
    best = iou_matrix(proposals, objects).max(axis=1)
    assert (best >= 0.6).all() and (best[2:] < 1).all()  # shaken by up to a tenth of their sides


# Masks.


def test_a_mask_target_is_the_part_of_the_mask_in_the_region():
    mask = np.zeros((1, 5, 5), bool)
    mask[0, :3, :3] = True
    target = mask_targets(mask, np.array([[0.25, 0, 1, 0.75]], np.float32), 4)
    assert target[0].tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_mask_targets_are_rounded_only_if_asked():
    mask = np.array([[[True, False]] * 2])
    roi = np.array([[0, 0, 1, 1]], np.float32)
    assert mask_targets(mask, roi, 3)[0, 0].tolist() == [1, 0, 0]  # half to even
    assert mask_targets(mask, roi, 3, rounded=False)[0, 0].tolist() == [1, 0.5, 0]


@pytest.mark.parametrize("radius", [4, 7.5, 14, 31])
def test_a_target_as_pasted_pastes_to_the_mask_it_was_cut_from(radius):
    y, x = np.mgrid[:128, :128]
    mask = (y - 60.3) ** 2 + (x - 66.8) ** 2 <= radius**2
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])
    roi = ((box - [0, 0, 1, 1]) / 127).astype(np.float32)[None]
    as_drawn = mask_targets(mask[None], as_pasted(roi, 28, mask.shape), 28, rounded=False)
    pasted = paste_mask(as_drawn[0], box, mask.shape)
    assert (pasted & mask).sum() / (pasted | mask).sum() > 0.99


def test_the_outermost_cells_as_pasted_lie_half_a_cell_inside():
    roi = np.array([[10, 20, 65, 47]], np.float32) / 100  # pixels 10 … 65: 56 rows, 28 columns
    moved = as_pasted(roi, 28, (101, 101))
    np.testing.assert_allclose(moved[0] * 100, [10.5, 20, 64.5, 47], atol=1e-4)


# The original.


@pytest.mark.parametrize("case", [0, 1, 2])
def test_anchor_targets_are_the_original_s(case):
    arrays = stored("ops_targets")
    case = {
        k.removeprefix(f"rpn{case}_"): v for k, v in arrays.items() if k.startswith(f"rpn{case}")
    }
    crowd = case["gt_class_ids"] < 0
    match, deltas = anchor_targets(
        arrays["anchors_pixels"],
        case["gt_boxes"][~crowd],
        case["gt_boxes"][crowd],
        int(case["train_anchors"]),
        rng(int(case["np_random_seed"])),
        STD,
    )
    assert (match == case["match"]).all()
    assert (match == 1).any() and (match == -1).any()
    np.testing.assert_allclose(deltas, case["bbox"][: len(deltas)], rtol=1e-5, atol=1e-6)
    assert (case["bbox"][len(deltas) :] == 0).all()


def original_rois(case):
    """A case of the original, and how many positive and negative regions it has drawn."""
    arrays = stored("ops_targets")
    case = {
        k.removeprefix(f"det{case}_"): v for k, v in arrays.items() if k.startswith(f"det{case}_")
    }
    drawn = int((case["rois"] != 0).any(axis=1).sum())
    return case, int((case["class_ids"] > 0).sum()), drawn


def objects_of(case):
    """Boxes, class ids and masks of a case's objects, and the boxes of its crowds."""
    ids, filled = case["gt_class_ids"], (case["gt_boxes"] != 0).any(axis=1)
    real = filled & (ids > 0)
    masks = case["gt_masks"].transpose(2, 0, 1)[real]
    return (
        case["gt_boxes"][real],
        ids[real].astype(np.int64),
        masks,
        case["gt_boxes"][filled & (ids < 0)],
    )


def lexical(rois):
    return np.lexsort(rois.T)


@pytest.mark.parametrize("number", range(5))
def test_roi_targets_are_the_original_s_for_the_regions_it_drew(number):
    case, positives, drawn = original_rois(number)
    gt_boxes, ids, _, crowds = objects_of(case)
    rois, count = case["rois"][:drawn], int(case["train_rois"])
    sample = roi_targets(rois, gt_boxes, ids, crowds, count, rng(), STD)
    assert len(sample.objects) == positives and len(sample.rois) == drawn
    ours, theirs = lexical(sample.rois), lexical(rois)
    assert (sample.rois[ours] == rois[theirs]).all()
    assert (sample.class_ids[ours] == case["class_ids"][:drawn][theirs]).all()
    np.testing.assert_allclose(sample.deltas[ours], case["deltas"][:drawn][theirs], atol=2e-5)


@pytest.mark.parametrize("number", range(5))
def test_as_many_regions_are_drawn_as_the_original_draws(number):
    case, positives, drawn = original_rois(number)
    gt_boxes, ids, _, crowds = objects_of(case)
    filled = (case["proposals"] != 0).any(axis=1)
    sample = roi_targets(
        case["proposals"][filled], gt_boxes, ids, crowds, int(case["train_rois"]), rng(), STD
    )
    assert (len(sample.objects), len(sample.rois)) == (positives, drawn)


def within_boxes(rois, boxes):
    """Regions normalised to boxes: the original may keep a mask within its box only."""
    start, size = np.tile(boxes[:, :2], 2), np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return (rois - start) / size


@pytest.mark.parametrize("number", range(5))
def test_mask_targets_are_the_original_s(number):
    case, positives, _ = original_rois(number)
    gt_boxes, ids, masks, _ = objects_of(case)
    rois = case["rois"][:positives]
    objects = iou_matrix(rois, gt_boxes).argmax(axis=1)
    where = within_boxes(rois, gt_boxes[objects]) if case["use_mini_mask"] else rois
    ours = mask_targets(masks[objects], where, 28)
    assert ours.any() == (positives > 0)
    assert (ours == case["masks"][:positives]).all()


def test_copies_of_an_object_are_shaken_in_and_out_on_every_side():
    own = boxes([0.3, 0.4, 0.7, 0.6], dtype=np.float32)
    copies = with_objects(boxes(dtype=np.float32), own, 200, 0.1, rng())[1:]
    moves = (copies - own) / [0.4, 0.2, 0.4, 0.2]  # in sides of the box
    assert (moves.min(axis=0) < -0.08).all() and (moves.max(axis=0) > 0.08).all()
    assert np.abs(moves).max() <= 0.1 + 1e-6
