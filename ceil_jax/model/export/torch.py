"""The encoder's tensors under the names of the released CEIL, for PyTorch."""

import importlib
import importlib.util
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ceil_jax import weights
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path
from ceil_jax.model.export import facts
from ceil_jax.model.export.writing import write
from ceil_jax.weights import safetensors_file

SAFETENSORS, PICKLED = ".safetensors", ".pth"
SUFFIXES = (SAFETENSORS, PICKLED)


def has_torch() -> bool:
    """Whether PyTorch is installed; it is not imported."""
    return importlib.util.find_spec("torch") is not None


def tensors(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The state dict of the released CEIL's module without its classifier.

    With it `load_state_dict` is content to be strict: the last norm's shift is there,
    which the released code holds at 0, and so are the counters of batches.

    Args:
        variables: `{"params": ..., "batch_stats": ...}` of an `Encoder`.

    Returns:
        Arrays by PyTorch's names, kernels as OIHW.
    """
    found = weights.to_torch(variables)
    for name in [name for name in found if name.endswith(".running_mean")]:
        module = name.removesuffix(".running_mean")
        found[f"{module}.num_batches_tracked"] = np.zeros((), np.int64)
        found.setdefault(f"{module}.bias", np.zeros_like(found[f"{module}.weight"]))
    return found


def write_torch(
    path: str | os.PathLike[str],
    variables: Mapping[str, Any],
    *,
    image_size: Sequence[int],
) -> tuple[Path, ...]:
    """Write both encoders as weights for PyTorch.

    Args:
        path: The file, `~` for the home folder; its folder exists. A `.safetensors`
            needs no PyTorch, a `.pth` is written by it.
        variables: `{"params": ..., "batch_stats": ...}` of an `Encoder`.
        image_size: (height, width) of the model's images, noted in a `.safetensors`.

    Returns:
        The file.

    Raises:
        ValueError: The name ends otherwise, or another argument cannot be.
        DataError: The path has a null character, or a home folder that is not there.
        OSError: It cannot be written.
        UserError: A `.pth` is wanted and PyTorch is not installed.
    """
    place = user_path(path)
    if place.suffix not in SUFFIXES:
        raise ValueError(f"path={place} must end in {' or '.join(SUFFIXES)}")
    _, size = facts.check(variables, image_size)
    found = tensors(variables)
    if place.suffix == PICKLED:
        return write({place: _pickled(found)})
    told = facts.as_text(facts.of_model(variables, size))
    return write({place: safetensors_file.as_bytes(found, {"format": "pt", **told})})


def _pickled(found: Mapping[str, np.ndarray]) -> bytes:
    if not has_torch():
        raise UserError(
            "a .pth file is written by PyTorch, which is not installed: "
            "pip install torch, or write a .safetensors file"
        )
    torch: Any = importlib.import_module("torch")
    file = io.BytesIO()
    torch.save({k: torch.from_numpy(v.copy()) for k, v in found.items()}, file)
    return file.getvalue()
