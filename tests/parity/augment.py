"""Replays of the augmentations' reference files (`l_`): functions of given draws."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from ceil_jax.inputs.augment import channels, erasing, planes

TOLERANCE = 1e-5


def replay_augment(
    arrays: Mapping[str, np.ndarray], name: str
) -> dict[str, tuple[float, float]]:
    """Every `X_draws`/`X_out` pair of a file, and the conversion to 8 bits.

    Args:
        arrays: The file's arrays.
        name: The file's name, for the message about a figure of unknown kind.

    Returns:
        Figure -> (worst absolute error, tolerance).
    """
    image = from_torch(arrays["img"])
    report = {}
    for key in arrays:
        if not key.endswith("_draws"):
            continue
        figure = key.removesuffix("_draws")
        kind = figure.split("_")[0]
        if kind not in APPLY:
            raise ValueError(f"{name}: {figure=} must be one of {sorted(APPLY)}")
        got = to_torch(APPLY[kind](image, np.asarray(arrays[key], np.float64)))
        report[figure] = (worst(got, arrays[f"{figure}_out"]), TOLERANCE)
    if "topil_in" in arrays:
        got = to_torch(planes.to_bytes(from_torch(arrays["topil_in"])))
        report["topil"] = (worst(got, arrays["topil_uint8"]), 0.0)
    return report


def exchange(image: planes.Planes, draws: np.ndarray) -> planes.Planes:
    """The strong view's channel: one draw."""
    return channels.copy_channel(image, jnp.int32(draws[0]))


def adapgray(image: planes.Planes, draws: np.ndarray) -> planes.Planes:
    """Infrared channel augmentation: the choice and, for grey, its chance."""
    chance = draws[1] if len(draws) > 1 else 0.0
    return channels.augment_channels(
        image, channels.ChannelDraws(jnp.int32(draws[0]), jnp.float32(chance))
    )


def erase(image: planes.Planes, draws: np.ndarray) -> planes.Planes:
    """Erasing: chance, (area, aspect) of every attempt, top, left of the last."""
    attempts, corner = draws[1:-2].reshape(-1, 2), draws[-2:]
    if len(draws) == 1:  # no erasing, so nothing else was drawn
        attempts, corner = np.array([[0.1, 1.0]]), np.zeros(2)
    return erasing.erase(
        image,
        erasing.ErasingDraws(
            chance=jnp.float32(draws[0]),
            areas=jnp.asarray(attempts[:, 0], jnp.float32),
            aspects=jnp.asarray(attempts[:, 1], jnp.float32),
            top=jnp.int32(corner[0]),
            left=jnp.int32(corner[1]),
        ),
    )


APPLY = {"exchange": exchange, "adapgray": adapgray, "erase": erase}


def from_torch(image: np.ndarray) -> planes.Planes:
    """Planes of a (3, h, w) image."""
    return planes.Planes(*(jnp.asarray(plane) for plane in image))


def to_torch(image: planes.Planes) -> np.ndarray:
    """(3, h, w) image of planes."""
    return np.stack([np.asarray(plane) for plane in image])


def worst(got: np.ndarray, want: np.ndarray) -> float:
    """Largest absolute difference; infinite where the shapes differ."""
    if got.shape != want.shape:
        return float("inf")
    return float(np.abs(got.astype(np.float64) - want.astype(np.float64)).max())
