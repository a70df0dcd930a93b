"""What is installed beyond the core, and what to install where something is missing."""

import importlib.util
from collections.abc import Mapping

from ceil_jax.common.errors import UserError

MODEL = ("flax", "PIL", "orbax")
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "model": MODEL,
    "train": (
        *MODEL,
        *("array_record", "importlib_resources", "jinja2", "markupsafe", "matplotlib"),
        *("optax", "sklearn", "tensorboardX", "tensorflow_datasets", "threadpoolctl"),
    ),
    "export": (*MODEL, "flatbuffers", "onnx"),
    "onnxruntime": (*MODEL, "flatbuffers", "onnx", "onnxruntime"),
    "openvino": (*MODEL, "flatbuffers", "onnx", "openvino"),
    "pages": ("jinja2", "markupsafe", "matplotlib"),
    "parquet": ("pyarrow",),
    "faiss": ("faiss",),
    "wandb": ("wandb",),
    "mlflow": ("mlflow",),
    "trackio": ("trackio",),
}
"""Names that are imported, by the extra of `pyproject.toml` that installs them."""

FAISS_SEARCHES = ("flat", "ivf", "hnsw")
"""Searches of `ceil_jax.neighbours` that faiss does, by name."""


class MissingExtraError(UserError, ImportError):
    """An optional library is not installed; the message names the extra."""


def missing(extra: str) -> list[str]:
    """The libraries of an extra that are not installed.

    Args:
        extra: A key of `EXTRAS`.

    Returns:
        Their names, as they are imported.
    """
    return [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]


def require(extra: str, what: str) -> None:
    """Refuse something that needs an extra which is not installed.

    Args:
        extra: A key of `EXTRAS`.
        what: What needs it.

    Raises:
        MissingExtraError: A library of the extra is missing.
    """
    if absent := missing(extra):
        raise MissingExtraError(
            f"{what} needs {', '.join(absent)}, installed by the extra [{extra}]: "
            f"pip install '.[{extra}]' in the folder of ceil-jax"
        )
