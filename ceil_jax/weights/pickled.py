"""Reads pickles as data: an interpreter of their opcodes that has no way to call.

A pickle is a program, and `pickle.load` runs it. Here the standard library only splits
the bytes into opcodes (`pickletools.genops`), and this module understands those that
build plain values and tensors. No module is imported, no class made, no attribute of
the file's choosing read or set: a call gives what `names.call` says and nothing else.
"""

import pickletools
from collections.abc import Callable
from io import BytesIO
from typing import Any

from ceil_jax.weights import names
from ceil_jax.weights.tensors import Storage

# Files of weights need some hundred kilobytes; one byte may cost a hundred of memory.
MAX_BYTES = 16 * 2**20

_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": names.Opaque,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}

MakeStorage = Callable[[tuple[Any, ...]], Storage]


def read(stream: BytesIO, make_storage: MakeStorage) -> Any:
    """Interpret one pickle.

    Args:
        stream: Starts at the pickle, and is left behind its end.
        make_storage: Makes a storage of a persistent id, a tuple of any values.

    Returns:
        Dicts, lists, tuples and plain values with `Tensor`, `Module`, `Name`, `Opaque`.

    Raises:
        ValueError: It refers to what weights do not need, or it is damaged.
    """
    machine = _Machine(make_storage)
    position = stream.tell()
    try:
        for opcode, argument, place in pickletools.genops(stream):
            position = place
            if opcode.name == "STOP":
                machine.refuse_models()
                return machine.pop()
            machine.step(opcode.name, argument)
    except names.RefusedError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, RecursionError) as error:
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"its pickle is damaged at byte {position}: {reason}"
        ) from error
    raise ValueError("its pickle has no end")


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, make_storage: MakeStorage) -> None:
        self._make_storage = make_storage
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # what stood on the stack at each mark
        self._memo: dict[int, Any] = {}
        self._instances: list[names.Instance] = []

    def step(self, opcode: str, argument: Any) -> None:
        """Follow one opcode."""
        push = self._stack.append
        if opcode in _VALUES:
            push(argument)
        elif opcode in _CONSTANTS:
            push(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            push(_EMPTY[opcode]())
        elif opcode in _TUPLES:
            items = [self.pop() for _ in range(_TUPLES[opcode])]
            push(tuple(reversed(items)))
        elif opcode in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._stack[-1]
        elif opcode in ("GET", "BINGET", "LONG_BINGET"):
            push(self._memo[argument])
        elif opcode == "GLOBAL":
            push(names.Name(".".join(argument.split(" ", 1))))
        elif opcode in _HANDLERS:
            _HANDLERS[opcode](self)
        elif opcode not in ("PROTO", "FRAME"):
            raise names.RefusedError(
                f"uses {opcode}, which pickles of weights do not need"
            )

    def pop(self) -> Any:
        """The value on top."""
        return names.checked(self._stack.pop())

    def pop_to_mark(self) -> list[Any]:
        """The values above the last mark."""
        items, self._stack = self._stack, self._below.pop()
        return [names.checked(item) for item in items]

    def mark(self) -> None:
        """Begin a run of values."""
        self._below.append(self._stack)
        self._stack = []

    def discard(self) -> None:
        """Drop the value on top, or the mark where that is on top."""
        if self._stack:
            self._stack.pop()
        else:
            self.pop_to_mark()

    def duplicate(self) -> None:
        """Repeat the value on top."""
        self._stack.append(self._stack[-1])

    def memoize(self) -> None:
        """Keep the value on top under the next number."""
        self._memo[len(self._memo)] = self._stack[-1]

    def collect(self, kind: Callable[[list[Any]], Any]) -> None:
        """Make one value of those above the mark."""
        items = self.pop_to_mark()
        self._stack.append(kind(items))

    def append(self, items: list[Any]) -> None:
        """Add to the list, or the set, on top."""
        target = self._stack[-1]
        if type(target) is list:
            target.extend(items)
        elif not isinstance(target, names.Opaque | names.Instance):
            raise ValueError("it adds to what is no list")

    def set_items(self, items: list[Any]) -> None:
        """Set entries of the dict on top: keys and values in turn."""
        target = self._stack[-1]
        for key, value in zip(items[::2], items[1::2], strict=True):
            names.set_item(target, key, value)

    def call(self) -> None:
        """Replace a name and its arguments by what that call amounts to."""
        args, function = self.pop(), self.pop()
        self._stack.append(names.call(function, args))

    def new(self) -> None:
        """Replace a class and its arguments by what an object of it amounts to."""
        args, kind = self.pop(), self._stack.pop()
        self._stack.append(names.new(kind, args))
        if isinstance(self._stack[-1], names.Instance):
            self._instances.append(self._stack[-1])

    def refuse_models(self) -> None:
        """Stop where an object is a whole model; the outermost was made first."""
        for instance in self._instances:
            if instance.is_model:
                names.checked(instance.kind)

    def build(self) -> None:
        """Give the value on top a state; only modules have one for us."""
        state, target = self.pop(), names.checked(self._stack[-1])
        if isinstance(target, names.Instance):
            target.is_model = _is_model(state)
        if isinstance(target, names.Module) and type(state) is dict:
            target.attributes.update(state)
        elif not isinstance(target, names.Module | names.Opaque | dict):
            raise ValueError("it gives a state to what has none")

    def stack_global(self) -> None:
        """Replace module and name by what they refer to."""
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise ValueError("a name that is no text")
        self._stack.append(names.Name(f"{module}.{name}"))

    def persistent(self) -> None:
        """Replace an id by its storage."""
        self._stack.append(self._make_storage(self.pop()))


def _is_model(state: Any) -> bool:
    """Whether an object's state is that of a PyTorch module."""
    return isinstance(state, dict) and "_parameters" in state


def _dict_of(items: list[Any]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in zip(items[::2], items[1::2], strict=True):
        names.set_item(made, key, value)
    return made


_HANDLERS: dict[str, Callable[[_Machine], Any]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.discard,
    "POP_MARK": _Machine.pop_to_mark,
    "DUP": _Machine.duplicate,
    "MEMOIZE": _Machine.memoize,
    "LIST": lambda machine: machine.collect(list),
    "TUPLE": lambda machine: machine.collect(tuple),
    "DICT": lambda machine: machine.collect(_dict_of),
    "FROZENSET": lambda machine: machine.collect(lambda items: names.Opaque()),
    "APPEND": lambda machine: machine.append([machine.pop()]),
    "APPENDS": lambda machine: machine.append(machine.pop_to_mark()),
    "ADDITEMS": lambda machine: machine.append(machine.pop_to_mark()),
    "SETITEM": lambda machine: machine.set_items([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine: machine.set_items(machine.pop_to_mark()),
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.new,
    "BUILD": _Machine.build,
    "STACK_GLOBAL": _Machine.stack_global,
    "BINPERSID": _Machine.persistent,
}
