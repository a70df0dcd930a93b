"""Finds the encoder's tensors among all that a file of PyTorch describes."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ceil_jax.weights.names import Module
from ceil_jax.weights.tensors import Tensor

# Where programs keep the state dict in a checkpoint; earlier ones win a draw.
USUAL_PLACES = ("net", "state_dict", "model_state_dict", "model")
# A file of weights has some thousand entries, and few levels above its tensors.
MAX_ENTRIES, MAX_DEPTH, MAX_NAME = 100_000, 16, 60


def find(
    root: Any, count_known: Callable[[Iterable[str]], int]
) -> tuple[dict[str, Tensor], str]:
    """The mapping of names to tensors in which most names are an encoder's.

    Args:
        root: As `archive.opened` gives it.
        count_known: Number of names that are an encoder's.

    Returns:
        That mapping and its place in the file, "" for the file itself.

    Raises:
        ValueError: There are no named tensors, or absurdly many entries.
    """
    if isinstance(root, Module):
        return _attributes(root), ""
    found = _mappings(root)
    if not found:
        raise ValueError("no tensors with names: save model.state_dict()")

    def rank(place: str) -> tuple[int, int]:
        last = place.rpartition(".")[2]
        is_usual = last in USUAL_PLACES
        usual = -USUAL_PLACES.index(last) if is_usual else -len(USUAL_PLACES)
        return count_known(found[place]), usual

    best = max(found, key=rank)
    return found[best], best


def _attributes(module: Module) -> dict[str, Tensor]:
    """Tensors of a TorchScript module by their dotted names."""
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, Module, int]] = [("", module, 0)]
    num_entries = 0
    while waiting:
        prefix, module, depth = waiting.pop()
        num_entries += len(module.attributes)
        # Modules may contain one another: counting ends that, too.
        if num_entries > MAX_ENTRIES or depth > MAX_DEPTH:
            raise ValueError("more modules than any encoder has")
        for name, value in module.attributes.items():
            if not isinstance(name, str) or len(name) > MAX_NAME:
                continue  # long names would multiply with the paths before them
            if isinstance(value, Tensor):
                found[f"{prefix}{name}"] = value
            elif isinstance(value, Module):
                waiting.append((f"{prefix}{name}.", value, depth + 1))
    return found


def _mappings(root: Any) -> dict[str, dict[str, Tensor]]:
    """Every dict with named tensors, by its place in the file."""
    found: dict[str, dict[str, Tensor]] = {}
    waiting: deque[tuple[str, Any, int]] = deque([("", root, 0)])
    seen: set[int] = set()
    while waiting:
        place, value, depth = waiting.popleft()
        if id(value) in seen or depth > MAX_DEPTH:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            named = {k: v for k, v in value.items() if isinstance(k, str)}
            tensors = {k: v for k, v in named.items() if isinstance(v, Tensor)}
            if tensors:
                found[place] = tensors
        else:
            is_row = isinstance(value, list | tuple)
            named = {str(i): v for i, v in enumerate(value)} if is_row else {}
        inner = {k: v for k, v in named.items() if isinstance(v, dict | list | tuple)}
        if len(waiting) + len(inner) > MAX_ENTRIES:
            raise ValueError("more dicts and lists than any checkpoint has")
        waiting.extend(
            (f"{place}.{name}".lstrip("."), child, depth + 1)
            for name, child in inner.items()
            if len(name) <= MAX_NAME
        )
    return found
