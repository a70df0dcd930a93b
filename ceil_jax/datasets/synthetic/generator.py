"""The images of the embedded data set, and those that its encoder is pretrained on."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ceil_jax.datasets.synthetic.cameras import Camera, draw_camera
from ceil_jax.datasets.synthetic.parameters import (
    INDOOR_CAMERAS,
    INFRARED_CAMERAS,
    ROOMS,
    VISIBLE_CAMERAS,
    Parameters,
)
from ceil_jax.datasets.synthetic.people import Person, draw_people
from ceil_jax.datasets.synthetic.poses import draw_poses
from ceil_jax.datasets.synthetic.render import render
from ceil_jax.datasets.synthetic.streams import stream

EMBEDDED, PRETRAINING = 0, 1  # sets of people and cameras
ASSIGNMENT = 5  # purpose of the stream
SPLITS = ("train", "test")


class Batch(NamedTuple):
    """Images of one person by the cameras of one modality.

    Attributes:
        images: (n, H, W, 3) uint8.
        identity: The person's number, from 1.
        cameras: (n,) int32 camera numbers.
        numbers: (n,) int32, from 1 within each camera.
        infrared: Whether they are infrared images.
    """

    images: np.ndarray
    identity: int
    cameras: np.ndarray
    numbers: np.ndarray
    infrared: bool


def identities_of(parameters: Parameters, split: str) -> range:
    """The identity numbers of a split.

    Args:
        parameters: The data set's parameters.
        split: "train" or "test".

    Returns:
        Numbers from 1; those of the test split follow those of the training split.

    Raises:
        ValueError: There is no such split.
    """
    train = parameters.num_train_identities
    if split == "train":
        return range(1, train + 1)
    if split == "test":
        return range(train + 1, train + parameters.num_test_identities + 1)
    raise ValueError(f"{split=} must be one of {SPLITS}")


def generate(parameters: Parameters, split: str) -> Iterator[Batch]:
    """Paint a split person by person, visible before infrared.

    Every image has a random stream of its own, so it is the same whichever others are
    made before it.

    Args:
        parameters: The data set's parameters.
        split: "train" or "test".

    Yields:
        The batches.
    """
    numbers = identities_of(parameters, split)
    people = draw_people(parameters.seed, EMBEDDED, numbers[-1], parameters.rho)
    cameras = {
        number: draw_camera(
            parameters.seed,
            EMBEDDED,
            number,
            place=ROOMS[number],
            infrared=number in INFRARED_CAMERAS,
            indoor=number in INDOOR_CAMERAS,
            height=parameters.height,
            width=parameters.width,
        )
        for number in (*VISIBLE_CAMERAS, *INFRARED_CAMERAS)
    }
    for identity in numbers:
        for chosen, count in (
            (VISIBLE_CAMERAS, parameters.images_per_visible_camera),
            (INFRARED_CAMERAS, parameters.images_per_infrared_camera),
        ):
            shots = [(camera, n) for camera in chosen for n in range(1, count + 1)]
            images = _photograph(
                parameters, EMBEDDED, identity, people[identity - 1], cameras, shots
            )
            seen, taken = np.array(shots, dtype=np.int32).T
            yield Batch(images, identity, seen, taken, chosen is INFRARED_CAMERAS)


def pretraining_set(
    parameters: Parameters,
    *,
    num_identities: int = 400,
    num_cameras: int = 24,
    images_per_identity: int = 16,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Visible images of other people by other cameras, to pretrain an encoder on.

    People and cameras come from streams that the embedded data set never uses.

    Args:
        parameters: Sizes, rho (which visible images do not show), occlusion and seed.
        num_identities: How many people.
        num_cameras: How many cameras; each image is by one of them, drawn at random.
        images_per_identity: How many images of each person.

    Returns:
        Images (n, H, W, 3) uint8, identities (n,) int32 from 0, and cameras (n,) int32
        from 0, person by person.

    Raises:
        ValueError: A count is below 1.
    """
    if min(num_identities, num_cameras, images_per_identity) < 1:
        raise ValueError(
            f"{num_identities=}, {num_cameras=} and {images_per_identity=} "
            "must be at least 1"
        )
    people = draw_people(parameters.seed, PRETRAINING, num_identities, parameters.rho)
    cameras = {
        number: draw_camera(
            parameters.seed,
            PRETRAINING,
            number,
            place=number,
            infrared=False,
            indoor=number % 2 == 0,
            height=parameters.height,
            width=parameters.width,
        )
        for number in range(num_cameras)
    }
    images, seen = [], []
    for identity, person in enumerate(people):
        rng = stream(parameters.seed, ASSIGNMENT, PRETRAINING, identity)
        chosen = rng.randint(num_cameras, size=images_per_identity).tolist()
        shots = [(camera, n) for n, camera in enumerate(chosen)]
        images.append(
            _photograph(parameters, PRETRAINING, identity, person, cameras, shots)
        )
        seen.extend(chosen)
    identities = np.repeat(np.arange(num_identities), images_per_identity)
    return (
        np.concatenate(images),
        identities.astype(np.int32),
        np.array(seen, dtype=np.int32),
    )


def _photograph(
    parameters: Parameters,
    domain: int,
    identity: int,
    person: Person,
    cameras: dict[int, Camera],
    shots: list[tuple[int, int]],
) -> np.ndarray:
    """One person's images, one per (camera, number)."""
    used = [cameras[camera] for camera, _ in shots]
    poses = draw_poses(
        [(domain, identity, *shot) for shot in shots],
        used,
        seed=parameters.seed,
        body_height=person.body.height,
        height=parameters.height,
        width=parameters.width,
    )
    return render(
        person,
        poses,
        used,
        height=parameters.height,
        width=parameters.width,
        occlusion=parameters.occlusion,
    )
