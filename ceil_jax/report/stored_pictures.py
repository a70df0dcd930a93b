"""The arrays of `pictures.npz`: what of a page needs images or embeddings."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ceil_jax.report.contents import (
    Chosen,
    Pictures,
    Plane,
    Sheet,
    Support,
    Thumbnails,
)
from ceil_jax.report.own_names import OwnNames

VERSION = 1
"""Of the file's structure."""
_PARTS: dict[str, Any] = {"thumbnails": Thumbnails, "plane": Plane}
_SEVERAL: dict[str, Any] = {"support": Support, "sheets": Sheet}


def to_arrays(pictures: Pictures) -> dict[str, np.ndarray]:
    """What is written.

    Args:
        pictures: The content.

    Returns:
        Arrays by name, such as `plane/at` and `sheets/0/names`.
    """
    found: dict[str, np.ndarray] = {"version": np.array(VERSION)}
    for name in _PARTS:
        part = getattr(pictures, name)
        if part is not None:
            found |= {f"{name}/{k}": np.asarray(v) for k, v in part._asdict().items()}
    for name in _SEVERAL:
        parts = getattr(pictures, name)
        found[f"{name}/count"] = np.array(len(parts))
        for i, part in enumerate(parts):
            found |= {
                f"{name}/{i}/{k}": np.asarray(v) for k, v in part._asdict().items()
            }
    found["chosen/modes"] = np.array(list(pictures.chosen), np.str_)
    for mode, chosen in pictures.chosen.items():
        found |= {f"chosen/{mode}/{k}": v for k, v in chosen._asdict().items()}
    found |= {f"names/{k}": v for k, v in pictures.names.to_arrays().items()}
    found["sizes/sides"] = np.array(list(pictures.sizes), np.str_)
    return found | {f"sizes/{side}": v for side, v in pictures.sizes.items()}


def from_arrays(arrays: Mapping[str, np.ndarray]) -> Pictures:
    """What was written.

    Args:
        arrays: The content of a file.

    Returns:
        What `to_arrays` was given.

    Raises:
        ValueError: It is of another version, or damaged.
    """
    try:
        if int(arrays["version"]) != VERSION:
            raise ValueError(f"it has version {int(arrays['version'])}, not {VERSION}")
        single: dict[str, Any] = {
            name: _part(kind, name, arrays) if _is_there(name, arrays) else None
            for name, kind in _PARTS.items()
        }
        several: dict[str, Any] = {
            name: tuple(
                _part(kind, f"{name}/{i}", arrays)
                for i in range(int(arrays[f"{name}/count"]))
            )
            for name, kind in _SEVERAL.items()
        }
        return Pictures(
            **single,
            **several,
            chosen={
                mode: _part(Chosen, f"chosen/{mode}", arrays)
                for mode in arrays["chosen/modes"].tolist()
            },
            sizes={s: arrays[f"sizes/{s}"] for s in arrays["sizes/sides"].tolist()},
            names=OwnNames.from_arrays(
                {
                    key.removeprefix("names/"): value
                    for key, value in arrays.items()
                    if key.startswith("names/")
                }
            ),
        )
    except KeyError as error:
        raise ValueError(f"it lacks {error}") from error


def _is_there(name: str, arrays: Mapping[str, np.ndarray]) -> bool:
    return any(key.startswith(f"{name}/") for key in arrays)


def _part(kind: Any, prefix: str, arrays: Mapping[str, np.ndarray]) -> Any:
    """A part; arrays of no axis are plain values again."""
    found = (arrays[f"{prefix}/{name}"] for name in kind._fields)
    return kind(*(each if each.ndim else each.item() for each in found))
