"""Where the pictures are taken: background, light, colour cast, viewpoint, blur."""

import dataclasses

import numpy as np

from ceil_jax.datasets.synthetic.palette import Colour, brightness
from ceil_jax.datasets.synthetic.streams import between, choice, stream, uniform

CAMERA = 2  # purpose of the stream
PLACE = 3
# (towards the camera, to the right): eight directions to walk in, on the unit circle.
HEADINGS = (
    (1.0, 0.0),
    (0.8, 0.6),
    (0.0, 1.0),
    (-0.8, 0.6),
    (-1.0, 0.0),
    (-0.8, -0.6),
    (0.0, -1.0),
    (0.8, -0.6),
)
WALLS = (
    (0.66, 0.63, 0.58),
    (0.56, 0.60, 0.63),
    (0.60, 0.55, 0.50),
    (0.50, 0.55, 0.50),
    (0.62, 0.62, 0.62),
)
FLOORS = (
    (0.52, 0.50, 0.47),
    (0.46, 0.48, 0.50),
    (0.55, 0.51, 0.44),
    (0.44, 0.47, 0.42),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Camera:
    """A camera and the place that it watches.

    Attributes:
        infrared: Whether it is an infrared camera.
        panorama: (c, H, 4 W) background with c = 3 channels, 1 in infrared.
        gain: (c,) light and colour cast.
        scale: Usual size of people.
        legs: Shortening of the legs: 1 from eye level, less from above.
        heading: Index into `HEADINGS` of the usual walking direction.
        blur: Weight of the neighbours on each side, in [0, 0.25].
        noise: Half width of the pixel noise.
    """

    infrared: bool
    panorama: np.ndarray
    gain: np.ndarray
    scale: float
    legs: float
    heading: int
    blur: float
    noise: float


def draw_camera(
    seed: int,
    domain: int,
    number: int,
    *,
    place: int,
    infrared: bool,
    indoor: bool,
    height: int,
    width: int,
) -> Camera:
    """Draw a camera.

    Infrared cameras light the scene themselves and all with the same strength: uneven
    exposure would make clusters that hold one camera each.

    Args:
        seed: The data set's seed.
        domain: Which set of cameras.
        number: The camera's number.
        place: Number of the place; cameras at the same place share its walls and floor.
        infrared: Whether it is an infrared camera.
        indoor: Whether the place is a room.
        height: Height of an image in pixels.
        width: Width of an image in pixels.

    Returns:
        The camera.
    """
    rng = stream(seed, CAMERA, domain, number)
    light = uniform(rng, 0.86, 1.10)
    cast = [uniform(rng, -0.05, 0.05) for _ in range(3)]
    gain = [1.0] if infrared else [light * (1.0 + value) for value in cast]
    return Camera(
        infrared=infrared,
        panorama=_panorama(
            stream(seed, PLACE, domain, place), infrared, indoor, height, 4 * width
        ),
        gain=np.array(gain),
        scale=uniform(rng, 0.88, 0.98),
        legs=uniform(rng, 0.90, 1.0),
        heading=int(rng.randint(len(HEADINGS))),
        blur=uniform(rng, 0.04, 0.16),
        noise=uniform(rng, 0.02, 0.04) if infrared else uniform(rng, 0.01, 0.03),
    )


def _panorama(
    rng: np.random.RandomState, infrared: bool, indoor: bool, height: int, width: int
) -> np.ndarray:
    """Wall and floor with doors, windows or trees, out of focus; (c, height, width)."""
    y = (np.arange(height)[:, None] + 0.5) / height
    x = (np.arange(width)[None, :] + 0.5) / height
    scene = np.zeros((3, height, width))
    wall, floor = choice(rng, WALLS), choice(rng, FLOORS)
    horizon = uniform(rng, 0.55, 0.72)
    _fill(scene, np.broadcast_to(y < horizon, (height, width)), wall)
    _fill(scene, np.broadcast_to(y >= horizon, (height, width)), floor)
    _floor_lines(scene, rng, y, x, horizon)
    reach = width / height
    for _ in range(5):
        left, size = uniform(rng, 0.0, reach), uniform(rng, 0.06, 0.24)
        top = uniform(rng, -0.1, 0.35)
        bottom = horizon if indoor else horizon + uniform(rng, -0.1, 0.06)
        inside = (x >= left) & (x < left + size) & (y >= top) & (y < bottom)
        tint = uniform(rng, -0.14, 0.14)
        green = 0.0 if indoor else uniform(rng, 0.0, 0.05)
        colour = (wall[0] + tint - green, wall[1] + tint + green, wall[2] + tint)
        _fill(scene, inside, colour)
    if infrared:
        # The lamps fade with distance: the same for every infrared camera.
        luma = brightness(scene[0], scene[1], scene[2])
        scene = (0.22 + 0.30 * luma)[None]
    for _ in range(2):
        scene = blur(scene[None], np.array([0.25]))[0]
    return scene


def _fill(scene: np.ndarray, inside: np.ndarray, colour: Colour) -> None:
    for channel, value in enumerate(colour):
        scene[channel][inside] = value


def _floor_lines(
    scene: np.ndarray,
    rng: np.random.RandomState,
    y: np.ndarray,
    x: np.ndarray,
    horizon: float,
) -> None:
    """Darken seams that run across the floor, closer together further away."""
    depth = horizon
    step = uniform(rng, 0.03, 0.06)
    while depth < 1.0:
        seam = (y >= depth) & (y < depth + 0.016) & (x >= 0.0)
        for channel in range(3):
            scene[channel][seam] *= 0.90
        depth += step
        step *= 1.5


def blur(images: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Average each pixel with its four neighbours, edges repeated.

    out = (1 - 2 w) x + w (left + right), then the same down the columns

    Args:
        images: (n, c, H, W).
        weight: (n,) w, in [0, 0.25].

    Returns:
        The blurred images.
    """
    w = weight[:, None, None, None]
    for axis in (2, 3):
        before = np.concatenate(
            [images.take([0], axis), images.take(range(images.shape[axis] - 1), axis)],
            axis,
        )
        after = np.concatenate(
            [images.take(range(1, images.shape[axis]), axis), images.take([-1], axis)],
            axis,
        )
        images = (1.0 - 2.0 * w) * images + w * (before + after)
    return images


def backgrounds(
    cameras: list[Camera], draws: np.ndarray, height: int, width: int
) -> np.ndarray:
    """Cut each image's background out of its camera's panorama.

    Args:
        cameras: The camera of each of the n images.
        draws: (n,) numbers in [0, 1) that choose the place.
        height: Height of an image in pixels.
        width: Width of an image in pixels.

    Returns:
        (n, c, height, width) float64.
    """
    room = cameras[0].panorama.shape[2] - width
    starts = np.floor(between(draws, 0.0, room + 1.0)).astype(np.int64)
    return np.stack(
        [
            camera.panorama[:, :, start : start + width]
            for camera, start in zip(cameras, starts.tolist(), strict=True)
        ]
    )
