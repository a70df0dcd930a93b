"""The builder of data sets that are a folder of image files."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from absl import logging

from ceil_jax.common.threads import num_cores
from ceil_jax.datasets.builder import PersonBuilder, Splits
from ceil_jax.datasets.images import read_image
from ceil_jax.datasets.listing import Layout, Listing, open_folder
from ceil_jax.datasets.parallel import ordered_map
from ceil_jax.datasets.schema import Example, PersonConfig


@dataclasses.dataclass(eq=False, kw_only=True)
class ListedConfig(PersonConfig):
    """Which images to read, and how large to store them.

    Attributes:
        allow_partial: Go on where images or identities are missing.
        root: The data folder; None for the one that TFDS calls `manual_dir`.
        listing: Its images, where they were listed before.
        warnings: What was said of them.
    """

    allow_partial: bool = False
    root: Path | None = None
    listing: Listing | None = None
    warnings: tuple[str, ...] = ()


class ListedBuilder(PersonBuilder, skip_registration=True):
    """Reads and resizes the images of a folder, several at once.

    A subclass defines `LAYOUT`, `NUM_TRIALS` where there are several, and
    `MANUAL_DOWNLOAD_INSTRUCTIONS`.
    """

    LAYOUT: ClassVar[Layout]
    BUILDER_CONFIGS: ClassVar[list[ListedConfig]] = [
        ListedConfig(
            name="288x144",
            description="The size of CEIL's released code.",
            image_size=(288, 144),
        )
    ]

    @property
    def listed_config(self) -> ListedConfig:
        """The configuration, typed."""
        config = self.person_config
        assert isinstance(config, ListedConfig)
        return config

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the data and was allowed, a line each."""
        config = self.listed_config
        return super().warnings if config.listing is None else config.warnings

    def splits(self, dl_manager: Any) -> Splits:
        """All images in one split `images`, or those of each in `train` and `test`.

        Args:
            dl_manager: TFDS's; asked for `manual_dir` where the configuration names no
                folder.

        Returns:
            Number and examples of each split.

        Raises:
            DataError: The folder cannot be used, or is not whole and must be.
        """
        config = self.listed_config
        root, listing, warnings = config.root, config.listing, config.warnings
        if root is None:
            root = Path(dl_manager.manual_dir)
        if listing is None:
            listing, warnings = open_folder(
                self.LAYOUT, root, allow_partial=config.allow_partial
            )
            for warning in warnings:
                logging.warning("%s", warning)
        metadata: Any = self.info.metadata
        metadata.update(
            warnings=list(warnings),
            camera_names=dict(listing.camera_names),
            identity_names=dict(listing.identity_names),
        )
        chosen = {"train": listing.train[:, 0], "test": listing.test[:, 0]}
        if self.NUM_TRIALS:
            chosen = {"images": np.ones(len(listing.names), dtype=bool)}
        return {
            name: (
                int(member.sum()),
                examples(root, listing, np.flatnonzero(member), config.image_size),
            )
            for name, member in chosen.items()
        }

    def _create_builder_config(self, builder_config: Any, version: Any) -> Any:
        """Let TFDS check a user's own configuration, not the program's."""
        if isinstance(builder_config, ListedConfig) and builder_config.root is None:
            return super(PersonBuilder, self)._create_builder_config(
                builder_config, version
            )
        return super()._create_builder_config(builder_config, version)


def examples(
    root: Path, listing: Listing, rows: np.ndarray, image_size: tuple[int, int]
) -> Iterator[Example]:
    """Read and resize images, as many at once as there are cores.

    Args:
        root: The data folder.
        listing: Its images.
        rows: (n,) which of them.
        image_size: (height, width) of the result in pixels.

    Yields:
        The examples, in the order of the rows.

    Raises:
        DataError: An image cannot be read.
    """

    def read(row: int) -> np.ndarray:
        return read_image(root / listing.names[row], image_size)

    chosen = rows.tolist()
    images = ordered_map(read, chosen, num_workers=num_cores())
    for row, image in zip(chosen, images, strict=True):
        yield Example(
            image=image,
            identity=int(listing.identities[row]),
            camera=int(listing.cameras[row]),
            modality=int(listing.modalities[row]),
            name=listing.names[row],
            train_trials=listing.train[row],
            test_trials=listing.test[row],
        )
