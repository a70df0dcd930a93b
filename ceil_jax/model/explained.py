"""Which parts of two images made them similar."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float
from PIL import Image

from ceil_jax.embedding.step import last_features
from ceil_jax.encoder import Encoder
from ceil_jax.encoder.batch_norm import BatchNorm
from ceil_jax.weights import architecture

_DIMMEST = 0.2


@dataclass(frozen=True)
class Explained:
    """The shares that the places of two images have in their similarity.

    Attributes:
        similarity: Inner product of the two embeddings.
        maps: Of the first and of the second image, (h, w) float32 each: what every
            place adds to the similarity, or takes from it. Each map sums to
            `similarity`. A place is a field of 16 x 16 pixels of the resized image,
            though it sees more than its own pixels.
        images: The two as the encoder saw them, (H, W, 3) uint8.
    """

    similarity: float
    maps: tuple[np.ndarray, np.ndarray]
    images: tuple[np.ndarray, np.ndarray]

    def pictures(self) -> tuple[Image.Image, Image.Image]:
        """The two images, bright where they are alike and dark where they are not.

        Brightness is the share of a place, divided by the largest of the image; places
        that take from the similarity are as dark as those without a share.

        Returns:
            RGB pictures of the size of `images`.
        """
        first, second = map(_lit, self.images, self.maps)
        return first, second


def explain(
    variables: Mapping[str, Any],
    images: tuple[np.ndarray, np.ndarray],
    modalities: tuple[str, str],
) -> Explained:
    """Divide the similarity of two images among their places.

    With feature maps x (P places, c channels), the embedding is the unit row of
    `y = a (f - m)`, where `f = (mean over places of x**3)**(1/3)` and a, m are the last
    norm's factor and mean. Place p has the share `x_p**3 / (P f**3)` of each f, so that
    it adds `sum over c of e_c a_c (f_c share_pc - m_c / P) / |y|` to the similarity
    with the other row e. These sum to the similarity, whichever image is divided.

    Args:
        variables: `{"params": ..., "batch_stats": ...}`.
        images: Two images of the model's size, (H, W, 3) uint8.
        modalities: "visible" or "infrared" of each.

    Returns:
        The shares of both.

    References:
        Stylianou, Souvenir and Pless, "Visualizing Deep Similarity Networks", WACV
        2019, for averages over places; here it is the generalised mean with p = 3, and
        the norm behind it. No gradient is needed.
    """
    encoder: Any = Encoder(*architecture(variables))
    found = [
        divide(encoder, variables, image[None], modality)[0]
        for image, modality in zip(images, modalities, strict=True)
    ]
    rows = np.stack([parts.sum((0, 1)) for parts in found])
    first, second = (
        (parts @ other).astype(np.float32)
        for parts, other in zip(found, rows[::-1], strict=True)
    )
    return Explained(float(rows[0] @ rows[1]), (first, second), images)


def divide(
    encoder: Encoder,
    variables: Mapping[str, Any],
    images: np.ndarray,
    modality: str,
    *,
    flip: bool = False,
) -> np.ndarray:
    """Divide the embeddings of images among their places.

    The inner product of a place with another image's row is what the place adds to
    their similarity: see `explain`.

    Args:
        encoder: The model.
        variables: `{"params": ..., "batch_stats": ...}`.
        images: (b, H, W, 3) uint8 of the model's size; every new b compiles once.
        modality: "visible" or "infrared".
        flip: Average with the mirror image's embedding, whose places are mirrored back;
            the average is not normalised again.

    Returns:
        (b, h, w, d) float64; summed over the places, the rows that an `Embedder` of the
        same `flip` gives, but for rounding.
    """
    found = _unit_parts(variables, _features(encoder, variables, images, modality))
    if flip:
        mirrored = _features(encoder, variables, images[:, :, ::-1], modality)
        found = (found + _unit_parts(variables, mirrored)[:, :, ::-1]) / 2
    return found


@partial(jax.jit, static_argnames=("encoder", "modality"))
def _features(
    encoder: Encoder, variables: Any, images: Any, modality: str
) -> Float[Array, "b h w c"]:
    """The last feature maps."""
    return last_features(encoder, variables, images, modality)


def _unit_parts(variables: Mapping[str, Any], features: Any) -> np.ndarray:
    """What each place adds to an embedding of length 1, (b, h, w, d)."""
    x = np.asarray(features, np.float64)
    places = x.shape[1] * x.shape[2]
    cubes = x**3 / places
    power = cubes.sum((1, 2), keepdims=True) + 1e-12
    pooled = cubes / power * power ** (1 / 3)
    mean, variance = (
        np.asarray(variables["batch_stats"]["norm"][name], np.float64)
        for name in ("mean", "var")
    )
    scale = np.asarray(variables["params"]["norm"]["scale"], np.float64)
    parts = scale / np.sqrt(variance + BatchNorm.epsilon) * (pooled - mean / places)
    rows = parts.sum((1, 2), keepdims=True)
    return parts / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


def _lit(image: np.ndarray, parts: np.ndarray) -> Image.Image:
    """An image, dark where it has no share."""
    share = np.clip(parts, 0, None) / max(float(parts.max()), 1e-12)
    size = image.shape[1], image.shape[0]
    smooth = Image.fromarray(share.astype(np.float32)).resize(
        size, Image.Resampling.BICUBIC
    )
    light = _DIMMEST + (1 - _DIMMEST) * np.clip(np.asarray(smooth), 0, 1)
    return Image.fromarray((image * light[..., None]).astype(np.uint8))
