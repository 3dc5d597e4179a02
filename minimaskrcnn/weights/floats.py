"""Floating-point numbers of every width that weight files have, to float32.

Idea    float16 and bfloat16 become float32 without loss. float64 is rounded to the nearest float32.
        Whole numbers in a weight file count something (batches seen, for instance): no weights.
Shapes  any shape, one of KINDS  ->  the same shape, float32
"""

import numpy as np

from minimaskrcnn.errors import WeightsError

# Name of each kind: the dtype of its bytes. bfloat16 is the upper half of a float32.
KINDS = {"float32": "<f4", "float16": "<f2", "bfloat16": "<u2", "float64": "<f8"}
COUNTS = ("int64", "int32", "int16", "int8", "uint8", "bool")  # kinds that count; skipped
ITEM_BYTES = {kind: np.dtype(KINDS.get(kind, kind)).itemsize for kind in (*KINDS, *COUNTS)}


def to_float32(path, name, values, kind):
    """Return the numbers as a C-contiguous float32 array.

    Parameters
    ----------
    path, name : of the file and of the array, for the message
    values : array whose dtype is `KINDS[kind]`
    kind : key of KINDS

    Returns
    -------
    float32 array of the same shape; `values` itself if it is that already

    Raises
    ------
    WeightsError
        If a number is NaN or infinite, or becomes so in float32.
    """
    if kind == "bfloat16":
        values = (values.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        numbers = np.asarray(values, np.float32, order="C")
    if not np.isfinite(numbers).all():
        beyond = bool(np.isfinite(values).all())
        what = "are too large for float32" if beyond else "are not finite (NaN or infinity)"
        raise WeightsError(
            f"{path}: {name} holds numbers that {what}: training diverged, or the file is damaged"
        )
    return numbers
