"""From a person, poses and cameras to images."""

import numpy as np

from ceil_jax.datasets.synthetic.cameras import Camera, backgrounds, blur
from ceil_jax.datasets.synthetic.figure import (
    Figure,
    paint_arm,
    paint_head,
    paint_leg,
    paint_shadow,
    paint_skirt,
    paint_torso,
)
from ceil_jax.datasets.synthetic.loads import (
    paint_load_before,
    paint_load_behind,
    paint_occluder,
)
from ceil_jax.datasets.synthetic.people import Person
from ceil_jax.datasets.synthetic.poses import Poses
from ceil_jax.datasets.synthetic.shapes import Canvas


def render(
    person: Person,
    poses: Poses,
    cameras: list[Camera],
    *,
    height: int,
    width: int,
    occlusion: float,
) -> np.ndarray:
    """Paint one person as n cameras see him; all visible, or all infrared.

    Every operation is exactly rounded (IEEE 754) and none depends on the order of a
    sum, so the bytes are the same on every machine.

    Args:
        person: Who.
        poses: How, in each of the n images.
        cameras: The camera of each image.
        height: Height of an image in pixels.
        width: Width of an image in pixels.
        occlusion: Share of the images in which something hides part of the person.

    Returns:
        (n, height, width, 3) uint8; the three channels are equal in infrared.
    """
    infrared = cameras[0].infrared
    image = backgrounds(cameras, poses.place, height, width)
    y = np.zeros((len(cameras), 1)) + (np.arange(height) + 0.5) / height
    x = (np.arange(width) + 0.5 - 0.5 * width) / height
    own = Canvas(
        image=image,
        x=((x - poses.middle) / poses.scale)[:, None, :],
        y=(y - poses.top) / poses.scale,
        pixel=1.0 / (height * poses.scale),
    )
    _paint_person(Figure(own, person, poses, infrared))
    whole = Canvas(image, x[None, None], y, np.full((len(cameras), 1), 1.0 / height))
    paint_occluder(whole, poses.occluder, occlusion, infrared)
    return expose(image, poses, cameras)


def _paint_person(figure: Figure) -> None:
    far = figure.far()
    paint_shadow(figure)
    paint_load_behind(figure)
    paint_arm(figure, far)
    paint_leg(figure, far, 0.16)
    paint_leg(figure, -far, 0.0)
    paint_skirt(figure)
    paint_torso(figure)
    paint_head(figure)
    paint_arm(figure, -far)
    paint_load_before(figure)


def expose(image: np.ndarray, poses: Poses, cameras: list[Camera]) -> np.ndarray:
    """Light, lens and sensor: gain, blur, noise, quantisation.

    Args:
        image: (n, c, H, W) reflectances in [0, 1].
        poses: The poses, which hold exposure, slope of the light and noise.
        cameras: The camera of each image.

    Returns:
        (n, H, W, 3) uint8.
    """
    width = image.shape[3]
    gain = np.stack([camera.gain for camera in cameras]) * poses.exposure[:, None]
    across = (np.arange(width) + 0.5) / width - 0.5
    light = 1.0 + poses.slope[:, None] * across
    image = image * gain[:, :, None, None] * light[:, None, None, :]
    image = blur(image, np.array([camera.blur for camera in cameras]))
    strength = np.array([camera.noise for camera in cameras])
    image += (poses.noise * strength[:, None, None])[:, None]
    image = np.floor(np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    image = np.broadcast_to(image, (image.shape[0], 3, *image.shape[2:]))
    return np.ascontiguousarray(np.moveaxis(image, 1, 3))
