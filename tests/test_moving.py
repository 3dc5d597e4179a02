"""The figures that move, in a browser: no message, and everywhere the numbers of the package."""

import io
import re
import shutil
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from minimaskrcnn.anchors import make_anchors
from minimaskrcnn.boxes import encode_deltas, iou_matrix
from minimaskrcnn.config import STRIDES
from minimaskrcnn.evaluate import average_precision
from minimaskrcnn.nms import nms
from minimaskrcnn.pictures import moving
from minimaskrcnn.pictures.moving.page import svg
from minimaskrcnn.pictures.moving.still import still
from minimaskrcnn.roi_align import crop_and_resize, roi_align_paper, roi_pool

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZE = (100, 120)
A, B = [20, 20, 60, 80], [30, 40, 80, 100]
RIGHT = [True, False, True, True, False, True]
RS = np.random.RandomState(3)
CORNERS = RS.randint(0, 60, (12, 2))
BOXES = np.concatenate([CORNERS, CORNERS + RS.randint(15, 40, (12, 2))], axis=1).astype(np.float32)
SCORES = RS.permutation(12).astype(np.float32)
MAP = RS.uniform(size=(8, 8)).astype(np.float32).round(2)
PROBS = RS.uniform(size=(9, 7)).astype(np.float32).round(4)
FIGURES = {
    "boxes": moving.moving_boxes(A, B, SIZE),
    "nms": moving.moving_nms(BOXES, SCORES, SIZE),
    "mask": moving.moving_mask(PROBS),
    "anchors": moving.moving_anchors((120, 200), (8, 16, 32, 64, 128), (0.5, 1, 2), STRIDES),
    "precision": moving.moving_precision(RIGHT, 5),
    "regions": moving.moving_regions(MAP, [1.3, 0.6, 7.2, 6.8]),
}


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("this system has no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def shown(browser):
    """A function that opens a page; afterwards nothing must have been said or asked for."""
    said, tabs = [], []

    def open_page(html, width=700, height=900, **more):
        tab = browser.new_page(viewport={"width": width, "height": height}, **more)
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: said.append(request.url))
        tab.set_content(html)
        tabs.append(tab)
        return tab

    yield open_page
    for tab in tabs:
        tab.close()
    assert [text for text in said if not text.startswith("about:")] == []


def output(tab, name):
    return tab.eval_on_selector(f"output[name={name}]", "element => element.value")


def slide(tab, selector, value):
    tab.eval_on_selector(
        selector,
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }",
        str(value),
    )


def test_a_box_that_is_dragged_has_the_iou_and_the_deltas_of_the_package(shown):
    tab = shown(FIGURES["boxes"].page)
    seen = set()
    for part, keys in (
        (".b", ["ArrowRight"] * 7 + ["ArrowUp"] * 25),
        (".handle", ["ArrowDown"] * 9),
    ):
        for key in ["", *keys]:
            if key:
                tab.press(part, key)
            box = np.array([[int(edge) for edge in output(tab, "box").split()]], np.float32)
            still = np.array([A], np.float32)
            assert float(output(tab, "iou")) == pytest.approx(
                iou_matrix(still, box)[0, 0], abs=6e-5
            )
            deltas = [float(number) for number in output(tab, "deltas").split()]
            np.testing.assert_allclose(deltas, encode_deltas(still, box)[0], atol=6e-4)
            seen.add(output(tab, "box"))
    assert len(seen) > 35


def test_a_box_is_dragged_with_the_mouse_and_stays_on_the_sheet(shown):
    tab = shown(FIGURES["boxes"].page)
    box = tab.locator(".b").bounding_box()
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(*place)
    tab.mouse.down()
    tab.mouse.move(place[0] - 40, place[1] + 20, steps=4)
    moved = [int(edge) for edge in output(tab, "box").split()]
    tab.mouse.move(place[0] - 2000, place[1] - 2000, steps=4)
    tab.mouse.up()
    assert moved[1] < B[1] and moved[0] > B[0] and moved[3] - moved[1] == B[3] - B[1]
    assert output(tab, "box") == "0 0 50 60"


def test_the_boxes_that_stay_are_those_of_the_package_for_every_threshold(shown):
    tab = shown(FIGURES["nms"].page)
    best = np.argsort(-SCORES)
    counts = set()
    for threshold in np.arange(0, 1.01, 0.05).round(2):
        slide(tab, "input", threshold)
        wanted = nms(BOXES[best], SCORES[best], threshold).tolist()
        assert output(tab, "kept") == " ".join(map(str, wanted)), threshold
        assert output(tab, "count") == str(len(wanted)) == str(tab.locator("rect.b").count())
        counts.add(len(wanted))
    assert len(counts) > 3


def test_the_cells_of_the_object_are_those_at_or_above_the_threshold(shown):
    tab = shown(FIGURES["mask"].page)
    for threshold in (0, 0.3, 0.5, 0.77, 1):
        slide(tab, "input", threshold)
        wanted = int((PROBS.astype(np.float64).round(4) >= threshold).sum())
        assert output(tab, "count") == str(wanted)
        assert tab.locator('rect[stroke-opacity="1"]').count() == wanted


def test_the_anchors_of_a_cell_are_those_of_the_package(shown):
    tab = shown(FIGURES["anchors"].page)
    every = make_anchors((120, 200), (8, 16, 32, 64, 128), (0.5, 1, 2), STRIDES)
    numbers = set()
    for level, row, column in ((2, 0, 0), (2, 29, 49), (3, 5, 7), (4, 7, 2), (6, 1, 3)):
        for name, value in (("level", level), ("row", row), ("column", column)):
            slide(tab, f"input[name={name}]", value)
        number = int(output(tab, "index"))
        first = [float(edge) for edge in output(tab, "first").split()]
        np.testing.assert_allclose(first, every[number], atol=0.06)
        numbers.add(number)
    assert len(numbers) == 5 and max(numbers) == len(every) - 3


def test_the_average_precision_is_that_of_the_package_in_every_order(shown):
    tab = shown(FIGURES["precision"].page)
    order, seen = list(RIGHT), set()
    for place in (None, 2, 1, 5, 4, 3):
        if place is not None:
            tab.click(f"tr:nth-child({place + 1}) button")
            order[place - 1], order[place] = order[place], order[place - 1]
        right = np.array(order)
        precision, recall = average_precision.precision_recall(right, ~right, 5)
        wanted = average_precision.interpolate(precision, recall).mean()
        assert float(output(tab, "ap")) == pytest.approx(wanted, abs=6e-5)
        corners = [pair.split(",") for pair in tab.get_attribute(".curve", "points").split()]
        height = np.mean([(90 - float(y)) / 80 for _, y in corners])
        assert len(corners) == 101 and height == pytest.approx(wanted)
        seen.add(output(tab, "ap"))
    assert len(seen) > 2


def test_the_three_patches_of_a_region_are_those_of_the_package(shown):
    tab = shown(FIGURES["regions"].page)
    keys = [""] + ["ArrowUp"] * 14 + ["ArrowRight"] * 13 + ["ArrowDown"] * 30
    seen, pooled = set(), set()
    for part, key in [(".b", key) for key in keys] + [(".handle", "ArrowLeft")] * 12:
        if key:
            tab.press(part, key)
        region = np.array([output(tab, "region").split()], np.float32)
        numbers = tab.eval_on_selector_all("text.cell", "all => all.map((t) => +t.textContent)")
        maps = MAP[:, :, None]
        wanted = [roi_pool(maps, region / 8, (3, 3)), roi_align_paper(maps, region / 8, (3, 3))]
        wanted.append(crop_and_resize(maps, (region - np.float32(0.5)) / 7, (3, 3)))
        np.testing.assert_allclose(numbers, np.ravel(wanted), atol=0.0051)
        seen.add(tuple(numbers[9:]))
        pooled.add(tuple(numbers[:9]))
    assert len(seen) > 55 and len(pooled) < 12  # two glide, one jumps


def test_the_places_where_the_map_is_read_are_drawn_in_the_region(shown):
    tab = shown(FIGURES["regions"].page)
    for kind, count in (("dot", 36), ("point", 9)):
        places = tab.eval_on_selector_all(
            f".{kind}", "all => all.map((c) => [+c.getAttribute('cy'), +c.getAttribute('cx')])"
        )
        inside = np.array(places) / 10 - [1.3, 0.6]
        assert len(places) == count and inside.min() > -1e-5
        assert (inside <= np.array([5.9, 6.2]) + 1e-5).all()
    assert FIGURES["regions"].drawing.count('class="dot"') == 36


def test_the_drawing_of_a_region_has_the_numbers_that_the_script_computes(shown):
    drawn = re.findall(r'class="cell"[^>]*>([0-9.]+)<', FIGURES["regions"].drawing)
    tab = shown(FIGURES["regions"].page)
    assert drawn == tab.eval_on_selector_all("text.cell", "all => all.map((t) => t.textContent)")


def test_a_still_shows_shapes_where_the_drawing_has_them():
    black = '<rect y="{}" x="{}" width="10" height="10" fill="#000"/>'
    moved = f'<g transform="translate(20 0)">{black.format(0, 0)}</g>'
    picture = still(svg((50, 100), "two squares", moved, black.format(40, 60)))
    grey = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))  # (240, 480)
    dark = [grey[y : y + 40, x : x + 40].max() < 50 for y, x in ((4, 100), (196, 292))]
    assert grey.shape == (240, 480) and dark == [True, True]
    assert (grey < 50).sum() == pytest.approx(2 * 48 * 48, rel=0.15)


def test_a_finger_drags_what_a_mouse_does(shown):
    tab = shown(FIGURES["boxes"].page, 380, 250, has_touch=True)  # the page could be scrolled
    box = tab.locator(".b").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger = tab.context.new_cdp_session(tab)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        *(("touchMove", [{"x": x - 4 * i, "y": y - 8 * i}]) for i in range(1, 9)),
        ("touchEnd", []),
    ):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    moved = [int(edge) for edge in output(tab, "box").split()]
    assert moved[0] < B[0] - 10 and moved[1] < B[1] - 5 and moved[2] - moved[0] == B[2] - B[0]
    assert tab.evaluate("scrollY") == 0


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_dark_where_the_reader_s_screen_is(shown, name):
    light, dark = (
        shown(FIGURES[name].page, color_scheme=scheme).evaluate(
            "['backgroundColor', 'color'].map((key) => getComputedStyle(document.body)[key]"
            ".match(/[0-9]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0))"
        )
        for scheme in ("light", "dark")
    )
    assert light[0] > 600 > 300 > light[1] and dark[1] > 600 > 300 > dark[0]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("width", [380, 1200])
def test_a_figure_fits_a_telephone_and_its_frame_hides_the_drawing_that_stands_for_it(
    shown, name, width
):
    figure = FIGURES[name]
    tab = shown(f"<body>{figure._repr_html_()}{figure._repr_html_()}</body>", width)
    tab.wait_for_function("document.querySelectorAll('body > div[hidden]').length === 2")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    for frame in tab.frames[1:]:
        inner = frame.evaluate("[document.documentElement.scrollWidth, innerWidth, "
                               "document.documentElement.scrollHeight, innerHeight]")  # fmt: skip
        assert inner[0] <= inner[1] and inner[2] <= inner[3], inner


def test_without_scripts_a_picture_is_there_and_nothing_else_is_needed():
    for figure in FIGURES.values():
        before, _, frame = figure._repr_html_().partition("<iframe")
        (encoded,) = re.findall('<img src="data:image/png;base64,([^"]+)" alt="[^"]+">', before)
        picture = np.asarray(Image.open(io.BytesIO(b64decode(encoded))).convert("L"))
        assert picture.shape[1] == 480 and (picture < 250).sum() > 1000
        assert "<script" not in before and "<svg" not in before
        assert "http" not in frame.replace("http://www.w3.org/2000/svg", "")
        assert len(figure._repr_html_()) < 150_000 and repr(figure).startswith("<figure that moves")
