"""Names and labels of the generated images, without painting them."""

from ceil_jax.datasets.listing import Listing, Row, listing_of
from ceil_jax.datasets.modalities import INFRARED, VISIBLE
from ceil_jax.datasets.synthetic.generator import SPLITS, identities_of
from ceil_jax.datasets.synthetic.parameters import (
    INFRARED_CAMERAS,
    VISIBLE_CAMERAS,
    Parameters,
)


def image_name(camera: int, identity: int, number: int) -> str:
    """The path that SYSU-MM01 would give to an image.

    Args:
        camera: From 1.
        identity: From 1.
        number: Of the image, from 1.
    """
    return f"cam{camera}/{identity:04d}/{number:04d}.png"


def listing(parameters: Parameters) -> Listing:
    """Every image that `generator.generate` paints.

    Args:
        parameters: The generator's parameters.

    Returns:
        Training and test images.
    """
    taken = (
        (VISIBLE, VISIBLE_CAMERAS, parameters.images_per_visible_camera),
        (INFRARED, INFRARED_CAMERAS, parameters.images_per_infrared_camera),
    )
    return listing_of(
        Row(
            image_name(camera, identity, number),
            identity,
            camera,
            modality,
            (split == "train",),
            (split == "test",),
        )
        for split in SPLITS
        for identity in identities_of(parameters, split)
        for modality, cameras, count in taken
        for camera in cameras
        for number in range(1, count + 1)
    )
