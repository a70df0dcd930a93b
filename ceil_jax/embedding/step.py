"""The pure step that embeds a batch of images."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn
from jaxtyping import Array, Float

from ceil_jax.inputs import augment
from ceil_jax.inputs.augment.planes import MEAN, STD

# What is done to an image before the encoder sees it, besides its resizing.
PREPROCESSING: dict[str, Any] = {"mean": list(MEAN), "std": list(STD), "colour": "RGB"}


def last_features(
    encoder: nn.Module, variables: Any, images: Any, modality: str
) -> Float[Array, "b h w c"]:
    """The maps that are pooled to embeddings, of 8-bit images in evaluation mode.

    Args:
        encoder: The model.
        variables: `{"params": ..., "batch_stats": ...}`.
        images: (b, H, W, 3) uint8.
        modality: "visible" or "infrared".

    Returns:
        What leaves the last stage; not negative.
    """
    model: Any = encoder
    sizes = model.stage_sizes
    last = f"stage{len(sizes)}_block{sizes[-1] - 1}"
    given: Any = {modality: augment.normalise(images)}
    _, seen = model.apply(
        variables,
        **given,
        capture_intermediates=lambda module, _: module.name == last,
    )
    return seen["intermediates"][last]["__call__"][0]


def make_embed_step(
    encoder: nn.Module, modality: str, *, flip: bool
) -> Callable[[Any, Any], Float[Array, "b d"]]:
    """Embedding of 8-bit images in evaluation mode.

    Args:
        encoder: The model.
        modality: "visible" or "infrared".
        flip: Average with the embedding of the mirror image; the average is not
            normalised again.

    Returns:
        The function `(variables, images) -> rows`.
    """
    apply: Any = encoder.apply

    def embed(variables: Any, images: Any) -> Float[Array, "b d"]:
        x = augment.normalise(images)
        rows = apply(variables, **{modality: x})
        if flip:
            rows = (rows + apply(variables, **{modality: x[:, :, ::-1]})) / 2
        return rows

    return embed
