"""The second half of the report: from proposals to objects and their pixels.

Idea    As in `proposal_sections`. One region is followed through the heads: the region of a large
        detection with a high score or, if nothing was found, the region with the highest score.
Shapes  trace, Config, Chosen  ->  Section
"""

import numpy as np

from minimaskrcnn.boxes import to_pixels
from minimaskrcnn.results.colours import COLOURS
from minimaskrcnn.xray import drawings, parts, rasters, selection
from minimaskrcnn.xray.again import levels_of_proposals
from minimaskrcnn.xray.proposal_sections import LEVEL_COLOURS

DRAWN = 24  # proposals of the picture of levels
CLASSES = 5  # most likely ones listed


def about_levels(steps, config, chosen):
    """Return the section about RoIAlign: each region's map, and the chosen region's patch."""
    shape, proposals = steps["molded"].shape, steps["proposals"]
    levels, boxes = levels_of_proposals(steps, config), to_pixels(proposals, shape)
    layers, legend = [], []
    for level in range(5, 1, -1):
        own = np.flatnonzero(levels == level)
        best = boxes[own[own < DRAWN]]
        layers.append(drawings.outlines(best, LEVEL_COLOURS[level]))
        colour = drawings.hex_colour(LEVEL_COLOURS[level])
        legend.insert(0, parts.swatch(colour, f"P{level}: {len(own)} regions"))
    size = steps["roi_features"].shape[1]
    words = f"The {min(DRAWN, len(boxes))} best proposals, coloured by the level they are read at."
    view = drawings.view_of(steps["window_pixels"], shape)
    return parts.Section(
        "levels",
        ("roi_align",),
        "Every region at its own scale",
        "Small regions are read from the fine maps, large ones from the coarse maps, so that all "
        "cover about the same number of cells. RoIAlign then samples a patch of the same size for "
        f"each region, {size} × {size} points, interpolating between cells. Below the picture you "
        "see one region and its patch.",
        parts.figure(drawings.picture(view, layers, words), "".join(legend))
        + _patch(steps, chosen, boxes[chosen.region], int(levels[chosen.region])),
    )


def _patch(steps, chosen, box, level):
    features = steps["roi_features"][chosen.region]  # (P, P, C)
    size, shown = len(features), rasters.telling_channels(features)
    y1, x1, y2, x2 = box
    points = [(y, x) for y in np.linspace(y1, y2 - 1, size) for x in np.linspace(x1, x2 - 1, size)]
    layers = [drawings.outlines([box], LEVEL_COLOURS[level]), drawings.dots(points)]
    words = f"Proposal {chosen.region} with the {size} × {size} points that are sampled."
    crop = drawings.picture(drawings.view_around(box), layers, words)
    words = f"The {size} × {size} patch of this region in {len(shown)} channels."
    return parts.row(
        parts.figure(crop, f"Proposal {chosen.region}, and the points where P{level} is read."),
        parts.figure(
            parts.image(rasters.strip_uri(features, shown, columns=3), words),
            f"The features read there: {len(shown)} of {features.shape[2]} channels.",
        ),
    )


def about_heads(steps, config, chosen):
    """Return the section about the box head: class and box, before and after."""
    probs, names = steps["class_probs"][chosen.region], config.class_names
    object_score = float(steps["proposal_scores"][chosen.region])
    order = np.argsort(-probs, kind="stable")[:CLASSES]
    listed = [(names[i], float(probs[i])) for i in order]
    own = next((i for i, k in enumerate(order) if k == chosen.class_id), None)
    before = parts.bars([("something", object_score), ("nothing", 1 - object_score)], 0)
    after = parts.bars(listed, own)
    others = len(names) - len(order)
    more = f" The other {others} classes share the rest." if others else ""
    return parts.Section(
        "heads",
        ("heads",),
        "What is it, and where exactly?",
        "Two dense layers look at the patch. Until now the network only knew “something”. Now it "
        "gives every class a probability, “background” among them, and corrects the box once "
        f"more. {_verdict(chosen)}",
        parts.row(
            parts.figure(f"<h3>Before: an object at all?</h3>{before}", "The proposal’s score."),
            parts.figure(f"<h3>After: which one?</h3>{after}", f"Softmax over all classes.{more}"),
        )
        + _correction(steps, chosen),
    )


def _verdict(chosen):
    if chosen.detection is None:
        return "No score in this picture reached the threshold; this region came nearest."
    return "This region became one of the objects found."


def _correction(steps, chosen):
    shape = steps["molded"].shape
    before = to_pixels(steps["proposals"][[chosen.region]], shape)
    if chosen.detection is None:
        return ""
    after = to_pixels(steps["detections"][[chosen.detection], :4], shape)
    both = np.concatenate([before, after])
    around = np.concatenate([both[:, :2].min(axis=0), both[:, 2:].max(axis=0)])
    layers = [drawings.outlines(before, COLOURS[1], "dashed"), drawings.outlines(after, COLOURS[0])]
    words = "The proposal, dashed, and the box after its correction."
    crop = drawings.picture(drawings.view_around(around), layers, words)
    blue, orange = drawings.hex_colour(COLOURS[1]), drawings.hex_colour(COLOURS[0])
    legend = parts.swatch(blue, "proposal (dashed)") + parts.swatch(orange, "corrected box")
    return f'<div class="small">{parts.figure(crop, legend)}</div>'


def about_detections(steps, config):
    """Return the section about the detections, with sliders for the two thresholds."""
    view = drawings.view_of(steps["window_pixels"], steps["molded"].shape)
    candidates = selection.detection_candidates(steps, config)
    sure = candidates.scores >= np.float32(config.min_score)
    shown = candidates.kept[candidates.own] & sure
    names = [config.class_names[i] for i in candidates.class_ids]
    colours = _class_colour(candidates.class_ids)
    boxes = drawings.switched(candidates, names, colours, view, shown)
    words = f"{shown.sum()} of {len(shown)} classified boxes pass both thresholds."
    count = int((steps["class_probs"].argmax(axis=1) > 0).sum())
    return parts.Section(
        "detections",
        ("detections",),
        "Two thresholds decide",
        f"{count:,} of {len(steps['proposals']):,} regions were classified as something other "
        "than background. Boxes with a score below the confidence threshold, "
        f"{config.min_score:g}, are dropped. Then NMS, class by class, keeps the best box and "
        "removes every box whose overlap (IoU) with it is more than "
        f"{config.detection_nms_threshold:g}. Move the sliders to see which boxes other thresholds "
        "would keep.",
        parts.switchboard(
            drawings.picture(view, [boxes], words), candidates, shown, config.min_score
        )
        + _class_legend(candidates, config),
    )


def _class_legend(candidates, config):
    present = np.unique(candidates.class_ids)
    if not 0 < len(present) <= len(COLOURS):  # there are not enough colours for more
        return ""
    swatches = [
        parts.swatch(drawings.hex_colour(_class_colour(i)), config.class_names[i]) for i in present
    ]
    return f"<p>{''.join(swatches)}</p>"


def _class_colour(class_ids):
    return COLOURS[(class_ids - 1) % len(COLOURS)]


def about_masks(steps, config, chosen):
    """Return the section about the chosen detection's mask, and its pixels in the photograph."""
    title = "Which pixels?"
    if chosen.detection is None:
        story = "The mask head draws the objects that were found. Here there was none to draw."
        return parts.Section("masks", ("masks",), title, story, "")
    probs = steps["mask_probs"][chosen.detection]  # (28, 28)
    box = to_pixels(steps["detections"][[chosen.detection], :4], steps["molded"].shape)[0]
    name = config.class_names[chosen.class_id]
    size = f"{probs.shape[1]} × {probs.shape[0]}"
    words = f"The mask of a {name}, {size} probabilities from black to white."
    small = parts.image(rasters.grey_uri(probs), words, "cells mask")
    layers = [drawings.shape_of(probs, box, COLOURS[0]), drawings.outlines([box], COLOURS[0])]
    words = f"The same mask, stretched to its box in the photograph: a {name}."
    pasted = drawings.picture(drawings.view_around(box), layers, words)
    return parts.Section(
        "masks",
        ("masks",),
        title,
        f"For each object that was found, a last small network predicts {size} probabilities, one "
        "per cell: does it belong to the object? They are stretched to the object’s box. Every "
        "pixel with at least one half belongs to the object.",
        parts.row(
            parts.figure(small, f"As the network predicts it: {size} cells."),
            parts.figure(pasted, "Stretched to its box, with the threshold one half."),
        ),
    )
