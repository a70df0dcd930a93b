"""The encoder as StableHLO: for JAX, in programs that do not have ceil-jax."""

import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path
from ceil_jax.embedding.step import make_embed_step
from ceil_jax.encoder import Encoder
from ceil_jax.model.export import facts
from ceil_jax.model.export.writing import write

SUFFIX = ".stablehlo"
PLATFORMS = ("cpu", "cuda")


def stablehlo(
    variables: Mapping[str, Any], *, modality: str, image_size: Sequence[int]
) -> bytes:
    """The encoder of one modality, compiled for no machine yet, with its weights.

    `jax.export.deserialize(...).call` takes (b, height, width, 3) uint8 RGB images of
    the model's size, any number of them, and gives (b, d) float32 unit rows. Bytes, not
    normalised numbers: there is one way to feed it, and a quarter of the bytes to move.

    Convolutions are XLA's own, as Winograd's form is chosen by the number of images,
    which is open here. Products keep float32's precision on a GPU, too.

    Args:
        variables: `{"params": ..., "batch_stats": ...}` of an `Encoder`.
        modality: "visible" or "infrared".
        image_size: (height, width) of the model's images in pixels.

    Returns:
        The content of a `.stablehlo` file, for `PLATFORMS`.

    Raises:
        ValueError: An argument is none of these.
        UserError: The library `flatbuffers` is not installed.
    """
    from jax import export  # which nothing else here needs

    facts.check_modality(modality)
    sizes, (height, width) = facts.check(variables, image_size)
    if importlib.util.find_spec("flatbuffers") is None:
        raise UserError(
            "a StableHLO file needs flatbuffers, to write and to read it: "
            "pip install flatbuffers"
        )
    encoder = Encoder(sizes.stage_sizes, sizes.width, winograd=False)
    step = make_embed_step(encoder, modality, flip=False)
    held = jax.device_get(dict(variables))

    def embed(images: Any) -> Any:
        return step(held, images)

    embed.__name__ = f"embed_{modality}"
    (batch,) = export.symbolic_shape("batch")
    images = jax.ShapeDtypeStruct((batch, height, width, 3), jnp.uint8)
    with jax.default_matmul_precision("highest"):
        made = export.export(jax.jit(embed), platforms=PLATFORMS)(images)
    return bytes(made.serialize())


def write_stablehlo(
    path: str | os.PathLike[str],
    variables: Mapping[str, Any],
    *,
    modality: str,
    image_size: Sequence[int],
) -> tuple[Path, ...]:
    """Write the encoder of one modality as StableHLO.

    Args:
        path: The file, `~` for the home folder; its folder exists.
        variables: As for `stablehlo`.
        modality: Likewise.
        image_size: Likewise.

    Returns:
        The file.

    Raises:
        ValueError: An argument cannot be, see `stablehlo`.
        DataError: The path has a null character, or a home folder that is not there.
        OSError: It cannot be written.
        UserError: The library `flatbuffers` is not installed.
    """
    place = user_path(path)
    made = stablehlo(variables, modality=modality, image_size=image_size)
    return write({place: made})
