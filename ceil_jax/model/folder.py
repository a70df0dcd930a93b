"""The model folder: weights, configuration and model card, as the Hub lays them out.

weights.safetensors   the encoder, under the released CEIL's names
config.json           architecture, preprocessing, provenance, figures, digests
README.md             the model card
"""

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ceil_jax import weights
from ceil_jax.common import digest
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import explained, read_json, user_path, write_json
from ceil_jax.common.saving import reserve
from ceil_jax.model import card, image_size, info
from ceil_jax.model.info import Info
from ceil_jax.weights import safetensors_file

WEIGHTS, CONFIG, CARD = "weights.safetensors", "config.json", "README.md"


def is_model_folder(folder: Path) -> bool:
    """Whether a folder is one, damaged or not.

    Args:
        folder: Any folder.
    """
    return (folder / WEIGHTS).exists()


def write(
    folder: str | PathLike[str], variables: Mapping[str, Any], about: Info
) -> Path:
    """Write a model folder, whole or not at all.

    Args:
        folder: Where; it must not exist, or be empty.
        variables: `{"params": ..., "batch_stats": ...}`.
        about: What is known of them.

    Returns:
        The folder.

    Raises:
        UserError: It cannot be written, or holds something.
    """
    place = Path(os.path.abspath(user_path(os.fspath(folder))))
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise UserError(
            f"{place} is not empty: a model folder is written whole; give another one"
        )
    tensors = weights.to_torch(jax.device_get(dict(variables)))
    metadata = {"format": "pt", **image_size.as_metadata(about.image_size)}
    record = info.to_dict(about)
    record["digests"]["config"] = _digest(record)
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}.draft")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        reserve(place.parent, sum(tensor.nbytes for tensor in tensors.values()))
        draft.mkdir()
        (draft / WEIGHTS).write_bytes(safetensors_file.as_bytes(tensors, metadata))
        write_json(draft / CONFIG, record)
        (draft / CARD).write_text(card.text(about), encoding="utf-8")
        if place.exists():
            place.rmdir()
        draft.rename(place)
    except OSError as error:
        raise UserError(f"cannot write the model: {explained(error, place)}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return place


def read(folder: Path) -> tuple[dict[str, Any], Info]:
    """Read a model folder, and prove that it is what was written.

    Args:
        folder: The folder; its `README.md` may be changed at will.

    Returns:
        `{"params": ..., "batch_stats": ...}` and what is known of them.

    Raises:
        ValueError: A file is missing or changed, or it is of a later version.
    """
    path = folder / CONFIG
    try:
        record = read_json(path)
    except OSError as error:
        raise ValueError(explained(error, path)) from error
    except ValueError as error:
        raise ValueError(f"{path}: no JSON ({error}); copy the folder again") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path}: no JSON object; copy the folder again")
    try:
        about = info.from_dict(record, folder)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if record["digests"].get("config") != _digest(record):
        raise ValueError(
            f"{path}: changed since it was written: copy the folder again, or make it "
            "anew with --mode package"
        )
    try:
        variables = weights.load(folder / WEIGHTS)
    except OSError as error:
        raise ValueError(explained(error, folder / WEIGHTS)) from error
    if info.digest_of(variables, about.image_size) != about.digest:
        raise ValueError(
            f"{folder / WEIGHTS}: not the weights that were written with {CONFIG}: "
            "copy the folder again"
        )
    return variables, about


def _digest(record: Mapping[str, Any]) -> str:
    """Of everything in the configuration, without itself."""
    digests = {k: v for k, v in record["digests"].items() if k != "config"}
    facts = json.loads(json.dumps({**record, "digests": digests}))
    return digest.of_arrays({"version": np.zeros(0)}, facts)
