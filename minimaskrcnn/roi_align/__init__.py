"""RoIAlign: cut a patch of features of one fixed size out of the map, wherever a region lies.

`crop`, `paper` and `pool` are three ways to sample one map, to be compared: the one that the
network uses, the paper's, and what it replaced. `pyramid` chooses the map for each region.
"""

from minimaskrcnn.roi_align.crop import crop_and_resize
from minimaskrcnn.roi_align.paper import mean_of_samples, roi_align_paper
from minimaskrcnn.roi_align.pool import roi_pool
from minimaskrcnn.roi_align.pyramid import from_levels, pyramid_roi_align, roi_levels

__all__ = [
    "crop_and_resize",
    "from_levels",
    "mean_of_samples",
    "pyramid_roi_align",
    "roi_align_paper",
    "roi_levels",
    "roi_pool",
]
