"""Convolution by its definition: every output is a sum over a window of the input.

Idea    Slide a small kernel over the image; at every place multiply what lies under it and sum up.
Paper   Any textbook; as neural networks use it, the kernel is not flipped (cross-correlation).
Shapes  x (H, W, C) or (B, H, W, C), kernel (kh, kw, C, D)  ->  y (H', W', D) or (B, H', W', D)
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Conv:
    """The weights of one convolution, and how it moves."""

    kernel: np.ndarray  # (kh, kw, in, out)
    bias: np.ndarray  # (out,)
    stride: int = 1
    padding: tuple[int, int] = (0, 0)  # rows and columns of zeros before and after
