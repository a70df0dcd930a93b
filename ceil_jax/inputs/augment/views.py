"""The training views: draws of one image, and the image made of them."""

import functools
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ceil_jax.inputs.augment import planes as colours
from ceil_jax.inputs.augment.channels import (
    ChannelDraws,
    augment_channels,
    copy_channel,
    draw_channel,
)
from ceil_jax.inputs.augment.colour import JitterDraws, draw_jitter, jitter
from ceil_jax.inputs.augment.erasing import ErasingDraws, draw_erasing, erase
from ceil_jax.inputs.augment.geometry import CropDraws, crop, draw_crop
from ceil_jax.inputs.augment.planes import Planes
from ceil_jax.inputs.augment.uniform import whole

WEAK_FILL = (125, 122, 113)  # the erased rectangle in 8 bits, 255 times `FILL`
StrongViewFrom = Literal["weak", "image"]


class WeakDraws(NamedTuple):
    """Draws of one visible image's weak view."""

    crop: CropDraws
    erasing: ErasingDraws


class StrongDraws(NamedTuple):
    """Draws of one visible image's strong view; `channel` is 0, 1 or 2, () int32."""

    crop: CropDraws
    jitter: JitterDraws
    erasing: ErasingDraws
    channel: jax.Array


class InfraredDraws(NamedTuple):
    """Draws of one infrared image's view."""

    crop: CropDraws
    erasing: ErasingDraws
    channel: ChannelDraws


def draw_weak(key: jax.Array, image_size: tuple[int, int], *, pad: int) -> WeakDraws:
    """Draw everything that `weak_view` needs.

    Args:
        key: PRNG key of the image.
        image_size: Height and width.
        pad: Pixels of padding on each side.

    Returns:
        The draws.
    """
    crop_key, erasing_key = jax.random.split(key)
    return WeakDraws(
        draw_crop(crop_key, pad=pad), draw_erasing(erasing_key, image_size)
    )


def draw_strong(
    key: jax.Array, image_size: tuple[int, int], *, pad: int
) -> StrongDraws:
    """Draw everything that `strong_view` needs.

    Args:
        key: PRNG key of the image.
        image_size: Height and width.
        pad: Pixels of padding on each side.

    Returns:
        The draws.
    """
    crop_key, jitter_key, erasing_key, channel_key = jax.random.split(key, 4)
    return StrongDraws(
        draw_crop(crop_key, pad=pad),
        draw_jitter(jitter_key),
        draw_erasing(erasing_key, image_size),
        whole(jax.random.uniform(channel_key), 3),
    )


def draw_infrared(
    key: jax.Array, image_size: tuple[int, int], *, pad: int
) -> InfraredDraws:
    """Draw everything that `infrared_view` needs.

    Args:
        key: PRNG key of the image.
        image_size: Height and width.
        pad: Pixels of padding on each side.

    Returns:
        The draws.
    """
    crop_key, erasing_key, channel_key = jax.random.split(key, 3)
    return InfraredDraws(
        draw_crop(crop_key, pad=pad),
        draw_erasing(erasing_key, image_size),
        draw_channel(channel_key),
    )


def weak_view(image: Planes, draws: WeakDraws, *, pad: int) -> Planes:
    """Crop, mirror, normalise, erase.

    Args:
        image: Planes of 0-255.
        draws: From `draw_weak`.
        pad: Pixels of padding on each side.

    Returns:
        Normalised float32 planes.

    References:
        Section 8 of the method: the visible weak view.
    """
    cropped = crop(image, draws.crop, pad=pad)
    return erase(colours.normalise_planes(cropped), draws.erasing)


def weak_bytes(image: Planes, draws: WeakDraws, *, pad: int) -> Planes:
    """Make the finished weak view in 8 bits: truncated, wrapped modulo 256.

    It is `to_bytes` of `weak_view`, found without the rounding of floats.

    Args:
        image: Planes of 0-255.
        draws: From `draw_weak`.
        pad: Pixels of padding on each side.

    Returns:
        Planes of whole numbers, 0-255, int32.

    References:
        Section 8 of the method: what the released strong view starts from.
    """
    cropped = crop(image, draws.crop, pad=pad)
    return erase(colours.normalised_to_bytes(cropped), draws.erasing, fill=WEAK_FILL)


def strong_view(image: Planes, draws: StrongDraws, *, pad: int) -> Planes:
    """Crop, mirror, jitter the colours, normalise, erase, copy one channel to all.

    Args:
        image: Planes of 0-255: an image, or a finished weak view back in 8 bits.
        draws: From `draw_strong`.
        pad: Pixels of padding on each side.

    Returns:
        Normalised float32 planes, all three equal.

    References:
        Section 8 of the method: the visible strong view.
    """
    cropped = crop(image, draws.crop, pad=pad)
    jittered = jitter(colours.to_float(cropped), draws.jitter)
    erased = erase(colours.normalise_planes(jittered), draws.erasing)
    return copy_channel(erased, draws.channel)


def infrared_view(image: Planes, draws: InfraredDraws, *, pad: int) -> Planes:
    """Crop, mirror, normalise, erase, channel augmentation.

    Args:
        image: Planes of 0-255.
        draws: From `draw_infrared`.
        pad: Pixels of padding on each side.

    Returns:
        Normalised float32 planes.

    References:
        Section 8 of the method: the infrared view.
    """
    cropped = crop(image, draws.crop, pad=pad)
    erased = erase(colours.normalise_planes(cropped), draws.erasing)
    return augment_channels(erased, draws.channel)


def augment_batch(
    key: jax.Array,
    visible: jax.Array | np.ndarray | None,
    infrared: jax.Array | np.ndarray | None,
    visible_rows: jax.Array | np.ndarray | None,
    infrared_rows: jax.Array | np.ndarray | None,
    *,
    strong_view_from: StrongViewFrom = "weak",
    pad: int = 10,
) -> tuple[jax.Array | Any, jax.Array | Any, jax.Array | Any]:
    """Make the three training views of a batch.

    An image's draws depend on the step's key and on its row in the whole batch alone,
    so a batch split over devices gets the views it would get in one piece.

    Args:
        key: PRNG key of the step, the same on every device.
        visible: (b, height, width, 3) uint8; None where there are no such images.
        infrared: (i, height, width, 3) uint8; None likewise.
        visible_rows: Row of each visible image in the whole batch, (b,) int.
        infrared_rows: The same for infrared, (i,) int.
        strong_view_from: Whether the strong view starts from the finished weak view,
            as released, or from the image.
        pad: Pixels of zero padding on each side before the crop.

    Returns:
        Weak and strong visible views and infrared views, float32, normalised, of the
        shapes that came in; None for those of a modality that is not there.

    Raises:
        ValueError: If an array is not uint8 or not (b, height, width, 3), rows and
            images differ in number, `pad` is negative or `strong_view_from` unknown.

    References:
        Section 8 of the method: CEIL's training transforms, as released.
    """
    if strong_view_from not in ("weak", "image"):
        raise ValueError(f"{strong_view_from=} must be 'weak' or 'image'")
    if pad < 0:
        raise ValueError(f"{pad=} must be at least 0")
    # Both are looked at before views of either are made, which takes long.
    of_visible, of_infrared = (
        None if images is None else _checked(name, images, rows)
        for name, images, rows in (
            ("visible", visible, visible_rows),
            ("infrared", infrared, infrared_rows),
        )
    )
    weak_key, strong_key, infrared_key = jax.random.split(key, 3)
    weak = strong = infrared_views = None
    if of_visible is not None:
        one = functools.partial(
            _visible_views, weak_key, strong_key, strong_view_from, pad
        )
        weak, strong = jax.vmap(one)(*of_visible)
    if of_infrared is not None:
        one = functools.partial(_infrared_views, infrared_key, pad)
        infrared_views = jax.vmap(one)(*of_infrared)
    return weak, strong, infrared_views


def _visible_views(
    weak_key: jax.Array,
    strong_key: jax.Array,
    strong_view_from: StrongViewFrom,
    pad: int,
    image: jax.Array,
    row: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """The weak and the strong view of one image."""
    size = (image.shape[0], image.shape[1])
    original = colours.split(image)
    draws = draw_weak(jax.random.fold_in(weak_key, row), size, pad=pad)
    weak = weak_view(original, draws, pad=pad)
    source = original
    if strong_view_from == "weak":
        source = weak_bytes(original, draws, pad=pad)
    strong_draws = draw_strong(jax.random.fold_in(strong_key, row), size, pad=pad)
    strong = strong_view(source, strong_draws, pad=pad)
    return colours.merge(weak), colours.merge(strong)


def _infrared_views(
    key: jax.Array, pad: int, image: jax.Array, row: jax.Array
) -> jax.Array:
    """The view of one infrared image."""
    size = (image.shape[0], image.shape[1])
    draws = draw_infrared(jax.random.fold_in(key, row), size, pad=pad)
    return colours.merge(infrared_view(colours.split(image), draws, pad=pad))


def _checked(
    name: str, images: jax.Array | np.ndarray, rows: jax.Array | np.ndarray | None
) -> tuple[jax.Array, jax.Array]:
    """Images and their rows as JAX arrays, after a look at their shapes."""
    if rows is None:
        raise ValueError(f"{name}_rows is None, must be the row of each image")
    images, rows = jnp.asarray(images), jnp.asarray(rows)
    if images.dtype != jnp.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(
            f"{name} has {images.dtype=} and {images.shape=}; "
            "it must be uint8 and (b, height, width, 3)"
        )
    if rows.shape != images.shape[:1]:
        raise ValueError(f"{name}_rows has {rows.shape=}, must be {images.shape[:1]}")
    return images, rows
