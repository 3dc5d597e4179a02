"""Parts of the report: sections, figures, sliders and bars as HTML.

Idea    Text from outside (names of classes and files) is escaped in the functions that receive it.
        Arguments that are HTML already say so in the function's docstring.
Shapes  text  ->  HTML text
"""

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Section:
    """One stage of the network."""

    key: str  # its address within the page
    stages: tuple[str, ...]  # names of the modules, which are those of chapters and tests
    title: str
    story: str  # what happens, in a sentence or two: HTML
    figures: str  # HTML


def figure(picture, caption=""):
    """Return a figure: a picture (HTML) with a caption (HTML) below it."""
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f"<figure>{picture}{below}</figure>"


def stages(names):
    """Return the line that names a section's stages: the site makes links of it."""
    listed = ", ".join(f"<code>{name}</code>" for name in names)
    return f'<p class="stages">In code, chapters and tests: {listed}</p>'


def row(*figures):
    """Return figures (HTML) in a row, side by side where the screen is wide enough."""
    return f'<div class="row">{"".join(figures)}</div>'


def image(uri, words, kind="cells"):
    """Return a raster image; `words` describes it for people who cannot see it."""
    return f'<img class="{kind}" src="{uri}" alt="{escape(words)}">'


def swatch(colour, text):
    """Return a name beside its colour, for a legend."""
    return f'<span class="swatch"><i style="background:{colour}"></i>{escape(text)}</span>'


def bars(rows, own=None):
    """Return a bar chart of names and shares in 0 … 1; the row `own` is highlighted."""
    lines = []
    for i, (name, share) in enumerate(rows):
        lit = ' class="lit"' if i == own else ""
        lines.append(
            f"<tr{lit}><th>{escape(name)}</th><td>{_percent(share)}</td>"
            f'<td class="bar"><i style="width:{100 * share:.1f}%"></i></td></tr>'
        )
    return f'<table class="bars">{"".join(lines)}</table>'


def _percent(share):
    if 0 < share < 0.0005:
        return "&lt; 0.1 %"
    return f"{100 * share:.1f} %"


def switchboard(picture, candidates, shown, min_score=None):
    """Return a picture (HTML) with a slider for the NMS threshold and, if given, for the score."""
    steps = " ".join(f"{threshold:g}" for threshold in candidates.thresholds)
    overlap = (
        f'<label>allowed overlap (IoU) <output name="iou">'
        f"{candidates.thresholds[candidates.own]:g}</output>"
        f'<input type="range" name="nms" min="0" max="{len(candidates.thresholds) - 1}" step="1" '
        f'value="{candidates.own}" autocomplete="off"></label>'
    )
    score = ""
    if min_score is not None:
        score = (
            f'<label>confidence threshold <output name="least">{min_score:.2f}</output>'
            f'<input type="range" name="score" min="0" max="1" step="any" value="{min_score!r}" '
            f'autocomplete="off"></label>'
        )
    crowded = " crowded" if sum(shown) > 25 else ""
    return (
        f'<figure class="switched{crowded}" data-steps="{steps}">{picture}'
        f'<form class="sliders" hidden>{score}{overlap}</form>'
        f'<figcaption><output name="count">{sum(shown)}</output> of {len(shown)} boxes are left. '
        f"<noscript>The picture shows the network’s own thresholds.</noscript></figcaption>"
        f"</figure>"
    )
