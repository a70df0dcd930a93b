"""What the generated data set is made from: numbers, sizes, one seed."""

import dataclasses
import hashlib
import json

VISIBLE_CAMERAS = (1, 2, 4, 5)
INFRARED_CAMERAS = (3, 6)
INDOOR_CAMERAS = (1, 2, 3)
ROOMS = {1: 1, 2: 2, 3: 2, 4: 4, 5: 5, 6: 6}  # camera 3 looks at the room of camera 2


@dataclasses.dataclass(frozen=True, slots=True)
class Parameters:
    """Everything that decides the bytes of the data set.

    Attributes:
        num_train_identities: People of the training split, numbered from 1.
        num_test_identities: People of the test split, numbered after those.
        images_per_visible_camera: Images of each person in each visible camera.
        images_per_infrared_camera: Images of each person in each infrared camera.
        height: Height of an image in pixels.
        width: Width of an image in pixels.
        rho: How far a garment's infrared reflectance follows the brightness of its
            visible colour: reflectance = rho x brightness + (1 - rho) x random.
        occlusion: Share of images in which something hides part of the person.
        seed: Seed of every random stream.
    """

    num_train_identities: int = 100
    num_test_identities: int = 40
    images_per_visible_camera: int = 4
    images_per_infrared_camera: int = 8
    height: int = 64
    width: int = 32
    rho: float = 0.7
    occlusion: float = 0.12
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that no data set can be made from.

        Raises:
            ValueError: A count or size is too small, or a share is outside [0, 1].
        """
        for field in ("num_train_identities", "num_test_identities"):
            _at_least(self, field, 1)
        for field in ("images_per_visible_camera", "images_per_infrared_camera"):
            _at_least(self, field, 1)
        for field in ("height", "width"):
            _at_least(self, field, 16)
        _at_least(self, "seed", 0)
        for field in ("rho", "occlusion"):
            value = getattr(self, field)
            if not 0 <= value <= 1:
                raise ValueError(f"{field}={value} must be in [0, 1]")

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that change with any parameter."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def _at_least(parameters: Parameters, field: str, least: int) -> None:
    value = getattr(parameters, field)
    if value != int(value) or value < least:
        raise ValueError(f"{field}={value} must be a whole number of at least {least}")
