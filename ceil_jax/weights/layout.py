"""Tensors of PyTorch to the variables of our encoder, and back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from ceil_jax.weights import naming
from ceil_jax.weights.architecture import architecture, shapes

Path = tuple[str, ...]
LAST_SHIFT = "BatchNorm.bias"


class Translated(NamedTuple):
    """An encoder found among tensors.

    Attributes:
        variables: `{"params": ..., "batch_stats": ...}`, float32.
        naming: Whose names its tensors have.
        num_tensors: Tensors that were taken.
    """

    variables: dict[str, Any]
    naming: str
    num_tensors: int


def from_torch(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Variables of `Encoder` from the tensors of a PyTorch model.

    Three namings are known: OpenAI CLIP's visual tower and timm's of it (one stem,
    copied to both modalities; the last norm starts at scale 1, mean 0, variance 1), and
    the released CEIL's (`visible_module`, `thermal_module`, `base_resnet`,
    `BatchNorm`). What wrappers put before names (`module.`, `visual.`) is dropped, and
    so are the tensors that our encoder has no place for.

    Args:
        state_dict: Tensors by PyTorch's names, as NumPy arrays (OIHW kernels).

    Returns:
        `{"params": ..., "batch_stats": ...}`, float32.

    Raises:
        ValueError: No tensor has a known name; or one, which is named, is missing, has
            another shape than the others imply, or is not finite.

    References:
        The released `code/models/clip/make_model.py`, whose `Net` names the modules.
    """
    return translate(state_dict).variables


def translate(state_dict: Mapping[str, Any]) -> Translated:
    """As `from_torch`, with what was found.

    Args:
        state_dict: Tensors by PyTorch's names; only those of the encoder are read.

    Returns:
        The variables, whose names they had, and how many tensors they are.

    Raises:
        ValueError: As `from_torch`.
    """
    style, prefix, _ = naming.choose(state_dict)
    if not style:
        first = [str(name)[:80] for name in list(state_dict)[:3]]
        raise ValueError(
            f"no tensor of a CLIP ResNet or CEIL encoder among {len(state_dict)}: "
            f"the first names are {first}"
        )
    sources = _sources(state_dict, style, prefix)
    found = {path: _our_shape(path, state_dict[name]) for path, name in sources.items()}
    sizes = architecture(_nested({path: _Shape(s) for path, s in found.items()}))
    for path, shape in shapes(sizes).items():
        if style != naming.RELEASED and path[1] == "norm":
            continue  # CLIP has no last norm
        name = sources.get(path, prefix + naming.torch_name(path[1:], style))
        if path not in found:
            raise ValueError(
                f"it lacks {name} of shape {_torch_shape(shape)} ({sizes})"
            )
        if found[path] != shape:
            raise ValueError(
                f"{name} has shape {tuple(np.shape(state_dict[name]))}, "
                f"not {_torch_shape(shape)} ({sizes})"
            )
    for path in sources.keys() - shapes(sizes).keys():
        raise ValueError(f"it has {sources[path]}, for which the encoder has no place")
    return Translated(*_read(state_dict, sources, style, prefix))


class _Shape(NamedTuple):
    shape: tuple[int, ...]


def _sources(names: Iterable[str], style: str, prefix: str) -> dict[Path, str]:
    """The tensor's name for each of our variables."""
    sources = {}
    for name in names:
        start, rest = naming.split(name)
        module, _, leaf = rest.rpartition(".")
        if start != prefix or leaf == "num_batches_tracked" or rest == LAST_SHIFT:
            continue
        for ours in naming.modules(module, style):
            is_norm = "norm" in ours[-1]
            if leaf in naming.STATISTICS:
                path = ("batch_stats", *ours, naming.STATISTICS[leaf])
            elif leaf == "weight":
                path = ("params", *ours, "scale" if is_norm else "kernel")
            else:
                path = ("params", *ours, leaf)
            sources[path] = name
    return sources


def _our_shape(path: Path, value: Any) -> tuple[int, ...]:
    """Shape in our layout of a tensor in PyTorch's."""
    shape = tuple(np.shape(value))
    if path[-1] != "kernel" or len(shape) != 4:
        return shape
    out_channels, in_channels, *size = shape
    # A 1x1 convolution is a matrix product.
    return (*(size if size != [1, 1] else ()), in_channels, out_channels)


def _torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """PyTorch's shape of one of our variables."""
    if len(shape) == 1:
        return shape
    *size, in_channels, out_channels = shape
    return (out_channels, in_channels, *(size or (1, 1)))


def _read(
    tensors: Mapping[str, Any], sources: Mapping[Path, str], style: str, prefix: str
) -> tuple[dict[str, Any], str, int]:
    """Variables, naming and number of tensors, of complete sources."""
    values = {
        name: _floats(name, tensors[name]) for name in dict.fromkeys(sources.values())
    }
    flat = {path: _our_layout(values[name]) for path, name in sources.items()}
    shift = prefix + LAST_SHIFT
    if shift in tensors and np.any(_floats(shift, tensors[shift])):
        # The released code freezes it at 0; other embeddings would come out without it.
        raise ValueError(f"{shift} is not 0: the encoder's last norm has no shift")
    if style != naming.RELEASED:
        flat |= _last_norm(flat)
    return _nested(flat), style, len(values)


def _floats(name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise ValueError(f"{name} holds {array.dtype}, not floating-point numbers")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds numbers that are not finite in float32")
    return array


def _our_layout(array: np.ndarray) -> np.ndarray:
    if array.ndim == 4:
        is_1x1 = array.shape[2:] == (1, 1)
        array = array[:, :, 0, 0].T if is_1x1 else array.transpose(2, 3, 1, 0)
    return np.ascontiguousarray(array)


def _last_norm(flat: Mapping[Path, np.ndarray]) -> dict[Path, np.ndarray]:
    """CLIP's tower ends without our last norm: start it as PyTorch would."""
    width = flat["params", "stage4_block0", "norm3", "scale"].shape[0]
    return {
        ("params", "norm", "scale"): np.ones(width, np.float32),
        ("batch_stats", "norm", "mean"): np.zeros(width, np.float32),
        ("batch_stats", "norm", "var"): np.ones(width, np.float32),
    }


def _nested(flat: Mapping[Path, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {"params": {}, "batch_stats": {}}
    for path, value in flat.items():
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = value
    return tree


def to_torch(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The tensors of an encoder under the released CEIL's names; undoes `from_torch`.

    Args:
        variables: `{"params": ..., "batch_stats": ...}` of an `Encoder`.

    Returns:
        Tensors by PyTorch's names, kernels as OIHW.
    """
    out = {}
    for collection in ("params", "batch_stats"):
        for path, leaf in _flatten(variables[collection]):
            value = np.asarray(leaf)
            if value.ndim == 2:
                value = value.T[:, :, None, None]
            elif value.ndim == 4:
                value = value.transpose(3, 2, 0, 1)
            out[naming.torch_name(path)] = np.ascontiguousarray(value)
    return out


def _flatten(tree: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, (*path, name))
        else:
            yield (*path, name), value
