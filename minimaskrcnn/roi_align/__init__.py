"""RoIAlign: sample a patch of features of one fixed size for each region, whatever its size.

There are three ways to sample a map, for comparison: `crop` is the one that the network uses,
`paper` is the paper's RoIAlign, and `pool` is the RoIPool that it replaced. `pyramid` chooses the
map for each region.
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
