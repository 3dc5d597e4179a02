"""The page of `explain` in torchvision's convention: its sliders show what those rules keep."""

from dataclasses import replace

import numpy as np
import pytest
from test_explain import Page, boxes_of, path_of
from torchvision_cases import PHOTOS
from torchvision_weights import NARROW, seeded

import minimaskrcnn
from minimaskrcnn.boxes import normalise, to_pixels
from minimaskrcnn.config import TORCHVISION
from minimaskrcnn.torchvision.anchors import per_level
from minimaskrcnn.torchvision.detections import select_detections
from minimaskrcnn.torchvision.proposals import select_proposals
from minimaskrcnn.weights.torchvision import read_torchvision
from minimaskrcnn.xray import again, make_report, selection

SMALL = replace(
    TORCHVISION, image_min_size=128, image_max_size=213, class_names=("background", *"abcd")
)


@pytest.fixture(scope="module", params=[1, 2], ids=["V1", "V2"])
def traced(request):
    """A trace of a photograph in which much is found, and its page."""
    model = replace(
        read_torchvision("seeded", seeded(NARROW, request.param, 7, 5)),
        config=replace(SMALL, min_score=0.3),
    )
    steps = model.trace(PHOTOS["portrait"])
    return steps, model.config, Page(make_report(steps, model.config, "portrait.png").html)


def drawn(boxes, steps):
    """The paths of boxes in pixels, drawn by way of the page's normalised ones."""
    shape = steps["molded"].shape
    return sorted(map(path_of, to_pixels(normalise(boxes, shape).astype(np.float32), shape)))


def thresholds(page, section):
    figure = next(a for a in page.all("figure", section) if "data-steps" in a)
    return [float(step) for step in figure["data-steps"].split()]


def test_at_first_the_detections_are_those_of_the_network(traced):
    steps, _, page = traced
    shown = sorted(path for _, _, shown, path in boxes_of(page, "detections") if shown)
    assert shown == drawn(steps["detections"][:, :4], steps) and len(shown) > 1


@pytest.mark.parametrize("least", [0.3, 0.6])
def test_the_sliders_of_the_detections_show_what_torchvisions_rule_selects(traced, least):
    steps, config, page = traced
    regions = steps["proposals"], steps["class_probs"], steps["box_deltas"], steps["window"]
    for i, threshold in enumerate(thresholds(page, "detections")):
        own = replace(config, min_score=least, detection_nms_threshold=threshold)
        rows = select_detections(*regions, own)[0]
        shown = [
            path
            for score, kept, _, path in boxes_of(page, "detections")
            if kept[i] == "1" and score > least
        ]
        assert sorted(shown) == drawn(rows[:, :4], steps)


def test_the_slider_of_the_proposals_shows_what_nms_keeps_level_by_level(traced):
    steps, config, page = traced
    maps = [steps[f"p{level}"] for level in range(2, 7)]
    verdicts = steps["anchors"], steps["rpn_logits"], steps["rpn_deltas"]
    boxes = boxes_of(page, "proposals")
    assert len(boxes) == selection.LOOKED_AT
    looked_at = {path for _, _, _, path in boxes}
    for i, threshold in enumerate(thresholds(page, "proposals")):
        own = replace(config, rpn_nms_threshold=threshold)
        kept = select_proposals(*verdicts, per_level(maps, config), steps["window"], own)[0]
        wanted = {path for path in drawn(kept, steps) if path in looked_at}
        shown = {path for _, kept, _, path in boxes if kept[i] == "1"}
        assert shown == wanted


def test_the_page_of_a_photograph_in_which_nothing_is_found_is_whole(traced):
    steps, config, _ = traced
    model = read_torchvision("seeded", seeded(NARROW, 1, 7, 5), replace(config, min_score=1.0))
    flat = np.full((60, 80, 3), 128, np.uint8)
    page = Page(make_report(model.trace(flat), model.config).html)
    assert not page.open and not [b for b in boxes_of(page, "detections") if b[2]]


def test_explain_takes_a_file_of_torchvisions(tmp_path):
    from conftest import DATA
    from PIL import Image

    photo = tmp_path / "photo.png"
    Image.fromarray(PHOTOS["small"]).save(photo)
    page = minimaskrcnn.explain(photo, DATA / "torchvision_three.pth", size=96)
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_a_stage_run_again_gives_what_the_trace_has(traced):
    steps, config, _ = traced
    scores = again.proposals_again(again.drawable(steps, config), config)[1]
    assert np.array_equal(scores, steps["proposal_scores"])
    rows, source = again.detections_again(again.drawable(steps, config), config)
    assert np.array_equal(rows[:, 4:], steps["detections"][:, 4:])
    assert np.array_equal(source, steps["detection_proposals"])
