"""TFDS builder of RegDB, from its folder as distributed."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from data.images import read_image
from data.regdb.layout import NUM_TRIALS, Listing
from data.schema import VISIBLE, Example, PersonBuilder, PersonConfig

VISIBLE_CAMERA, THERMAL_CAMERA = 1, 2


@dataclasses.dataclass(eq=False, kw_only=True)
class RegDBConfig(PersonConfig):
    """Configuration that holds what to read.

    Attributes:
        root: RegDB's folder.
        listing: Its images.
    """

    root: Path
    listing: Listing
    num_trials: int = NUM_TRIALS


class Builder(PersonBuilder):
    """One split `images`: each image once, with the trials that it belongs to."""

    def splits(self) -> dict[str, tuple[int, Iterable[Example]]]:
        """The number of images and the examples of each split, by its name."""
        config = self.person_config
        assert isinstance(config, RegDBConfig)
        return {"images": (len(config.listing.names), examples(config))}


def examples(config: RegDBConfig) -> Iterator[Example]:
    """Read and resize every image.

    Args:
        config: The folder, its images and the size wanted.

    Yields:
        The examples, sorted by name.

    Raises:
        DataError: An image cannot be read.
    """
    listing = config.listing
    for index, name in enumerate(listing.names):
        modality = int(listing.modalities[index])
        yield Example(
            image=read_image(config.root / name, config.image_size),
            identity=int(listing.identities[index]),
            camera=VISIBLE_CAMERA if modality == VISIBLE else THERMAL_CAMERA,
            modality=modality,
            name=name,
            index=index,
            train_trials=listing.train_trials[index],
            test_trials=listing.test_trials[index],
        )
