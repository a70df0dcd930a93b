"""What the names in a file of weights stand for: a closed list, nothing is looked up.

A pickle refers to functions and classes by name. Each name below stands for a function
of ours that makes a plain value; every other name is refused.
"""

from collections.abc import Callable
from typing import Any

from ceil_jax.weights.tensors import DTYPES, Storage, Tensor


class RefusedError(ValueError):
    """The file refers to something that weights do not need."""


class Name:
    """A function or class that the file refers to; only its name.

    Attributes:
        text: Module and name, joined by a dot.
    """

    def __init__(self, text: str) -> None:
        """Take the name if it is on the list.

        Args:
            text: Module and name, joined by a dot.

        Raises:
            RefusedError: It is not.
        """
        if not (text in _KNOWN or text.startswith(_TORCHSCRIPT)):
            raise RefusedError(
                f"refers to {text[:200]!r}, which weights do not need; nothing "
                "of it was run. If it is your own whole model, save its state_dict()"
            )
        self.text = text


class Module:
    """A module of a TorchScript archive; only its attributes.

    Attributes:
        attributes: Parameters, buffers, modules and plain values by name.
    """

    def __init__(self) -> None:
        """Start without attributes."""
        self.attributes: dict[str, Any] = {}


class Opaque:
    """A value of no concern to weights, such as a NumPy scalar."""


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
    if not isinstance(function, Name) or not isinstance(args, tuple):
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
    if type(target) is not dict:
        raise ValueError("it sets an entry of what is no dict")
    # A tuple may be nested deeper than Python can hash.
    if key is None or type(key) in (str, int, float, bool, bytes):
        target[key] = value


_TORCHSCRIPT = "__torch__."
# Calls in files of weights, as what they amount to.
_CALLS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "collections.OrderedDict": _dict,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": lambda args: args[0],
    "torch._utils._rebuild_parameter_with_state": lambda args: args[0],
    "torch._tensor._rebuild_from_type_v2": lambda args: call(args[0], args[2]),
    "torch.jit._pickle.build_boollist": lambda args: args[0],
    "torch.jit._pickle.build_doublelist": lambda args: args[0],
    "torch.jit._pickle.build_intlist": lambda args: args[0],
    "torch.jit._pickle.build_tensorlist": lambda args: args[0],
    "torch.jit._pickle.restore_type_tag": lambda args: args[0],
}
# Names in checkpoints that carry more than weights.
_HARMLESS = {
    "__builtin__.set",
    "_codecs.encode",
    "argparse.Namespace",
    "builtins.set",
    "collections.defaultdict",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
    "numpy.ndarray",
    "torch.Size",
    "torch.Tensor",
    "torch.device",
    "torch.nn.parameter.Parameter",
    *(f"torch.{t}" for t in ("float16", "bfloat16", "float32", "float64", "double")),
    *(f"torch.{t}" for t in ("bool", "uint8", "int8", "int16", "int32", "int64")),
}
_KNOWN = {*_CALLS, *_HARMLESS, *DTYPES}
