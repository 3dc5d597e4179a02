"""The names in a pickle of weights, and what each means: without PyTorch, and nothing is called.

Idea    A state dict needs four functions and one class for each kind of storage. Training scripts
        put a few harmless things beside it, whose values nobody needs here: they are skipped.
Source  `torch/serialization.py`, `torch/_utils.py`
"""

from dataclasses import dataclass

from minimaskrcnn.weights.claims import MAX_RANK, is_size

STORAGES = {  # class of storage: the kind of its numbers, as in `floats`
    **{"torch.FloatStorage": "float32", "torch.HalfStorage": "float16"},
    **{"torch.BFloat16Storage": "bfloat16", "torch.DoubleStorage": "float64"},
    **{"torch.LongStorage": "int64", "torch.IntStorage": "int32", "torch.ShortStorage": "int16"},
    **{"torch.CharStorage": "int8", "torch.ByteStorage": "uint8", "torch.BoolStorage": "bool"},
}
SKIPPED = {  # what training scripts store beside the weights
    *("argparse.Namespace", "collections.Counter", "collections.defaultdict", "_codecs.encode"),
    *("builtins.set", "builtins.dict", "builtins.list", "builtins.int", "builtins.float"),
    *("__builtin__.set", "__builtin__.dict", "__builtin__.list", "__builtin__.int"),
    *("pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath"),
    *("pathlib._local.PosixPath", "pathlib._local.WindowsPath", "datetime.datetime"),
    *("numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar"),
    *("numpy.core.multiarray._reconstruct", "numpy._core.multiarray.scalar"),
    *("numpy._core.multiarray._reconstruct", "torch.Size", "torch.device", "torch.float32"),
    *("torch.float16", "torch.bfloat16", "torch.float64", "torch.int64"),
}


@dataclass(frozen=True)
class Name:
    """A function or class: "collections.OrderedDict"."""

    text: str


SKIP = Name("")  # stands for a value that is not made


@dataclass(frozen=True)
class Storage:
    """A run of numbers, which lies elsewhere in the file, under its key."""

    key: str
    kind: str  # of the numbers: "float32", …
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage: where its first number is, how many along each axis, how far apart."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def meaning(text):
    """Return the Name of a text, SKIP for what is skipped, or None for a name not known."""
    if text in SKIPPED:
        return SKIP
    return Name(text) if text in CALLS or text in STORAGES else None


def ordered_dict(pairs=()):
    """An OrderedDict; Python 2 hands over its entries, which are moved, so that they count once."""
    found = {key: value for key, value in pairs if type(key) is str}
    if pairs:
        pairs.clear()
    return found


def tensor(storage, offset, shape, strides, *_):
    """A Tensor; whether it fits into its storage is judged when its numbers are read."""
    if not isinstance(storage, Storage) or len(shape) != len(strides) or len(shape) > MAX_RANK:
        raise ValueError("a tensor without a storage, a shape or strides")
    if not all(is_size(number) for number in (offset, *shape, *strides)):
        raise ValueError("a tensor whose sizes are not numbers")
    return Tensor(storage, offset, tuple(shape), tuple(strides))


def storage(tag, kind, key, _device, count, view=None):
    """The Storage that a persistent id names."""
    if tag != "storage" or not isinstance(kind, Name) or kind.text not in STORAGES:
        raise ValueError("what should be a storage is not one")
    if type(key) is not str or not is_size(count) or view is not None:
        raise ValueError("a storage without a size, or within another one")
    return Storage(key, STORAGES[kind.text], count)


CALLS = {
    "collections.OrderedDict": ordered_dict,
    "torch._utils._rebuild_tensor": tensor,
    "torch._utils._rebuild_tensor_v2": tensor,
    "torch._utils._rebuild_parameter": lambda value, *_: value,
}
