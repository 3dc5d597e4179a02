"""The pickle inside a .pth file: read as data, never executed.

Idea    A pickle is a program for a small stack machine. Most of its steps build lists and dicts; a
        few name a function of any module and call it, which is how a hostile file runs code. This
        machine imports nothing and calls nothing of Python's: the few names it knows stand in
        `pickled_names`, and every other name is refused.
Source  Python's `pickletools`, which lists and decodes the steps
Shapes  bytes  ->  nested dicts, lists and tuples, with a Tensor where a tensor is

Notes   Dicts keep the entries whose key is a text; the others lead to no weight. Every step adds at
        most one object, so MAX_STEPS bounds memory and time, whatever sizes the pickle declares.
"""

import struct
from dataclasses import dataclass, field
from pickletools import genops

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.pickled_names import CALLS, SKIP, Name, meaning, storage

MAX_STEPS = 1_000_000  # a training checkpoint of the largest network here has some 100,000

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_SET": SKIP}
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
LITERALS = {  # steps that push what stands behind them
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}


@dataclass
class Machine:
    """What a pickle works on."""

    path: str  # of the file, for messages
    stack: list = field(default_factory=list)
    below: list = field(default_factory=list)  # the stacks under the marks
    memo: dict = field(default_factory=dict)
    storages: dict = field(default_factory=dict)  # {key: Storage} of all that were mentioned


def read_pickle(path, stream):
    """Run a pickle; what follows it in the stream is left there.

    Parameters
    ----------
    path : of the file, for messages
    stream : BytesIO, at the pickle's first byte

    Returns
    -------
    value : what the pickle describes
    storages : {key: Storage} that it mentions

    Raises
    ------
    WeightsError
        If it names anything that weights do not need, or makes no sense.
    """
    machine = Machine(path)
    try:
        for number, (step, argument, _) in enumerate(genops(stream)):
            if number == MAX_STEPS:
                raise ValueError(f"more than {MAX_STEPS:,} steps")
            _run(machine, step.name, argument)
        (value,) = machine.stack
    except WeightsError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise WeightsError(
            f"{path}: is damaged: its pickle makes no sense ({ascii(str(error)[:100])[1:-1]}). "
            "Fetch or copy the file again"
        ) from error
    return value, machine.storages


def _run(machine, step, argument):
    """One step of the pickle."""
    stack = machine.stack
    if step in LITERALS:
        stack.append(argument)
    elif step in CONSTANTS:
        stack.append(CONSTANTS[step])
    elif step in EMPTY:
        stack.append(EMPTY[step]())
    elif step in TUPLES:
        items = [stack.pop() for _ in range(TUPLES[step])]
        stack.append(tuple(reversed(items)))
    elif step in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
        machine.memo[len(machine.memo) if argument is None else argument] = stack[-1]
    elif step in ("BINGET", "LONG_BINGET"):
        stack.append(machine.memo[argument])
    elif step == "MARK":
        machine.below.append(stack)
        machine.stack = []
    elif step in OTHERS:
        OTHERS[step](machine, argument)
    elif step not in ("PROTO", "FRAME", "STOP"):
        raise ValueError(f"step {step}")


def _push(machine, value):
    machine.stack.append(value)


def _since_mark(machine):
    """What lies above the last mark, taken off."""
    items, machine.stack = machine.stack, machine.below.pop()
    return items


def _append(machine, items):
    target = machine.stack[-1]
    if isinstance(target, list):
        target.extend(items)
    elif target is not SKIP:
        raise ValueError("items for what is not a list")


def _set(machine, items):
    target = machine.stack[-1]
    if isinstance(target, dict):
        pairs = zip(items[::2], items[1::2], strict=True)
        target.update((key, value) for key, value in pairs if type(key) is str)
    elif target is not SKIP:
        raise ValueError("entries for what is not a dict")


def _name(machine, text):
    known = meaning(text)
    if known is None and text.startswith("torch.") and ("_rebuild" in text or "Storage" in text):
        raise WeightsError(
            f"{machine.path}: holds a tensor of a kind that this package does not read "
            f"({ascii(text[:100])}); it reads plain ones of float32, float16, bfloat16 or float64"
        )
    if known is None:
        raise WeightsError(
            f"{machine.path}: asks for {ascii(text[:100])}, which weights do not need and which "
            "could run code; nothing was run. If you trust the file, open it with PyTorch and "
            'save the weights alone: torch.save(model.state_dict(), "weights.pth")'
        )
    _push(machine, known)


def _call(machine):
    """Push what a call means; the only functions that run are those of `pickled_names`."""
    arguments, called = machine.stack.pop(), machine.stack.pop()
    if not isinstance(called, Name) or not isinstance(arguments, tuple) or len(arguments) > 8:
        raise ValueError("a call of what is not a name, or with what are not arguments")
    _push(machine, SKIP if called is SKIP else CALLS[called.text](*arguments))


def _storage(machine):
    description = machine.stack.pop()
    if not isinstance(description, tuple) or len(description) > 6:
        raise ValueError("what should be a storage is not one")
    found = storage(*description)
    if machine.storages.setdefault(found.key, found) != found:
        raise ValueError("two storages with one key")
    _push(machine, found)


OTHERS = {
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: _since_mark(machine),
    "DUP": lambda machine, _: _push(machine, machine.stack[-1]),
    "TUPLE": lambda machine, _: _push(machine, tuple(_since_mark(machine))),
    "APPEND": lambda machine, _: _append(machine, [machine.stack.pop()]),
    "APPENDS": lambda machine, _: _append(machine, _since_mark(machine)),
    "ADDITEMS": lambda machine, _: _append(machine, _since_mark(machine)),
    "SETITEM": lambda machine, _: _set(machine, [machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine, _: _set(machine, _since_mark(machine)),
    "GLOBAL": lambda machine, names: _name(machine, names.replace(" ", ".")),
    "STACK_GLOBAL": lambda machine, _: _name(
        machine, ".".join([machine.stack.pop(-2), machine.stack.pop()])
    ),
    "REDUCE": lambda machine, _: _call(machine),
    "NEWOBJ": lambda machine, _: _call(machine),
    "BUILD": lambda machine, _: machine.stack.pop(),  # attributes, such as a dict's _metadata
    "BINPERSID": lambda machine, _: _storage(machine),
}
