"""Let PyTorch's optimisers walk along given gradients: what `training.optimise` must do as well.

    pip install torch==2.13.0
    python tests/data/make_torch_optimisers.py

Writes torch_optimisers.npz beside this script: `start` (3, 4), `gradients` (20, 3, 4), `rate`, and
where AdamW (betas 0.9 and 0.99, decay 0.02) and SGD (momentum 0.9, decay of 0.0001 times the mean
square) have come to.
"""

from pathlib import Path

import numpy as np
import torch


def walk(start, gradients, optimiser_of):
    weight = torch.tensor(start, requires_grad=True)
    optimiser = optimiser_of([weight])
    for gradient in gradients:
        weight.grad = torch.tensor(gradient)
        optimiser.step()
    return weight.detach().numpy()


def main():
    random, rate = np.random.RandomState(0), 0.01
    start, gradients = random.standard_normal((3, 4)), random.standard_normal((20, 3, 4))
    np.savez_compressed(
        Path(__file__).parent / "torch_optimisers.npz",
        start=start,
        gradients=gradients,
        rate=rate,
        adamw=walk(
            start,
            gradients,
            lambda w: torch.optim.AdamW(w, lr=rate, betas=(0.9, 0.99), weight_decay=0.02),
        ),
        sgd=walk(
            start,
            gradients,
            lambda w: torch.optim.SGD(w, lr=rate, momentum=0.9, weight_decay=2e-4 / start.size),
        ),
    )


if __name__ == "__main__":
    main()
