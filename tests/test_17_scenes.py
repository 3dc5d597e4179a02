"""The synthetic scenes: exact masks, the stated difficulty, the same bits for the same seed."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from minimaskrcnn.datasets import Example, boxes_of_masks
from minimaskrcnn.datasets.drawing import HARD, PLAIN, _background
from minimaskrcnn.datasets.patterns import blobs, checks, flat, gradient, sine, stripes
from minimaskrcnn.datasets.scenes import CLASS_NAMES, _touching, draw, scene, sheet, statistics

CIRCLE, SQUARE, TRIANGLE = 1, 2, 3

# SHA-256 (first 16 digits) of image, class ids and masks. They change only if scenes do, and then
# whatever was trained or measured on scenes has to be made anew.
DIGESTS = {
    (0, 128): "51231cfe5c3a1555",
    (1, 128): "0c4bce07b7b19697",
    (2, 128): "1619cabc51484188",
    (3, 128): "cda69deeaf758c13",
    (6, 128): "63122b62d8884fe6",
    (8, 128): "95505dd6c74a34e9",
    (12, 128): "a225834c5fa53423",
    (23, 128): "c39d4f2661a35cc3",
    (25, 128): "309758a2faff84b9",
    (4294967295, 128): "c4813e2b05f79517",
    (33, 192): "16a8a7f22fdd0b21",
    (31, 256): "2444c5a8e9dd24d3",
}
HARD_DIGESTS = {
    (0, 128): "a3837fd24ab4778b",
    (6, 128): "b18354733a222dff",
    (7, 128): "9aa90fe2ce3c665f",
    (1000001, 128): "e099673b4e34bf11",
    (15, 256): "e82517b51dd0d8a6",
}


@pytest.fixture(scope="module")
def drawings():
    return [draw(seed) for seed in range(300)]


def digest(example):
    sha = hashlib.sha256(example.image.tobytes())
    sha.update(example.class_ids.astype("<i8").tobytes())
    sha.update(np.packbits(example.masks).tobytes())
    return sha.hexdigest()[:16]


def full_mask(shape, size):
    """The pixels of a whole shape by its corners: inside is left of every edge in turn."""
    if shape.hole:
        solid, hole = (replace(shape, radius=r, hole=0.0) for r in (shape.radius, shape.hole))
        return full_mask(solid, size) & ~full_mask(hole, size)
    y, x = np.mgrid[:size, :size] + 0.5
    if shape.class_id == CIRCLE:
        return np.hypot(y - shape.y, x - shape.x) <= shape.radius
    corners = {SQUARE: 4, TRIANGLE: 3}[shape.class_id]
    turn = shape.angle + np.pi / corners + 2 * np.pi * np.arange(corners) / corners
    corner_y, corner_x = (
        shape.y + shape.radius * np.sin(turn),
        shape.x + shape.radius * np.cos(turn),
    )
    inside = np.ones((size, size), bool)
    for i in range(corners):
        j = (i + 1) % corners
        edge_y, edge_x = corner_y[j] - corner_y[i], corner_x[j] - corner_x[i]
        inside &= edge_x * (y - corner_y[i]) - edge_y * (x - corner_x[i]) >= 0
    return inside


def ground_of(seed, size=128):
    """The picture before any shape."""
    centres = (np.arange(size) + 0.5) * 128 / size
    colours, mix = _background(np.random.RandomState(seed), centres[:, None], centres[None, :])
    return colours[0] + mix[:, :, None] * (colours[1] - colours[0])


# The same seed, the same bits


@pytest.mark.parametrize("seed, size", DIGESTS)
def test_a_seed_gives_the_stored_bits(seed, size):
    assert digest(scene(seed, size)) == DIGESTS[seed, size]


@pytest.mark.parametrize("seed, size", HARD_DIGESTS)
def test_a_seed_gives_the_stored_bits_of_a_hard_scene(seed, size):
    assert digest(scene(seed, size, hard=True)) == HARD_DIGESTS[seed, size]


def test_the_stored_scenes_use_every_pattern(monkeypatch):
    used = set()

    def watched(pattern):
        return lambda rng, y, x: (used.add(pattern.__name__), pattern(rng, y, x))[1]

    patterns = (flat, gradient, sine, stripes, blobs, checks)
    for pattern in patterns:
        monkeypatch.setattr(f"{_background.__module__}.{pattern.__name__}", watched(pattern))
    for seed, size in DIGESTS:
        ground_of(seed, size)
    assert used == {pattern.__name__ for pattern in patterns}


def test_a_scene_neither_reads_nor_moves_the_global_random_numbers():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = digest(scene(5))
    assert np.array_equal(np.random.get_state()[1], before)
    np.random.seed(2)
    assert digest(scene(5)) == first


def test_neighbouring_seeds_give_different_scenes():
    assert len({digest(scene(seed)) for seed in range(100)}) == 100


# Exact masks


def test_an_example_has_the_stated_shapes_and_types():
    example = scene(3, 192)
    n = len(example.class_ids)
    assert example.image.shape == (192, 192, 3) and example.image.dtype == np.uint8
    assert example.masks.shape == (n, 192, 192) and example.masks.dtype == np.bool_
    assert example.class_ids.dtype == np.int64 and example.image_id == 3
    assert example.boxes.shape == (n, 4) and example.boxes.dtype == np.int32
    assert example.image.flags.c_contiguous


@pytest.mark.parametrize("difficulty", [PLAIN, HARD], ids=["plain", "hard"])
@pytest.mark.parametrize("size", [128, 192, 256])
def test_a_mask_is_the_shape_less_what_lies_in_front_of_it(size, difficulty):
    for seed in range(40):
        drawing, covered = draw(seed, size, difficulty), np.zeros((size, size), bool)
        for shape, mask in zip(drawing.shapes, drawing.masks, strict=True):
            full = full_mask(shape, size)
            assert np.array_equal(mask, full & ~covered)
            assert shape.visible == mask.sum() / full.sum()
            covered |= full


def test_masks_of_a_scene_are_disjoint(drawings):
    assert all(drawing.masks.sum(axis=0).max() == 1 for drawing in drawings)


def test_before_the_noise_a_plain_shape_has_one_colour_and_a_textured_one_a_blend_of_two(drawings):
    for drawing in drawings:
        for shape, mask in zip(drawing.shapes, drawing.masks, strict=True):
            pixels = drawing.clean[mask]  # (pixels, 3)
            if not shape.textured:
                assert (pixels == pixels[0]).all()
            lengths = np.linalg.svd(pixels - pixels.mean(axis=0), compute_uv=False)
            assert lengths[1] < 1e-9 * max(1, lengths[0])  # all on one line through colour space


def test_before_the_noise_what_no_mask_covers_is_the_ground(drawings):
    for seed, drawing in enumerate(drawings):
        bare = ~drawing.masks.any(axis=0)
        assert np.array_equal(drawing.clean[bare], ground_of(seed)[bare])


def test_the_picture_is_the_clean_one_with_the_noise_added_and_rounded(drawings):
    for seed in range(20):
        noisy = drawings[seed].clean + drawings[seed].noise
        expected = np.minimum(np.maximum(np.round(noisy), 0), 255)
        assert np.array_equal(scene(seed).image, expected)


def test_classes_are_numbered_from_one_and_named_after_the_background():
    assert CLASS_NAMES == ("background", "circle", "square", "triangle")
    corners = {CIRCLE: np.pi, SQUARE: 2.0, TRIANGLE: 3 * np.sqrt(3) / 4}  # area / radius squared
    for seed in range(60):
        for shape, mask in zip(draw(seed, 256).shapes, draw(seed, 256).masks, strict=True):
            inside = min(shape.y, shape.x, 256 - shape.y, 256 - shape.x) > shape.radius
            if shape.visible == 1 and inside:
                assert mask.sum() == pytest.approx(
                    corners[shape.class_id] * shape.radius**2, rel=0.06
                )


# The difficulty


def test_a_scene_has_one_to_six_shapes_in_about_equal_shares(drawings):
    count = statistics(drawings)["shapes in a scene"]
    assert set(count) == {1, 2, 3, 4, 5, 6}
    assert all(0.08 < (count == n).mean() < 0.25 for n in range(1, 7))


def test_radii_lie_between_6_and_30_pixels_and_centres_well_inside(drawings):
    shapes = [shape for drawing in drawings for shape in drawing.shapes]
    radius = np.array([shape.radius for shape in shapes])
    assert 6 <= radius.min() < 6.3 and 29 < radius.max() <= 30
    assert np.median(radius) == pytest.approx(np.sqrt(6 * 30), rel=0.1)  # every octave alike
    centre = np.array([[shape.y, shape.x] for shape in shapes])
    margin = np.minimum(centre, 128 - centre) / radius[:, None]
    assert (margin >= 0.7).all() and (margin.min(axis=0) < 0.75).all()


def test_what_is_left_of_a_shape_is_at_least_20_percent_and_20_pixels(drawings):
    numbers = statistics(drawings)
    assert 0.2 <= numbers["visible share"].min() < 0.25
    assert 20 <= numbers["visible pixels"].min() < 30
    assert 0.15 < numbers["partly hidden"].mean() < 0.35


def test_a_shape_too_hidden_is_not_in_the_picture_either(drawings):
    wanted = [np.random.RandomState(seed) for seed in range(300)]
    drawn = sum(len(drawing.shapes) for drawing in drawings)
    for seed, rng in enumerate(wanted):
        centres = np.arange(128) + 0.5
        _background(rng, centres[:, None], centres[None, :])
        wanted[seed] = rng.randint(1, 7)
    assert 0.93 < drawn / sum(wanted) < 0.99  # some were left out


def test_a_shape_differs_from_its_ground_and_from_those_in_front_by_30_grey_levels(drawings):
    measured = []
    for seed, drawing in enumerate(drawings):
        ground, fronts = ground_of(seed), []
        for shape, mask in zip(drawing.shapes, drawing.masks, strict=True):
            mean = drawing.clean[mask].mean(axis=0)
            contrast = np.abs(mean - ground[mask].mean(axis=0)).max()
            assert shape.contrast == pytest.approx(contrast)
            assert contrast >= 30 - 1e-9
            assert all(np.abs(mean - front).max() >= 30 - 1e-9 for front in fronts)
            fronts.append(mean)
            measured.append(contrast)
    assert np.mean(np.array(measured) < 60) > 0.1  # and is often no more than faint


def test_about_a_third_or_more_of_the_shapes_touch_another(drawings):
    assert 1 / 3 <= statistics(drawings)["touches another"].mean() < 0.5


def test_a_quarter_of_the_shapes_are_textured_and_the_classes_are_equally_common(drawings):
    numbers = statistics(drawings)
    assert numbers["textured"].mean() == pytest.approx(0.25, abs=0.05)
    for name in CLASS_NAMES[1:]:
        assert numbers[f"is a {name}"].mean() == pytest.approx(1 / 3, abs=0.05)


def test_the_noise_is_normal_with_a_deviation_from_0_to_12(drawings):
    deviation = statistics(drawings)["noise, grey levels"]
    assert 0 <= deviation.min() < 0.5 and 11.5 < deviation.max() < 12.1
    assert deviation.mean() == pytest.approx(6, abs=0.6)
    noise = np.array([drawing.noise / drawing.noise.std() for drawing in drawings[:100]])
    assert abs(noise.mean()) < 0.002 and abs((noise**3).mean()) < 0.01
    assert (noise**4).mean() == pytest.approx(3, abs=0.03)
    assert (noise < -1.6449).mean() == pytest.approx(0.05, abs=0.001)
    flat = noise.reshape(-1, 3)
    assert abs(np.corrcoef(flat.T) - np.eye(3)).max() < 0.005  # channels are independent …
    assert abs((flat[1:] * flat[:-1]).mean()) < 0.005  # … and so are neighbours


def test_half_of_the_grounds_have_two_colours_close_to_each_other():
    centres = np.arange(128) + 0.5
    near = 0
    for seed in range(600):
        colours, mix = _background(np.random.RandomState(seed), centres[:, None], centres[None, :])
        assert mix.min() >= 0 and mix.max() <= 1
        near += np.abs(colours[0] - colours[1]).max() <= 40
    assert near / 600 == pytest.approx(0.5, abs=0.06)


def test_a_larger_scene_is_the_same_scene_drawn_finer():
    for seed in range(20):
        small, large = draw(seed), draw(seed, 256)
        if len(small.shapes) == len(large.shapes):
            for one, other in zip(small.shapes, large.shapes, strict=True):
                assert (other.y, other.x) == pytest.approx((2 * one.y, 2 * one.x))
                assert (other.radius, other.angle) == pytest.approx((2 * one.radius, one.angle))
        coarse = large.masks.any(axis=0)[::2, ::2]
        assert (coarse == small.masks.any(axis=0)).mean() > 0.95


@pytest.mark.parametrize("size", [64, 100])
def test_a_small_scene_has_no_shape_under_6_pixels_and_never_none_at_all(size):
    radius = [shape.radius for seed in range(200) for shape in draw(seed, size).shapes]
    assert 6 <= min(radius) < 6.2 and max(radius) <= 30 * size / 128
    assert all(draw(seed, size).shapes for seed in range(200))


# Hard scenes


@pytest.fixture(scope="module")
def hard_drawings():
    return [draw(seed, 128, HARD) for seed in range(300)]


def test_a_hard_scene_has_more_shapes_smaller_and_larger_ones(hard_drawings):
    assert {len(drawing.shapes) for drawing in hard_drawings} == set(range(1, 11))
    shapes = [shape for drawing in hard_drawings for shape in drawing.shapes]
    radius = np.array([shape.radius for shape in shapes])
    assert 4 <= radius.min() < 4.2 and 58 < radius.max() <= 60
    centre = np.array([[shape.y, shape.x] for shape in shapes])
    margin = np.minimum(centre, 128 - centre) / radius[:, None]
    assert (margin >= 0.7 - 1e-9).all() and (margin.min(axis=0) < 0.701).all()


def test_a_fifth_of_the_shapes_of_hard_scenes_are_outlines_of_two_pixels_or_more(hard_drawings):
    shapes = [shape for drawing in hard_drawings for shape in drawing.shapes]
    hollow = [shape for shape in shapes if shape.hole]
    assert len(hollow) / len(shapes) == pytest.approx(0.2, abs=0.04)
    assert {shape.class_id for shape in hollow} == {CIRCLE, SQUARE, TRIANGLE}
    inner = {CIRCLE: 1, SQUARE: np.sqrt(1 / 2), TRIANGLE: 1 / 2}  # of the circle inside, to radius
    walls = np.array([(s.radius - s.hole) * inner[s.class_id] for s in hollow])
    shares = walls / [s.radius * inner[s.class_id] for s in hollow]
    assert walls.min() == pytest.approx(2)
    assert 0.15 <= shares.min() < 0.17 and np.all((shares <= 0.4) | (walls < 2 + 1e-9))


def test_three_quarters_of_the_shapes_of_hard_scenes_touch_another(hard_drawings):
    assert 0.7 < statistics(hard_drawings)["touches another"].mean() < 0.85


def test_far_more_shapes_of_hard_scenes_are_faint(drawings, hard_drawings):
    faint, hard = ((statistics(d)["contrast, grey levels"] < 60) for d in (drawings, hard_drawings))
    assert faint.mean() < 0.2 < hard.mean() - 0.05


def test_a_larger_hard_scene_is_the_same_scene_drawn_finer():
    pairs = [(draw(seed, 128, HARD), draw(seed, 256, HARD)) for seed in range(20)]
    layouts = [
        [[(s.y, s.x, s.radius, s.hole) for s in drawing.shapes] for drawing in pair]
        for pair in pairs
    ]
    same = [
        len(small) == len(large) and np.allclose(2 * np.array(small), large)
        for small, large in layouts
    ]
    assert sum(same) > 12  # in the others a shape is just visible enough at one of the sizes


# The patterns, with the random numbers given


class Given:
    """Stands in for a random generator: hands out the numbers it was made with."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def uniform(self, low=0.0, high=1.0, size=None):
        return self.numbers.pop(0)

    randint = uniform


def pattern_of(pattern, *numbers):
    centres = np.arange(128) + 0.5
    return pattern(Given(*numbers), centres[:, None], centres[None, :])


def test_stripes_change_twice_a_period_along_their_direction():
    across, down = np.arange(128) // 4 % 2, np.ones((128, 1))
    assert np.array_equal(pattern_of(stripes, 0.0, np.log(8), 0.0), down * across)
    assert np.array_equal(pattern_of(stripes, 0.0, np.log(8), 0.5), down * (1 - across))
    assert np.array_equal(pattern_of(stripes, np.pi / 2, np.log(8), 1e-6), (down * across).T)


def test_waves_are_a_sine_from_0_to_1():
    expected = 0.5 + 0.5 * np.sin(2 * np.pi * (np.arange(128) + 0.5) / 16)
    assert np.allclose(pattern_of(sine, 0.0, np.log(16), 0.0), expected[None, :])


def test_a_gradient_goes_straight_from_0_to_1():
    assert np.allclose(pattern_of(gradient, np.pi / 2, 0.0, 0.3), np.linspace(0, 1, 128)[:, None])


def test_checks_alternate_in_both_directions():
    y, x = np.mgrid[:128, :128]
    assert np.array_equal(pattern_of(checks, 0.0, 8.0, 0.0, 0.0), (x // 8 + y // 8) % 2)
    assert np.array_equal(pattern_of(checks, 0.0, 8.0, 0.5, 0.0), ((x + 4) // 8 + y // 8) % 2)


def test_blobs_pass_through_their_nodes_and_stay_between_them():
    nodes = np.random.RandomState(0).uniform(0, 1, (5, 5))
    blob = pattern_of(blobs, 4, nodes)
    for row, column in ((1, 1), (1, 3), (3, 2)):  # nodes are 32 pixels apart
        assert blob[32 * row, 32 * column] == pytest.approx(nodes[row, column], abs=0.01)
    assert blob[48, 32] == pytest.approx((nodes[1, 1] + nodes[2, 1]) / 2, abs=0.05)  # half way
    assert nodes[1:3, 1:3].min() <= blob[32:64, 32:64].min()
    assert blob[32:64, 32:64].max() <= nodes[1:3, 1:3].max()


def test_flat_is_one_colour():
    assert not pattern_of(flat).any()


# What is said about them


def test_touching_means_side_by_side_not_corner_to_corner():
    masks = np.zeros((4, 6, 6), bool)
    masks[0, 0:2, 0:2] = True
    masks[1, 0:2, 2:4] = True  # beside the first
    masks[2, 2:4, 4:6] = True  # at a corner of the second
    masks[3, 5, 0:2] = True  # away
    assert _touching(masks).tolist() == [True, True, False, False]
    masks[3, 4, 4] = True  # under the third
    assert _touching(masks).tolist() == [True, True, True, True]


def test_boxes_are_tight_and_exclude_their_end():
    masks = np.zeros((3, 5, 7), bool)
    masks[0, 1:3, 2:6] = True
    masks[1, 4, 6] = masks[1, 0, 3] = True  # the last pixel of all, and one in the first row
    assert boxes_of_masks(masks).tolist() == [[1, 2, 3, 6], [0, 3, 5, 7], [0, 0, 0, 0]]
    assert boxes_of_masks(masks[:0]).shape == (0, 4)
    example = Example(np.zeros((5, 7, 3), np.uint8), np.array([1, 2, 3]), masks)
    assert np.array_equal(example.boxes, boxes_of_masks(masks))


def test_a_sheet_shows_every_scene_beside_its_outlines(tmp_path):
    from matplotlib.image import imread

    examples = [scene(seed) for seed in range(3)]
    sheet(tmp_path / "sheet.png", examples, columns=2)
    picture = np.round(imread(tmp_path / "sheet.png")[:, :, :3] * 255)
    assert picture.shape == (2 * 128, 2 * 256, 3)
    assert np.array_equal(picture[:128, 256:384], examples[1].image)
    outlined = picture[:128, 128:256]
    changed = (outlined != examples[0].image // 2).any(axis=2)
    mask = examples[0].masks[0]  # the only one
    edge = mask & ~np.all(
        [np.roll(mask, step, axis) for step in (1, -1) for axis in (0, 1)], axis=0
    )
    assert len(examples[0].masks) == 1 and np.array_equal(changed, edge)
    assert (picture[128:, 256:] == 255).all()
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_the_module_prints_its_statistics():
    command = [sys.executable, "-m", "minimaskrcnn.datasets.scenes", "--scenes"]
    done = subprocess.run([*command, "5"], capture_output=True, text=True, check=True)
    rows = {line[:24].strip(): line[24:].split() for line in done.stdout.splitlines()}
    expected = statistics(draw(seed) for seed in range(5))
    assert set(expected) < set(rows)
    radius = expected["radius, pixels"]
    assert rows["radius, pixels"][0] == f"{radius.mean():.2f}"
    assert rows["radius, pixels"][-1] == f"{radius.max():.2f}"
    refused = subprocess.run([*command, "5", "--size", "3"], capture_output=True, text=True)
    assert refused.returncode == 2 and "64" in refused.stderr and "Traceback" not in refused.stderr


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, float("nan"), float("inf")])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match="seed"):
        scene(seed)


@pytest.mark.parametrize("size", [0, 63, 128.5, 4097, float("nan"), float("inf")])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(ValueError, match="size"):
        scene(0, size)


def test_the_smallest_and_largest_seeds_and_the_smallest_size_work():
    for seed in (0, 2**32 - 1):
        example = scene(seed, 64)
        assert 1 <= len(example.class_ids) <= 6 and example.masks.any(axis=(1, 2)).all()
