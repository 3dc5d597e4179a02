"""The page that explains a photograph: whole in itself, and true to the stages."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from made_up import blobs
from PIL import Image, ImageDraw

import minimaskrcnn
from minimaskrcnn import cli
from minimaskrcnn.anchors import normalised_anchors
from minimaskrcnn.boxes import normalise, to_pixels
from minimaskrcnn.config import COCO, SHAPES, STRIDES
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.detections import select_detections
from minimaskrcnn.errors import ImageError, SettingError
from minimaskrcnn.image import letterbox, mold
from minimaskrcnn.layers import softmax
from minimaskrcnn.masks import stretch_mask
from minimaskrcnn.nms import nms_plain
from minimaskrcnn.proposals import select_proposals
from minimaskrcnn.results import make_detections
from minimaskrcnn.roi_align import roi_levels
from minimaskrcnn.xray import (
    drawings,
    make_report,
    object_sections,
    parts,
    proposal_sections,
    rasters,
    selection,
)
from minimaskrcnn.xray.proposal_sections import LEVEL_COLOURS

VOID = {"meta", "link", "img", "input"}  # HTML elements that are never closed
STAGES = [
    *("input", "backbone", "pyramid", "anchors", "rpn"),
    *("proposals", "levels", "heads", "detections", "masks"),
]


class Page(HTMLParser):
    """A page as (tag, attributes, ids of the sections around it); texts; and what is not closed."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append((tag, dict(attrs).get("id")))

    def handle_startendtag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs), [key for _, key in self.open if key]))

    def handle_endtag(self, tag):
        opened, _ = self.open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data):
        self.texts.append((self.open[-1][0] if self.open else "", data))

    def all(self, tag, within=None):
        return [a for t, a, around in self.elements if t == tag and within in (None, *around)]

    def text(self, tag):
        return "".join(text for inside, text in self.texts if inside == tag)


def boxes_of(page, section):
    """The switched boxes of a section: [(score, kept, shown, its path)]."""
    found = []
    for i, (tag, attributes, around) in enumerate(page.elements):
        if tag == "g" and section in around:
            path = page.elements[i + 1][1]["d"]
            shown = "gone" not in attributes["class"].split()
            found.append((float(attributes["data-score"]), attributes["data-kept"], shown, path))
    return found


def path_of(box):
    y1, x1, y2, x2 = (int(edge) for edge in box)
    return f"M{x1} {y1}h{x2 - x1}v{y2 - y1}h{x1 - x2}z"


@pytest.fixture(scope="module")
def model():
    return minimaskrcnn.load_model("shapes")


@pytest.fixture(scope="module")
def traced(model):
    """A trace with several objects, and its page."""
    config = replace(model.config, min_score=0.3)
    steps = model.trace(scene(3).image, min_score=0.3)
    return steps, config, Page(make_report(steps, config, "scenes/three.png").html)


@pytest.fixture(scope="module")
def empty(model):
    """The page of a photograph in which nothing is found."""
    flat = np.full((100, 128, 3), 128, np.uint8)
    steps = model.trace(flat, min_score=1.0)
    assert len(steps["result"]) == len(steps["detections"]) == 0
    return steps, Page(make_report(steps, replace(model.config, min_score=1.0)).html)


def pages(traced, empty):
    return [traced[2], empty[1]]


def test_nothing_on_the_page_leaves_the_page(traced, empty):
    addresses = {"src", "href", "xlink:href", "srcset", "action", "formaction", "poster", "data"}
    for page in pages(traced, empty):
        for tag, attributes, _ in page.elements:
            for name in addresses & set(attributes):
                assert attributes[name].startswith(("#", "data:")), f"{tag} {name}"
            assert not {name for name in attributes if name.startswith("on")}  # no inline scripts
            assert "url(" not in attributes.get("style", "")
        assert not {tag for tag, *_ in page.elements} & {"iframe", "object", "embed", "base"}
        style, script = page.text("style"), page.text("script")
        assert style and "url(" not in style and "@import" not in style
        assert script and not re.search(r"fetch|import|XMLHttp|https?:|\.src|\.href", script)
        policy = [a["content"] for a in page.all("meta") if "http-equiv" in a]
        assert len(policy) == 1 and policy[0].startswith("default-src 'none'; img-src data:;")


def test_every_element_is_closed_and_every_address_within_the_page_exists_once(traced, empty):
    for page in pages(traced, empty):
        assert page.open == []
        ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        links = [a["href"][1:] for _, a, _ in page.elements if a.get("href", "").startswith("#")]
        assert set(links) == {"photo", *STAGES}
        assert set(links) <= set(ids)


def test_all_stages_come_in_the_order_of_the_data_with_words_and_pictures(traced):
    page = traced[2]
    assert [section["id"] for section in page.all("section")] == STAGES
    for stage in STAGES:
        assert page.all("p", stage), stage
        assert page.all("svg", stage) or page.all("img", stage), stage


def test_every_picture_has_words_for_who_cannot_see_it(traced, empty):
    for page in pages(traced, empty):
        assert all(len(image["alt"]) > 20 for image in page.all("img"))
        for svg in page.all("svg"):
            assert svg.get("aria-hidden") == "true" or len(svg["aria-label"]) > 20
        assert len(page.all("input")) == len(page.all("label")) == 3


def test_the_photograph_is_there_once_and_the_embedded_pictures_are_few(traced):
    page = traced[2]
    uris = [a.get("src") or a.get("href") for _, a, _ in page.elements if "alt" in a or "href" in a]
    embedded = [uri for uri in uris if uri.startswith("data:image")]
    assert len(embedded) == len(set(embedded)) <= 20
    stored = [a for a in page.all("image") if a.get("id") == "photo"]
    assert len(stored) == 1
    framed, _ = letterbox(traced[0]["result"].image, traced[1])
    assert np.array_equal(decoded(stored[0]["href"]), framed)  # small, so without loss
    assert sum(a["href"] == "#photo" for a in page.all("use")) >= 10


def decoded(uri, mode="RGB"):
    contents = base64.b64decode(uri.split("base64,")[1], validate=True)
    return np.array(Image.open(io.BytesIO(contents)).convert(mode))


def test_names_come_escaped(model, traced):
    steps, config, _ = traced
    evil = ("background", *(f"</svg><script>{c}('&\"')</script>" for c in "abc"))
    config = replace(config, class_names=evil)
    steps = {**steps, "result": replace(steps["result"], class_names=evil)}
    name = "<img src=x onerror='a'>&\"$style.png"
    page = Page(make_report(steps, config, f"photos/{name}").html)
    assert len(page.all("script")) == 1 and not [a for a in page.all("img") if a["src"] == "x"]
    assert page.text("title").endswith(name) and page.text("em") == name
    assert evil[steps["result"].class_ids[0]] in page.text("th")
    mask = page.all("img", "masks")[0]["alt"]
    assert any(mask.startswith(f"The mask of a {name}, 28 × 28") for name in evil)
    assert page.open == []


@pytest.mark.parametrize("least", [0.0, 0.3, 0.5, 0.9])
def test_the_sliders_of_the_detections_show_what_the_stage_selects(traced, least):
    steps, config, page = traced
    figure = next(a for a in page.all("figure", "detections") if "data-steps" in a)
    window = steps["window"]
    regions = steps["proposals"], steps["class_probs"], steps["box_deltas"], window
    thresholds = figure["data-steps"].split()
    assert len(thresholds) >= 10
    for i, threshold in enumerate(thresholds):
        own = replace(config, min_score=least, detection_nms_threshold=float(threshold))
        rows = select_detections(*regions, own)[0]
        boxes = boxes_of(page, "detections")
        shown = [(path, score) for score, kept, _, path in boxes if kept[i] == "1"]
        shown = [(path, score) for path, score in shown if score >= least]
        paths = [path_of(box) for box in to_pixels(rows[:, :4], steps["molded"].shape)]
        wanted = zip(paths, rows[:, 5].tolist(), strict=True)
        assert sorted(p for p, _ in shown) == sorted(paths)
        np.testing.assert_allclose(
            sorted(score for _, score in shown), sorted(score for _, score in wanted), rtol=1e-6
        )


def test_at_first_the_detections_are_those_of_the_network(traced):
    steps, config, page = traced
    first = sorted(path for _, _, shown, path in boxes_of(page, "detections") if shown)
    boxes = to_pixels(steps["detections"][:, :4], steps["molded"].shape)
    assert first == sorted(map(path_of, boxes)) and len(first) > 1
    inputs = {a["name"]: a for a in page.all("input", "detections")}
    assert float(inputs["score"]["value"]) == config.min_score
    steps_of = next(a["data-steps"] for a in page.all("figure", "detections") if "data-steps" in a)
    assert int(inputs["nms"]["max"]) == len(steps_of.split()) - 1
    own = float(steps_of.split()[int(inputs["nms"]["value"])])
    assert own == config.detection_nms_threshold


def test_bars_mark_the_row_that_is_meant_and_small_shares_are_not_nothing():
    table = parts.bars([("cat", 0.9), ("dog", 0.0999), ("<cow>", 0.0001), ("ox", 0.0)], own=1)
    rows = table.split("<tr")[1:]
    assert [" class=" in row.split(">")[0] for row in rows] == [False, True, False, False]
    told = [re.search("<td>(.*?)</td>", row)[1] for row in rows]
    assert told == ["90.0 %", "10.0 %", "&lt; 0.1 %", "0.0 %"] and "&lt;cow&gt;" in rows[2]


def test_the_slider_of_the_proposals_shows_what_nms_keeps(traced):
    steps, config, page = traced
    verdicts = steps["anchors"], steps["rpn_probs"][:, 1], steps["rpn_deltas"]
    figure = next(a for a in page.all("figure", "proposals") if "data-steps" in a)
    boxes = boxes_of(page, "proposals")
    assert 2 <= len(boxes) == selection.LOOKED_AT
    for i, threshold in enumerate(figure["data-steps"].split()):
        own = replace(config, pre_nms_proposals=len(boxes), rpn_nms_threshold=float(threshold))
        wanted = to_pixels(select_proposals(*verdicts, own)[0], steps["molded"].shape)
        shown = [path for _, kept, _, path in boxes if kept[i] == "1"]
        assert sorted(shown) == sorted(map(path_of, wanted))
    inputs = {a["name"]: a for a in page.all("input", "proposals")}
    first = figure["data-steps"].split()[int(inputs["nms"]["value"])]
    assert float(first) == config.rpn_nms_threshold
    at_first = [path for _, _, shown, path in boxes if shown]
    used = to_pixels(steps["proposals"][: len(at_first)], steps["molded"].shape)
    assert sorted(at_first) == sorted(map(path_of, used))


def test_candidates_agree_with_the_definition_of_nms():
    rs = np.random.RandomState(4)
    steps, config = made_up_trace(128, SHAPES, rs)
    candidates = selection.proposal_candidates(steps, config)
    assert len(candidates.boxes) == selection.LOOKED_AT and (np.diff(candidates.scores) <= 0).all()
    wide = replace(config, pre_nms_proposals=60, post_nms_proposals=60, rpn_nms_threshold=1.0)
    boxes, scores = select_proposals(
        steps["anchors"], steps["rpn_probs"][:, 1], steps["rpn_deltas"], wide
    )
    for threshold, kept in zip(candidates.thresholds, candidates.kept, strict=True):
        assert np.flatnonzero(kept).tolist() == nms_plain(boxes, scores, threshold).tolist()
    assert candidates.kept[-1].all() and not candidates.kept[0].all()


def test_thresholds_of_ones_own_have_their_place_on_the_sliders(traced):
    steps, config, _ = traced
    config = replace(config, detection_nms_threshold=0.35, rpn_nms_threshold=0.0)
    candidates = selection.detection_candidates(steps, config)
    assert candidates.thresholds[candidates.own] == 0.35 and len(candidates.thresholds) == 11
    assert candidates.thresholds == tuple(sorted(candidates.thresholds))
    assert selection.proposal_candidates(steps, config).own == 0


def lines_of(page, section):
    """What is drawn in a section, without the seams: [(colour, path)]."""
    paths = page.all("path", section)
    return [(a["stroke"], a["d"]) for a in paths if "line" in a["class"].split() and "stroke" in a]


def test_regions_are_coloured_by_the_level_they_are_read_from(traced):
    large = {**traced[0], "molded": np.zeros((1024, 1024, 3), np.float32)}  # all levels are used
    config = replace(traced[1], level_size=300)
    page = Page(object_sections.about_levels(large, config, selection.chosen(large)).figures)
    boxes = to_pixels(large["proposals"], (1024, 1024))
    levels = roi_levels(large["proposals"], (1024, 1024), 300)
    assert (levels != roi_levels(large["proposals"], (1024, 1024))).any()
    drawn = dict(lines_of(page, None)[:-1])
    assert len(drawn) == len(set(levels[:24])) > 1
    for level in set(levels[:24]):
        wanted = "".join(path_of(box) for box in boxes[:24][levels[:24] == level])
        assert drawn[drawings.hex_colour(LEVEL_COLOURS[level])] == wanted
    counts = [f"P{level}: {(levels == level).sum()} regions" for level in range(2, 6)]
    assert "".join(counts) in page.text("span")


def test_one_region_is_followed_through_the_heads(traced):
    steps, config, page = traced
    chosen, shape = selection.chosen(steps), steps["molded"].shape
    assert chosen.region != 0 or chosen.detection != len(steps["detections"]) - 1
    before = path_of(to_pixels(steps["proposals"], shape)[chosen.region])
    after = path_of(to_pixels(steps["detections"][:, :4], shape)[chosen.detection])
    assert lines_of(page, "levels")[-1][1] == before
    assert [path for _, path in lines_of(page, "heads")] == [before, after]
    assert lines_of(page, "masks")[-1][1] == after
    features = steps["roi_features"][chosen.region]
    strip = rasters.strip_uri(features, rasters.telling_channels(features), columns=3)
    assert [image["src"] for image in page.all("img", "levels")] == [strip]
    mask = decoded(page.all("img", "masks")[0]["src"], "L")
    np.testing.assert_allclose(mask / 255, steps["mask_probs"][chosen.detection], atol=1 / 255)
    widths = [a["style"] for a in page.all("i", "heads") if a["style"].startswith("width")][2:]
    score = float(steps["proposal_scores"][chosen.region])
    before = [a["style"] for a in page.all("i", "heads") if a["style"].startswith("width")][:2]
    assert before == [f"width:{100 * share:.1f}%" for share in (score, 1 - score)]
    probs = np.sort(steps["class_probs"][chosen.region])[::-1]
    assert widths == [f"width:{100 * share:.1f}%" for share in probs]


def test_the_input_says_whether_it_is_resized_and_padded():
    for window, photo, said, unsaid in (
        ((0, 0, 128, 128), (128, 128, 3), "fits into the frame of 128 × 128", "padding"),
        ((0, 0, 64, 128), (64, 128, 3), "fits into the frame of 128 × 128", "is resized"),
        ((32, 0, 96, 128), (100, 200, 3), "is resized to 128 × 64 to fit into", "fits into the"),
    ):
        result = SimpleNamespace(image=np.zeros(photo, np.uint8))
        steps = {"molded": np.zeros((128, 128, 3)), "result": result}
        steps["window_pixels"] = np.array(window)
        section = str(proposal_sections.about_input(steps))
        assert said in section and unsaid not in section
        assert ("black padding" in section) == (window != (0, 0, 128, 128))


def test_views_show_the_photograph_or_a_box_with_a_little_around_it():
    assert drawings.view_of((10, 20, 70, 90), (128, 128, 3)) == drawings.View(10, 20, 60, 70)
    assert drawings.view_of((0, 60, 128, 64), (128, 96, 3)) == drawings.View(0, 0, 128, 96)
    around = drawings.view_around((10, 20, 60, 120), margin=0.1)  # 10 on each side
    assert around == drawings.View(0, 10, 70, 120)
    assert drawings.view_around((10, 20, 14, 24)) == drawings.View(9, 19, 6, 6)  # 1 at least
    drawn = drawings.picture(drawings.View(5, 7, 40, 80), [], "words")
    assert 'viewBox="7 5 80 40"' in drawn and "aspect-ratio:2.0000" in drawn


def test_a_large_input_is_made_smaller():
    large = np.random.RandomState(0).randint(0, 256, (400, 2600, 3)).astype(np.uint8)
    assert decoded(rasters.photo_uri(large)).shape == (197, 1280, 3)


def test_the_first_picture_has_the_objects_where_they_are_in_the_photograph(model):
    photo = np.asarray(Image.fromarray(scene(3).image[:96]).resize((384, 288)))  # to 128 x 96
    steps = model.trace(photo, min_score=0.3)
    page = Page(make_report(steps, replace(model.config, min_score=0.3)).html)
    drawn = [a["d"] for a in page.all("path") if a["class"] == "tint"]
    drawn = drawn[: len(steps["result"])][::-1]  # the best first; the last picture has one more
    assert len(drawn) > 1
    for path, box, probs in zip(
        drawn, steps["result"].boxes, steps["result"].mask_probs, strict=True
    ):
        x, y = np.array(re.findall(r"([\d.e+-]+) ([\d.e+-]+)", path), float).T
        mask = stretch_mask(probs, *(box[2:] - box[:2]))
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        edges = box[0] + rows[[0, -1]] + [0, 1], box[1] + columns[[0, -1]] + [0, 1]
        np.testing.assert_allclose([y.min(), y.max()], edges[0] / 3 + 16, atol=0.5)
        np.testing.assert_allclose([x.min(), x.max()], edges[1] / 3, atol=0.5)


def test_object_scores_are_drawn_around_the_middles_of_their_anchors(traced):
    page = traced[2]
    for heat, stride in zip(page.all("image", "rpn"), STRIDES, strict=True):
        assert float(heat["x"]) == float(heat["y"]) == -stride / 2
        assert float(heat["width"]) == float(heat["height"]) == 128


def test_a_page_without_detections_is_whole_and_says_so(empty):
    steps, page = empty
    assert [section["id"] for section in page.all("section")] == STAGES
    assert not [shown for _, _, shown, _ in boxes_of(page, "detections") if shown]
    assert not page.all("img", "masks") and not page.all("svg", "masks")
    told = page.text("p")
    assert "nothing that it was sure enough of" in told and "none to draw" in told
    assert "came nearest" in told
    assert page.all("svg", "levels")  # the region that came nearest


def test_the_chosen_detection_is_the_largest_of_the_surest():
    detections = np.array(
        [
            [0, 0, 0.1, 0.1, 2, 0.99],
            [0, 0, 0.5, 0.4, 3, 0.95],
            [0, 0, 0.9, 0.9, 1, 0.80],  # not sure enough
            [0, 0, 0.4, 0.4, 1, 0.90],
        ],
        np.float32,
    )
    steps = {"detections": detections, "detection_proposals": np.array([7, 5, 3, 1])}
    assert selection.chosen(steps) == selection.Chosen(region=5, class_id=3, detection=1)


def test_without_detections_the_region_likeliest_to_be_an_object_is_chosen():
    probs = np.array([[0.9, 0.1, 0.0], [0.5, 0.1, 0.4], [0.6, 0.3, 0.1]], np.float32)
    steps = {"detections": np.zeros((0, 6), np.float32), "class_probs": probs}
    assert selection.chosen(steps) == selection.Chosen(region=1, class_id=2, detection=None)


def test_scores_lie_where_their_anchors_stand(traced):
    steps, _, _ = traced
    boxes = steps["anchors"].astype(np.float64) * 127 + [0, 0, 1, 1]  # pixels of 128 x 128
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    sides = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) ** 0.5
    maps = selection.level_scores(steps)
    assert len(maps) == 5
    for scores, stride, scale in zip(maps, STRIDES, SHAPES.anchor_scales, strict=True):
        for row, column in [
            (0, 0),
            (1, 0),
            (0, 1),
            np.unravel_index(scores.argmax(), scores.shape),
        ]:
            here = np.abs(centre - [row * stride, column * stride]).max(axis=1) < 0.01
            own = here & (np.abs(sides - scale) < 0.01)
            assert own.sum() == 3
            assert scores[row, column] == steps["rpn_probs"][own, 1].max()


def test_the_anchors_of_a_place_stand_around_it(traced):
    steps, _, _ = traced
    for boxes, stride, scale in zip(
        selection.anchors_at(steps, (40, 90)), STRIDES, SHAPES.anchor_scales, strict=True
    ):
        assert boxes.shape == (3, 4)
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2
        assert np.abs(centre - (40, 90)).max() <= max(stride / 2, 64 - 40) + 1  # P6 has two rows
        assert np.abs((boxes[1, 2:] - boxes[1, :2]) - scale).max() <= 1  # the square one
        assert boxes[2, 3] - boxes[2, 1] > boxes[0, 3] - boxes[0, 1]


def test_outlines_enclose_the_stretched_mask():
    rs = np.random.RandomState(6)
    for probs in blobs(8, rs):
        outlines = drawings.mask_outlines(probs, (10, 20, 210, 420))
        canvas = np.zeros((230, 440), bool)
        for points in outlines:  # even-odd, as on the page
            picture = Image.new("1", (440, 230))
            ImageDraw.Draw(picture).polygon([(x - 0.5, y - 0.5) for y, x in points], fill=1)
            canvas ^= np.array(picture)
        mask = np.zeros_like(canvas)
        mask[10:210, 20:420] = stretch_mask(probs, 200, 400)
        assert (canvas & mask).sum() / (canvas | mask).sum() > 0.97


def test_a_mask_that_fills_its_box_or_is_empty_can_be_drawn():
    (full,) = drawings.mask_outlines(np.ones((28, 28), np.float32), (0, 0, 56, 28))
    assert full.min(axis=0).tolist() == [0, 0] and full.max(axis=0).tolist() == [56, 28]
    assert drawings.mask_outlines(np.zeros((28, 28), np.float32), (0, 0, 9, 9)) == []
    assert drawings.shape_of(np.zeros((28, 28), np.float32), (0, 0, 9, 9), np.zeros(3)) == ""


@pytest.mark.parametrize("config", [SHAPES, COCO], ids=["shapes", "coco"])
def test_the_picture_shown_is_the_one_that_was_molded(config):
    framed = np.random.RandomState(1).randint(0, 256, (64, 64, 3), np.uint8)
    framed[0, :4] = [[0, 0, 0], [255, 255, 255], [0, 255, 1], [254, 0, 128]]
    assert np.array_equal(rasters.unmold(mold(framed, config), config), framed)


def test_a_strip_shows_the_channels_that_vary_most_at_their_places():
    maps = np.zeros((4, 5, 9), np.float32)
    maps[3, 0, 2], maps[0, 4, 7], maps[..., 5] = 1.0, -2.0, 100.0  # the last one never varies
    channels = rasters.telling_channels(maps, 2)
    assert channels.tolist() == [2, 7]
    strip = decoded(rasters.strip_uri(maps, channels), "RGBA").astype(int)
    tile = (strip.shape[1] - rasters.GAP) // 2
    cell = tile // 5
    assert strip.shape[:2] == (4 * cell, 2 * 5 * cell + rasters.GAP)
    assert (strip[:, tile : tile + rasters.GAP, 3] == 0).all() and (strip[:, :tile, 3] == 255).all()
    light = strip[..., :3].sum(axis=2)
    brightest, darkest = light[:, :tile], light[:, tile + rasters.GAP :]
    assert (brightest[3 * cell :, :cell] > 600).all() and (brightest[: 3 * cell] < 20).all()
    assert (darkest[:cell, 4 * cell :] < 20).all() and (darkest[cell:] > 600).all()


def test_a_stronger_colour_means_a_higher_score():
    heat = decoded(rasters.heat_uri(np.array([[0, 0.5, 1]], np.float32)), "RGBA")
    assert heat[0, :, 3].tolist() == [0, 115, 230]


def made_up_trace(side, config, rs, photo=None):
    """A trace of noise in the shapes of a network with an input of side x side."""
    config = replace(config, min_score=0.0)
    photo = rs.randint(0, 256, (100, 80, 3), np.uint8) if photo is None else photo
    framed, window = letterbox(photo, config)
    anchors = normalised_anchors(framed.shape, config)
    steps = {"molded": mold(framed, config), "window_pixels": window, "anchors": anchors}
    steps["window"] = normalise(window[None], framed.shape)[0]
    channels = dict(zip(range(1, 6), (64, 256, 512, 1024, 2048), strict=True))
    for level in range(1, 7):
        cells = side // 2 ** max(level, 2)
        if level <= 5:
            steps[f"c{level}"] = noise(rs, cells, cells, channels[level])
        if level >= 2:
            steps[f"p{level}"] = noise(rs, cells, cells, 256)
    steps["rpn_probs"] = softmax(4 * noise(rs, len(anchors), 2))
    steps["rpn_deltas"] = noise(rs, len(anchors), 4) - np.float32(0.5)
    steps["proposals"], steps["proposal_scores"] = select_proposals(
        anchors, steps["rpn_probs"][:, 1], steps["rpn_deltas"], config
    )
    count, classes = len(steps["proposals"]), config.num_classes
    steps["roi_features"] = noise(rs, count, 7, 7, 256)
    steps["class_probs"] = softmax(20 * noise(rs, count, classes))
    steps["box_deltas"] = noise(rs, count, classes, 4)
    window = normalise(window[None], framed.shape)[0]
    regions = steps["proposals"], steps["class_probs"], steps["box_deltas"]
    detections, source = select_detections(*regions, window, config)
    steps["detections"], steps["detection_proposals"] = detections, source
    steps["mask_probs"] = blobs(len(detections), rs)
    steps["result"] = make_detections(photo, detections, steps["mask_probs"], window, config)
    return steps, config


def noise(rs, *shape):
    """Random numbers in 0 … 1, float32; a block repeated, which is quicker."""
    size = int(np.prod(shape))
    return np.resize(rs.rand(min(size, 1_000_003)).astype(np.float32), size).reshape(shape)


def test_a_page_of_24_megapixels_and_a_hundred_objects_has_less_than_5_megabytes():
    rs = np.random.RandomState(2)
    photo = np.resize(rs.randint(0, 256, 1_000_003, np.uint8), (4000, 6000, 3))
    steps, config = made_up_trace(1024, COCO, rs, photo)
    assert len(steps["detections"]) == 100
    html = make_report(steps, config, "noise.jpg").html
    assert len(html.encode()) < 5_000_000
    page = Page(html)
    assert page.open == [] and [section["id"] for section in page.all("section")] == STAGES


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (40, 200), (128, 128)])
def test_photographs_of_any_shape_can_be_explained(model, shape):
    photo = np.random.RandomState(3).randint(0, 256, (*shape, 3), np.uint8)
    config = replace(model.config, min_score=0.0)
    page = Page(make_report(model.trace(photo, min_score=0.0), config).html)
    assert page.open == []
    for svg in page.all("svg")[1:]:
        x, y, width, height = map(float, svg["viewbox"].split())
        assert width > 0 and height > 0 and 1 / 8 <= width / height <= 8
        assert np.isfinite([x, y]).all()


def test_the_sliders_wait_for_javascript_and_without_it_the_page_says_so(traced):
    page = traced[2]
    assert all("hidden" in form for form in page.all("form"))
    assert len(page.all("noscript")) == len(page.all("form")) == 2


def test_explain_stays_a_function_of_the_package_after_all_is_imported():
    from minimaskrcnn.commands import explain as command  # noqa: F401

    report = minimaskrcnn.explain(scene(7).image, weights="shapes", min_score=0.5)
    assert callable(minimaskrcnn.explain) and report.title == "How a network sees a photograph"
    assert "0.5" in report.html and "a photograph" in Page(report.html).text("em")


def test_settings_and_photographs_are_refused_as_by_predict():
    with pytest.raises(SettingError, match="min_score"):
        minimaskrcnn.explain(scene(7).image, weights="shapes", min_score=2)
    with pytest.raises(ImageError, match="nowhere.jpg"):
        minimaskrcnn.explain("nowhere.jpg", weights="shapes")


def test_the_command_writes_the_page(tmp_path, capsys):
    photo, page = tmp_path / "a & <b>.png", tmp_path / "out.html"
    Image.fromarray(scene(7).image).save(photo)
    arguments = ["explain", str(photo), "--weights", "shapes", "-o", str(page)]
    assert cli.main([*arguments, "--min-score", "0.4", "--nms-threshold", "0.6"]) == 0
    assert capsys.readouterr().out == f"wrote {page}: open it in a browser\n"
    parsed = Page(page.read_text(encoding="utf-8"))
    assert parsed.text("em") == "a & <b>.png"
    assert {a["name"]: a["value"] for a in parsed.all("input", "detections")}["score"] == "0.4"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a & <b>.png", "out.html"]


def test_a_failure_leaves_an_older_page_alone(tmp_path, capsys):
    page = tmp_path / "report.html"
    page.write_text("older")
    (tmp_path / "text.jpg").write_text("not a picture")
    arguments = ["--weights", "shapes", "-o", str(page)]
    assert cli.main(["explain", str(tmp_path / "text.jpg"), *arguments]) == 2
    assert "text.jpg" in capsys.readouterr().err
    assert page.read_text() == "older"
    assert cli.main(["explain", str(tmp_path / "none.jpg"), *arguments[:2], "-o", "no/where"]) == 2


def test_the_command_hands_every_setting_on(monkeypatch, tmp_path, capsys):
    asked = {}

    def explain(photo, weights, **settings):
        asked.update(settings, photo=photo, weights=weights)
        return SimpleNamespace(save=lambda path: None)

    monkeypatch.setattr(minimaskrcnn.api, "explain", explain)
    given = [
        "explain",
        "a.jpg",
        "--weights",
        "w.h5",
        "--classes",
        "square,circle",
        "--min-score",
        "0.25",
    ]
    given += [
        "--object",
        "2",
        "--nms-threshold",
        "0.5",
        "--max-detections",
        "3",
        "--size",
        "192",
        "--ignore-orientation",
        "-o",
    ]
    assert cli.main([*given, str(tmp_path / "page.html")]) == 0
    assert asked == {
        "photo": "a.jpg",
        "weights": "w.h5",
        "classes": ["square,circle"],  # taken apart by `settings`
        "min_score": 0.25,
        "nms_threshold": 0.5,
        "max_detections": 3,
        "size": 192,
        "orient": False,
        "number": 2,
    }


def test_any_object_can_be_followed_by_its_number(traced):
    steps, config, _ = traced
    result = steps["result"]
    assert len(result) > 1
    for number in range(len(result)):
        chosen = selection.chosen(steps, number)
        assert chosen.class_id == result.class_ids[number]
        assert steps["detections"][chosen.detection, 5] == result.scores[number]
        assert chosen.region == steps["detection_proposals"][chosen.detection]
    last = selection.chosen(steps, len(result) - 1)
    page = Page(make_report(steps, config, number=len(result) - 1).html)
    after = path_of(to_pixels(steps["detections"][:, :4], steps["molded"].shape)[last.detection])
    assert lines_of(page, "masks")[-1][1] == after


def test_objects_are_counted_without_the_detections_too_small_for_the_result(traced):
    steps, _, _ = traced
    later = {**steps, "result": steps["result"][1:]}  # as if the first had no pixel
    assert selection.chosen(later, 0) == selection.chosen(steps, 1)


@pytest.mark.parametrize("number", [-1, 99, 1.5, True, "0"])
def test_an_object_that_there_is_not_is_refused(traced, number):
    with pytest.raises(SettingError, match=r"no object has the number .*: there are \d+, counted"):
        selection.chosen(traced[0], number)


@pytest.fixture(scope="module")
def invented():
    """A trace of noise, in which scores of all sizes occur: (steps, config)."""
    return made_up_trace(128, SHAPES, np.random.RandomState(4))


def test_candidates_have_every_score_whatever_the_threshold_of_the_model(invented):
    steps, config = invented
    wanted = selection.detection_candidates(steps, config)
    for least in (0.5, 0.99):
        found = selection.detection_candidates(steps, replace(config, min_score=least))
        assert np.array_equal(found.scores, wanted.scores) and (found.scores < least).any()


def test_at_first_only_boxes_of_sufficient_score_are_shown_and_counted(invented):
    steps, config = invented
    config = replace(config, min_score=0.99)
    section = object_sections.about_detections(steps, config)
    boxes = boxes_of(Page(f'<div id="x">{section.figures}</div>'), "x")
    shown = [score for score, _, shown, _ in boxes if shown]
    assert 0 < len(shown) < len(boxes) and min(shown) >= 0.99
    objects = sum(probs.argmax() > 0 for probs in steps["class_probs"])
    assert objects < len(steps["proposals"])
    assert section.story.startswith(f"{objects:,} of {len(steps['proposals']):,} regions were")


def test_the_box_drawn_last_has_the_best_score(invented):
    page = Page(f'<div id="x">{object_sections.about_detections(*invented).figures}</div>')
    scores = [score for score, *_ in boxes_of(page, "x")]
    assert scores == sorted(scores) and len(set(scores)) > 10


def test_the_points_of_a_patch_end_in_the_middle_of_the_first_and_the_last_pixel(invented):
    steps, config = invented
    chosen = selection.chosen(steps)
    page = Page(f'<div id="x">{object_sections.about_levels(steps, config, chosen).figures}</div>')
    (path,) = {a["d"] for a in page.all("path") if "dots" in a["class"].split()}
    points = np.array(re.findall(r"M([-\d.e]+) ([-\d.e]+)h0", path), float)  # x, y
    y1, x1, y2, x2 = to_pixels(steps["proposals"], steps["molded"].shape)[chosen.region]
    size = steps["roi_features"].shape[1]
    assert len(points) == size**2
    assert np.allclose(points.min(axis=0), (x1, y1), rtol=1e-4)
    assert np.allclose(points.max(axis=0), (x2 - 1, y2 - 1), rtol=1e-4)


def test_the_best_proposals_drawn_are_those_that_nms_keeps(invented):
    steps, config = invented
    config = replace(config, rpn_nms_threshold=0.01)
    page = Page(f'<div id="x">{proposal_sections.about_proposals(steps, config).figures}</div>')
    first = lines_of(page, None)[0][1]
    verdicts = steps["anchors"], steps["rpn_probs"][:, 1], steps["rpn_deltas"]
    kept = select_proposals(*verdicts, replace(config, pre_nms_proposals=selection.LOOKED_AT))[0]
    unsuppressed = select_proposals(*verdicts, replace(config, rpn_nms_threshold=1.0))[0]
    best = kept[: proposal_sections.SURE]
    assert not np.array_equal(best, unsuppressed[: len(best)])
    best = to_pixels(best, steps["molded"].shape)
    assert first == "".join(path_of(box) for box in best[::-1])


def test_the_anchors_shown_stand_around_the_middle_of_the_photograph(traced):
    steps, _, _ = traced
    page = Page(f'<div id="x">{proposal_sections.about_anchors(steps).figures}</div>')
    drawn = "".join(path for _, path in lines_of(page, None))
    window = steps["window_pixels"]
    middle = (window[0] + window[2]) / 2, (window[1] + window[3]) / 2
    for boxes in selection.anchors_at(steps, middle):
        assert "".join(path_of(box) for box in boxes) in drawn
    assert "".join(map(path_of, selection.anchors_at(steps, window[:2])[0])) not in drawn
