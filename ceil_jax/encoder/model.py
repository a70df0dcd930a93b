"""The encoder: images of one or both modalities in, embeddings out."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceil_jax.common.linalg import normalise
from ceil_jax.encoder.batch_norm import BatchNorm
from ceil_jax.encoder.resnet import EXPANSION, Bottleneck, Stem

# The last stage keeps its resolution: a 288x144 image ends as an 18x9 map.
STAGE_STRIDES = (1, 2, 2, 1)


def gem(x: Float[Array, "b h w c"]) -> Float[Array, "b c"]:
    """Generalised-mean pooling with p = 3: `(mean(x**3) + 1e-12) ** (1/3)`, in float32.

    Args:
        x: Feature maps, not negative.

    Returns:
        One value for each map.
    """
    x = x.astype(jnp.float32)
    return ((x * x * x).mean((1, 2)) + 1e-12) ** (1 / 3)


class Encoder(nn.Module):
    """Two-stream CLIP ResNet: a stem for each modality, four shared stages.

    The defaults are the sizes of the paper: a ResNet-50 whose embeddings have 2,048
    entries.

    Attributes:
        stage_sizes: Bottlenecks in each of the four stages.
        width: Channels that leave a stem; embeddings have `32 * width` entries.
        dtype: Type in which convolutions are computed; parameters, statistics, pooling
            and embeddings are float32.
        axis_name: Axis of a `pmap` over which batch statistics are synchronised.
        winograd: Whether 3x3 convolutions may take a faster form that depends on the
            size of the batch; False where that size is open, as in an export.

    References:
        Xia et al., TCSVT 2025, section III-A; Radford et al., ICML 2021 (the ResNet);
        the released `code/models/clip/make_model.py` (`Net`),
        `code/models/clip/modules.py` and `code/models/clip/utils/model_utils.py`. We
        have no attention pool and no frozen shift in the last norm, which the released
        code holds at 0.
    """

    stage_sizes: Sequence[int] = (3, 4, 6, 3)
    width: int = 64
    dtype: Any = jnp.float32
    axis_name: str | None = None
    winograd: bool = True

    @nn.compact
    def __call__(
        self,
        visible: Float[Array, "v h w 3"] | None = None,
        infrared: Float[Array, "i h w 3"] | None = None,
        train: bool = False,
    ) -> Float[Array, "b d"]:
        """Embed images; visible rows come first.

        Args:
            visible: Normalised visible images, or None.
            infrared: Normalised infrared images of the same size, or None.
            train: Normalise by the batch's statistics, both modalities as one batch in
                the shared part, and update the running ones.

        Returns:
            Embeddings: as the last norm gives them in training, unit rows otherwise.

        Raises:
            ValueError: Neither modality is given.
        """
        streams = []
        for name, images in (("visible", visible), ("infrared", infrared)):
            if images is None:
                continue
            stem = Stem(
                self.width,
                self.dtype,
                self.axis_name,
                self.winograd,
                name=f"{name}_stem",
            )
            streams.append(stem(images.astype(self.dtype), train))
        if not streams:
            raise ValueError("visible and infrared are both None: give one of them")
        x = jnp.concatenate(streams)
        for i, (size, first) in enumerate(
            zip(self.stage_sizes, STAGE_STRIDES, strict=True)
        ):
            for j in range(size):
                x = Bottleneck(
                    self.width * 2**i,
                    stride=first if j == 0 else 1,
                    dtype=self.dtype,
                    axis_name=self.axis_name,
                    winograd=self.winograd,
                    name=f"stage{i + 1}_block{j}",
                )(x, train)
        x = BatchNorm(use_bias=False, axis_name=self.axis_name, name="norm")(
            gem(x), train
        )
        return x if train else normalise(x)

    @property
    def num_features(self) -> int:
        """Entries of an embedding."""
        return self.width * 8 * EXPANSION
