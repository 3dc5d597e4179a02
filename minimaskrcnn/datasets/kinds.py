"""Kinds of pictures: how often each picture is learned from, so that rare kinds are not drowned.

Idea    A dataset of 450 dark pictures and 80 bright ones teaches the dark ones well. Pictures are
        told apart by their mean colour, coarsely; those of a rare kind come more often.
Source  Repeat factor sampling: Gupta et al., LVIS (arXiv:1908.03195), appendix B.1, there for rare
        classes: a picture comes max(1, sqrt(t / f)) times as often, f being its kind's share.
Shapes  pictures  ->  weights (N,)
"""

from collections import Counter

import numpy as np

from minimaskrcnn.photo import read_photo

LEVELS = 64  # grey levels of the mean of a channel that count as one
RARE = 0.25  # t: kinds with a smaller share come more often
OFTEN = 4.0  # but never more often than this: a single odd picture would be learned by heart
MOST = 3000  # pictures; to read more only for this would take too long


def weights_of(paths):
    """Return how often each picture should be learned from, relative to the others.

    Parameters
    ----------
    paths : list of N paths of pictures

    Returns
    -------
    (N,) float64, 1 … OFTEN; all are 1 if there are more than MOST pictures
    """
    if len(paths) > MOST:
        return np.ones(len(paths))
    kinds = [_kind(read_photo(path)) for path in paths]
    counts = Counter(kinds)
    shares = np.array([counts[kind] / len(kinds) for kind in kinds])
    return np.clip(np.sqrt(RARE / shares), 1.0, OFTEN)


def _kind(picture):
    return tuple((picture.mean(axis=(0, 1)) // LEVELS).astype(int).tolist())
