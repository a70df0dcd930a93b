"""Sizes of an encoder from its variables, and the shapes that go with them."""

import functools
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

# Beyond any CLIP ResNet: the largest has width 128 and 36 bottlenecks in a stage.
MAX_WIDTH, MAX_STAGE_SIZE = 1024, 64
# Channels that leave a bottleneck, for each that its 3x3 convolution has.
EXPANSION = 4
_BLOCK = re.compile(r"stage([1-4])_block(\d+)")


class Architecture(NamedTuple):
    """What makes the shapes of an encoder; `Encoder(*architecture)` has them.

    Attributes:
        stage_sizes: Bottlenecks in each of the four stages.
        width: Channels that leave a stem.
    """

    stage_sizes: tuple[int, int, int, int]
    width: int

    def __str__(self) -> str:
        """Both, as the configuration calls them."""
        return f"width {self.width}, stage sizes {self.stage_sizes}"


def architecture(variables: Mapping[str, Any]) -> Architecture:
    """The sizes of an encoder.

    Args:
        variables: `{"params": ..., "batch_stats": ...}` of an `Encoder`, with arrays or
            their shapes as leaves.

    Returns:
        Its stage sizes and width.

    Raises:
        ValueError: They are not an encoder's.
    """
    params = variables.get("params", {})
    blocks = [m for name in params if (m := _BLOCK.fullmatch(name))]
    counts = Counter(int(m[1]) for m in blocks)
    width = _width(params)
    first, second, third, fourth = (max(counts[i], 1) for i in range(1, 5))
    is_even = 2 <= width <= MAX_WIDTH and width % 2 == 0
    if not is_even or max(counts.values(), default=0) > MAX_STAGE_SIZE:
        raise ValueError(
            f"no weights of an encoder: {width} channels leave the stem, "
            f"{first}, {second}, {third}, {fourth} bottlenecks follow"
        )
    return Architecture((first, second, third, fourth), width)


def _width(params: Mapping[str, Any]) -> int:
    """Channels that leave the stem, from the first layer that is there to tell."""
    tells = [
        (f"{modality}_stem", leaf, share)
        for leaf, share in (("conv3", 1), ("norm3", 1), ("conv1", 2), ("norm1", 2))
        for modality in ("visible", "infrared")
    ]
    for module, layer, share in (*tells, ("stage1_block0", "conv1", 1)):
        for leaf in params.get(module, {}).get(layer, {}).values():
            if leaf.shape:
                return share * int(leaf.shape[-1])
    return 0


@functools.cache
def shapes(sizes: Architecture) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Shapes of all variables of an encoder, without making one.

    Args:
        sizes: Its sizes.

    Returns:
        Shape by path (collection, modules, parameter), in the order of computation.
    """
    width, half = sizes.width, sizes.width // 2
    found: dict[tuple[str, ...], tuple[int, ...]] = {}
    for stem in ("visible_stem", "infrared_stem"):
        found |= _layer((stem,), "1", (3, 3, 3, half))
        found |= _layer((stem,), "2", (3, 3, half, half))
        found |= _layer((stem,), "3", (3, 3, half, width))
    channels = width
    for stage, num_blocks in enumerate(sizes.stage_sizes, start=1):
        planes = width * 2 ** (stage - 1)
        for block in range(num_blocks):
            name = f"stage{stage}_block{block}"
            found |= _bottleneck(name, channels, planes)
            channels = planes * EXPANSION
    found |= _norm(("norm",), channels)
    del found["params", "norm", "bias"]
    return {path: found[path] for path in sorted(found, key=_order)}


def _bottleneck(
    name: str, channels: int, planes: int
) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Shapes of a block that `channels` enter; where others leave it has a shortcut."""
    leaving = planes * EXPANSION
    found = _layer((name,), "1", (channels, planes))
    found |= _layer((name,), "2", (3, 3, planes, planes))
    found |= _layer((name,), "3", (planes, leaving))
    if channels != leaving:
        found["params", name, "shortcut", "kernel"] = (channels, leaving)
        found |= _norm((name, "shortcut_norm"), leaving)
    return found


def _layer(
    module: tuple[str, ...], number: str, kernel: tuple[int, ...]
) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Shapes of a convolution and of the norm that follows it."""
    norm = _norm((*module, f"norm{number}"), kernel[-1])
    return {("params", *module, f"conv{number}", "kernel"): kernel, **norm}


def _norm(module: tuple[str, ...], channels: int) -> dict[tuple[str, ...], tuple[int]]:
    leaves = {"scale": "params", "bias": "params"}
    leaves |= {"mean": "batch_stats", "var": "batch_stats"}
    return {(kind, *module, leaf): (channels,) for leaf, kind in leaves.items()}


def _order(path: tuple[str, ...]) -> tuple[Any, ...]:
    collection, module, *rest = path
    first = ("visible_stem", "infrared_stem")
    place = first.index(module) if module in first else len(first) + (module == "norm")
    return place, module, rest[0].removeprefix("shortcut_")[-1:], rest, collection


def check(variables: Mapping[str, Any]) -> Architecture:
    """Refuse variables that are no complete encoder's.

    Args:
        variables: As for `architecture`.

    Returns:
        Their sizes.

    Raises:
        ValueError: Names the first variable that is missing, misshapen or unknown.
    """
    sizes = architecture(variables)
    found = {
        tuple(entry.key for entry in path): tuple(leaf.shape)
        for path, leaf in jax.tree_util.tree_leaves_with_path(dict(variables))
    }
    for path, shape in shapes(sizes).items():
        if found.get(path) != shape:
            have = (
                f"has shape {found[path]}, not" if path in found else "is missing, of"
            )
            raise ValueError(f"{'/'.join(path)} {have} {shape} ({sizes})")
    for path in found.keys() - shapes(sizes).keys():
        raise ValueError(f"the encoder has no place for {'/'.join(path)}")
    return sizes
