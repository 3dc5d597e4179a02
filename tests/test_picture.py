"""Pictures of results: what is where, that labels keep apart, and that every size works."""

import numpy as np
import pytest
from made_up import made_up
from PIL import Image

from minimaskrcnn.results import Detections, picture
from minimaskrcnn.results.captions import label_size, with_labels, with_legend
from minimaskrcnn.results.colours import COLOURS, object_colours
from minimaskrcnn.results.encoding import write_picture
from minimaskrcnn.results.fonts import DEJAVU, has, lettering_for
from minimaskrcnn.results.picture import TINT, draw
from minimaskrcnn.results.placing import place_labels
from minimaskrcnn.runtime.files import written_whole


def overlap(a, b):
    """Whether two rectangles y1 x1 y2 x2 share a pixel."""
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def rectangles(sizes, places):
    return [(*p, p[0] + s[0], p[1] + s[1]) for s, p in zip(sizes, places, strict=True) if p]


# Where labels go


def test_a_label_goes_above_its_box_else_inside_else_below():
    sizes, boxes = [(10, 40)], [(30, 20, 80, 90)]
    assert place_labels(sizes, boxes, (100, 100)) == [(20, 20)]
    taken = [(20, 20, 30, 60)]  # a box of exactly the label's size, whose label lies inside it
    assert place_labels(sizes * 2, boxes * 2, (100, 100)) == [(20, 20), (30, 20)]
    assert not overlap((20, 20, 30, 60), (30, 20, 40, 60)) and taken


def test_a_label_at_the_border_stays_in_the_picture():
    assert place_labels([(10, 40)], [(0, 0, 50, 50)], (100, 100)) == [(0, 0)]
    assert place_labels([(10, 40)], [(5, 95, 50, 100)], (100, 100)) == [(0, 60)]
    assert place_labels([(10, 40)], [(95, 95, 100, 100)], (100, 100)) == [(85, 60)]


def test_a_label_that_just_fits_the_picture_is_placed_and_a_larger_one_is_not():
    assert place_labels([(10, 40)], [(2, 2, 5, 5)], (10, 40)) == [(0, 0)]
    assert place_labels([(11, 40)], [(2, 2, 5, 5)], (10, 40)) == [None]
    assert place_labels([(10, 41)], [(2, 2, 5, 5)], (10, 40)) == [None]


def test_without_room_near_the_box_there_is_no_place_unless_it_may_go_anywhere():
    sizes, boxes = [(10, 20)] * 3, [(0, 0, 10, 20)] * 3
    assert place_labels(sizes, boxes, (10, 60)) == [(0, 0), (0, 20), None]
    assert place_labels(sizes, boxes, (10, 60), anywhere=True) == [(0, 0), (0, 20), (0, 40)]


@pytest.mark.parametrize("anywhere", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_labels_never_overlap_or_leave_the_picture(seed, anywhere):
    rs = np.random.RandomState(seed)
    boxes = made_up(60, 200, 300, seed).boxes
    sizes = np.stack([rs.randint(5, 20, 60), rs.randint(5, 60, 60)], axis=1).tolist()
    placed = rectangles(sizes, place_labels(sizes, boxes, (200, 300), anywhere))
    assert len(placed) > 20
    for i, one in enumerate(placed):
        assert one[0] >= 0 and one[1] >= 0 and one[2] <= 200 and one[3] <= 300
        assert not any(overlap(one, other) for other in placed[:i])


def test_the_surest_object_chooses_first():
    boxes = made_up(30, 200, 300).boxes
    alone = place_labels([(12, 50)], boxes[:1], (200, 300))
    assert place_labels([(12, 50)] * 30, boxes, (200, 300))[0] == alone[0]


def test_no_labels_are_no_places():
    assert place_labels([], np.zeros((0, 4), int), (10, 10)) == []


# Colours


def test_objects_that_overlap_have_different_colours_while_there_are_enough():
    boxes = np.array([[0, i, 10, i + 7] for i in range(20)])  # each overlaps its six neighbours
    colours = [tuple(c) for c in object_colours(boxes).tolist()]
    for i in range(20):
        assert colours[i] not in colours[i + 1 : i + 4]
    assert set(colours) == {tuple(c) for c in COLOURS.tolist()}


def test_objects_apart_use_all_colours_before_one_comes_twice():
    boxes = np.array([[0, 10 * i, 5, 10 * i + 5] for i in range(7)])
    assert len({tuple(c) for c in object_colours(boxes).tolist()}) == 7
    assert object_colours(np.zeros((0, 4), int)).shape == (0, 3)


def test_a_colour_that_is_not_beside_comes_before_a_rare_one():
    apart = [[0, 10 * i, 5, 10 * i + 5] for i in range(8)]  # the first colour comes twice …
    colours = object_colours(np.array([*apart, [0, 10, 5, 65]]))  # … but not in this one's reach
    assert colours[8].tolist() == COLOURS[0].tolist()


def luminance(colour):
    """WCAG 2: relative luminance of an sRGB colour."""
    linear = np.asarray(colour) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("colour", COLOURS.tolist())
def test_text_contrasts_with_its_ground(colour):
    font = lettering_for((3000, 3000))
    size = label_size("MMM", font)
    canvas = with_labels(
        np.zeros((*size, 3), np.uint8), ["MMM"], [(0, 0)], np.array([colour]), font
    )
    assert canvas[0, 0].tolist() == colour
    inks = [ink for ink in ([0, 0, 0], [255, 255, 255]) if (canvas == ink).all(axis=2).any()]
    assert len(inks) == 1
    low, high = sorted([luminance(colour), luminance(inks[0])])
    assert (high + 0.05) / (low + 0.05) > 4.5  # what WCAG asks of text


def test_colours_survive_red_green_blindness():
    """Simulated as Vienot, Brettel and Mollon do (1999), every two colours stay apart."""
    to_lms = np.array(
        [[17.8824, 43.5161, 4.1194], [3.4557, 27.1554, 3.8671], [0.03, 0.1843, 1.467]]
    )
    blind = np.array([[1, 0, 0], [0.4942, 0, 1.2483], [0, 0, 1]])  # deuteranopia
    seen = (COLOURS / 255) ** 2.2 @ (np.linalg.inv(to_lms) @ blind @ to_lms).T
    seen = np.clip(seen, 0, 1) ** (1 / 2.2)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2)
    assert apart[~np.eye(7, dtype=bool)].min() > 0.1


# The picture


def one_square(side=600, box=(100, 200, 300, 500), name="cat"):
    return Detections(
        image=np.full((side, side, 3), 100, np.uint8),
        boxes=np.array([box], np.int32),
        class_ids=np.array([1]),
        scores=np.array([0.9], np.float32),
        mask_probs=np.pad(np.ones((1, 26, 26), np.float32), ((0, 0), (1, 1), (1, 1))),
        class_names=("background", name),
    )


def test_the_mask_is_tinted_and_outlined_and_the_rest_untouched():
    result = one_square()
    picture = draw(result, legend=False)
    colour = object_colours(result.boxes)[0]
    tinted = np.floor(100 * (1 - TINT) + colour * TINT)
    assert picture.shape == result.image.shape
    np.testing.assert_array_equal(picture[200, 350], tinted)
    mask = result.masks[0]
    outline = mask & ~(
        mask
        & np.roll(mask, 1, 0)
        & np.roll(mask, -1, 0)
        & np.roll(mask, 1, 1)
        & np.roll(mask, -1, 1)
    )
    below_label = np.arange(600)[:, None] > 130
    assert (picture[outline & below_label] == colour).all()
    outside = np.ones((600, 600), bool)
    outside[70:300, 200:500] = False  # the box and the label above it
    assert (picture[outside] == 100).all()


def test_drawing_changes_neither_photograph_nor_result():
    result = made_up(20, 600, 800)
    before = result.image.copy()
    first = draw(result)
    np.testing.assert_array_equal(result.image, before)
    np.testing.assert_array_equal(draw(result), first)


def test_the_better_object_lies_on_top():
    result = made_up(2, 600, 600)
    box = np.array([100, 100, 500, 500], np.int32)
    top = Detections(
        result.image * 0,
        np.stack([box, box]),
        np.array([1, 2]),
        np.array([0.9, 0.8], np.float32),
        np.ones((2, 28, 28), np.float32),
        result.class_names,
    )
    colours = object_colours(top.boxes) * TINT
    expected = np.floor(np.floor(colours[1]) * (1 - TINT) + colours[0])
    np.testing.assert_allclose(draw(top, legend=False)[300, 300], expected, atol=1)


def test_small_photographs_are_enlarged_by_whole_multiples():
    assert draw(made_up(0, 64, 48)).shape == (512, 384, 3)
    assert draw(made_up(0, 479, 100)).shape == (958, 200, 3)
    assert draw(made_up(0, 480, 100)).shape == (480, 100, 3)


def test_few_objects_have_labels_and_a_crowd_has_a_legend():
    few, crowd = made_up(3, 600, 800), made_up(100, 600, 800)
    assert draw(few).shape == (600, 800, 3)
    assert draw(crowd).size > crowd.image.size
    assert draw(crowd, legend=False).shape == (600, 800, 3)
    assert draw(few, legend=True).size > few.image.size


def test_a_legend_goes_where_it_takes_less_space_and_leaves_the_picture_alone():
    texts, colours = ["cat 0.90"] * 47, COLOURS[np.arange(47) % 7]
    for shape, axis in (((1000, 500, 3), 1), ((500, 1000, 3), 0)):
        canvas = np.full(shape, 77, np.uint8)
        whole = with_legend(canvas, texts, colours, lettering_for(shape))
        np.testing.assert_array_equal(whole[: shape[0], : shape[1]], canvas)
        assert whole.shape[axis] > shape[axis] and whole.shape[1 - axis] == shape[1 - axis]


def test_every_entry_of_a_legend_is_there_and_within_the_picture():
    for count in (1, 7, 100):
        for shape in ((1, 5000, 3), (5000, 1, 3), (480, 480, 3), (300, 2000, 3)):
            canvas, colours = np.zeros(shape, np.uint8), np.full((count, 3), 200, np.uint8)
            font = lettering_for(shape)
            whole = with_legend(canvas, ["Mq 0.90"] * count, colours, font)
            tags = (whole == 200).all(axis=2).sum()
            area = sum(np.prod(label_size(str(i), font)) for i in range(count))
            assert 0.5 * area < tags <= area  # without what the digits cover
            ink = (whole < 128).all(axis=2)
            ink[: shape[0], : shape[1]] = False
            assert ink.any() and not ink[:, -1].any() and not ink[-1].any()


def test_columns_of_a_legend_stand_apart():
    texts, colours = ["baseball glove 0.90"] * 100, np.array([[200, 10, 30]] * 100)
    for shape in ((480, 480, 3), (300, 2000, 3), (1500, 1000, 3)):
        font = lettering_for(shape)
        whole = with_legend(np.zeros(shape, np.uint8), texts, colours, font)
        tagged = (whole == colours[0]).all(axis=2).any(axis=0)  # (W,): tags fill a few columns
        starts = np.flatnonzero(tagged[1:] & ~tagged[:-1])
        assert len(starts) > 1 and (np.diff(starts) > font.length(texts[0])).all()


SIZES = [(1, 1), (1, 5000), (5000, 1), (2, 3), (64, 64), (33, 479), (600, 800), (2000, 100)]


@pytest.mark.parametrize("height, width", SIZES)
@pytest.mark.parametrize("count", [0, 1, 100])
def test_any_size_and_number_can_be_drawn(count, height, width):
    result = made_up(count, height, width)
    for legend in (None, True, False):
        picture = draw(result, legend)
        assert picture.dtype == np.uint8 and picture.shape[2] == 3
        assert picture.shape[0] >= height and picture.shape[1] >= width


@pytest.mark.filterwarnings("ignore:no font on this system")
@pytest.mark.parametrize("name", ["Straßenlöwe", "猫", "two\nlines", "x" * 500, "", "<b>&amp;</b>"])
def test_any_class_name_can_be_drawn(name):
    assert draw(one_square(name=name), legend=False).shape == (600, 600, 3)
    assert draw(one_square(name=name), legend=True).shape[1] < 1400  # long names are cut


def test_letters_of_many_scripts_are_in_the_font():
    assert all(has(DEJAVU, letter) for letter in "äéñłøŞΩЖא") and not has(DEJAVU, "\uffff")


def test_fonts_and_lines_grow_with_the_picture():
    sizes = [lettering_for((side, side)).size for side in (100, 1000, 4000)]
    assert sizes[0] == 12 and 15 <= sizes[1] <= 25 and 3.5 < sizes[2] / sizes[1] < 4.5


def test_labels_hide_no_more_of_the_picture_than_an_eighth():
    result = made_up(40, 480, 640, largest=0.3)
    picture = draw(result)
    assert picture.shape != result.image.shape  # a legend: forty labels would hide more


# Files and figures


def test_a_picture_is_written_as_its_suffix_says(tmp_path):
    picture = draw(made_up(2))
    for name, kind in (("a.png", "PNG"), ("b.JPG", "JPEG"), ("c.jpeg", "JPEG"), ("d.webp", "WEBP")):
        write_picture(tmp_path / name, picture)
        with Image.open(tmp_path / name) as file:
            assert file.format == kind and file.size == picture.shape[1::-1]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), picture)
    with pytest.raises(ValueError, match=r"e\.gif: pictures are written as \.png"):
        write_picture(str(tmp_path / "e.gif"), picture)


def test_a_label_map_keeps_its_numbers_in_a_png(tmp_path):
    labels = np.array([[0, 1], [100, 65535]], np.uint16)
    write_picture(tmp_path / "labels.png", labels)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "labels.png")), labels)


def test_save_writes_the_drawn_picture(tmp_path):
    result = made_up(5)
    result.save(tmp_path / "street.masks.png")
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "street.masks.png")), draw(result)
    )


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), written_whole(path) as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_plot_draws_into_the_given_axes_or_a_new_one():
    from matplotlib.figure import Figure

    result = made_up(3)
    ax = Figure().add_subplot()
    assert result.plot(ax=ax) is ax
    np.testing.assert_array_equal(ax.images[0].get_array(), draw(result))
    assert not ax.axison
    assert result.plot().images[0].get_array().shape == draw(result).shape


def test_eroding_takes_away_exactly_the_given_width():
    mask = np.zeros((40, 50), bool)
    mask[5:30, 10:45] = True
    for width in range(1, 8):
        expected = np.zeros_like(mask)
        expected[5 + width : 30 - width, 10 + width : 45 - width] = True
        np.testing.assert_array_equal(picture._eroded(mask, width), expected)
    assert not picture._eroded(np.ones((3, 9), bool), 2).any()
