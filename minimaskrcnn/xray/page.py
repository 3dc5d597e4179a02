"""The page: all sections in the order of the data flow, in one file that needs nothing else.

Idea    Pictures, styles and the few lines of JavaScript stand in the file; the photograph stands in
        it once. Without JavaScript everything but the sliders is there.
Shapes  trace, Config  ->  Report
"""

import os
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from minimaskrcnn.config import Config
from minimaskrcnn.results.colours import object_colours
from minimaskrcnn.results.showing import show_page
from minimaskrcnn.runtime.files import written_whole
from minimaskrcnn.xray import (
    drawings,
    object_sections,
    parts,
    proposal_sections,
    rasters,
    selection,
)
from minimaskrcnn.xray.again import drawable

NAMED = 25  # objects labelled in the first picture, the best ones


@dataclass(frozen=True)
class Report:
    """A page that explains one photograph: `show` it, or `save` it and open it in a browser."""

    html: str = field(repr=False)
    title: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page; the file is never left half written."""
        with written_whole(path) as beside:
            beside.write_text(self.html, encoding="utf-8", errors="backslashreplace")

    def show(self) -> None:
        """Show the page, in the notebook or in the browser."""
        show_page(self)

    def _repr_html_(self) -> str:
        """The page in a frame of its own, for a notebook: neither's styles reach the other."""
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="{escape(self.title)}" '
            'style="width:100%;height:85vh;border:1px solid #ccc"></iframe>'
        )


def make_report(
    steps: dict[str, Any], config: Config, source: str = "", number: int | None = None
) -> Report:
    """Explain what the network did with one photograph.

    Parameters
    ----------
    steps : dict, from `MaskRCNN.trace`
    config : Config that the trace was made with
    source : path of the photograph, for the title
    number : of the object that is followed through the heads, from 0 on as in the result; None:
        the largest of the surest

    Returns
    -------
    Report
    """
    name = Path(source).name or "a photograph"
    steps = drawable(steps, config)
    chosen = selection.chosen(steps, number)
    sections = [
        proposal_sections.about_input(steps),
        proposal_sections.about_backbone(steps),
        proposal_sections.about_pyramid(steps),
        proposal_sections.about_anchors(steps),
        proposal_sections.about_rpn(steps),
        proposal_sections.about_proposals(steps, config),
        object_sections.about_levels(steps, config, chosen),
        object_sections.about_heads(steps, config, chosen),
        object_sections.about_detections(steps, config),
        object_sections.about_masks(steps, config, chosen),
    ]
    height, width = steps["molded"].shape[:2]
    html = Template(_file("page.html")).substitute(
        name=escape(name),
        style=_file("page.css"),
        script=_file("page.js"),
        photo=rasters.photo_uri(rasters.unmold(steps["molded"], config)),
        rendering="cells" if max(height, width) <= rasters.LOSSLESS else "smooth",
        height=height,
        width=width,
        found=_found(steps["result"]),
        result=_result(steps),
        contents="".join(_entry(section) for section in sections),
        sections="".join(_section(i, section) for i, section in enumerate(sections, start=1)),
    )
    return Report(html, f"How a network sees {name}")


def _file(name):
    return files("minimaskrcnn.xray").joinpath(name).read_text(encoding="utf-8")


def _found(result):
    """What was found, in a sentence."""
    if not len(result):
        return "It found nothing that it was sure enough of."
    labels = result.labels
    counts = {label: labels.count(label) for label in labels}  # in the order of the best scores
    listed = ", ".join(f"{count}&nbsp;×&nbsp;{escape(label)}" for label, count in counts.items())
    return f"It found {listed}."


def _result(steps):
    """The photograph with all objects."""
    result, window, shape = steps["result"], steps["window_pixels"], steps["molded"].shape
    scale = (window[2:] - window[:2]) / result.image.shape[:2]  # pixels of the input a pixel
    boxes, mask_boxes = (
        boxes * np.tile(scale, 2) + np.tile(window[:2], 2)  # (N, 4)
        for boxes in (
            result.boxes,
            result.boxes if result.mask_boxes is None else result.mask_boxes,
        )
    )
    view, colours = drawings.view_of(window, shape), object_colours(result.boxes)
    layers = [
        drawings.shape_of(result.mask_probs[i], mask_boxes[i], colours[i])
        for i in reversed(range(len(result)))  # the surest on top
    ]
    texts = [
        f"{label} {score:.2f}"
        for label, score in zip(result.labels[:NAMED], result.scores[:NAMED], strict=True)
    ]
    layers.append(drawings.labelled(texts, boxes[:NAMED], colours[:NAMED], view))
    words = "The photograph with " + (", ".join(texts) or "nothing found") + "."
    return parts.figure(drawings.picture(view, layers, words))


def _entry(section):
    return f'<li><a href="#{section.key}">{section.title}</a></li>'


def _section(number, section):
    return (
        f'<section id="{section.key}"><h2><span class="number">{number}</span> {section.title}</h2>'
        f"<p>{section.story}</p>{section.figures}{parts.stages(section.stages)}</section>"
    )
