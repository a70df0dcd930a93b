"""What the names in a file of weights stand for: a closed list, nothing is looked up.

A pickle refers to functions and classes by name. Each name below stands for a function
of ours that makes a plain value. Any other name is refused, but where it is the class
of an object that the pickle fills: such an object becomes a dict of what it is given.
"""

from collections.abc import Callable
from typing import Any

from ceil_jax.weights.tensors import DTYPES, Storage, Tensor, Unreadable


class RefusedError(ValueError):
    """The file refers to something that weights do not need."""


class Name:
    """A function or class that the file refers to; only its name.

    Attributes:
        text: Module and name, joined by a dot.
        is_known: Whether it is on the list.
    """

    def __init__(self, text: str) -> None:
        """Keep the name.

        Args:
            text: Module and name, joined by a dot.
        """
        self.text = text
        self.is_known = text in _KNOWN or text.startswith(_TORCHSCRIPT)


def checked(value: Any) -> Any:
    """A value of a pickle, unless it is a name that is not on the list.

    Args:
        value: Any value.

    Returns:
        The same value.

    Raises:
        RefusedError: It is such a name.
    """
    if isinstance(value, Name) and not value.is_known:
        raise RefusedError(
            f"refers to {value.text[:200]!r}, which weights do not need; nothing "
            "of it was run. If it is your own whole model, save its state_dict()"
        )
    return value


class Module:
    """A module of a TorchScript archive; only its attributes.

    Attributes:
        attributes: Parameters, buffers, modules and plain values by name.
    """

    def __init__(self) -> None:
        """Start without attributes."""
        self.attributes: dict[str, Any] = {}


class Opaque:
    """A value that weights do not need, such as a NumPy scalar."""


class Instance(dict[Any, Any]):
    """An object of a class that is not on the list; only the entries it is given.

    Attributes:
        kind: The class's name, which nothing is looked up by.
        is_model: Whether it has the state of a PyTorch module.
    """

    def __init__(self, kind: Name) -> None:
        """Start empty.

        Args:
            kind: The class's name.
        """
        super().__init__()
        self.kind = kind
        self.is_model = False


def new(kind: Any, args: Any) -> Any:
    """What a new object of a class amounts to, before it is filled.

    Args:
        kind: A `Name`.
        args: A tuple, as the file gives it.

    Returns:
        As `call` for names on the list, an `Instance` for others.

    Raises:
        ValueError: As `call`.
    """
    if isinstance(kind, Name) and not kind.is_known and isinstance(args, tuple):
        return Instance(kind)
    return call(kind, args)


def call(function: Any, args: Any) -> Any:
    """What the call of a name amounts to.

    Args:
        function: A `Name`.
        args: A tuple, as the file gives it.

    Returns:
        A plain value, a `Tensor`, a `Module` or an `Opaque`.

    Raises:
        ValueError: It is no name that can be called, or the arguments are not its own.
    """
    if not isinstance(checked(function), Name) or not isinstance(args, tuple):
        raise ValueError("it calls what is no function")
    if function.text.startswith(_TORCHSCRIPT):
        return Module()
    if function.text in _HARMLESS:
        return Opaque()
    return _CALLS[function.text](args)


def _tensor(args: tuple[Any, ...]) -> Tensor:
    storage, offset, shape, strides = args[:4]
    if not (isinstance(storage, Storage) and isinstance(shape, tuple)):
        raise ValueError("a tensor without storage or shape")
    return Tensor(storage, offset, shape, tuple(strides))


def _unreadable(args: tuple[Any, ...]) -> Unreadable:
    kind = args[6]
    if not (isinstance(args[2], tuple) and isinstance(kind, Name)):
        raise ValueError("a tensor without shape or type")
    return Unreadable(args[2], kind.text.removeprefix("torch."))


def _counter(args: tuple[Any, ...]) -> dict[Any, Any]:
    return args[0] if args and type(args[0]) is dict else {}


def _dict(args: tuple[Any, ...]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in args[0] if args else ():
        set_item(made, key, value)
    return made


def set_item(target: Any, key: Any, value: Any) -> None:
    """Set an entry of a dict; entries with keys other than plain values are left out.

    Args:
        target: A dict; anything else is refused, but an `Opaque` forgets the entry.
        key: Any value of a pickle.
        value: Any value of a pickle.

    Raises:
        ValueError: `target` is no dict.
    """
    if isinstance(target, Opaque):
        return
    if type(target) not in (dict, Instance):
        raise ValueError("it sets an entry of what is no dict")
    # A tuple may be nested deeper than Python can hash.
    if key is None or type(key) in (str, int, float, bool, bytes):
        target[key] = value


_TORCHSCRIPT = "__torch__."
# Calls in files of weights, as what they amount to.
_CALLS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "collections.Counter": _counter,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": lambda args: {},
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _unreadable,
    "torch._utils._rebuild_parameter": lambda args: args[0],
    "torch._utils._rebuild_parameter_with_state": lambda args: args[0],
    "torch._tensor._rebuild_from_type_v2": lambda args: call(args[0], args[2]),
    "torch.jit._pickle.build_boollist": lambda args: args[0],
    "torch.jit._pickle.build_doublelist": lambda args: args[0],
    "torch.jit._pickle.build_intlist": lambda args: args[0],
    "torch.jit._pickle.build_tensorlist": lambda args: args[0],
    "torch.jit._pickle.restore_type_tag": lambda args: args[0],
}
# Types of plain values, as factories of a defaultdict or by themselves.
_PLAIN = (
    *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int"),
    *("list", "object", "range", "set", "slice", "str", "tuple"),
)
_PATHS = ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath")
_PATHS += ("WindowsPath",)
# Names in checkpoints that carry more than weights.
_HARMLESS = {
    *(f"{m}.{t}" for m in ("builtins", "__builtin__") for t in _PLAIN),
    "__builtin__.long",
    "__builtin__.unicode",
    "__builtin__.xrange",
    "_codecs.encode",
    "argparse.Namespace",
    "collections.deque",
    *(f"datetime.{t}" for t in ("date", "datetime", "time", "timedelta", "timezone")),
    "decimal.Decimal",
    "fractions.Fraction",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
    "numpy.ndarray",
    *(f"{m}.{t}" for m in ("pathlib", "pathlib._local") for t in _PATHS),
    "torch.Size",
    "torch.Tensor",
    "torch.device",
    "torch.nn.parameter.Parameter",
    *(f"torch.{t}" for t in ("float16", "bfloat16", "float32", "float64", "double")),
    *(f"torch.{t}" for t in ("bool", "uint8", "int8", "int16", "int32", "int64")),
    *(f"torch.{t}" for t in ("half", "float", "int", "long", "complex64")),
    *(f"torch.uint{n}" for n in (16, 32, 64)),
    *(f"torch.float8_{t}" for t in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz")),
    "torch.float8_e8m0fnu",
    "types.SimpleNamespace",
    "typing.Any",
    "uuid.UUID",
}
_KNOWN = {*_CALLS, *_HARMLESS, *DTYPES}
