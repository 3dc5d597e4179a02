"""Batch normalization: each channel is brought to mean 0 and variance 1, then scaled and shifted.

Idea    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, separately for every channel.
        At inference mean and variance are constants. The formula is then one multiplication and
        one addition, which can be folded into the convolution before it: `fold_batch_norm`. In
        training from nothing they are the statistics of the batch: `batch_norm`.
Paper   Ioffe & Szegedy, arXiv:1502.03167, algorithm 1; the fold is their section 3.1's remark that
        at inference the normalisation is "simply a linear transform".
Shapes  x (..., C); gamma, beta, mean, variance (C,)

Notes   While a model learns from nothing, its convolutions keep their norms, and `conv2d` uses the
        statistics of the batch. A prediction would then depend on the statistics of the one
        photograph, so it is refused: `folded` gives the model that predicts.
"""

from dataclasses import dataclass, fields, is_dataclass, replace

import numpy as np

EPSILON = 0.001  # added to the variance; the stored variances of the COCO weights go down to 2e-13


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """The weights and statistics of one batch normalization, one number per channel each."""

    gamma: np.ndarray  # (C,) scale, may be negative
    beta: np.ndarray  # (C,) shift
    mean: np.ndarray  # (C,) moving averages of the training batches …
    variance: np.ndarray  # (C,) … used at inference

    def __repr__(self):
        return f"BatchNorm({len(self.gamma)})"


def fold_batch_norm(conv, norm, epsilon=EPSILON):
    """Return one convolution that does what `conv` followed by `norm` does at inference.

    Parameters
    ----------
    conv : Conv with kernel (kh, kw, in, out), bias (out,)
    norm : BatchNorm of (out,) numbers
    epsilon : added to the variance

    Returns
    -------
    Conv without a norm, in the dtype of `conv`; the arithmetic is float64

    Raises
    ------
    ValueError
        If the channels do not match.

    Examples
    --------
    >>> from minimaskrcnn.conv import Conv
    >>> norm = BatchNorm(*(np.array([v], np.float32) for v in (-2, 1, 3, 3.999)))
    >>> conv = Conv(np.ones((1, 1, 1, 1), np.float32), np.array([5], np.float32))
    >>> folded = fold_batch_norm(conv, norm)          # -2 (x + 5 - 3) / 2 + 1 = -x - 1
    >>> folded.kernel.item(), folded.bias.item()
    (-1.0, -1.0)
    """
    if norm.gamma.shape != conv.bias.shape:
        raise ValueError(
            f"fold_batch_norm wants one gamma for each of the {conv.bias.size} output channels, "
            f"got {norm.gamma.shape}"
        )
    gamma, beta, mean, variance, bias = (
        a.astype(np.float64) for a in (norm.gamma, norm.beta, norm.mean, norm.variance, conv.bias)
    )
    scale = gamma / np.sqrt(variance + epsilon)  # (out,)
    kernel = np.empty_like(conv.kernel)
    np.multiply(conv.kernel, scale, out=kernel, casting="same_kind")  # no float64 copy of it
    return replace(
        conv,
        kernel=kernel,
        bias=((bias - mean) * scale + beta).astype(conv.bias.dtype),
        norm=None,
    )


def map_parts(part, fits, change):
    """Return a copy of a model in which every part that `fits` is `change(part)`.

    Parameters
    ----------
    part : model, or a part of one: frozen dataclasses and tuples, arrays at the leaves
    fits : function from a part to bool
    change : function from a part to what takes its place
    """
    if fits(part):
        return change(part)
    if isinstance(part, tuple):
        return tuple(map_parts(child, fits, change) for child in part)
    if not is_dataclass(part):
        return part
    children = {f.name: map_parts(getattr(part, f.name), fits, change) for f in fields(part)}
    return replace(part, **children)


def folded(model):
    """Return the model, or part of one, with every batch normalization folded into its convolution.

    Parameters
    ----------
    model : MaskRCNN, ResNet, … : frozen dataclasses and tuples, convolutions at the leaves

    Returns
    -------
    the same without norms; the model itself if it has none
    """
    if not has_norms(model):
        return model
    return map_parts(model, _has_norm, lambda conv: fold_batch_norm(conv, conv.norm))


def has_norms(model):
    """Whether any convolution of a model, or of a part of one, has a batch normalization.

    Parameters
    ----------
    model : MaskRCNN, ResNet, … : frozen dataclasses and tuples, convolutions at the leaves

    Returns
    -------
    bool
    """
    if _has_norm(model):
        return True
    parts = model if isinstance(model, tuple) else ()
    if is_dataclass(model):
        parts = [getattr(model, field.name) for field in fields(model)]
    return any(has_norms(part) for part in parts)


def _has_norm(part):
    return isinstance(getattr(part, "norm", None), BatchNorm)
