"""How a person stands in each image: direction, step, place, light, occlusion."""

import dataclasses

import numpy as np

from ceil_jax.datasets.synthetic.cameras import HEADINGS, Camera
from ceil_jax.datasets.synthetic.streams import between, stream

SHOT = 4  # purpose of the stream
NUM_DRAWS = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Poses:
    """What differs from image to image; every array is (n, 1) unless said otherwise.

    Attributes:
        front: How far the person faces the camera: 1 front, 0 side, -1 back.
        side: How far the person walks to the right of the image: 1 to -1.
        step: Phase of the legs, -1 to 1.
        swing: Phase of the arms, -1 to 1.
        top: Height of the top of the head, as a share of the image's height.
        middle: The person's middle, likewise, from the image's middle.
        scale: The person's size, likewise.
        legs: Shortening of the legs.
        exposure: (n,) factor of the light.
        slope: (n,) light from the left (negative) or the right.
        place: (n,) numbers in [0, 1) that choose the background.
        occluder: (n, 4) kind, place, size and shade of what stands in front.
        noise: (n, H, W) numbers in [-1, 1) with a triangular density.
    """

    front: np.ndarray
    side: np.ndarray
    step: np.ndarray
    swing: np.ndarray
    top: np.ndarray
    middle: np.ndarray
    scale: np.ndarray
    legs: np.ndarray
    exposure: np.ndarray
    slope: np.ndarray
    place: np.ndarray
    occluder: np.ndarray
    noise: np.ndarray


def draw_poses(
    keys: list[tuple[int, ...]],
    cameras: list[Camera],
    *,
    seed: int,
    body_height: float,
    height: int,
    width: int,
) -> Poses:
    """Draw the pose of each image from a stream of its own.

    Args:
        keys: A key per image, e.g. (domain, identity, camera, number).
        cameras: The camera of each image.
        seed: The data set's seed.
        body_height: The person's own height, 1 for the tallest.
        height: Height of an image in pixels.
        width: Width of an image in pixels.

    Returns:
        The poses of the n images.
    """
    draws = np.empty((len(keys), NUM_DRAWS))
    noise = np.empty((len(keys), height, width))
    for row, key in enumerate(keys):
        rng = stream(seed, SHOT, *key)
        draws[row] = rng.random_sample(NUM_DRAWS)
        noise[row] = rng.random_sample((height, width))
        noise[row] -= rng.random_sample((height, width))
    usual = np.array([camera.heading for camera in cameras])
    heading = np.where(
        draws[:, 0] < 0.3, usual, np.floor(draws[:, 1] * len(HEADINGS)).astype(int)
    )
    direction = np.array(HEADINGS)[heading]
    columns = draws[:, :, None]
    scale = np.array([[camera.scale] for camera in cameras]) * body_height
    scale = scale * between(columns[:, 2], 0.90, 1.08)
    feet = 0.965 + between(columns[:, 3], -0.04, 0.05)
    return Poses(
        front=direction[:, :1],
        side=direction[:, 1:],
        step=between(columns[:, 4], -1.0, 1.0),
        swing=between(columns[:, 5], -1.0, 1.0),
        top=feet - scale,
        middle=between(columns[:, 6], -0.07, 0.07),
        scale=scale,
        legs=np.array([[camera.legs] for camera in cameras]),
        exposure=between(draws[:, 7], 0.94, 1.06),
        slope=between(draws[:, 8], -0.3, 0.3),
        place=draws[:, 9],
        occluder=draws[:, 10:14],
        noise=noise,
    )
