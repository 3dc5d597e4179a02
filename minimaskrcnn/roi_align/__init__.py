"""RoIAlign: cut a fixed-size patch of features out of the map, wherever a region lies.

`forms` holds three ways to sample one map, to be compared; `pyramid` chooses the map.
"""

from minimaskrcnn.roi_align.forms import crop_and_resize, roi_align_paper, roi_pool
from minimaskrcnn.roi_align.pyramid import pyramid_roi_align, roi_levels

__all__ = ["crop_and_resize", "pyramid_roi_align", "roi_align_paper", "roi_levels", "roi_pool"]
