"""Large photographs, looked at in tiles."""

from dataclasses import replace

import numpy as np
import pytest

from minimaskrcnn import load_model
from minimaskrcnn.boxes import iou_matrix
from minimaskrcnn.config import SHAPES, Config
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.results import Detections
from minimaskrcnn.results.tiles import OVERLAP, _is_same, join, tiles_of
from minimaskrcnn.weights.configs import config_from_dict


def config(scale=1.0, side=512):
    return Config(resize_mode="scale", image_scale=scale, image_max_size=side)


def found(boxes, scores, shape=(600, 600), class_ids=None):
    """Detections that fill their boxes."""
    return Detections(
        image=np.zeros((*shape, 3), np.uint8),
        boxes=np.array(boxes, np.int32).reshape(-1, 4),
        class_ids=np.array(class_ids or [1] * len(scores), np.int64),
        scores=np.array(scores, np.float32),
        mask_probs=np.ones((len(scores), 28, 28), np.float32),
        class_names=("background", "a", "b"),
    )


# Where the tiles lie


@pytest.mark.parametrize("side", [320, 448, 512, 960])  # half of 448 is no whole number of cells
@pytest.mark.parametrize("scale", [0.25, 0.7, 1.0, 2.0])
@pytest.mark.parametrize("size", [100, 512, 513, 650, 700, 1999, 5000])
def test_tiles_cover_the_photograph_overlap_and_are_never_too_large(size, scale, side):
    tiles = tiles_of((size, 300), config(scale, side))
    rows = sorted({(y1, y2) for y1, _, y2, _ in tiles.tolist()})
    assert rows[0][0] == 0 and rows[-1][1] == size
    assert all((y2 - y1) * scale <= side + scale for y1, y2 in rows)
    shared = [(before[1] - after[0]) * scale for before, after in zip(rows, rows[1:], strict=False)]
    assert all(s >= min(OVERLAP, side / 2) - scale for s in shared)


def test_tiles_start_where_cells_of_the_coarsest_map_do():
    for size in (700, 1300, 2500):
        assert all(y1 % 32 == 0 for y1, *_ in tiles_of((size, 40), config(2.0)).tolist())


def test_other_modes_and_small_photographs_have_one_tile():
    assert tiles_of((9000, 9000), Config()).tolist() == [[0, 0, 9000, 9000]]
    assert tiles_of((512, 512), config()).tolist() == [[0, 0, 512, 512]]
    assert len(tiles_of((512, 513), config())) == 2


# What two tiles have seen is kept once

LEFT_RIGHT = np.array([[0, 0, 600, 400], [0, 200, 600, 600]])
PHOTO = np.zeros((600, 600, 3), np.uint8)


def joined(left, right, limit=100):
    return join([left, right], LEFT_RIGHT, PHOTO, limit)


def test_an_object_seen_twice_is_kept_once_with_the_better_score():
    result = joined(found([[10, 250, 60, 300]], [0.8]), found([[10, 51, 60, 101]], [0.9]))
    assert result.boxes.tolist() == [[10, 251, 60, 301]] and result.scores.tolist() == [
        np.float32(0.9)
    ]


def test_what_a_border_cuts_gives_way_to_the_whole_object_though_it_is_surer():
    result = joined(found([[10, 370, 60, 400]], [0.99]), found([[10, 170, 60, 230]], [0.6]))
    assert result.boxes.tolist() == [[10, 370, 60, 430]]


def test_at_the_photograph_s_own_border_nothing_counts_as_cut():
    result = joined(found([[0, 0, 50, 50]], [0.7]), found([[550, 350, 600, 400]], [0.6]))
    assert len(result) == 2


def test_neighbours_and_other_classes_are_not_the_same_object():
    left = found([[10, 250, 60, 300]], [0.8])
    assert len(joined(left, found([[10, 95, 60, 145]], [0.9]))) == 2  # shares 5 of 50 columns
    assert len(joined(left, found([[10, 50, 60, 100]], [0.9], class_ids=[2]))) == 2


def test_two_objects_of_one_tile_are_left_to_that_tile_s_own_nms():
    assert len(joined(found([[0, 0, 50, 50], [0, 5, 50, 50]], [0.9, 0.8]), found([], []))) == 2


def test_an_object_longer_than_the_overlap_is_put_together_from_its_pieces():
    left, right = found([[10, 100, 60, 400]], [0.8]), found([[12, 0, 58, 350]], [0.9])
    left.mask_probs[0, :, -4:] = 0  # near its tile's border it sees less
    result = joined(left, right)
    assert result.boxes.tolist() == [[10, 100, 60, 550]]
    assert result.scores.tolist() == [np.float32(0.9)]
    wanted = left[0].mask
    wanted[12:58, 200:550] = True
    assert (result[0].mask == wanted).all()


def test_pieces_are_compared_only_where_both_tiles_look():  # of 390 and 400 columns 190 are shared
    result = joined(found([[10, 0, 60, 400]], [0.8]), found([[10, 10, 60, 400]], [0.9]))
    assert len(result) == 2  # the right one ends at the photograph's border, but not at its left
    result = joined(found([[10, 0, 60, 400]], [0.8]), found([[10, 0, 60, 400]], [0.9]))
    assert result.boxes.tolist() == [[10, 0, 60, 600]]


def test_pieces_are_the_same_by_their_pixels_wherever_boxes_and_window_lie():
    rng = np.random.RandomState(0)
    verdicts = []
    for _ in range(300):
        corners = np.sort(rng.randint(0, 12, (3, 2, 2)), axis=1) + [[[0], [1]]]  # start, end
        one, other, window = corners.reshape(3, 4)
        pair = found([one, other], [0.9, 0.8], (13, 13))
        shown = np.zeros((13, 13), bool)
        shown[window[0] : window[2], window[1] : window[3]] = True
        first, second = pair[0].mask & shown, pair[1].mask & shown
        wanted = (first & second).sum() > 0.5 * min(first.sum(), second.sum())
        assert _is_same(pair[0], pair[1], window[:2], window[2:]) == wanted
        verdicts.append(wanted)
    assert 20 < sum(verdicts) < 280


def test_pieces_of_three_tiles_become_one_object_and_others_stay():
    tiles = np.array([[0, 0, 600, 300], [0, 150, 600, 450], [0, 300, 600, 600]])
    long = [[10, 50, 60, 300], [10, 0, 60, 300], [10, 0, 60, 250]]
    pieces = [
        found([box, [200, 5, 220, 25]], [score, 0.6])
        for box, score in zip(long, (0.7, 0.7, 0.9), strict=True)
    ]
    result = join(pieces, tiles, PHOTO, 100)
    assert result.boxes[0].tolist() == [10, 50, 60, 550]
    assert len(result) == 4 and sorted(result.areas)[:3] == [400, 400, 400]


@pytest.mark.parametrize(
    ("right", "class_id"), [([70, 0, 120, 350], 1), ([40, 0, 90, 350], 1), ([10, 0, 60, 350], 2)]
)
def test_pieces_of_two_objects_are_not_joined(right, class_id):
    both = joined(found([[10, 100, 60, 400]], [0.8]), found([right], [0.9], class_ids=[class_id]))
    assert len(both) == 2


def test_pieces_give_way_to_a_tile_that_sees_the_whole():
    tiles = np.array([[0, 0, 600, 300], [0, 100, 600, 500], [0, 300, 600, 600]])
    pieces = [found([[10, 200, 60, 300]], [0.9]), found([[10, 100, 60, 300]], [0.5])]
    result = join([*pieces, found([[10, 0, 60, 100]], [0.8])], tiles, PHOTO, 100)
    assert result.boxes.tolist() == [[10, 200, 60, 400]]


def test_the_best_of_all_tiles_are_kept_in_the_order_of_their_scores():
    left = found([[0, 0, 50, 50], [100, 0, 150, 50]], [0.5, 0.9])
    result = joined(left, found([[300, 300, 350, 350]], [0.7]), limit=2)
    assert result.scores.tolist() == [np.float32(0.9), np.float32(0.7)]


def test_a_model_limits_the_objects_of_a_tile_and_a_call_those_of_the_photograph(monkeypatch):
    def two(model, photo, keep):
        return found([[10, 10, 60, 60], [100, 10, 150, 60]], [0.9, 0.8], photo.shape[:2])

    monkeypatch.setattr("minimaskrcnn.model.run", two)
    settings = replace(
        SHAPES, resize_mode="scale", image_scale=1.0, image_max_size=512, max_detections=2
    )
    model, photo = replace(load_model("shapes"), config=settings), np.zeros((300, 600, 3), np.uint8)
    assert len(model.predict(photo)) == 4
    assert len(model.predict(photo, max_detections=2)) == 2
    assert [len(result) for result in model.predict_each([photo])] == [4]
    assert [len(result) for result in model.predict_each([photo], max_detections=2)] == [2]


# Tiles against the whole


@pytest.fixture(scope="module")
def both():
    """What is found in 2 x 6 scenes side by side, as a whole and in two tiles."""
    rows = [np.hstack([scene(160 + 6 * i + j).image for j in range(6)]) for i in range(2)]
    photo = np.vstack(rows)  # (256, 768, 3)
    model = load_model("shapes")
    settings = replace(
        SHAPES,
        resize_mode="scale",
        image_scale=1.0,
        pre_nms_proposals=9000,
        post_nms_proposals=3000,
        max_detections=1000,
        min_score=0.5,
    )
    whole = replace(model, config=replace(settings, image_max_size=768)).predict(photo)
    tiled = replace(settings, image_max_size=512)
    assert len(tiles_of(photo.shape, tiled)) == 2
    return whole, replace(model, config=tiled).predict(photo)


def away(result):
    """Detections at least 96 pixels from the tiles' inner borders, at 256 and 512."""
    _, start, _, end = result.boxes.T
    near = [(start < border + 96) & (end > border - 96) for border in (256, 512)]
    return result[~np.any(near, axis=0)]


def test_away_from_the_seams_tiles_find_what_the_whole_photograph_shows(both):
    whole, tiled = map(away, both)
    assert len(whole) == len(tiled) > 9
    order, other = np.lexsort(whole.boxes.T), np.lexsort(tiled.boxes.T)
    assert np.abs(whole.boxes[order] - tiled.boxes[other]).max() <= 1
    np.testing.assert_allclose(whole.scores[order], tiled.scores[other], atol=0.15)


def test_at_the_seams_nothing_is_lost_and_nothing_found_twice(both):
    whole, tiled = both
    iou = iou_matrix(whole.boxes.astype(float), tiled.boxes.astype(float))
    assert (iou.max(axis=1) > 0.5).mean() > 0.95
    assert abs(len(whole) - len(tiled)) <= 0.04 * len(whole)


@pytest.mark.parametrize(
    "values", [{}, {"image_scale": 1e6}, {"image_scale": 1e-6}, {"image_max_size": 1000}]
)
def test_a_file_whose_scale_cannot_work_is_refused(values):
    given = {"resize_mode": "scale", "image_max_size": 512} | values
    if "image_max_size" in values:
        given["image_scale"] = 1.0
    with pytest.raises(WeightsError, match="resize_mode|image_scale"):
        config_from_dict("model.h5", given)
