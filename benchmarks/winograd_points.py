"""What the points of Winograd's transform cost in precision: float32 beside float64.

    python benchmarks/winograd_points.py [CHANNELS]

Random kernels (He) and inputs (half of them zero, as after ReLU); 4 x 4 outputs of a 3 x 3
convolution over so many channels. The error is relative to the root mean square of the outputs. A
direct float32 sum stands beside both.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from minimaskrcnn.conv.winograd import POINTS, matrices  # noqa: E402

TILES, OUTPUTS = 64, 32


def transformed(x, kernel, points):
    """The outputs (tiles, 4, 4, outputs) by Winograd's transform in the dtype of `x`."""
    at, g, bt = (matrix.astype(x.dtype) for matrix in matrices(points))
    k = np.einsum("ai,ijco,bj->abco", g, kernel, g, optimize=True)
    d = np.einsum("ai,tijc,bj->tabc", bt, x, bt, optimize=True)
    products = np.einsum("tabc,abco->tabo", d, k, optimize=True)
    return np.einsum("ia,tabo,jb->tijo", at, products, at, optimize=True)


def direct(x, kernel):
    """The same outputs as nine products of matrices."""
    return sum(
        x[:, i : i + 4, j : j + 4] @ kernel[i, j] for i in range(3) for j in range(3)
    )  # (tiles, 4, 4, outputs)


def main(channels=256):
    """Print the errors of the usual points, of ours and of direct sums."""
    rs = np.random.RandomState(0)
    x = np.maximum(rs.randn(TILES, 6, 6, channels), 0)
    kernel = rs.randn(3, 3, channels, OUTPUTS) * np.sqrt(2 / (9 * channels))
    x, kernel = x.astype(np.float32), kernel.astype(np.float32)
    wanted = direct(x.astype(np.float64), kernel.astype(np.float64))
    size = np.sqrt((wanted**2).mean())
    results = {
        "0, 1, -1, 2, -2": transformed(x, kernel, (0, 1, -1, 2, -2)),
        "ours": transformed(x, kernel, POINTS),
        "direct": direct(x, kernel),
    }
    for name, found in results.items():
        error = np.abs(found - wanted) / size
        rms = np.sqrt((error**2).mean())
        print(f"{name:16} rms {rms:.2e}  max {error.max():.2e}  bits {-np.log2(rms):.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
