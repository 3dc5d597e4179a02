"""The first half of the report: from the photograph to the proposals.

Idea    There is one section per stage. It says in plain words what the stage does, and shows what
        it did with this photograph. All numbers come from the trace and the configuration.
Shapes  trace  ->  Section
"""

import numpy as np

from minimaskrcnn.config import STRIDES
from minimaskrcnn.results.colours import COLOURS
from minimaskrcnn.xray import drawings, parts, rasters, selection

SURE = 12  # proposals drawn
LEVEL_COLOURS = dict(zip(range(2, 7), COLOURS[[0, 1, 2, 3, 6]], strict=True))  # P2 … P6


def about_input(steps):
    """Return the section about the photograph in the network's frame."""
    height, width = steps["molded"].shape[:2]
    window, photo = steps["window_pixels"], steps["result"].image.shape
    tall, wide = (int(side) for side in window[2:] - window[:2])
    padded = (tall, wide) != (height, width)
    resized = (tall, wide) != photo[:2]
    fit = f"is resized to {wide} × {tall} to fit into" if resized else "fits into"
    colour = "grey" if "exact" in steps else "black"  # the mean colour in torchvision's convention
    rest = f" and {colour} padding fills the rest (the dashed line is the border)"
    around, ending = (rest, f", padded with {colour}.") if padded else ("", ".")
    words = f"The photograph as the network sees it{ending}"
    layers = [drawings.outlines([window], COLOURS[1], "dashed")] if padded else []
    frame = drawings.View(0, 0, height, width)
    return parts.Section(
        "input",
        ("image",),
        "The photograph becomes the input",
        f"This photograph of {photo[1]} × {photo[0]} pixels {fit} the frame of {width} × {height} "
        f"that the network wants{around}. Then the average colour is subtracted, so that the "
        "numbers lie around zero.",
        parts.figure(drawings.picture(frame, layers, words)),
    )


def about_backbone(steps):
    """Return the section about the backbone's maps, C1 … C5."""
    return parts.Section(
        "backbone",
        ("conv", "resnet"),
        "The backbone looks closer and closer",
        "A stack of convolutions turns pixels into features. The first map (C1) responds to edges "
        "and colours, cell by cell. Deeper maps know less about where things are and more about "
        "what they are: C5 has few cells, but each of them has seen a large part of the picture.",
        "".join(_map_figure(steps, f"c{level}") for level in range(1, 6)),
    )


def about_pyramid(steps):
    """Return the section about the pyramid's maps, P2 … P6."""
    return parts.Section(
        "pyramid",
        ("fpn",),
        "The pyramid joins “what” and “where”",
        "The features of the coarse maps are passed down to the fine maps and added to them. Every "
        "level of the result then knows what things are; P2 is for small objects, P5 and P6 are "
        "for large ones.",
        "".join(_map_figure(steps, f"p{level}") for level in range(2, 7)),
    )


def _map_figure(steps, name):
    feature_map = steps[name]
    height, width, channels = feature_map.shape
    shown = rasters.telling_channels(feature_map)
    words = f"Channels {', '.join(map(str, shown))} of the feature map {name.upper()}."
    caption = (
        f"<b>{name.upper()}</b> {width} × {height} cells; {len(shown)} of {channels} channels, "
        "the ones that vary most"
    )
    return parts.figure(parts.image(rasters.strip_uri(feature_map, shown), words), caption)


def about_anchors(steps):
    """Return the section about the grid of anchors, which shows those of one point."""
    window = steps["window_pixels"]
    centre = (window[0] + window[2]) / 2, (window[1] + window[3]) / 2
    around = selection.anchors_at(steps, centre)
    frame = drawings.View(0, 0, *steps["molded"].shape[:2])
    layers, legend = [], []
    for level, boxes in zip(range(6, 1, -1), reversed(around), strict=True):
        layers.append(drawings.outlines(boxes, LEVEL_COLOURS[level]))
        legend.insert(0, _legend(level, f"P{level}, every {STRIDES[level - 2]} pixels"))
    each, levels = len(around[0]), len(around)
    words = (
        f"{each * levels} anchors around the middle of the photograph: {each} on each of the "
        f"{levels} levels of the pyramid."
    )
    return parts.Section(
        "anchors",
        ("anchors",),
        "Anchors ask the same question everywhere",
        f"Before anything is known about this picture, {len(steps['anchors']):,} boxes cover it: "
        f"every cell of every level has {each} of different shapes. The picture shows the anchors "
        "of one place. The network does not invent boxes; it gives each anchor a score and moves "
        "it.",
        parts.figure(drawings.picture(frame, layers, words), "".join(legend)),
    )


def _legend(level, text):
    return parts.swatch(drawings.hex_colour(LEVEL_COLOURS[level]), text)


def about_rpn(steps):
    """Return the section about the RPN, which shows where each level expects objects."""
    figures = []
    for level, scores in zip(range(2, 7), selection.level_scores(steps), strict=True):
        stride, (height, width) = STRIDES[level - 2], scores.shape
        heat = drawings.framed_image(
            rasters.heat_uri(scores), -stride / 2, -stride / 2, height * stride, width * stride
        )
        words = f"Where the level P{level} expects objects; best score {scores.max():.2f}."
        view = drawings.view_of(steps["window_pixels"], steps["molded"].shape)
        caption = f"<b>P{level}</b> best score {scores.max():.2f}"
        figures.append(parts.figure(drawings.picture(view, [heat], words, dim=True), caption))
    return parts.Section(
        "rpn",
        ("rpn",),
        "Is there anything?",
        "A small network, the region proposal network (RPN), slides over every level. It gives "
        "each anchor an object score: the probability that it contains an object of any class. The "
        "stronger the colour, the higher the score. The fine levels respond to small objects, the "
        "coarse ones to large objects.",
        f'<div class="row many">{"".join(figures)}</div>',
    )


def about_proposals(steps, config):
    """Return the section about the proposals: the best anchors, moved, before and after NMS."""
    view = drawings.view_of(steps["window_pixels"], steps["molded"].shape)
    candidates = selection.proposal_candidates(steps, config)
    best = candidates.boxes[candidates.kept[candidates.own]][:SURE]
    words = f"The best {len(best)} proposals on the photograph."
    left = parts.figure(
        drawings.picture(view, [drawings.outlines(best[::-1], COLOURS[0])], words),
        f"The {len(best)} best proposals.",
    )
    count, shown = len(candidates.boxes), candidates.kept[candidates.own]
    orange = np.tile(COLOURS[0], (count, 1))
    boxes = drawings.switched(candidates, None, orange, view, shown)
    words = f"{shown.sum()} of {count} boxes stay; those that were removed are faint."
    right = parts.switchboard(drawings.picture(view, [boxes], words), candidates, shown)
    return parts.Section(
        "proposals",
        ("boxes", "nms", "proposals"),
        "Many boxes, one object",
        "The best anchors are moved by the deltas that the network predicts. Several neighbouring "
        "anchors find the same object. So non-maximum suppression (NMS) goes from the best score "
        "to the worst, and removes every box whose overlap (IoU) with a better one is more than "
        f"{config.rpn_nms_threshold:g}. {len(steps['proposals']):,} proposals remain. The second "
        f"picture shows the best {count} boxes; those that NMS removes are faint.",
        parts.row(left, right),
    )
