"""Objects of other libraries that hold an array: tensors, columns, lazily read arrays.

Idea    None of these libraries is imported. A tensor is asked for its array by the methods that
        PyTorch, TensorFlow, JAX and CuPy give theirs; what it raises becomes one sentence.
Shapes  object with `__array__`  ->  NumPy array
"""

import numpy as np

from minimaskrcnn.errors import ImageError


def array_of(source, name):
    """The NumPy array in an object.

    Parameters
    ----------
    source : NumPy array, or an object with a method `__array__`; of PyTorch, a tensor may need a
        gradient, lie on another device, or be of bfloat16
    name : str, what messages call it

    Raises
    ------
    ImageError
        If the object refuses to give an array.
    """
    if isinstance(source, np.ndarray):
        return source
    try:
        array = np.asarray(_on_cpu(source))
        return array.astype(np.float32) if array.dtype.name == "bfloat16" else array
    except MemoryError:
        raise
    except Exception as error:  # any library's
        why = " ".join(str(error).split())[:200]
        raise ImageError(f"{name}: cannot be turned into an array ({why})") from error


def _on_cpu(tensor):
    """A tensor of PyTorch or CuPy as NumPy can take it; any other object as it is."""
    for method in ("detach", "cpu", "resolve_conj", "resolve_neg"):  # PyTorch
        tensor = getattr(tensor, method, lambda same=tensor: same)()
    if "bfloat16" in str(getattr(tensor, "dtype", "")) and hasattr(tensor, "float"):
        return tensor.float()
    return tensor.get() if type(tensor).__module__.startswith("cupy") else tensor
