"""The report that `explain` makes: one HTML file that shows a photograph's way through the network.

`selection` takes from a trace what is worth showing, `rasters` and `drawings` make pictures of it,
`proposal_sections` and `object_sections` describe them in words, and `page` puts everything into
one file.
"""

from minimaskrcnn.xray.page import Report, make_report

__all__ = ["Report", "make_report"]
