"""The x-ray: one page that shows a photograph's way through the network.

`facts` takes what is worth showing out of a trace, `rasters` and `drawings` make pictures of it,
`looking` and `deciding` say in words what they show, `page` puts everything into one file.
"""

from minimaskrcnn.xray.page import Report, make_report

__all__ = ["Report", "make_report"]
