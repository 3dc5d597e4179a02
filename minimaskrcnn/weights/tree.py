"""The weights as a flat list of names, and back.

Idea    The dataclasses are a tree: `model.backbone.stages[0][1].reduce.kernel`. Files, checkpoints
        and optimisers want a list: {"backbone.stages.0.1.reduce.kernel": array}. The types of the
        dataclasses' fields say how to build the tree again, so no class is mentioned here.
Shapes  tree of frozen dataclasses and tuples  <->  dict from name to leaf
"""

from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType
from typing import get_args, get_type_hints

import numpy as np


def named_leaves(tree, prefix=""):
    """Return everything in the tree that is not itself a tree: arrays, strides, paddings.

    Parameters
    ----------
    tree : dataclass instance, or a tuple of them
    prefix : begins every name

    Returns
    -------
    dict from name to leaf, in the order of the fields; a field that is None has no leaf

    Examples
    --------
    >>> from minimaskrcnn.conv import Conv
    >>> sorted(named_leaves(Conv(np.zeros((1, 1, 2, 3)), np.zeros(3))))
    ['bias', 'kernel', 'padding', 'stride']
    """
    if is_dataclass(tree):
        parts = [(field.name, getattr(tree, field.name)) for field in fields(tree)]
    elif isinstance(tree, tuple) and any(is_dataclass(t) or isinstance(t, tuple) for t in tree):
        parts = enumerate(tree)
    else:
        return {} if tree is None else {prefix: tree}
    leaves = {}
    for name, part in parts:
        leaves.update(named_leaves(part, f"{prefix}.{name}" if prefix else str(name)))
    return leaves


def named_arrays(tree):
    """Return the arrays among `named_leaves(tree)`: {"backbone.stem.kernel": array, …}."""
    return {n: leaf for n, leaf in named_leaves(tree).items() if isinstance(leaf, np.ndarray)}


def with_arrays(tree, arrays):
    """Return a copy of the tree in which the named arrays are replaced; the rest is shared.

    Raises
    ------
    ValueError
        If the tree has no leaf of such a name.
    """
    leaves = named_leaves(tree)
    unknown = sorted(set(arrays) - set(leaves))
    if unknown:
        raise ValueError(f"there is no {unknown[0]} in a {type(tree).__name__}")
    return build(type(tree), leaves | dict(arrays))


def build(cls, leaves):
    """Build a dataclass from its named leaves: the inverse of `named_leaves`.

    Parameters
    ----------
    cls : the dataclass
    leaves : dict from name to leaf; what has a default, or may be None, may be missing

    Raises
    ------
    ValueError
        If a leaf is missing, or one has no place.

    Examples
    --------
    >>> from minimaskrcnn.layers import Dense
    >>> build(Dense, {"kernel": np.zeros((2, 3)), "bias": np.zeros(3)}).bias
    array([0., 0., 0.])
    """
    root = {}
    for name, leaf in leaves.items():
        *path, last = name.split(".")
        node = root
        for part in path:
            node = node.setdefault(part, {})
        node[last] = leaf
    return _build(cls, root, "")


def _build(kind, node, name):
    """`kind` is a field's type; `node` a dict of parts, or a leaf."""
    choices = [choice for choice in get_args(kind) if choice is not NoneType]
    if NoneType in get_args(kind):
        return _build(choices[0], node, name)
    if is_dataclass(kind):
        return _build_dataclass(kind, node, name)
    if isinstance(node, dict):  # a tuple of parts: 0, 1, …
        if set(node) != {str(i) for i in range(len(node))} or not choices:
            raise ValueError(f"{name} has the parts {', '.join(node)}, which do not fit")
        return tuple(_build(choices[0], node[str(i)], f"{name}.{i}") for i in range(len(node)))
    return node


@cache
def _hints(cls):
    return get_type_hints(cls)


def _build_dataclass(cls, node, name):
    if not isinstance(node, dict):
        raise ValueError(f"{name} is a single value, but should have parts")
    hints, values = _hints(cls), {}
    for field in fields(cls):
        part = f"{name}.{field.name}" if name else field.name
        if field.name in node:
            values[field.name] = _build(hints[field.name], node[field.name], part)
        elif NoneType in get_args(hints[field.name]):
            values[field.name] = None
        elif field.default is MISSING:
            raise ValueError(f"{part} is missing")
    unknown = sorted(set(node) - set(values))
    if unknown:
        raise ValueError(f"{unknown[0]} has no place in {name or cls.__name__}")
    return cls(**values)
